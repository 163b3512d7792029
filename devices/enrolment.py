"""Enrolment: from a claim to verified credentials in the store, however often it is interrupted.

Each step is repeatable, at the issuer by its protocol and here because what it needs is stored
before it: the claim before ``/token``, the token before ``/credential``, each credential before it
is noted as received. A process that is killed anywhere and started again takes up where it was,
and ends with the same credentials: the issuer answers a repeated request with what it granted.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import httpx

from devices.acceptance import TYPES, accept
from devices.issuer_client import (
    IssuerClient,
    IssuerMetadata,
    check_issuer_url,
    explained,
)
from devices.store import Progress, Store, claim_digest
from did.errors import Invalid, KeybornError, Refused
from did.identifier import KeybornDid
from did.jcs import JsonObject
from did.keys import Signer
from did.openid4vci import CONFIGURATION_CONFIGURATION, Offer
from did.possession import sign_possession
from did.resolution import Resolver
from keyborn.faults import FaultPoint

_CLAIM_TAKEN: Final = FaultPoint("device.enroll.before_claim_stored")
_CLAIM_STORED: Final = FaultPoint("device.enroll.after_claim_stored")
_TOKEN_RECEIVED: Final = FaultPoint("device.enroll.before_token_stored")
_TOKEN_STORED: Final = FaultPoint("device.enroll.after_token_stored")
_GRANTED: Final = FaultPoint("device.enroll.before_store")
_STORED: Final = FaultPoint("device.enroll.after_store")
_RECORDED: Final = FaultPoint("device.enroll.after_recorded")


def begin(
    store: Store,
    offer: Offer,
    *,
    tx_code: str | None = None,
    issuer: str | None = None,
) -> Progress:
    """Take a claim in, or take up the one that is in already.

    Another claim than before begins a new enrolment; what it yields takes the place of the
    credentials that are stored, which are kept aside.

    Args:
        store: The device's.
        offer: The claim.
        tx_code: The transaction code, where the offer asks for one.
        issuer: The issuer that a person named; the offer must be its own.

    Raises:
        Refused: ``wrong_issuer``, ``insecure_issuer``.
        Invalid: ``invalid_issuer_url``, ``nothing_on_offer``, ``tx_code_needed``,
            ``tx_code_not_needed``, ``invalid_tx_code``.
    """
    if issuer is not None and issuer.rstrip("/") != offer.issuer:
        raise Refused(
            "wrong_issuer",
            f"the offer is not of {issuer}",
            step="offer",
            value=offer.issuer,
            hint="ask the operator where the offer came from",
        )
    check_issuer_url(offer.issuer, explicit=issuer is not None)
    claim = claim_digest(offer.issuer, offer.code)
    known = store.progress()
    if known is not None and known.claim == claim:
        if known.complete or tx_code in (None, known.tx_code):
            return known
        progress = known.model_copy(update={"tx_code": tx_code})
    else:
        _check_tx_code(offer, tx_code)
        progress = Progress(
            issuer=offer.issuer,
            claim=claim,
            configurations=_wanted(offer),
            code=offer.code,
            tx_code=tx_code,
        )
    _CLAIM_TAKEN.reached()
    store.save_progress(progress)
    _CLAIM_STORED.reached()
    return progress


class Enrolment:
    """Gets what a claim in the store still lacks."""

    def __init__(
        self,
        store: Store,
        *,
        did: KeybornDid,
        signer: Signer,
        log_id: bytes,
        resolver: Resolver,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._did = did
        self._signer = signer
        self._log_id = log_id
        self._resolver = resolver
        self._clock = clock

    def finish(self, progress: Progress, http: httpx.Client) -> Progress:
        """Receive, verify and store all that is missing.

        Args:
            progress: As it is in the store, with something missing.
            http: A client for the issuer's URL.

        Raises:
            KeybornError: The step that failed, why, and what to do; repeating is safe.
        """
        client = IssuerClient(progress.issuer, http)
        try:
            metadata = client.metadata()
            _check_supported(progress, metadata)
            for configuration in progress.missing:
                progress = self._receive(client, metadata, progress, configuration)
        except KeybornError as error:
            raise explained(error) from error
        return progress

    def _receive(
        self,
        client: IssuerClient,
        metadata: IssuerMetadata,
        progress: Progress,
        configuration: str,
    ) -> Progress:
        progress = self._authorized(client, metadata, progress)
        try:
            document = self._request(client, metadata, progress, configuration)
        except KeybornError as error:
            if error.code == "invalid_token":
                # It ended sooner than we thought: the code still stands for another.
                progress = self._authorized(client, metadata, progress, anew=True)
            elif error.code != "invalid_nonce":
                raise
            # Somebody else's clock, or an answer that was lost: once more, with a fresh nonce.
            document = self._request(client, metadata, progress, configuration)
        credential = accept(
            document,
            configuration=configuration,
            holder=self._did,
            log_id=self._log_id,
            resolver=self._resolver,
            issuer=progress.issuer_did,
            at=self._clock(),
        )
        _GRANTED.reached()
        self._store.save_credential(file_name(configuration), document)
        _STORED.reached()
        progress = progress.with_received(configuration, credential.issuer.text)
        self._store.save_progress(progress)
        _RECORDED.reached()
        return progress

    def _authorized(
        self,
        client: IssuerClient,
        metadata: IssuerMetadata,
        progress: Progress,
        *,
        anew: bool = False,
    ) -> Progress:
        """``progress`` with an access token that is not over, as far as can be told here."""
        at = self._clock()
        ends = progress.token_expires
        if progress.token is not None and not anew and (ends is None or at < ends):
            return progress
        assert progress.code is not None  # erased only when nothing is missing
        token = client.token(metadata, progress.code, progress.tx_code)
        _TOKEN_RECEIVED.reached()
        expires = None if token.lifetime is None else at + timedelta(seconds=token.lifetime)
        progress = progress.with_token(token.text, expires)
        self._store.save_progress(progress)
        _TOKEN_STORED.reached()
        return progress

    def _request(
        self,
        client: IssuerClient,
        metadata: IssuerMetadata,
        progress: Progress,
        configuration: str,
    ) -> JsonObject:
        """Ask for a credential with a proof of possession made for this one request.

        The long form of the DID always serves as ``kid``: where the log knows a newer key, the
        issuer goes by the log.
        """
        assert progress.token is not None
        proof = sign_possession(
            self._did,
            self._signer,
            audience=progress.issuer,
            nonce=client.nonce(metadata),
            issued=self._clock(),
        )
        return client.credential(metadata, progress.token, configuration, proof)


def file_name(configuration: str) -> str:
    """The name in the store of what ``configuration`` yields: without its ``device-``."""
    return configuration.removeprefix("device-")


def _wanted(offer: Offer) -> tuple[str, ...]:
    wanted = tuple(dict.fromkeys(name for name in offer.configurations if name in TYPES))
    if not wanted:
        raise Invalid(
            "nothing_on_offer",
            "the claim offers no credential that a device can use",
            step="offer",
            value=", ".join(offer.configurations),
            hint=f"a device takes {' and '.join(TYPES)}",
        )
    return wanted


def _check_tx_code(offer: Offer, tx_code: str | None) -> None:
    if offer.tx_code is None:
        if tx_code is not None:
            raise Invalid(
                "tx_code_not_needed",
                "this claim has no transaction code",
                step="offer",
                hint="leave --tx-code out",
            )
        return
    described = f"{offer.tx_code.length} digits" if offer.tx_code.length else "digits"
    if offer.tx_code.description:
        described = f"{described}: {offer.tx_code.description}"
    if tx_code is None:
        raise Invalid(
            "tx_code_needed",
            "this claim needs its transaction code, which comes another way than the offer",
            step="offer",
            hint=f"repeat with --tx-code ({described})",
        )
    if offer.tx_code.length not in (0, len(tx_code)):
        raise Invalid(
            "invalid_tx_code",
            "the transaction code has the wrong length",
            step="offer",
            hint=f"it has {described}",
        )


def _check_supported(progress: Progress, metadata: IssuerMetadata) -> None:
    unknown = set(progress.missing) - metadata.configurations
    if unknown:
        raise Invalid(
            "unsupported_configuration",
            "the issuer does not know what its own claim offers",
            step="metadata",
            value=", ".join(sorted(unknown)),
            hint="see to the issuer: its metadata and its claims disagree",
        )
    if CONFIGURATION_CONFIGURATION in progress.missing and metadata.encryption is None:
        raise Refused(
            "encryption_not_offered",
            "the issuer cannot encrypt, and network secrets never travel in the clear",
            step="metadata",
            hint="the issuer's metadata must offer X25519 with ECDH-ES and A256GCM, both ways",
        )
