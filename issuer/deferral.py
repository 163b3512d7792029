"""Deferred issuance: what was asked for under a claim that needs approval (OpenID4VCI 1.0, 9).

A transaction is named by random text that whoever proved possession was given, and nobody else. It
serves with an access token of the same claim, until its credentials are handed out.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import orjson
from sqlalchemy import Connection, insert, select, update

from did.configurations import CONFIGURATIONS, CredentialConfiguration
from did.errors import Invalid
from did.identifier import KeybornDid, parse_keyborn
from did.jcs import canonicalize
from issuer.claim import Claim
from issuer.requests import check_encrypted
from issuer.store import holders, transactions
from issuer.taking import denied
from issuer.tokens import Access

INTERVAL: Final = 5  # seconds to wait before asking again

_MAX_ID: Final = 128
_STEP: Final = "transaction"


@dataclass(frozen=True, slots=True)
class Deferred:
    """Not yet: come back with ``transaction``, after ``interval`` seconds at the earliest."""

    transaction: str
    interval: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for: ``configuration``, for each of ``dids``."""

    configuration: CredentialConfiguration
    dids: tuple[KeybornDid, ...]


def is_pending(connection: Connection, claim: Claim, dids: Sequence[KeybornDid]) -> bool:
    """Whether one of ``dids``, which have places of ``claim``, still awaits approval.

    Raises:
        Refused: ``claim_denied``: an operator said no to one of them.
    """
    if not claim.terms.approval:
        return False
    query = select(holders.c.approved, holders.c.denied).where(
        holders.c.claim == claim.id, holders.c.did.in_([did.text for did in dids])
    )
    rows = connection.execute(query).all()
    if any(row.denied is not None for row in rows):
        raise denied("claim_denied", "the operator denied the claim to the device")
    return any(row.approved is None for row in rows)


def begin(
    connection: Connection,
    claim: Claim,
    configuration: CredentialConfiguration,
    dids: Sequence[KeybornDid],
    *,
    at: datetime,
) -> str:
    """The transaction of a request that has to wait: the same one for the same request.

    The order of ``dids`` is a part of the request: it is that of the credentials that come of it.
    """
    subjects = canonicalize([did.text for did in dids])
    mine = (
        transactions.c.claim == claim.id,
        transactions.c.configuration == configuration.id,
        transactions.c.dids == subjects,
    )
    known = connection.execute(select(transactions.c.id).where(*mine)).scalar_one_or_none()
    if known is not None:
        return str(known)
    id_ = secrets.token_urlsafe(32)
    connection.execute(
        insert(transactions).values(
            id=id_,
            claim=claim.id,
            configuration=configuration.id,
            dids=subjects,
            created=int(at.timestamp()),
        )
    )
    return id_


def find(connection: Connection, id_: str, *, access: Access, encrypted: bool) -> Asked:
    """What was asked for with the transaction ``id_``.

    Args:
        connection: A reading one will do.
        id_: As the device sent it.
        access: What its access token is for.
        encrypted: Whether the answer will be.

    Raises:
        Invalid: ``unknown_transaction``: no such one, not for this token, or over.
        Refused: ``encryption_required``.
    """
    row = connection.execute(
        select(transactions).where(transactions.c.id == id_[:_MAX_ID])
    ).one_or_none()
    if row is None or row.claim != access.claim or row.collected is not None:
        raise _unknown()
    if access.configurations and row.configuration not in access.configurations:
        raise _unknown()
    configuration = CONFIGURATIONS[row.configuration]
    check_encrypted(configuration, encrypted=encrypted)
    return Asked(configuration, tuple(map(parse_keyborn, orjson.loads(row.dids))))


def end(connection: Connection, id_: str, *, at: datetime) -> None:
    """Note that the credentials of a transaction are handed out.

    Raises:
        Invalid: ``unknown_transaction``: they were meanwhile.
    """
    ended = connection.execute(
        update(transactions)
        .where(transactions.c.id == id_, transactions.c.collected.is_(None))
        .values(collected=int(at.timestamp()))
    )
    if not ended.rowcount:
        raise _unknown()


def _unknown() -> Invalid:
    return Invalid(
        "unknown_transaction",
        "there is no such transaction under this claim, or it is over",
        step=_STEP,
        hint="ask at /credential again, with a fresh proof: to repeat it is safe",
    )
