"""Enrolment: from a claim to verified credentials in the store, however often it is interrupted.

Each step is repeatable, at the issuer by its protocol and here because what it needs is stored
before it: the claim before ``/token``, the token before ``/credential``, a transaction before it is
waited for, each credential before it is noted as received, and that the issuer is to be told of it
before it is. A process that is killed anywhere and started again takes up where it was, and ends
with the same credentials: the issuer answers a repeated request with what it granted.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

import httpx

from devices import telling
from devices.acceptance import accept
from devices.choosing import check_tx_code, choose, file_name
from devices.issuer_client import Issued, IssuerClient, check_issuer_url, explained
from devices.issuer_metadata import IssuerMetadata
from devices.obtaining import Obtaining, Patience
from devices.progress import Progress, claim_digest
from devices.store import Store
from did.configurations import CONFIGURATIONS
from did.errors import Invalid, KeybornError, Refused
from did.identifier import KeybornDid
from did.jcs import JsonObject
from did.keys import Signer
from did.limits import LIMITS
from did.multibase import base64url_decode
from did.openid4vci import CONFIGURATION_CONFIGURATION, Offer
from did.resolution import Resolver
from did.vc.formats import Format, as_json
from keyborn.faults import FaultPoint

_CLAIM_TAKEN: Final = FaultPoint("device.enroll.before_claim_stored")
_CLAIM_STORED: Final = FaultPoint("device.enroll.after_claim_stored")
_GRANTED: Final = FaultPoint("device.enroll.before_store")
_STORED: Final = FaultPoint("device.enroll.after_store")
_RECORDED: Final = FaultPoint("device.enroll.after_recorded")


def begin(
    store: Store,
    offer: Offer,
    *,
    tx_code: str | None = None,
    issuer: str | None = None,
    format_: Format | None = None,
) -> Progress:
    """Take a claim in, or take up the one that is in already.

    Another claim than before begins a new enrolment; what it yields takes the place of the
    credentials that are stored, which are kept aside.

    Args:
        store: The device's.
        offer: The claim.
        tx_code: The transaction code, where the offer asks for one.
        issuer: The issuer that a person named; the offer must be its own.
        format_: The format that a person named; another than before begins anew, too.

    Raises:
        Refused: ``wrong_issuer``, ``insecure_issuer``.
        Invalid: ``invalid_issuer_url``, ``nothing_on_offer``, ``format_not_offered``,
            ``tx_code_needed``, ``tx_code_not_needed``, ``invalid_tx_code``.
    """
    if issuer is not None and issuer != offer.issuer:
        raise Refused(
            "wrong_issuer",
            f"the offer is not of {issuer}",
            step="offer",
            value=offer.issuer,
            hint="name the issuer letter by letter as the offer does; else ask the operator where"
            " the offer came from",
        )
    check_issuer_url(offer.issuer, explicit=issuer is not None)
    claim = claim_digest(offer.issuer, offer.code)
    known = store.progress()
    if known is not None and known.claim == claim and format_ is not None:
        known = known if known.configurations == choose(offer, format_) else None
    if known is not None and known.claim == claim:
        if known.complete or tx_code in (None, known.tx_code):
            return known
        progress = known.model_copy(update={"tx_code": tx_code})
    else:
        check_tx_code(offer, tx_code)
        progress = Progress(
            issuer=offer.issuer,
            claim=claim,
            configurations=choose(offer, format_),
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
        patience: Patience | None = None,
    ) -> None:
        self._store = store
        self._did = did
        self._signer = signer
        self._log_id = log_id
        self._resolver = resolver
        self._clock = clock
        self._patience = patience or Patience()

    def finish(self, progress: Progress, http: httpx.Client) -> Progress:
        """Receive, verify and store all that is missing, and tell the issuer of it.

        Args:
            progress: As it is in the store, not settled yet.
            http: A client for the issuer's URL.

        Raises:
            Undecided: ``approval_pending``: an operator has not decided yet.
            KeybornError: The step that failed, why, and what to do; repeating is safe.
        """
        client = IssuerClient(progress.issuer, http)
        try:
            if progress.complete:
                return telling.catch_up(client, self._store, progress, at=self._clock())
            metadata = client.metadata()
            _check_supported(progress, metadata)
            progress = telling.tell(client, metadata, self._store, progress)
            obtaining = Obtaining(
                client,
                metadata,
                self._store,
                did=self._did,
                signer=self._signer,
                clock=self._clock,
                patience=self._patience,
            )
            for configuration in progress.missing:
                progress, issued = obtaining.obtain(progress, configuration)
                progress = self._receive(client, metadata, progress, configuration, issued)
        except KeybornError as error:
            raise explained(error) from error
        return progress

    def _receive(
        self,
        client: IssuerClient,
        metadata: IssuerMetadata,
        progress: Progress,
        configuration: str,
        issued: Issued,
    ) -> Progress:
        try:
            document = _document(issued.credential, CONFIGURATIONS[configuration].format)
            credential = accept(
                document,
                configuration=configuration,
                holder=self._did,
                log_id=self._log_id,
                resolver=self._resolver,
                issuer=progress.issuer_did,
                at=self._clock(),
            )
        except (Invalid, Refused) as error:
            telling.complain(client, metadata, progress, issued.notification, error)
            raise
        _GRANTED.reached()
        self._store.save_credential(file_name(configuration), document)
        _STORED.reached()
        notification = None if metadata.notification_endpoint is None else issued.notification
        progress = progress.with_received(configuration, credential.issuer.text, notification)
        self._store.save_progress(progress)
        _RECORDED.reached()
        return telling.tell(client, metadata, self._store, progress)


def _document(credential: JsonObject | str, format_: Format) -> JsonObject:
    """A credential as it is kept: JSON, in which what is a token or a message is enveloped.

    Raises:
        Invalid: ``invalid_answer``: it is not of the form that the format has in an answer.
    """
    if isinstance(credential, str) is (format_ is Format.LDP_VC):
        raise Invalid(
            "invalid_answer",
            f"the answer holds no {format_}",
            step="credential",
            hint="see to the issuer: it answered in another format",
        )
    if isinstance(credential, dict):
        return credential
    if format_ is Format.VC_COSE:
        data = base64url_decode(credential, limit=LIMITS.envelope * 4 // 3 + 4)
    else:
        data = credential.encode("ascii", "replace")
    return as_json(data, format_)


def _check_supported(progress: Progress, metadata: IssuerMetadata) -> None:
    unknown = set(progress.missing) - metadata.configurations.keys()
    if unknown:
        raise Invalid(
            "unsupported_configuration",
            "the issuer does not know what its own claim offers",
            step="metadata",
            value=", ".join(sorted(unknown)),
            hint="see to the issuer: its metadata and its claims disagree",
        )
    kinds = {CONFIGURATIONS[name].kind for name in progress.missing}
    if CONFIGURATION_CONFIGURATION in kinds and metadata.encryption is None:
        raise Refused(
            "encryption_not_offered",
            "the issuer cannot encrypt, and network secrets never travel in the clear",
            step="metadata",
            hint="the issuer's metadata must offer X25519 with ECDH-ES and A256GCM, both ways",
        )
