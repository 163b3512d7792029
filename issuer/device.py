"""A device as the issuer knows it, read from its row and its tags."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Row, select

from did.identifier import KeybornDid, parse_keyborn
from did.jcs import JsonObject
from did.timestamps import format_time
from issuer.store import device_tags


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
        message: What verifiers are told of it; None if nothing was set.
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
    message: str | None

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
            "message": self.message,
            "provisioned_at": _stamp(self.provisioned),
            "suspended_at": _stamp(self.suspended),
            "revoked_at": _stamp(self.revoked),
        }


def read_devices(connection: Connection, rows: Iterable[Row[Any]]) -> list[Device]:
    """The devices that these rows are, in their order."""
    listed = list(rows)
    tagged = _tags(connection, [row.did for row in listed])
    return [_from_row(row, tagged.get(row.did, {})) for row in listed]


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
        message=row.message,
    )


def _time(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _stamp(time: datetime | None) -> str | None:
    return None if time is None else format_time(time)
