"""Who has which entry of which status list, and the value that stands there.

A credential of a device has an entry for revocation and one for suspension, and one for messages
where the issuer has some. Which entry it gets is random among those that nobody has, so that it
tells nothing of when or to whom a credential was issued; that two never get the same, a constraint
holds. A list that is half full is closed, and another is begun: it has its own URL, and the closed
ones stay where they are for as long as credentials point to them. So does a list whose URL or
messages are not the issuer's any more.

Values are changed with what they follow from, in one transaction (``issuer.inventory``); each list
that it concerns is then published anew once, however many values it was (``issuer.status``).
"""

import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import orjson
from sqlalchemy import ColumnElement, Connection, bindparam, func, insert, select, update

from did.jcs import canonicalize
from did.vc.bitstring import MINIMUM_ENTRIES
from did.vc.status_list import MESSAGE, REVOCATION, SUSPENSION, StatusEntry
from issuer.restoring import EPOCH
from issuer.status_terms import FULL, StatusTerms, size_of, status_messages
from issuer.store import settings, status_indexes, status_lists

# Built once: to build a statement takes as long as to run it.
_OPEN: Final = (
    select(status_lists.c.name, status_lists.c.url, status_lists.c.allocated)
    .where(status_lists.c.purpose == bindparam("purpose"))
    .where(status_lists.c.base == bindparam("base"), status_lists.c.messages == bindparam("said"))
    .where(status_lists.c.allocated < bindparam("full"))
)
_HAD: Final = select(status_indexes.c.position).where(
    status_indexes.c.list == bindparam("list"),
    status_indexes.c.position.in_(bindparam("positions", expanding=True)),
)
_TAKE: Final = insert(status_indexes)
_COUNT: Final = (
    update(status_lists)
    .where(status_lists.c.name == bindparam("which"))
    .values(
        allocated=status_lists.c.allocated + bindparam("more"),
        changes=status_lists.c.changes + bindparam("changed"),
    )
)

DEVICE_PURPOSES: Final = (REVOCATION, SUSPENSION)


@dataclass(frozen=True, slots=True)
class FreeEntry:
    """An entry that nobody has, of the list with this name. It is had once it is taken."""

    list: str
    entry: StatusEntry


@dataclass(frozen=True, slots=True)
class TakenEntry:
    """Who has an entry now: the device ``did``, or else one credential, by its own ``id``.

    ``value`` is what it says first.
    """

    free: FreeEntry
    did: str | None = None
    credential: str | None = None
    value: int = 0


def find_for_devices(
    connection: Connection, count: int, *, url: str, terms: StatusTerms
) -> list[tuple[FreeEntry, ...]]:
    """For each of ``count`` new credentials of devices, a free entry for each purpose.

    That for messages, where there are some, is the last. Arguments as ``find``.
    """
    purposes: list[tuple[str, tuple[str, ...]]] = [(purpose, ()) for purpose in DEVICE_PURPOSES]
    if terms.messages:
        purposes.append((MESSAGE, terms.messages))
    found = [
        find(connection, purpose, count, url=url, messages=messages, full=terms.full)
        for purpose, messages in purposes
    ]
    return list(zip(*found, strict=True))


def find(
    connection: Connection,
    purpose: str,
    count: int,
    *,
    url: str,
    messages: tuple[str, ...] = (),
    full: int = FULL,
) -> list[FreeEntry]:
    """Random entries that nobody has, of lists for ``purpose``.

    Args:
        connection: In the transaction that takes them.
        purpose: What the entries are for.
        count: How many.
        url: The issuer's, below which its lists are.
        messages: What may be said, by value.
        full: How many entries of a list are given out before another is begun.
    """
    found: list[FreeEntry] = []
    size, meanings = size_of(messages), status_messages(messages)
    said = canonicalize(list(messages))
    for name, list_url, room in _open_lists(
        connection, purpose, f"{url}/v1/status/", said, full=full, count=count
    ):
        found += [
            FreeEntry(name, StatusEntry(purpose, index, list_url, size, meanings))
            for index in _draw(connection, name, min(room, count - len(found)))
        ]
    return found


def take(connection: Connection, taken: Sequence[TakenEntry]) -> None:
    """Have entries taken: that nobody else has any of them, a constraint holds."""
    if not taken:
        return
    rows = [
        {
            "list": each.free.list,
            "position": each.free.entry.index,
            "did": each.did,
            "credential": each.credential,
            "value": each.value,
        }
        for each in taken
    ]
    connection.execute(_TAKE, rows)
    given = Counter(each.free.list for each in taken)
    changed = {each.free.list for each in taken if each.value}
    connection.execute(
        _COUNT,
        [
            {"which": name, "more": given[name], "changed": int(name in changed)}
            for name in sorted(given)
        ],
    )


def allocate_one(
    connection: Connection,
    purpose: str,
    *,
    credential: str,
    url: str,
    full: int = FULL,
) -> StatusEntry:
    """A random entry for a credential that follows no device: by its ``id`` it is found again.

    Arguments as ``find``.
    """
    (free,) = find(connection, purpose, 1, url=url, full=full)
    take(connection, [TakenEntry(free, credential=credential)])
    return free.entry


def set_values(connection: Connection, dids: Sequence[str], purpose: str, value: int) -> None:
    """Have all entries for ``purpose`` of these devices say ``value``."""
    _set(connection, purpose, status_indexes.c.did.in_(dids), value)


def set_credential(connection: Connection, credential: str, purpose: str, value: int) -> bool:
    """Have the entry for ``purpose`` of one credential say ``value``; False if it has none."""
    return _set(connection, purpose, status_indexes.c.credential == credential, value) > 0


def set_message(connection: Connection, dids: Sequence[str], message: str) -> set[str]:
    """Have all entries for messages of these devices say ``message``; which devices have one.

    An entry whose list does not know the message says what its list says first.
    """
    mine = status_indexes.c.did.in_(dids)
    query = (
        select(status_lists.c.name, status_lists.c.messages)
        .where(status_lists.c.purpose == MESSAGE)
        .where(status_lists.c.name.in_(select(status_indexes.c.list).where(mine)))
    )
    told: set[str] = set()
    for name, known in connection.execute(query).all():
        texts: list[str] = orjson.loads(known)
        here = mine & (status_indexes.c.list == name)
        value = texts.index(message) if message in texts else 0
        _set(connection, MESSAGE, here, value)
        if message in texts:
            told.update(connection.execute(select(status_indexes.c.did).where(here)).scalars())
    return told


def _set(connection: Connection, purpose: str, which: ColumnElement[bool], value: int) -> int:
    """Change values, and have the lists in which one did change published anew."""
    of_purpose = select(status_lists.c.name).where(status_lists.c.purpose == purpose)
    others = (which & status_indexes.c.list.in_(of_purpose)) & (status_indexes.c.value != value)
    changed = connection.execute(select(status_indexes.c.list).where(others).distinct()).scalars()
    lists = changed.all()
    connection.execute(update(status_indexes).where(others).values(value=value))
    connection.execute(
        update(status_lists)
        .where(status_lists.c.name.in_(lists))
        .values(changes=status_lists.c.changes + 1)
    )
    found = select(func.count()).select_from(status_indexes).where(which)
    return connection.execute(found.where(status_indexes.c.list.in_(of_purpose))).scalar_one()


def _open_lists(
    connection: Connection,
    purpose: str,
    base: str,
    said: bytes,
    *,
    full: int,
    count: int,
) -> list[tuple[str, str, int]]:
    """Name and URL of lists with room for ``count`` entries, and how much; begun where need be."""
    rows = connection.execute(_OPEN, {"purpose": purpose, "base": base, "said": said, "full": full})
    lists = [(row.name, row.url, full - row.allocated) for row in rows]
    while sum(room for _, _, room in lists) < count:
        begun = (
            select(func.count()).select_from(status_lists).where(status_lists.c.purpose == purpose)
        )
        number = connection.execute(begun).scalar_one() + 1
        name = "-".join((purpose, *_epoch(connection), str(number)))
        values = {"purpose": purpose, "base": base, "url": base + name, "messages": said}
        connection.execute(insert(status_lists).values(name=name, **values))
        lists.append((name, base + name, full))
    return lists


def _epoch(connection: Connection) -> list[str]:
    """What sets lists begun since a restore apart from those begun since its back-up."""
    query = select(settings.c.value).where(settings.c.name == EPOCH)
    return [bytes(value).decode() for value in connection.execute(query).scalars()]


def _draw(connection: Connection, name: str, count: int) -> list[int]:
    """``count`` positions of the list ``name`` at random, each once, that nobody has."""
    drawn: dict[int, None] = {}
    while len(drawn) < count:
        # In the order in which they were drawn, which nothing can be told from.
        fresh = [secrets.randbelow(MINIMUM_ENTRIES) for _ in range(count - len(drawn))]
        had = set(connection.execute(_HAD, {"list": name, "positions": fresh}).scalars())
        drawn.update(dict.fromkeys(position for position in fresh if position not in had))
    return list(drawn)
