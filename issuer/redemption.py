"""Redeeming a claim's code (OpenID4VCI 1.0, section 6.1; RFC 6749, section 5.2).

A code may be redeemed again and again until all that it offers was granted, and for ten minutes
after: an answer that got lost burns nothing. It always opens the same claim, and the claim is
taken by the DIDs that came first, so a repetition gives nothing to anybody else. Where devices took
it in time and await approval, it can be redeemed until they were given what it offers: for those
who took it, since nobody else gets a place then.
"""

import hmac
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Engine, select, update

from did.errors import Invalid, KeybornError, Refused
from issuer.claims import code_hash, tx_code_hash
from issuer.store import claims, holders
from keyborn.faults import FaultPoint
from keyborn.storage import reading

GRACE: Final = timedelta(minutes=10)
MAX_TX_FAILURES: Final = 5

_MAX_CHARACTERS: Final = 512
_CODE: Final = "code"
_TX_CODE: Final = "tx_code"
_REQUEST: Final = "request"

_BEFORE_COMMIT: Final = FaultPoint("issuer.tx_code.before_commit")
_AFTER_COMMIT: Final = FaultPoint("issuer.tx_code.after_commit")


def redeem(engine: Engine, *, code: str, tx_code: str | None, at: datetime) -> str:
    """The id of the claim that ``code`` opens.

    Args:
        engine: The issuer's store.
        code: The pre-authorized code.
        tx_code: The transaction code, if one came.
        at: Now.

    Raises:
        Invalid: ``unknown_code``, ``wrong_tx_code``, ``tx_code_missing`` or
            ``tx_code_not_expected`` (step ``request``).
        Refused: ``claim_cancelled``, ``code_expired``, ``code_used`` or ``tx_code_locked``.
    """
    if len(code) > _MAX_CHARACTERS or len(tx_code or "") > _MAX_CHARACTERS:
        raise Invalid(
            "unknown_code",
            "no code is that long",
            step=_CODE,
            hint="use the offer as it was handed out",
        )
    with reading(engine) as connection:
        query = select(claims).where(claims.c.code_hash == code_hash(code))
        row = connection.execute(query).one_or_none()
        awaited = row is not None and row.approval and _is_taken(connection, row.id)
    if row is None:
        raise Invalid(
            "unknown_code",
            "the pre-authorized code is not known here",
            step=_CODE,
            hint="use the offer as it was handed out, at the issuer that it names",
        )
    _check_time(row.cancelled, row.completed, None if awaited else row.expires, at)
    if row.tx_code_hash is None:
        if tx_code is not None:
            raise Invalid(
                "tx_code_not_expected",
                "this code takes no tx_code",
                step=_REQUEST,
                hint="leave tx_code out",
            )
    elif tx_code is None:
        raise Invalid(
            "tx_code_missing",
            "this code needs a tx_code",
            step=_REQUEST,
            hint="send the transaction code that the operator gave beside the offer",
        )
    else:
        _check_tx_code(engine, row.id, tx_code)
    return str(row.id)


def _is_taken(connection: Connection, claim: str) -> bool:
    query = select(holders.c.did).where(holders.c.claim == claim).limit(1)
    return connection.execute(query).scalar_one_or_none() is not None


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


def _check_tx_code(engine: Engine, claim: str, tx_code: str) -> None:
    """Count a wrong guess before it is answered; read and counted in one transaction."""
    mine = claims.c.id == claim
    failure: KeybornError | None = None
    with engine.begin() as connection:
        row = connection.execute(
            select(claims.c.tx_code_hash, claims.c.tx_failures).where(mine)
        ).one()
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
