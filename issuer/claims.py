"""Claims: one-time rights to be enrolled, made by an operator and handed out as offers.

A claim's code is known to whoever holds the offer, and to nobody else: what is stored is its
SHA-256. It may be bound to one DID beforehand; else the first DID that proves possession has it.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Engine, Row, Select, insert, select, update

from did.errors import Conflict, Invalid
from did.identifier import parse_keyborn
from did.jcs import JsonObject, canonicalize
from did.openid4vci import Offer, TxCode
from did.timestamps import format_time
from issuer import inventory
from issuer.errors import NotFound
from issuer.store import claims, grants, holders
from issuer.terms import Terms
from keyborn.faults import FaultPoint
from keyborn.storage import reading

_TX_DIGITS: Final = 6
_BEFORE_COMMIT: Final = FaultPoint("issuer.claim.before_commit")
_AFTER_COMMIT: Final = FaultPoint("issuer.claim.after_commit")
_CANCELLING: Final = FaultPoint("issuer.cancel.before_commit")
_CANCELLED: Final = FaultPoint("issuer.cancel.after_commit")


@dataclass(frozen=True, slots=True)
class NewClaim:
    """A claim as it was made: the only time that its codes are shown."""

    id: str
    offer: Offer = field(repr=False)
    tx_code: str | None = field(repr=False)
    expires: datetime

    def to_json(self) -> JsonObject:
        """For the operator. ``offer`` is the URI to hand to the device."""
        value: JsonObject = {
            "id": self.id,
            "offer": self.offer.to_uri(),
            "expires": format_time(self.expires),
        }
        if self.tx_code is not None:
            value["tx_code"] = self.tx_code
        return value


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim as it stands.

    Attributes:
        id: 32 hexadecimal digits.
        terms: What it gives.
        created: When it was made.
        expires: When it can no longer be redeemed, unless it was before.
        cancelled: When an operator withdrew it.
        completed: When the last credential on offer was granted.
        holder: The DID that took it, canonical.
    """

    id: str
    terms: Terms
    created: datetime
    expires: datetime
    cancelled: datetime | None
    completed: datetime | None
    holder: str | None

    def state(self, at: datetime) -> str:
        """``open``, ``taken``, ``completed``, ``expired`` or ``cancelled``."""
        if self.cancelled is not None:
            return "cancelled"
        if self.completed is not None:
            return "completed"
        if at >= self.expires:
            return "expired"
        return "open" if self.holder is None else "taken"

    def to_json(self, at: datetime) -> JsonObject:
        """For the operator: no code (it is not known here) and no secret."""
        terms = self.terms
        return {
            "id": self.id,
            "state": self.state(at),
            "model": terms.model,
            "owner": terms.owner,
            "roles": list(terms.roles),
            "tags": dict(terms.tags),
            "configurations": list(terms.configurations()),
            "did": None if terms.did is None else terms.did.text,
            "holder": self.holder,
            "tx_code_needed": terms.tx_code,
            "created": format_time(self.created),
            "expires": format_time(self.expires),
        }


def code_hash(code: str) -> bytes:
    """What is stored of a pre-authorized code, 32 bytes."""
    return hashlib.sha256(code.encode()).digest()


def tx_code_hash(claim: str, tx_code: str) -> bytes:
    """What is stored of the transaction code of ``claim``, 32 bytes."""
    return hashlib.sha256(f"{claim}:{tx_code}".encode()).digest()


def create(engine: Engine, terms: Sequence[Terms], *, url: str, at: datetime) -> list[NewClaim]:
    """Make a claim for each of ``terms``: all, or none if one cannot be made.

    Args:
        engine: The issuer's store.
        terms: At least one.
        url: The credential issuer identifier.
        at: Now.

    Raises:
        Invalid: ``invalid_claim``: nothing is asked for.
        Conflict: ``device_revoked``: a claim names a DID that was revoked.
    """
    if not terms:
        raise Invalid(
            "invalid_claim", "there is no claim to make", hint="ask for one claim at least"
        )
    with engine.begin() as connection:
        made = [_create(connection, each, url=url, at=at) for each in terms]
        _BEFORE_COMMIT.reached()
    _AFTER_COMMIT.reached()
    return made


def find(connection: Connection, id_: str) -> Claim | None:
    """The claim ``id_``, or None."""
    row = connection.execute(_claims().where(claims.c.id == id_)).one_or_none()
    return None if row is None else _claim(row)


def show(engine: Engine, id_: str) -> Claim:
    """The claim ``id_``.

    Raises:
        NotFound: ``claim_not_found``.
    """
    with reading(engine) as connection:
        return _known(find(connection, id_), id_)


def page(engine: Engine, *, after: int, limit: int) -> tuple[list[Claim], int | None]:
    """Up to ``limit`` claims, oldest first, after position ``after`` (0 for the first).

    Returns:
        The claims and the position to go on after, None at the end.
    """
    query = _claims().where(claims.c.number > after).order_by(claims.c.number).limit(limit + 1)
    with reading(engine) as connection:
        rows = connection.execute(query).all()
    more = rows[limit - 1].number if len(rows) > limit else None
    return [_claim(row) for row in rows[:limit]], more


def cancel(engine: Engine, id_: str, *, at: datetime) -> Claim:
    """Withdraw a claim; to repeat it changes nothing. What was granted stays granted.

    Raises:
        NotFound: ``claim_not_found``.
        Conflict: ``claim_completed``: everything on offer was granted.
    """
    with engine.begin() as connection:
        claim = _known(find(connection, id_), id_)
        if claim.completed is not None:
            raise Conflict(
                "claim_completed",
                "everything that the claim offers was granted already",
                value=id_,
                hint="to undo that, revoke the device",
            )
        if claim.cancelled is None:
            connection.execute(
                update(claims).where(claims.c.id == id_).values(cancelled=int(at.timestamp()))
            )
        cancelled = _known(find(connection, id_), id_)
        _CANCELLING.reached()
    _CANCELLED.reached()
    return cancelled


def note_granted(connection: Connection, claim: Claim, *, at: datetime) -> None:
    """Mark ``claim`` completed if each credential that it offers has been granted."""
    count = connection.execute(select(grants.c.configuration).where(grants.c.claim == claim.id))
    if set(count.scalars()) == set(claim.terms.configurations()):
        connection.execute(
            update(claims).where(claims.c.id == claim.id).values(completed=int(at.timestamp()))
        )


def _create(connection: Connection, terms: Terms, *, url: str, at: datetime) -> NewClaim:
    id_, code = secrets.token_hex(16), secrets.token_urlsafe(32)
    tx_code = f"{secrets.randbelow(10**_TX_DIGITS):0{_TX_DIGITS}}" if terms.tx_code else None
    expires = int((at + terms.lifetime).timestamp())
    configuration = terms.configuration
    connection.execute(
        insert(claims).values(
            id=id_,
            code_hash=code_hash(code),
            did=None if terms.did is None else terms.did.canonical.text,
            tx_code_hash=None if tx_code is None else tx_code_hash(id_, tx_code),
            created=int(at.timestamp()),
            expires=expires,
            model=terms.model,
            owner=terms.owner,
            roles=canonicalize(list(terms.roles)),
            tags=canonicalize(dict(terms.tags)),
            configuration=None if configuration is None else canonicalize(configuration),
        )
    )
    if terms.did is not None:
        inventory.expect(connection, terms.did, terms, at=at)
    needed = TxCode(_TX_DIGITS) if terms.tx_code else None
    offer = Offer(url, terms.configurations(), code, needed)
    return NewClaim(id_, offer, tx_code, datetime.fromtimestamp(expires, UTC))


def _claims() -> Select[Any]:
    return select(claims, holders.c.did.label("holder")).join(
        holders, holders.c.claim == claims.c.id, isouter=True
    )


def _claim(row: Row[Any]) -> Claim:
    configuration = row.configuration
    terms = Terms(
        model=row.model,
        owner=row.owner,
        roles=tuple(orjson.loads(row.roles)),
        tags=orjson.loads(row.tags),
        configuration=None if configuration is None else orjson.loads(configuration),
        did=None if row.did is None else parse_keyborn(row.did),
        tx_code=row.tx_code_hash is not None,
        lifetime=timedelta(seconds=row.expires - row.created),
    )
    return Claim(
        id=row.id,
        terms=terms,
        created=datetime.fromtimestamp(row.created, UTC),
        expires=datetime.fromtimestamp(row.expires, UTC),
        cancelled=_time(row.cancelled),
        completed=_time(row.completed),
        holder=row.holder,
    )


def _time(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _known(claim: Claim | None, id_: str) -> Claim:
    if claim is None:
        raise NotFound(
            "claim_not_found",
            "there is no such claim",
            value=id_,
            hint="see: keyborn issuer claim list",
        )
    return claim
