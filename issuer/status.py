"""Status lists: random indexes, and their signed publication (Bitstring Status List 1.0).

Each credential points into a revocation and a suspension list. An index is random among those that
nobody has, so that it tells nothing of when or to whom a credential was issued; a list is given up
half full, so that finding one takes two tries at most on average. Whether a bit is set follows from
the device that has the index (``issuer.inventory``).
"""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, insert, select, update

from did.jcs import canonicalize
from did.vc.credential import build_credential, sign_credential
from did.vc.status_list import (
    CREDENTIAL_TYPE,
    MINIMUM_BITS,
    REVOCATION,
    StatusEntry,
    StatusList,
    list_subject,
)
from issuer.errors import NotFound
from issuer.identity import Assertion, SigningIdentity, confirm
from issuer.store import devices, inserted, status_indexes, status_lists
from keyborn.faults import FaultPoint
from keyborn.storage import reading

TTL: Final = timedelta(minutes=5)

_FULL: Final = MINIMUM_BITS // 2
_EMPTY: Final = bytes(MINIMUM_BITS // 8)
_MICROSECOND: Final = timedelta(microseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_BEFORE_COMMIT: Final = FaultPoint("issuer.status.before_commit")
_AFTER_COMMIT: Final = FaultPoint("issuer.status.after_commit")


def allocate(connection: Connection, did: str, *, purpose: str, url: str) -> StatusEntry:
    """A new index for a credential of the device ``did``, in a list at the issuer ``url``."""
    name, list_url = _open_list(connection, purpose, url)
    position = secrets.randbelow(MINIMUM_BITS)
    while not inserted(
        connection, insert(status_indexes).values(list=name, position=position, did=did)
    ):
        position = secrets.randbelow(MINIMUM_BITS)
    connection.execute(
        update(status_lists)
        .where(status_lists.c.name == name)
        .values(allocated=status_lists.c.allocated + 1)
    )
    return StatusEntry(purpose, position, list_url)


def note_change(connection: Connection, did: str, *, purpose: str) -> None:
    """Have the lists for ``purpose`` that speak of the device ``did`` published anew."""
    mine = select(status_indexes.c.list).where(status_indexes.c.did == did)
    connection.execute(
        update(status_lists)
        .where(status_lists.c.purpose == purpose, status_lists.c.name.in_(mine))
        .values(changes=status_lists.c.changes + 1)
    )


def publication(
    engine: Engine, identity: SigningIdentity, name: str, *, ttl: timedelta, at: datetime
) -> tuple[bytes, datetime]:
    """The status list credential ``name`` as JSON, and the time until which it may be cached.

    It is signed anew when a bit or the issuer's key has changed, and when half its ``ttl`` is over.
    ``validFrom`` rises with each publication, by a microsecond if by no more, so that verifiers
    can tell which of two is newer.

    Raises:
        NotFound: ``status_list_not_found``.
        Unavailable: ``rotation_pending``, when what was published cannot serve any more.
        Undecided: As ``SigningIdentity.signing``.
    """
    with reading(engine) as connection:
        row = _row(connection, name)
    fresh = _fresh_until(row, ttl, at)
    if fresh is not None and identity.rotating():
        return bytes(row.published), fresh
    assertion = identity.signing()
    if fresh is not None and not _due(row, assertion, ttl, at):
        return bytes(row.published), fresh
    with engine.begin() as connection:
        confirm(connection, assertion)
        row = _row(connection, name)
        published = _publish(connection, row, assertion, ttl=ttl, at=at)
        _BEFORE_COMMIT.reached()
    _AFTER_COMMIT.reached()
    return published


def _publish(
    connection: Connection, row: Row[Any], assertion: Assertion, *, ttl: timedelta, at: datetime
) -> tuple[bytes, datetime]:
    valid_from = max(at.replace(microsecond=0), assertion.since)
    if row.valid_from is not None:
        valid_from = max(valid_from, _from_microseconds(row.valid_from) + _MICROSECOND)
    milliseconds = ttl // timedelta(milliseconds=1)
    shown = StatusList(row.url, row.purpose, _bits(connection, row), milliseconds)
    document = build_credential(
        CREDENTIAL_TYPE,
        issuer=assertion.did,
        subject=list_subject(shown),
        valid_from=valid_from,
        url=row.url,
    )
    signed = canonicalize(
        sign_credential(document, assertion.signer, issuer=assertion.did, created=valid_from)
    )
    connection.execute(
        update(status_lists)
        .where(status_lists.c.name == row.name)
        .values(
            published=signed,
            published_changes=row.changes,
            published_key=assertion.signer.public_key().multibase,
            published_ttl=milliseconds,
            valid_from=(valid_from - _EPOCH) // _MICROSECOND,
        )
    )
    return signed, valid_from + ttl


def _open_list(connection: Connection, purpose: str, url: str) -> tuple[str, str]:
    """Name and URL of a list with room; lists of a URL that the issuer no longer has are left."""
    query = (
        select(status_lists).where(status_lists.c.purpose == purpose).order_by(status_lists.c.name)
    )
    rows = connection.execute(query).all()
    for row in rows:
        if row.allocated < _FULL and row.url == _list_url(url, row.name):
            return row.name, row.url
    name = f"{purpose}-{len(rows) + 1}"
    list_url = _list_url(url, name)
    connection.execute(insert(status_lists).values(name=name, purpose=purpose, url=list_url))
    return name, list_url


def _list_url(url: str, name: str) -> str:
    return f"{url}/v1/status/{name}"


def _bits(connection: Connection, row: Row[Any]) -> bytes:
    moment = devices.c.revoked if row.purpose == REVOCATION else devices.c.suspended
    query = (
        select(status_indexes.c.position)
        .join(devices, devices.c.did == status_indexes.c.did)
        .where(status_indexes.c.list == row.name, moment.is_not(None))
    )
    bits = bytearray(_EMPTY)
    for position in connection.execute(query).scalars():
        bits[position // 8] |= 0x80 >> position % 8
    return bytes(bits)


def _row(connection: Connection, name: str) -> Row[Any]:
    row = connection.execute(select(status_lists).where(status_lists.c.name == name)).one_or_none()
    if row is None:
        raise NotFound(
            "status_list_not_found",
            "there is no such status list",
            value=name,
            hint="take the URL from the credential, whole",
        )
    return row


def _fresh_until(row: Row[Any], ttl: timedelta, at: datetime) -> datetime | None:
    """When what is published ends; None if it cannot serve now."""
    if row.published is None or row.changes != row.published_changes:
        return None
    ends = _from_microseconds(row.valid_from) + min(ttl, timedelta(milliseconds=row.published_ttl))
    return ends if at < ends else None


def _due(row: Row[Any], assertion: Assertion, ttl: timedelta, at: datetime) -> bool:
    """Whether to sign what is still fresh anew: half its time is over, or the key is another."""
    return (
        at >= _from_microseconds(row.valid_from) + ttl / 2
        or row.published_key != assertion.signer.public_key().multibase
    )


def _from_microseconds(value: int) -> datetime:
    return _EPOCH + value * _MICROSECOND
