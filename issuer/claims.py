"""Claims: one-time rights to be enrolled, made by an operator and handed out as offers.

A claim's code is known to whoever holds the offer, and to nobody else: what is stored is its
SHA-256. A claim has a place for each device that it is for, one unless it says otherwise. It may
name their DIDs beforehand; else the first DIDs that prove possession take the places.
"""

import hashlib
import hmac
import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import BindParameter, Connection, Engine, bindparam, insert, select, update

from did.configurations import CONFIGURATIONS
from did.errors import Conflict, Invalid
from did.jcs import canonicalize
from did.multibase import base64url_encode
from did.openid4vci import Offer, OfferReference, TxCode
from issuer import inventory
from issuer.claim import Claim, Holder, NewClaim, claim_from_row, holder_from_row
from issuer.errors import NotFound
from issuer.store import claims, grants, holders
from issuer.terms import Terms
from keyborn.faults import FaultPoint
from keyborn.storage import locking, perform, reading

# Built once: to build a statement takes as long as to run it.
_IDS: Final[BindParameter[Any]] = bindparam("ids", expanding=True)
_FIND: Final = select(claims).where(claims.c.id.in_(_IDS)).order_by(claims.c.id)
_HOLDERS: Final = select(holders).where(holders.c.claim.in_(_IDS)).order_by(holders.c.place)
_GRANTED: Final = select(grants.c.claim, grants.c.did, grants.c.configuration).where(
    grants.c.claim.in_(_IDS)
)
_COMPLETE: Final = (
    update(claims).where(claims.c.id == bindparam("which")).values(completed=bindparam("moment"))
)

_TX_DIGITS: Final = 6
_TX_DESCRIPTION: Final = "The operator who made the claim has it."
_LABEL: Final = b"keyborn-offer/1"
_BEFORE_COMMIT: Final = FaultPoint("issuer.claim.before_commit")
_AFTER_COMMIT: Final = FaultPoint("issuer.claim.after_commit")
_CANCELLING: Final = FaultPoint("issuer.cancel.before_commit")
_CANCELLED: Final = FaultPoint("issuer.cancel.after_commit")


def code_hash(code: str) -> bytes:
    """What is stored of a pre-authorized code, 32 bytes."""
    return hashlib.sha256(code.encode()).digest()


def tx_code_hash(claim: str, tx_code: str) -> bytes:
    """What is stored of the transaction code of ``claim``, 32 bytes."""
    return hashlib.sha256(f"{claim}:{tx_code}".encode()).digest()


def create(
    engine: Engine, terms: Sequence[Terms], *, url: str, key: bytes, at: datetime
) -> list[NewClaim]:
    """Make a claim for each of ``terms``: all, or none if one cannot be made.

    Args:
        engine: The issuer's store.
        terms: At least one.
        url: The credential issuer identifier.
        key: The issuer's key for offers (``issuer.keys.Keys``).
        at: Now.

    Raises:
        Invalid: ``invalid_claim``: nothing is asked for.
        Conflict: ``device_revoked``: a claim names a DID that was revoked.
    """
    if not terms:
        raise Invalid(
            "invalid_claim", "there is no claim to make", hint="ask for one claim at least"
        )

    def work(connection: Connection) -> list[NewClaim]:
        made = [_create(connection, each, url=url, key=key, at=at) for each in terms]
        _BEFORE_COMMIT.reached()
        return made

    made = perform(engine, work)
    _AFTER_COMMIT.reached()
    return made


def find(connection: Connection, id_: str) -> Claim | None:
    """The claim ``id_``, or None."""
    return find_all(connection, [id_]).get(id_)


def find_all(connection: Connection, ids: Sequence[str]) -> dict[str, Claim]:
    """Those of the claims ``ids`` that there are, by id; who writes has them to itself."""
    rows = connection.execute(locking(connection, _FIND), {"ids": ids}).all()
    held = _holders(connection, [row.id for row in rows])
    return {row.id: claim_from_row(row, held[row.id]) for row in rows}


def offer(engine: Engine, name: str, *, url: str, key: bytes, at: datetime) -> Offer:
    """The offer that is referred to by ``name``, for as long as it is of use.

    Args:
        engine: The issuer's store.
        name: The last part of the reference's URL.
        url: The credential issuer identifier.
        key: As ``create``.
        at: Now.

    Raises:
        NotFound: ``offer_not_found``.
    """
    code = _code(key, name)
    with reading(engine) as connection:
        query = select(claims.c.id).where(claims.c.code_hash == code_hash(code))
        id_ = connection.execute(query).scalar_one_or_none()
        claim = None if id_ is None else find(connection, id_)
    if claim is None or claim.state(at) in ("cancelled", "expired", "denied"):
        raise NotFound(
            "offer_not_found",
            "there is no such offer, or no longer",
            hint="take the offer's URI whole, or ask the operator for a new claim",
        )
    return _offer(url, claim.terms, code)


def show(engine: Engine, id_: str) -> Claim:
    """The claim ``id_``.

    Raises:
        NotFound: ``claim_not_found``.
    """
    with reading(engine) as connection:
        return known(connection, id_)


def page(engine: Engine, *, after: int, limit: int) -> tuple[list[Claim], int | None]:
    """Up to ``limit`` claims, oldest first, after position ``after`` (0 for the first).

    Returns:
        The claims and the position to go on after, None at the end.
    """
    query = select(claims).where(claims.c.number > after).order_by(claims.c.number)
    with reading(engine) as connection:
        rows = connection.execute(query.limit(limit + 1)).all()
        shown = rows[:limit]
        held = _holders(connection, [row.id for row in shown])
    more = rows[limit - 1].number if len(rows) > limit else None
    return [claim_from_row(row, held[row.id]) for row in shown], more


def cancel(engine: Engine, id_: str, *, at: datetime) -> Claim:
    """Withdraw a claim; to repeat it changes nothing. What was granted stays granted.

    Raises:
        NotFound: ``claim_not_found``.
        Conflict: ``claim_completed``: everything on offer was granted.
    """
    with engine.begin() as connection:
        claim = known(connection, id_)
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
        cancelled = known(connection, id_)
        _CANCELLING.reached()
    _CANCELLED.reached()
    return cancelled


def known(connection: Connection, id_: str) -> Claim:
    """The claim ``id_``; raises ``NotFound`` (``claim_not_found``)."""
    claim = find(connection, id_)
    if claim is None:
        raise NotFound(
            "claim_not_found",
            "there is no such claim",
            value=id_,
            hint="see: keyborn issuer claim list",
        )
    return claim


def granted(connection: Connection, ids: Sequence[str]) -> dict[str, set[tuple[str, str]]]:
    """What was granted of each of the claims ``ids``: to which DID, which configuration."""
    found: dict[str, set[tuple[str, str]]] = {id_: set() for id_ in ids}
    for row in connection.execute(_GRANTED, {"ids": ids}):
        found[row.claim].add((row.did, row.configuration))
    return found


def is_complete(claim: Claim, granted_: Collection[tuple[str, str]]) -> bool:
    """Whether each device of a claim has a credential of each kind on offer.

    A device that was denied needs none; but a claim that was denied to all is not completed.
    """
    served = {holder.did for holder in claim.holders if holder.denied is None}
    if len(claim.holders) < claim.terms.devices or not served:
        return False
    kinds = {(did, CONFIGURATIONS[configuration].kind) for did, configuration in granted_}
    return kinds >= {(did, kind) for did in served for kind in claim.terms.kinds()}


def mark_completed(connection: Connection, done: Mapping[str, datetime]) -> None:
    """Note of claims, by id, when they were completed."""
    connection.execute(
        _COMPLETE,
        [{"which": id_, "moment": int(done[id_].timestamp())} for id_ in sorted(done)],
    )


def _create(
    connection: Connection, terms: Terms, *, url: str, key: bytes, at: datetime
) -> NewClaim:
    id_, name = secrets.token_hex(16), secrets.token_urlsafe(32)
    code = _code(key, name)
    tx_code = f"{secrets.randbelow(10**_TX_DIGITS):0{_TX_DIGITS}}" if terms.tx_code else None
    expires = int((at + terms.lifetime).timestamp())
    configuration = terms.configuration
    connection.execute(
        insert(claims).values(
            id=id_,
            code_hash=code_hash(code),
            devices=terms.devices,
            dids=canonicalize([did.canonical.text for did in terms.dids]) if terms.dids else None,
            approval=terms.approval,
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
    for did in terms.dids:
        inventory.expect(connection, did, terms, at=at)
    return NewClaim(
        id_,
        _offer(url, terms, code),
        OfferReference(f"{url}/offers/{name}"),
        tx_code,
        datetime.fromtimestamp(expires, UTC),
    )


def _code(key: bytes, name: str) -> str:
    """The pre-authorized code of the offer ``name``: so that neither of the two is stored."""
    return base64url_encode(hmac.digest(key, _LABEL + name.encode(), hashlib.sha256))


def _offer(url: str, terms: Terms, code: str) -> Offer:
    needed = TxCode(_TX_DIGITS, _TX_DESCRIPTION) if terms.tx_code else None
    return Offer(url, terms.configurations(), code, needed)


def _holders(connection: Connection, ids: Sequence[str]) -> dict[str, tuple[Holder, ...]]:
    held: dict[str, list[Holder]] = {id_: [] for id_ in ids}
    for row in connection.execute(_HOLDERS, {"ids": ids}):
        held[row.claim].append(holder_from_row(row))
    return {id_: tuple(mine) for id_, mine in held.items()}
