"""The inventory: which devices the issuer knows, and how each stands.

Three things are told apart. *Provisioned*: the issuer granted the device its provisioning
credential; the store knows. *Registered*: its DID is on the log; the log alone knows, and is asked
once for a whole page. *Active*: both, and neither suspended, revoked nor deactivated.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Row,
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)

from did.errors import Conflict
from did.identifier import KeybornDid
from did.jcs import canonicalize
from did.vc.status_list import REVOCATION, SUSPENSION
from issuer.device import Device, read_devices
from issuer.errors import NotFound
from issuer.status_indexes import set_message, set_values
from issuer.store import device_tags, devices
from issuer.terms import Terms
from keyborn.faults import FaultPoint
from keyborn.storage import locking, reading

# Built once: to build a statement takes as long as to run it.
_FIND: Final = (
    select(devices)
    .where(devices.c.did.in_(bindparam("dids", expanding=True)))
    .order_by(devices.c.did)
)
_LIST: Final = insert(devices)

_BEFORE_COMMIT: Final = FaultPoint("issuer.revoke.before_commit")
_AFTER_COMMIT: Final = FaultPoint("issuer.revoke.after_commit")


@dataclass(frozen=True, slots=True)
class Record:
    """What is to be known of a device: what its newest claim states.

    Attributes:
        did: Canonical.
        terms: The claim's.
        provisioned: Whether it is granted its provisioning credential.
        at: Now.
    """

    did: str
    terms: Terms
    provisioned: bool
    at: datetime


def expect(connection: Connection, did: KeybornDid, terms: Terms, *, at: datetime) -> None:
    """List the device that a claim was made for, before it comes.

    Raises:
        Conflict: ``device_revoked``.
    """
    text = did.canonical.text
    row = find(connection, [text]).get(text)
    if row is None:
        record(connection, [Record(text, terms, provisioned=False, at=at)], known=())
    elif row.revoked is not None:
        raise _revoked(row.did)


def find(connection: Connection, dids: Sequence[str]) -> dict[str, Row[Any]]:
    """The rows of those of these devices that are known, by DID; who writes has them to itself."""
    rows = connection.execute(locking(connection, _FIND), {"dids": dids})
    return {row.did: row for row in rows}


def refuse_stopped(row: Row[Any] | None) -> None:
    """Return unless an operator stopped the device of this row; None if it is not known.

    Raises:
        Conflict: ``device_revoked``, ``device_suspended``.
    """
    if row is not None and row.revoked is not None:
        raise _revoked(row.did)
    if row is not None and row.suspended is not None:
        raise Conflict(
            "device_suspended",
            "the device is suspended",
            value=row.did,
            hint="have an operator reinstate it",
        )


def record(connection: Connection, records: Sequence[Record], *, known: Collection[str]) -> None:
    """List devices, or renew what is known of them.

    Args:
        connection: In a transaction.
        records: Of each device one.
        known: The DIDs of those that are listed already.
    """
    fresh = [_facts(each) for each in records if each.did not in known]
    if fresh:
        connection.execute(_LIST, fresh)
    renewed = [_facts(each) for each in records if each.did in known]
    if renewed:
        connection.execute(
            update(devices)
            .where(devices.c.did == bindparam("whose"))
            .values(
                model=bindparam("model"),
                owner=bindparam("owner"),
                roles=bindparam("roles"),
                provisioned=func.coalesce(devices.c.provisioned, bindparam("provisioned")),
            ),
            [{**facts, "whose": facts["did"]} for facts in sorted(renewed, key=_did_of)],
        )
        dids = [facts["did"] for facts in renewed]
        connection.execute(delete(device_tags).where(device_tags.c.did.in_(dids)))
    tags = [
        {"did": each.did, "name": name, "value": value}
        for each in records
        for name, value in each.terms.tags.items()
    ]
    if tags:
        connection.execute(insert(device_tags), tags)


def _facts(record_: Record) -> dict[str, Any]:
    moment = int(record_.at.timestamp())
    return {
        "did": record_.did,
        "model": record_.terms.model,
        "owner": record_.terms.owner,
        "roles": canonicalize(list(record_.terms.roles)),
        "known": moment,
        "provisioned": moment if record_.provisioned else None,
    }


def _did_of(facts: Mapping[str, Any]) -> str:
    return str(facts["did"])


def show(engine: Engine, did: KeybornDid) -> Device:
    """The device whose DID is ``did``.

    Raises:
        NotFound: ``device_not_found``.
    """
    return _show(engine, [did.canonical.text])[0]


def page(
    engine: Engine, *, after: int, limit: int, model: str | None, tags: Mapping[str, str]
) -> tuple[list[Device], int | None]:
    """Up to ``limit`` devices after position ``after``, in the order in which they became known.

    Args:
        engine: The issuer's store.
        after: 0 for the first page.
        limit: At least 1.
        model: Only devices of this model.
        tags: Only devices that have all of these.

    Returns:
        The devices and the position to go on after, None at the end.
    """
    query = select(devices).where(devices.c.number > after)
    if model is not None:
        query = query.where(devices.c.model == model)
    for name, value in tags.items():
        query = query.where(
            exists().where(
                device_tags.c.did == devices.c.did,
                device_tags.c.name == name,
                device_tags.c.value == value,
            )
        )
    with reading(engine) as connection:
        rows = connection.execute(query.order_by(devices.c.number).limit(limit + 1)).all()
        shown = read_devices(connection, rows[:limit])
    more = rows[limit - 1].number if len(rows) > limit else None
    return shown, more


def suspend(engine: Engine, *dids: KeybornDid, at: datetime) -> list[Device]:
    """Suspend devices: all of them, or none; to repeat it changes nothing.

    Raises:
        NotFound: ``device_not_found``.
        Conflict: ``device_revoked``.
    """
    with _changing(engine, dids, but_revoked=True) as (connection, texts):
        _mark(connection, texts, devices.c.suspended, int(at.timestamp()))
        set_values(connection, texts, SUSPENSION, 1)
    return _show(engine, texts)


def reinstate(engine: Engine, *dids: KeybornDid) -> list[Device]:
    """End devices' suspension: of all of them, or of none; to repeat it changes nothing.

    Raises:
        NotFound: ``device_not_found``.
        Conflict: ``device_revoked``: revocation is final.
    """
    with _changing(engine, dids, but_revoked=True) as (connection, texts):
        _mark(connection, texts, devices.c.suspended, None)
        set_values(connection, texts, SUSPENSION, 0)
    return _show(engine, texts)


def revoke(engine: Engine, *dids: KeybornDid, at: datetime) -> list[Device]:
    """Revoke all credentials of devices, for good: of all or of none; to repeat changes nothing.

    Raises:
        NotFound: ``device_not_found``.
    """
    with _changing(engine, dids, but_revoked=False) as (connection, texts):
        _mark(connection, texts, devices.c.revoked, int(at.timestamp()))
        set_values(connection, texts, REVOCATION, 1)
    return _show(engine, texts)


def tell(engine: Engine, *dids: KeybornDid, message: str) -> list[Device]:
    """Have verifiers told ``message`` of devices: of all of them, or of none.

    Credentials that are issued later say it too.

    Raises:
        NotFound: ``device_not_found``.
        Conflict: ``message_not_known``: a device has no credential that can say it.
    """
    with _changing(engine, dids, but_revoked=False) as (connection, texts):
        told = set_message(connection, texts, message)
        for text in texts:
            if text not in told:
                raise Conflict(
                    "message_not_known",
                    "no credential of the device can say this",
                    value=text,
                    hint="use a message that the issuer had when it issued the credential",
                )
        connection.execute(update(devices).where(devices.c.did.in_(texts)).values(message=message))
    return _show(engine, texts)


@contextmanager
def _changing(
    engine: Engine, dids: Sequence[KeybornDid], *, but_revoked: bool
) -> Iterator[tuple[Connection, list[str]]]:
    """One transaction over devices that are known and, if ``but_revoked``, not revoked."""
    texts = list(dict.fromkeys(did.canonical.text for did in dids))
    with engine.begin() as connection:
        for device in _devices(connection, texts):
            if but_revoked and device.revoked is not None:
                raise _revoked(device.did)
        yield connection, texts
        _BEFORE_COMMIT.reached()
    _AFTER_COMMIT.reached()


def _mark(
    connection: Connection, dids: Sequence[str], column: Column[int], since: int | None
) -> None:
    """Note since when; what was noted before stays."""
    fresh = column.is_(None) if since is not None else column.is_not(None)
    connection.execute(
        update(devices).where(devices.c.did.in_(dids), fresh).values({column: since})
    )


def _show(engine: Engine, dids: Sequence[str]) -> list[Device]:
    with reading(engine) as connection:
        return read_devices(connection, _devices(connection, dids))


def _devices(connection: Connection, dids: Sequence[str]) -> list[Row[Any]]:
    """The rows of these devices, in this order; raises ``NotFound`` (``device_not_found``)."""
    found = find(connection, dids)
    for did in dids:
        if did not in found:
            raise NotFound(
                "device_not_found",
                "this issuer knows no such device",
                value=did,
                hint="keyborn issuer devices list",
            )
    return [found[did] for did in dids]


def _revoked(did: str) -> Conflict:
    return Conflict(
        "device_revoked",
        "the device is revoked, and that is final",
        value=did,
        hint="give it a new DID and enrol that",
    )
