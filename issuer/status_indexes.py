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
from collections.abc import Sequence
from typing import Final

import orjson
from sqlalchemy import ColumnElement, Connection, func, insert, select, update

from did.jcs import canonicalize
from did.vc.bitstring import MINIMUM_ENTRIES
from did.vc.status_list import MESSAGE, REVOCATION, SUSPENSION, StatusEntry
from issuer.status_terms import FULL, StatusTerms, size_of, status_messages
from issuer.store import devices, status_indexes, status_lists
from keyborn.storage import insert_once

DEVICE_PURPOSES: Final = (REVOCATION, SUSPENSION)


def allocate(
    connection: Connection, did: str, *, url: str, terms: StatusTerms
) -> list[StatusEntry]:
    """An entry for each purpose, for a new credential of the device ``did``.

    Args:
        connection: In the transaction that records the credential.
        did: Of a device that the inventory has.
        url: The issuer's, below which its lists are.
        terms: What messages there are, and when a list is full.
    """
    entries = [
        allocate_one(connection, purpose, did=did, url=url, full=terms.full)
        for purpose in DEVICE_PURPOSES
    ]
    if terms.messages:
        query = select(devices.c.message).where(devices.c.did == did)
        said = connection.execute(query).scalar_one()
        entries.append(
            allocate_one(
                connection,
                MESSAGE,
                did=did,
                url=url,
                full=terms.full,
                messages=terms.messages,
                value=terms.messages.index(said) if said in terms.messages else 0,
            )
        )
    return entries


def allocate_one(
    connection: Connection,
    purpose: str,
    *,
    did: str | None = None,
    credential: str | None = None,
    url: str,
    messages: tuple[str, ...] = (),
    value: int = 0,
    full: int = FULL,
) -> StatusEntry:
    """A random entry that nobody has, of a list for ``purpose``.

    Args:
        connection: In the transaction that records the credential.
        purpose: What the entry is for.
        did: The device that it follows, if it is a device's.
        credential: Else the credential's own ``id``, by which ``set_credential`` finds it.
        url: The issuer's, below which its lists are.
        messages: What may be said, by value.
        value: What is said first.
        full: How many entries of a list are given out before another is begun.
    """
    name, list_url = _open_list(connection, purpose, url, messages, full)
    row = {"list": name, "did": did, "credential": credential, "value": value}
    index = secrets.randbelow(MINIMUM_ENTRIES)
    while not insert_once(connection, status_indexes, {"position": index, **row}):
        index = secrets.randbelow(MINIMUM_ENTRIES)
    changed = {"allocated": status_lists.c.allocated + 1}
    if value:
        changed["changes"] = status_lists.c.changes + 1
    connection.execute(update(status_lists).where(status_lists.c.name == name).values(**changed))
    return StatusEntry(
        purpose=purpose,
        index=index,
        list_url=list_url,
        size=size_of(messages),
        messages=status_messages(messages),
    )


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


def _open_list(
    connection: Connection, purpose: str, url: str, messages: tuple[str, ...], full: int
) -> tuple[str, str]:
    """Name and URL of the list that is given out from; it is begun if there is none with room."""
    said = canonicalize(list(messages))
    base = f"{url}/v1/status/"
    query = (
        select(status_lists.c.name, status_lists.c.url)
        .where(status_lists.c.purpose == purpose, status_lists.c.base == base)
        .where(status_lists.c.messages == said, status_lists.c.allocated < full)
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    if row is not None:
        return row.name, row.url
    begun = select(func.count()).select_from(status_lists).where(status_lists.c.purpose == purpose)
    name = f"{purpose}-{connection.execute(begun).scalar_one() + 1}"
    values = {"name": name, "purpose": purpose, "base": base, "url": base + name, "messages": said}
    connection.execute(insert(status_lists).values(values))
    return name, base + name
