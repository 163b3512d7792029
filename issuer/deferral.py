"""Deferred issuance: what was asked for under a claim that needs approval (OpenID4VCI 1.0, 9).

A transaction is named by random text that whoever proved possession was given, and nobody else. It
serves with an access token of the same claim, until its credentials are handed out.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import orjson
from sqlalchemy import Connection, select

from did.configurations import CONFIGURATIONS, CredentialConfiguration
from did.errors import Invalid
from did.identifier import KeybornDid, parse_keyborn
from issuer.claim import Claim
from issuer.requests import check_encrypted
from issuer.store import transactions
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


def is_pending(claim: Claim, dids: Sequence[KeybornDid]) -> bool:
    """Whether one of ``dids``, which have places of ``claim``, still awaits approval.

    Raises:
        Refused: ``claim_denied``: an operator said no to one of them.
    """
    if not claim.terms.approval:
        return False
    wanted = {did.text for did in dids}
    mine = [holder for holder in claim.holders if holder.did in wanted]
    if any(holder.denied is not None for holder in mine):
        raise denied("claim_denied", "the operator denied the claim to the device")
    return any(holder.approved is None for holder in mine)


def new_transaction() -> str:
    """The name of a new transaction."""
    return secrets.token_urlsafe(32)


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
        raise unknown()
    if access.configurations and row.configuration not in access.configurations:
        raise unknown()
    configuration = CONFIGURATIONS[row.configuration]
    check_encrypted(configuration, encrypted=encrypted)
    return Asked(configuration, tuple(map(parse_keyborn, orjson.loads(row.dids))))


def unknown() -> Invalid:
    """The refusal of a transaction that there is not, or not any more."""
    return Invalid(
        "unknown_transaction",
        "there is no such transaction under this claim, or it is over",
        step=_STEP,
        hint="ask at /credential again, with a fresh proof: to repeat it is safe",
    )
