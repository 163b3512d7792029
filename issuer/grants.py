"""Granting credentials: the one transaction in which everything single-use is used.

A claim's places are taken by the first DIDs that prove possession, and each of them gets one
credential of each configuration. Repeating a request, with a fresh nonce, gives the credentials
that were granted, as the same bytes; so an answer that got lost costs nothing. Where the claim
needs approval, nonce and place are used all the same, and the answer is a transaction to come back
with (``issuer.deferral``).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, insert, select

from did.configurations import CredentialConfiguration
from did.errors import Conflict, Invalid
from did.identifier import KeybornDid
from did.nonce import Nonce
from did.openid4vci import PROVISIONING_CONFIGURATION
from issuer import claims, deferral, inventory
from issuer.claim import Claim
from issuer.credentials import issue, subject_of
from issuer.deferral import Deferred
from issuer.identity import Assertion, confirm
from issuer.notifications import answer_id
from issuer.possession import Possession, check_not_ended
from issuer.service import Issuer
from issuer.status_indexes import allocate
from issuer.store import grants, used_nonces
from issuer.taking import denied, take
from issuer.tokens import Access
from keyborn.faults import FaultPoint
from keyborn.storage import insert_once, reading

_DEVICE: Final = "device"
_NONCE: Final = "nonce"

# A clock that is set back must not revive a nonce that was used and forgotten.
_REMEMBERED: Final = timedelta(hours=1)

_BEFORE_COMMIT: Final = FaultPoint("issuer.grant.before_commit")
_AFTER_COMMIT: Final = FaultPoint("issuer.grant.after_commit")


@dataclass(frozen=True, slots=True)
class Granted:
    """Credentials, one for each DID in the order in which its proofs came.

    Attributes:
        configuration: What they are.
        credentials: Each as the bytes of its format.
        notification: The notification id of this answer.
    """

    configuration: CredentialConfiguration
    credentials: tuple[bytes, ...]
    notification: str


def grant(
    issuer: Issuer,
    *,
    claim: str,
    configuration: CredentialConfiguration,
    possessions: Sequence[Possession],
    at: datetime,
) -> Granted | Deferred:
    """The credentials that ``claim`` gives the devices: to all of them, or to none.

    Args:
        issuer: Who grants.
        claim: The id that the access token is for.
        configuration: Which credential.
        possessions: Of the devices' DIDs, at least one. Several of one DID count once.
        at: Now.

    Raises:
        Invalid: ``nonce_used`` (step ``nonce``).
        Refused: ``claim_cancelled``, ``claim_denied``, ``not_offered``, and as ``issuer.taking``.
        Conflict: ``device_revoked``, ``device_suspended``.
        Unavailable: ``rotation_pending``.
        Undecided: The log cannot be read.
    """
    assertion = issuer.identity.signing()
    dids = list(dict.fromkeys(possession.did.canonical for possession in possessions))
    with issuer.turn, issuer.engine.begin() as connection:
        _use_nonces(connection, [possession.nonce for possession in possessions], at)
        found = _open_claim(connection, claim)
        if configuration.id not in found.terms.configurations():
            raise denied("not_offered", f"the claim does not offer {configuration.id}")
        take(connection, found, dids, at=at)
        answer: Granted | Deferred
        if deferral.is_pending(connection, found, dids):
            _refuse_stopped(connection, dids)
            transaction = deferral.begin(connection, found, configuration, dids, at=at)
            answer = Deferred(transaction, issuer.approval_interval)
        else:
            answer = _grant(
                issuer,
                connection,
                assertion,
                claim=found,
                configuration=configuration,
                dids=dids,
                at=at,
            )
        _BEFORE_COMMIT.reached()
    _AFTER_COMMIT.reached()
    return answer


def collect(
    issuer: Issuer, *, access: Access, transaction: str, encrypted: bool, at: datetime
) -> Granted | Deferred:
    """What has become of a request that was deferred; as ``grant``.

    A transaction ends when its credentials are handed out. Should that answer get lost, a new
    request at the credential endpoint gives them again.

    Args:
        issuer: Who grants.
        access: What the access token is for.
        transaction: The transaction id.
        encrypted: Whether the answer will be.
        at: Now.

    Raises:
        Invalid: ``unknown_transaction`` (step ``transaction``).
        Refused: ``claim_cancelled``, ``claim_denied``, ``deactivated``; ``encryption_required``.
        Conflict: ``device_revoked``, ``device_suspended``.
        Unavailable: ``rotation_pending``.
        Undecided: The log cannot be read.
    """
    with reading(issuer.engine) as connection:
        asked = deferral.find(connection, transaction, access=access, encrypted=encrypted)
        pending = deferral.is_pending(connection, _open_claim(connection, access.claim), asked.dids)
        _refuse_stopped(connection, asked.dids)
    if pending:
        return Deferred(transaction, issuer.approval_interval)
    check_not_ended(asked.dids, issuer.log)
    assertion = issuer.identity.signing()
    with issuer.turn, issuer.engine.begin() as connection:
        deferral.end(connection, transaction, at=at)
        found = _open_claim(connection, access.claim)
        answer = _grant(
            issuer,
            connection,
            assertion,
            claim=found,
            configuration=asked.configuration,
            dids=asked.dids,
            at=at,
        )
        _BEFORE_COMMIT.reached()
    _AFTER_COMMIT.reached()
    return answer


def _use_nonces(connection: Connection, nonces: Sequence[Nonce], at: datetime) -> None:
    """Use each nonce; the proofs of one request may share one, which is used once for them all."""
    over = int((at - _REMEMBERED).timestamp())
    connection.execute(delete(used_nonces).where(used_nonces.c.expires < over))
    for nonce in dict.fromkeys(nonces):
        row = {
            "digest": hashlib.sha256(nonce.text.encode()).digest(),
            "expires": int(nonce.expires.timestamp()),
        }
        if not insert_once(connection, used_nonces, row):
            raise Invalid(
                "nonce_used",
                "the nonce was used before",
                step=_NONCE,
                hint="take a fresh c_nonce; to repeat a request is safe",
            )


def _open_claim(connection: Connection, id_: str) -> Claim:
    found = claims.find(connection, id_)
    if found is None or found.cancelled is not None:
        raise denied("claim_cancelled", "the claim was withdrawn")
    return found


def _refuse_stopped(connection: Connection, dids: Sequence[KeybornDid]) -> None:
    try:
        for did in dids:
            inventory.refuse_stopped(connection, did)
    except Conflict as error:
        raise error.at(_DEVICE) from error


def _grant(
    issuer: Issuer,
    connection: Connection,
    assertion: Assertion,
    *,
    claim: Claim,
    configuration: CredentialConfiguration,
    dids: Sequence[KeybornDid],
    at: datetime,
) -> Granted:
    _refuse_stopped(connection, dids)
    texts = [did.text for did in dids]
    query = select(grants.c.did, grants.c.credential).where(
        grants.c.claim == claim.id,
        grants.c.configuration == configuration.id,
        grants.c.did.in_(texts),
    )
    granted = {row.did: bytes(row.credential) for row in connection.execute(query)}
    new = [did for did in dids if did.text not in granted]
    if new:
        confirm(connection, assertion)
        for did in new:
            inventory.record(connection, did, claim.terms, at=at)
            granted[did.text] = _issue(
                issuer,
                connection,
                assertion,
                claim=claim,
                configuration=configuration,
                did=did,
                at=at,
            )
        claims.note_complete(connection, claim.id, at=at)
    notification = answer_id(
        connection,
        issuer.keys.notification,
        claim=claim.id,
        configuration=configuration.id,
        dids=texts,
    )
    return Granted(configuration, tuple(granted[text] for text in texts), notification)


def _issue(
    issuer: Issuer,
    connection: Connection,
    assertion: Assertion,
    *,
    claim: Claim,
    configuration: CredentialConfiguration,
    did: KeybornDid,
    at: datetime,
) -> bytes:
    if configuration.kind == PROVISIONING_CONFIGURATION:
        inventory.note_provisioned(connection, did, at=at)
    statuses = allocate(connection, did.text, url=issuer.url, terms=issuer.statuses)
    subject = subject_of(configuration.kind, did, issuer.log_id, claim.terms)
    credential, valid_from = issue(configuration, subject, assertion, statuses=statuses, at=at)
    connection.execute(
        insert(grants).values(
            claim=claim.id,
            did=did.text,
            configuration=configuration.id,
            credential=credential,
            valid_from=int(valid_from.timestamp()),
            granted=int(at.timestamp()),
        )
    )
    return credential
