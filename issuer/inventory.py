"""The inventory: which devices the issuer knows, and how each stands.

Three things are told apart. *Provisioned*: the issuer granted the device its provisioning
credential; the store knows. *Registered*: its DID is on the log; the log alone knows, and is asked
once for a whole page. *Active*: both, and neither suspended, revoked nor deactivated.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Engine, Row, delete, exists, insert, select, update

from did.errors import Conflict
from did.identifier import KeybornDid, parse_keyborn
from did.jcs import JsonObject, canonicalize
from did.timestamps import format_time
from did.vc.status_list import REVOCATION, SUSPENSION
from issuer.errors import NotFound
from issuer.status import note_change
from issuer.store import device_tags, devices, inserted
from issuer.terms import Terms
from keyborn.faults import FaultPoint
from keyborn.storage import reading

_BEFORE_COMMIT: Final = FaultPoint("issuer.revoke.before_commit")
_AFTER_COMMIT: Final = FaultPoint("issuer.revoke.after_commit")


@dataclass(frozen=True, slots=True)
class Device:
    """A device as the issuer knows it.

    Attributes:
        did: In canonical form.
        model: As its newest claim states.
        owner: As its newest claim states.
        roles: As its newest claim states.
        tags: As its newest claim states.
        known: When the inventory first heard of it.
        provisioned: When it was first granted its provisioning credential.
        suspended: Since when it is.
        revoked: Since when it is.
    """

    did: KeybornDid
    model: str
    owner: str
    roles: tuple[str, ...]
    tags: Mapping[str, str]
    known: datetime
    provisioned: datetime | None
    suspended: datetime | None
    revoked: datetime | None

    def to_json(self, *, registered: bool | None, deactivated: bool | None) -> JsonObject:
        """For the operator, with what the log says; None where it could not be asked."""
        mine = self.provisioned is not None and self.suspended is None and self.revoked is None
        active: bool | None = False
        if mine:
            active = None if registered is None else registered and not deactivated
        return {
            "did": self.did.text,
            "model": self.model,
            "owner": self.owner,
            "roles": list(self.roles),
            "tags": dict(self.tags),
            "provisioned": self.provisioned is not None,
            "registered": registered,
            "active": active,
            "suspended": self.suspended is not None,
            "revoked": self.revoked is not None,
            "deactivated": deactivated,
            "provisioned_at": _stamp(self.provisioned),
            "suspended_at": _stamp(self.suspended),
            "revoked_at": _stamp(self.revoked),
        }


def expect(connection: Connection, did: KeybornDid, terms: Terms, *, at: datetime) -> None:
    """List the device that a claim was made for, before it comes.

    Raises:
        Conflict: ``device_revoked``.
    """
    row = _row(connection, did.canonical.text)
    if row is None:
        record(connection, did, terms, at=at)
    elif row.revoked is not None:
        raise _revoked(row.did)


def refuse_stopped(connection: Connection, did: KeybornDid) -> None:
    """Return unless an operator stopped the device.

    Raises:
        Conflict: ``device_revoked``, ``device_suspended``.
    """
    row = _row(connection, did.canonical.text)
    if row is not None and row.revoked is not None:
        raise _revoked(row.did)
    if row is not None and row.suspended is not None:
        raise Conflict(
            "device_suspended",
            "the device is suspended",
            value=row.did,
            hint="have an operator reinstate it",
        )


def record(connection: Connection, did: KeybornDid, terms: Terms, *, at: datetime) -> None:
    """List a device, or renew what is known of it."""
    text = did.canonical.text
    facts = {
        "model": terms.model,
        "owner": terms.owner,
        "roles": canonicalize(list(terms.roles)),
    }
    row = insert(devices).values(did=text, known=int(at.timestamp()), **facts)
    if not inserted(connection, row):
        connection.execute(update(devices).where(devices.c.did == text).values(**facts))
    connection.execute(delete(device_tags).where(device_tags.c.did == text))
    if terms.tags:
        connection.execute(
            insert(device_tags),
            [{"did": text, "name": name, "value": value} for name, value in terms.tags.items()],
        )


def note_provisioned(connection: Connection, did: KeybornDid, *, at: datetime) -> None:
    """Mark that the device has been granted its provisioning credential, unless it was before."""
    connection.execute(
        update(devices)
        .where(devices.c.did == did.canonical.text, devices.c.provisioned.is_(None))
        .values(provisioned=int(at.timestamp()))
    )


def show(engine: Engine, did: KeybornDid) -> Device:
    """The device whose DID is ``did``.

    Raises:
        NotFound: ``device_not_found``.
    """
    with reading(engine) as connection:
        return _device(connection, did)


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
        shown = rows[:limit]
        tagged = _tags(connection, [row.did for row in shown])
    more = rows[limit - 1].number if len(rows) > limit else None
    return [_from_row(row, tagged.get(row.did, {})) for row in shown], more


def suspend(engine: Engine, did: KeybornDid, *, at: datetime) -> Device:
    """Suspend a device; to repeat it changes nothing.

    Raises:
        NotFound: ``device_not_found``.
        Conflict: ``device_revoked``.
    """
    return _change(engine, did, purpose=SUSPENSION, since=int(at.timestamp()))


def reinstate(engine: Engine, did: KeybornDid) -> Device:
    """End a device's suspension; to repeat it changes nothing.

    Raises:
        NotFound: ``device_not_found``.
        Conflict: ``device_revoked``: revocation is final.
    """
    return _change(engine, did, purpose=SUSPENSION, since=None)


def revoke(engine: Engine, did: KeybornDid, *, at: datetime) -> Device:
    """Revoke all credentials of a device, for good; to repeat it changes nothing.

    Raises:
        NotFound: ``device_not_found``.
    """
    return _change(engine, did, purpose=REVOCATION, since=int(at.timestamp()))


def _change(engine: Engine, did: KeybornDid, *, purpose: str, since: int | None) -> Device:
    column = devices.c.revoked if purpose == REVOCATION else devices.c.suspended
    with engine.begin() as connection:
        device = _device(connection, did)
        if device.revoked is not None and purpose == SUSPENSION:
            raise _revoked(device.did.text)
        changed = connection.execute(
            update(devices)
            .where(
                devices.c.did == device.did.text,
                column.is_(None) if since is not None else column.is_not(None),
            )
            .values({column: since})
        )
        if changed.rowcount:
            note_change(connection, device.did.text, purpose=purpose)
        device = _device(connection, did)
        _BEFORE_COMMIT.reached()
    _AFTER_COMMIT.reached()
    return device


def _row(connection: Connection, did: str) -> Row[Any] | None:
    return connection.execute(select(devices).where(devices.c.did == did)).one_or_none()


def _device(connection: Connection, did: KeybornDid) -> Device:
    text = did.canonical.text
    row = _row(connection, text)
    if row is None:
        raise NotFound(
            "device_not_found",
            "this issuer knows no such device",
            value=text,
            hint="keyborn issuer devices list",
        )
    return _from_row(row, _tags(connection, [text]).get(text, {}))


def _tags(connection: Connection, dids: list[str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    query = select(device_tags).where(device_tags.c.did.in_(dids)).order_by(device_tags.c.name)
    for row in connection.execute(query):
        found.setdefault(row.did, {})[row.name] = row.value
    return found


def _from_row(row: Row[Any], tags: Mapping[str, str]) -> Device:
    return Device(
        did=parse_keyborn(row.did),
        model=row.model,
        owner=row.owner,
        roles=tuple(orjson.loads(row.roles)),
        tags=tags,
        known=datetime.fromtimestamp(row.known, UTC),
        provisioned=_time(row.provisioned),
        suspended=_time(row.suspended),
        revoked=_time(row.revoked),
    )


def _time(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _stamp(time: datetime | None) -> str | None:
    return None if time is None else format_time(time)


def _revoked(did: str) -> Conflict:
    return Conflict(
        "device_revoked",
        "the device is revoked, and that is final",
        value=did,
        hint="give it a new DID and enrol that",
    )
