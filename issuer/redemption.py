"""Redeeming a claim's code (OpenID4VCI 1.0, section 6.1; RFC 6749, section 5.2).

A code may be redeemed again and again until all that it offers was granted, and for ten minutes
after: an answer that got lost burns nothing. It always opens the same claim, and the claim is
taken by the DIDs that came first, so a repetition gives nothing to anybody else. Where devices took
it in time and await approval, it can be redeemed until they were given what it offers: for those
who took it, since nobody else gets a place then.
"""

import hmac
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, bindparam, select, update

from did.errors import Invalid, KeybornError, Refused
from issuer.claims import code_hash, tx_code_hash
from issuer.store import claims, holders
from keyborn.faults import FaultPoint
from keyborn.storage import locking, reading

GRACE: Final = timedelta(minutes=10)
MAX_TX_FAILURES: Final = 5

_COLUMNS: Final = (
    claims.c.id,
    claims.c.code_hash,
    claims.c.approval,
    claims.c.cancelled,
    claims.c.completed,
    claims.c.expires,
    claims.c.tx_code_hash,
)
# Built once: to build a statement takes as long as to run it.
_LOOK_UP: Final = select(*_COLUMNS).where(
    claims.c.code_hash.in_(bindparam("digests", expanding=True))
)

_MAX_CHARACTERS: Final = 512
_CODE: Final = "code"
_TX_CODE: Final = "tx_code"
_REQUEST: Final = "request"

_BEFORE_COMMIT: Final = FaultPoint("issuer.tx_code.before_commit")
_AFTER_COMMIT: Final = FaultPoint("issuer.tx_code.after_commit")


@dataclass(frozen=True, slots=True)
class Redeemable:
    """A claim whose code was named: as much of it as it takes to tell whether it opens.

    Attributes:
        id: The claim's.
        cancelled: When it was withdrawn, in seconds since 1970; so are the next two.
        completed: When all that it offers was granted.
        expires: When it can no longer be redeemed, where that counts still.
        guarded: Whether it needs a transaction code.
    """

    id: str
    cancelled: int | None
    completed: int | None
    expires: int | None
    guarded: bool


def redeem(engine: Engine, *, code: str, tx_code: str | None, at: datetime) -> str:
    """The id of the claim that ``code`` opens.

    Args:
        engine: The issuer's store.
        code: The pre-authorized code.
        tx_code: The transaction code, if one came.
        at: Now.

    Raises:
        KeybornError: As ``look_up``, ``check`` and ``check_tx_code``.
    """
    (found,) = look_up(engine, [code])
    if isinstance(found, KeybornError):
        raise found
    check(found, tx_code, at=at)
    if tx_code is not None:
        check_tx_code(engine, found.id, tx_code)
    return found.id


def look_up(engine: Engine, codes: Sequence[str]) -> list[Redeemable | KeybornError]:
    """The claim of each code, in their order, or ``Invalid`` (``unknown_code``)."""
    digests = [code_hash(code) for code in codes if len(code) <= _MAX_CHARACTERS]
    with reading(engine) as connection:
        rows: list[Row[Any]] = list(connection.execute(_LOOK_UP, {"digests": digests}))
        taken = _taken(connection, [row.id for row in rows if row.approval])
    found = {bytes(row.code_hash): _redeemable(row, taken) for row in rows}
    return [found.get(code_hash(code)) or _unknown(code) for code in codes]


def check(claim: Redeemable, tx_code: str | None, *, at: datetime) -> None:
    """Return if the claim can be redeemed now, by who sends ``tx_code``: which is not looked at.

    Raises:
        Invalid: ``tx_code_missing`` or ``tx_code_not_expected`` (step ``request``).
        Refused: ``claim_cancelled``, ``code_expired``, ``code_used``.
    """
    _check_time(claim.cancelled, claim.completed, claim.expires, at)
    if tx_code is not None and not claim.guarded:
        raise Invalid(
            "tx_code_not_expected",
            "this code takes no tx_code",
            step=_REQUEST,
            hint="leave tx_code out",
        )
    if tx_code is None and claim.guarded:
        raise Invalid(
            "tx_code_missing",
            "this code needs a tx_code",
            step=_REQUEST,
            hint="send the transaction code that the operator gave beside the offer",
        )


def _redeemable(row: Row[Any], taken: Collection[str]) -> Redeemable:
    awaited = row.approval and row.id in taken
    return Redeemable(
        row.id,
        row.cancelled,
        row.completed,
        None if awaited else row.expires,
        row.tx_code_hash is not None,
    )


def _taken(connection: Connection, ids: Sequence[str]) -> set[str]:
    """Those of the claims ``ids`` that somebody took."""
    if not ids:
        return set()
    query = select(holders.c.claim).where(holders.c.claim.in_(ids)).distinct()
    return set(connection.execute(query).scalars())


def _unknown(code: str) -> Invalid:
    if len(code) > _MAX_CHARACTERS:
        return Invalid(
            "unknown_code",
            "no code is that long",
            step=_CODE,
            hint="use the offer as it was handed out",
        )
    return Invalid(
        "unknown_code",
        "the pre-authorized code is not known here",
        step=_CODE,
        hint="use the offer as it was handed out, at the issuer that it names",
    )


def _check_time(
    cancelled: int | None, completed: int | None, expires: int | None, at: datetime
) -> None:
    moment = at.timestamp()
    if cancelled is not None:
        raise _no_longer("claim_cancelled", "the claim was withdrawn")
    if completed is not None:
        if moment >= completed + GRACE.total_seconds():
            raise _no_longer("code_used", "the code was used; all that it offers was granted")
    elif expires is not None and moment >= expires:
        raise _no_longer("code_expired", "the code has expired")


def check_tx_code(engine: Engine, claim: str, tx_code: str) -> None:
    """Return if ``tx_code`` is the claim's; a wrong guess is counted before it is answered.

    Raises:
        Invalid: ``wrong_tx_code``.
        Refused: ``tx_code_locked``.
    """
    if len(tx_code) > _MAX_CHARACTERS:
        raise _unknown(tx_code)
    mine = claims.c.id == claim
    failure: KeybornError | None = None
    with engine.begin() as connection:
        query = select(claims.c.tx_code_hash, claims.c.tx_failures).where(mine)
        row = connection.execute(locking(connection, query)).one()
        if row.tx_failures >= MAX_TX_FAILURES:
            failure = Refused(
                "tx_code_locked",
                f"the tx_code was wrong {MAX_TX_FAILURES} times; the claim is locked",
                step=_TX_CODE,
                hint="ask the operator for a new claim",
            )
        elif not hmac.compare_digest(row.tx_code_hash, tx_code_hash(claim, tx_code)):
            connection.execute(update(claims).where(mine).values(tx_failures=row.tx_failures + 1))
            left = MAX_TX_FAILURES - row.tx_failures - 1
            failure = Invalid(
                "wrong_tx_code",
                f"the tx_code is wrong; {left} tries are left",
                step=_TX_CODE,
                hint="check it with the operator; after the last try the claim is locked",
            )
            _BEFORE_COMMIT.reached()
    _AFTER_COMMIT.reached()
    if failure is not None:
        raise failure


def _no_longer(code: str, message: str) -> Refused:
    return Refused(code, message, step=_CODE, hint="ask the operator for a new claim")
