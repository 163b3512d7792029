"""Getting one credential from the issuer: authorized, proven, and waited for if it is deferred."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from devices.issuer_client import Issued, IssuerClient, Pending
from devices.issuer_metadata import IssuerMetadata
from devices.progress import Awaited, Progress
from devices.store import Store
from did.errors import KeybornError, Undecided
from did.identifier import KeybornDid
from did.jcs import Json
from did.keys import Signer
from did.possession import DI_VP, sign_possession, sign_possession_presentation
from keyborn.faults import FaultPoint

_TOKEN_RECEIVED: Final = FaultPoint("device.enroll.before_token_stored")
_TOKEN_STORED: Final = FaultPoint("device.enroll.after_token_stored")
_DEFERRED: Final = FaultPoint("device.enroll.before_deferral_stored")
_DEFERRAL_STORED: Final = FaultPoint("device.enroll.after_deferral_stored")

_OVER: Final = "invalid_transaction_id"
_DENIED: Final = "credential_request_denied"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for an operator's approval, and how.

    Attributes:
        seconds: In all; where that does not suffice, the enrolment is taken up again later.
        tell: Called once for each credential that is waited for.
        sleep: Waits for so many seconds.
    """

    seconds: float = 0.0
    tell: Callable[[str], None] = lambda _: None
    sleep: Callable[[float], None] = time.sleep


class Obtaining:
    """Gets the credentials of one claim, one after the other, with the patience of one command."""

    def __init__(
        self,
        client: IssuerClient,
        metadata: IssuerMetadata,
        store: Store,
        *,
        did: KeybornDid,
        signer: Signer,
        clock: Callable[[], datetime],
        patience: Patience,
    ) -> None:
        self._client = client
        self._metadata = metadata
        self._store = store
        self._did = did
        self._signer = signer
        self._clock = clock
        self._patience = patience
        self._waited = 0.0

    def obtain(self, progress: Progress, configuration: str) -> tuple[Progress, Issued]:
        """A credential, and how far the enrolment has come then.

        Raises:
            Undecided: ``approval_pending``: an operator has not decided yet.
            KeybornError: as ``devices.issuer_client``.
        """
        tried_again: set[str] = set()
        told = False
        while True:
            awaited = progress.awaiting(configuration)
            if awaited is not None:
                self._wait_until(awaited.not_before)
            progress = self._authorized(progress)
            try:
                outcome = self._ask(progress, configuration)
            except KeybornError as error:
                if error.code in tried_again:
                    raise
                tried_again.add(error.code)
                progress = self._mended(progress, configuration, error)
                continue
            if isinstance(outcome, Issued):
                return progress, outcome
            progress = self._defer(progress, configuration, outcome)
            if not told:
                self._patience.tell("waiting for the issuer's operator to approve this device")
                told = True

    def _mended(self, progress: Progress, configuration: str, error: KeybornError) -> Progress:
        """What to go on with after ``error``; it is raised, if that cannot be done."""
        if error.code == "invalid_token":
            # It ended sooner than we thought: the code still stands for another.
            return self._authorized(progress, anew=True)
        if error.code == "invalid_nonce":
            return progress  # somebody's clock, or an answer that was lost: with a fresh nonce
        if error.code in (_OVER, _DENIED) and progress.awaiting(configuration) is not None:
            # There is nothing to come back for; where the answer was lost, it is given anew.
            progress = progress.without_awaited(configuration)
            self._store.save_progress(progress)
            if error.code == _OVER:
                return progress
        raise error

    def _defer(self, progress: Progress, configuration: str, pending: Pending) -> Progress:
        awaited = Awaited(
            configuration=configuration,
            transaction=pending.transaction,
            not_before=self._clock() + timedelta(seconds=pending.interval),
        )
        _DEFERRED.reached()
        progress = progress.with_awaited(awaited)
        self._store.save_progress(progress)
        _DEFERRAL_STORED.reached()
        return progress

    def _wait_until(self, moment: datetime) -> None:
        """Wait until ``moment``, as the issuer asked; not at all, if patience does not suffice."""
        seconds = (moment - self._clock()).total_seconds()
        if seconds <= 0:
            return
        self._waited += seconds
        if self._waited > self._patience.seconds:
            raise Undecided(
                "approval_pending",
                "the issuer's operator has not approved this device yet",
                step="wait for approval",
                hint="have it approved (keyborn issuer claim approve), then enrol again, without"
                " an offer: nothing is lost",
                retry_after=int(seconds) + 1,
            )
        self._patience.sleep(seconds)

    def _authorized(self, progress: Progress, *, anew: bool = False) -> Progress:
        """``progress`` with an access token that is not over, as far as can be told here."""
        at = self._clock()
        ends = progress.token_expires
        if progress.token is not None and not anew and (ends is None or at < ends):
            return progress
        assert progress.code is not None  # erased only when nothing is missing
        token = self._client.token(self._metadata, progress.code, progress.tx_code)
        _TOKEN_RECEIVED.reached()
        expires = None if token.lifetime is None else at + timedelta(seconds=token.lifetime)
        progress = progress.with_token(token.text, expires, token.identifiers)
        self._store.save_progress(progress)
        _TOKEN_STORED.reached()
        return progress

    def _ask(self, progress: Progress, configuration: str) -> Issued | Pending:
        """Come back for a credential that was deferred; else ask for it, with a fresh proof."""
        assert progress.token is not None
        awaited = progress.awaiting(configuration)
        if awaited is not None:
            return self._client.deferred(self._metadata, progress.token, awaited.transaction)
        proof = self._prove(progress.issuer, configuration)
        return self._client.credential(
            self._metadata,
            progress.token,
            configuration,
            proof,
            identifiers=progress.identifiers,
        )

    def _prove(self, issuer: str, configuration: str) -> Json:
        """A proof of possession made for this one request.

        The long form of the DID always serves: where the log knows a newer key, the issuer goes by
        the log.
        """
        nonce = self._client.nonce(self._metadata)
        at = self._clock()
        if self._metadata.configurations[configuration] == DI_VP:
            return sign_possession_presentation(
                self._did, self._signer, audience=issuer, nonce=nonce, issued=at
            )
        return sign_possession(self._did, self._signer, audience=issuer, nonce=nonce, issued=at)
