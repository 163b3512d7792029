"""Granting credentials: the one transaction in which everything single-use is used.

A claim is taken by the first DID that proves possession, and gives one credential of each
configuration. Repeating a request, with a fresh nonce, gives the credential that was granted, as
the same bytes; so an answer that got lost costs nothing.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, insert, select

from did.errors import Conflict, Invalid, Refused
from did.identifier import KeybornDid
from did.nonce import Nonce
from did.openid4vci import PROVISIONING_CONFIGURATION
from issuer import claims, inventory
from issuer.credentials import configuration_subject, issue, provisioning_subject
from issuer.identity import Assertion, confirm
from issuer.possession import Possession
from issuer.service import Issuer
from issuer.status_indexes import allocate
from issuer.store import grants, holders, inserted, used_nonces
from keyborn.faults import FaultPoint

_DEVICE: Final = "device"
_CLAIM: Final = "claim"
_NONCE: Final = "nonce"

# A clock that is set back must not revive a nonce that was used and forgotten.
_REMEMBERED: Final = timedelta(hours=1)

_BEFORE_COMMIT: Final = FaultPoint("issuer.grant.before_commit")
_AFTER_COMMIT: Final = FaultPoint("issuer.grant.after_commit")


def grant(
    issuer: Issuer, *, claim: str, configuration: str, possession: Possession, at: datetime
) -> bytes:
    """The credential that ``claim`` gives the device, as canonical JSON.

    Args:
        issuer: Who grants.
        claim: The id that the access token is for.
        configuration: Which credential: a credential configuration id.
        possession: Of the device's DID.
        at: Now.

    Raises:
        Invalid: ``nonce_used`` (step ``nonce``).
        Refused: ``claim_cancelled``, ``claim_used``, ``claim_bound``, ``not_offered``.
        Conflict: ``device_revoked``, ``device_suspended``.
        Unavailable: ``rotation_pending``.
        Undecided: The log cannot be read.
    """
    assertion = issuer.identity.signing()
    with issuer.turn, issuer.engine.begin() as connection:
        _use_nonce(connection, possession.nonce, at)
        credential = _grant(
            issuer,
            connection,
            assertion,
            claim=claim,
            configuration=configuration,
            did=possession.did.canonical,
            at=at,
        )
        _BEFORE_COMMIT.reached()
    _AFTER_COMMIT.reached()
    return credential


def _use_nonce(connection: Connection, nonce: Nonce, at: datetime) -> None:
    over = int((at - _REMEMBERED).timestamp())
    connection.execute(delete(used_nonces).where(used_nonces.c.expires < over))
    row = insert(used_nonces).values(
        digest=hashlib.sha256(nonce.text.encode()).digest(),
        expires=int(nonce.expires.timestamp()),
    )
    if not inserted(connection, row):
        raise Invalid(
            "nonce_used",
            "the nonce was used before",
            step=_NONCE,
            hint="take a fresh c_nonce; to repeat a request is safe",
        )


def _grant(
    issuer: Issuer,
    connection: Connection,
    assertion: Assertion,
    *,
    claim: str,
    configuration: str,
    did: KeybornDid,
    at: datetime,
) -> bytes:
    found = claims.find(connection, claim)
    if found is None or found.cancelled is not None:
        raise _denied("claim_cancelled", "the claim was withdrawn")
    if configuration not in found.terms.configurations():
        raise _denied("not_offered", f"the claim does not offer {configuration}")
    _take(connection, found, did, at)
    try:
        inventory.refuse_stopped(connection, did)
    except Conflict as error:
        raise error.at(_DEVICE) from error
    query = select(grants.c.credential).where(
        grants.c.claim == claim, grants.c.configuration == configuration
    )
    granted = connection.execute(query).scalar_one_or_none()
    if granted is not None:
        return bytes(granted)
    confirm(connection, assertion)
    inventory.record(connection, did, found.terms, at=at)
    return _issue(
        issuer, connection, assertion, claim=found, configuration=configuration, did=did, at=at
    )


def _take(connection: Connection, claim: claims.Claim, did: KeybornDid, at: datetime) -> None:
    bound = claim.terms.did
    if bound is not None and bound.id != did.id:
        raise _denied("claim_bound", "the claim was made for another DID")
    row = insert(holders).values(claim=claim.id, did=did.text, taken=int(at.timestamp()))
    if inserted(connection, row):
        return
    query = select(holders.c.did).where(holders.c.claim == claim.id)
    if connection.execute(query).scalar_one() != did.text:
        raise _denied("claim_used", "another DID took the claim")


def _issue(
    issuer: Issuer,
    connection: Connection,
    assertion: Assertion,
    *,
    claim: claims.Claim,
    configuration: str,
    did: KeybornDid,
    at: datetime,
) -> bytes:
    terms = claim.terms
    if configuration == PROVISIONING_CONFIGURATION:
        subject = provisioning_subject(did, issuer.log_id, terms)
        inventory.note_provisioned(connection, did, at=at)
    else:
        assert terms.configuration is not None  # it would not be on offer
        subject = configuration_subject(did, issuer.log_id, terms.configuration)
    statuses = allocate(connection, did.text, url=issuer.url, terms=issuer.statuses)
    credential, valid_from = issue(subject, assertion, statuses=statuses, at=at)
    connection.execute(
        insert(grants).values(
            claim=claim.id,
            configuration=configuration,
            did=did.text,
            credential=credential,
            valid_from=int(valid_from.timestamp()),
            granted=int(at.timestamp()),
        )
    )
    claims.note_granted(connection, claim, at=at)
    return credential


def _denied(code: str, message: str) -> Refused:
    return Refused(code, message, step=_CLAIM, hint="ask the operator for a new claim")
