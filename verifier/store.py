"""What a verifier remembers: the key of its challenges, the ones used, the newest status lists.

One SQLite file; several processes may share it. That a challenge is used once, and that a status
list does not go back, are held by constraints and conditions in the database.

Threat model: whoever can modify the file can have a challenge answered twice or make challenges of
their own, and can hide a suspension or revocation until the status list is fetched again. They
cannot forge a device's or an issuer's signature.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any, Final

import orjson
from nacl.utils import random as random_bytes
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    LargeBinary,
    MetaData,
    String,
    Table,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from did.jcs import canonicalize
from did.nonce import Nonce
from did.vc.status_list import StatusList, StatusMessage
from keyborn.faults import FaultPoint
from keyborn.files import private_directory
from keyborn.storage import (
    Era,
    Eras,
    Integer64,
    StoreKind,
    begin_era,
    insert_once,
    perform,
    put,
    reading,
    settle,
)
from keyborn.storage import open_store as open_kind
from keyborn.storage.trials import trial

_KEY_BEFORE_COMMIT: Final = FaultPoint("verifier.key.before_commit")
_KEY_AFTER_COMMIT: Final = FaultPoint("verifier.key.after_commit")
_USE_BEFORE_COMMIT: Final = FaultPoint("verifier.challenge.before_commit")
_USE_AFTER_COMMIT: Final = FaultPoint("verifier.challenge.after_commit")
_STATUS_BEFORE_COMMIT: Final = FaultPoint("verifier.status.before_commit")
_STATUS_AFTER_COMMIT: Final = FaultPoint("verifier.status.after_commit")

_KEY_BYTES: Final = 32

_metadata: Final = MetaData()
_keys: Final = Table(
    "keys",
    _metadata,
    Column("name", String, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)
_used: Final = Table(
    "used_challenges",
    _metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("expires", Integer64, nullable=False, index=True),
)
_lists: Final = Table(
    "status_lists",
    _metadata,
    Column("url", String, primary_key=True),
    Column("issuer", String, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("said", LargeBinary, nullable=False),  # its subject but for the bits; canonical JSON
    Column("version", Integer64, nullable=False),
    Column("ends", Integer64),
    Column("fetched", Integer64, nullable=False),
    Column("etag", String),
    Column("bits", LargeBinary, nullable=False),
)

# Built once: to build a statement takes as long as to run it.
_USED_AMONG: Final = select(_used.c.digest).where(
    _used.c.digest.in_(bindparam("digests", expanding=True))
)
_USE: Final = insert(_used)
_STATUS_LIST: Final = select(_lists).where(_lists.c.url == bindparam("list"))


def _renew(connection: Connection, _at: datetime) -> dict[str, object]:
    """Have all challenges void that were made before: some may have been answered since.

    By a key that is made anew at the next start, since a second restore begins the same era; and by
    an era, since a process may be at work with the key that there was.
    """
    connection.execute(delete(_keys).where(_keys.c.name == "challenge"))
    begin_era(connection, _keys)
    return {"challenges": "void"}


KIND: Final = StoreKind("verifier", _metadata, "verifier.migrations", former=2, renew=_renew)


@dataclass(frozen=True, slots=True)
class KeptList:
    """A status list that was verified when it was fetched.

    Attributes:
        list: What it says.
        issuer: The DID that signed it.
        key: The raw key that signed it, 32 bytes; its issuer's current one at that time.
        version: Its ``validFrom``.
        ends: When it ends, if it states that.
        fetched: When it was fetched, or said to be unchanged.
        etag: What names these bytes where they were fetched (RFC 9110, section 8.8.3).
    """

    list: StatusList
    issuer: str
    key: bytes
    version: datetime
    ends: datetime | None
    fetched: datetime
    etag: str | None = None


class Use(Enum):
    """What comes of the use of a challenge."""

    FIRST = "first"
    REPEATED = "repeated"
    OVER = "over"  # whether it was used before cannot be known any more


class Store:
    """The verifier's database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._trial = trial(engine, KIND)
        self._eras = Eras(engine, _keys)

    def close(self) -> None:
        """Close its connections."""
        self._engine.dispose()

    def check(self) -> None:
        """Return if it can be read and written; raises as ``keyborn.storage.trials``."""
        self._trial()

    def challenge_key(self) -> bytes:
        """The 32-byte MAC key of this verifier's challenges; made at first, then always the same.

        Of two processes that start at once, both get the one that was stored.
        """
        with self._engine.begin() as connection:
            made = {"name": "challenge", "value": random_bytes(_KEY_BYTES)}
            insert_once(connection, _keys, made)
            value: bytes = connection.execute(
                select(_keys.c.value).where(_keys.c.name == "challenge")
            ).scalar_one()
            _KEY_BEFORE_COMMIT.reached()
        _KEY_AFTER_COMMIT.reached()
        return value

    def era(self) -> int:
        """The era of challenges that are given out now."""
        return self._eras.number()

    def used_among(self, digests: Collection[bytes]) -> frozenset[bytes]:
        """Which of the challenges with these 32-byte digests were used."""
        with reading(self._engine) as connection:
            return _used_among(connection, digests)

    def use_all(
        self, uses: Sequence[tuple[bytes, Nonce]], *, at: datetime, lifetime: timedelta
    ) -> list[Use]:
        """Record challenges as used; what came of each. Durable when this returns.

        Args:
            uses: Digests, 32 bytes each, and what the challenges are. Of one that is there twice,
                the second was used already.
            at: Now.
            lifetime: Of challenges that are given out now.
        """

        def work(connection: Connection) -> tuple[Era, list[Use]]:
            era = settle(connection, _keys, _used, at=at, lifetime=lifetime)
            found = self._use(connection, uses, era)
            _USE_BEFORE_COMMIT.reached()
            return era, found

        era, found = perform(self._engine, work)
        _USE_AFTER_COMMIT.reached()
        self._eras.learn(era)
        return found

    def _use(
        self, connection: Connection, uses: Sequence[tuple[bytes, Nonce]], era: Era
    ) -> list[Use]:
        known = set(_used_among(connection, [digest for digest, _ in uses]))
        found: list[Use] = []
        for digest, nonce in uses:
            use = Use.REPEATED if digest in known else Use.FIRST
            found.append(use if era.admits(nonce) else Use.OVER)
            known.add(digest)
        rows: list[dict[str, Any]] = [
            {"digest": digest, "expires": int(nonce.expires.timestamp())}
            for (digest, nonce), use in zip(uses, found, strict=True)
            if use is Use.FIRST
        ]
        if rows:
            rows.sort(key=lambda row: row["digest"])  # so that no two processes wait for each other
            connection.execute(_USE, rows)
        return found

    def status_list(self, url: str) -> KeptList | None:
        """The highest version seen of the list at ``url``."""
        with reading(self._engine) as connection:
            row = connection.execute(_STATUS_LIST, {"list": url}).one_or_none()
        if row is None:
            return None
        return KeptList(
            list=_list(row.url, row.said, row.bits),
            issuer=row.issuer,
            key=row.key,
            version=_from_micros(row.version),
            ends=None if row.ends is None else _from_micros(row.ends),
            fetched=_from_micros(row.fetched),
            etag=row.etag,
        )

    def kept_lists(self) -> tuple[int, datetime | None, datetime | None]:
        """How many status lists are kept; when the oldest and the newest were fetched."""
        fetched = _lists.c.fetched
        query = select(func.count(), func.min(fetched), func.max(fetched))
        with reading(self._engine) as connection:
            count, oldest, newest = connection.execute(query).one()
        if not count:
            return 0, None, None
        return count, _from_micros(oldest), _from_micros(newest)

    def keep_status_list(self, kept: KeptList, *, latest: datetime) -> bool:
        """Keep ``kept`` for its URL; False, and nothing done, if a higher version was seen.

        One that is later than ``latest`` does not count: it is of the future.
        """
        row = {
            "url": kept.list.url,
            "issuer": kept.issuer,
            "key": kept.key,
            "said": _said(kept.list),
            "version": _micros(kept.version),
            "ends": None if kept.ends is None else _micros(kept.ends),
            "fetched": _micros(kept.fetched),
            "etag": kept.etag,
            "bits": kept.list.bits,
        }
        of_the_future = (_lists.c.url == kept.list.url) & (_lists.c.version > _micros(latest))
        with self._engine.begin() as connection:
            connection.execute(delete(_lists).where(of_the_future))
            newest = put(connection, _lists, row, key=["url"], not_before="version")
            _STATUS_BEFORE_COMMIT.reached()
        _STATUS_AFTER_COMMIT.reached()
        return newest

    def renew_status_list(self, kept: KeptList) -> bool:
        """Note when ``kept`` was said to be unchanged; False if another version is kept by now."""
        same = (_lists.c.url == kept.list.url) & (_lists.c.version == _micros(kept.version))
        renewed = update(_lists).where(same).values(fetched=_micros(kept.fetched))
        with self._engine.begin() as connection:
            same_still = connection.execute(renewed).rowcount == 1
            _STATUS_BEFORE_COMMIT.reached()
        _STATUS_AFTER_COMMIT.reached()
        return same_still


def _used_among(connection: Connection, digests: Collection[bytes]) -> frozenset[bytes]:
    return frozenset(connection.execute(_USED_AMONG, {"digests": list(digests)}).scalars())


def open_store(directory: Path, location: str | None = None) -> Store:
    """The store of the verifier in ``directory``, which is made (mode 0700) if it is missing.

    Args:
        directory: What the verifier has on this machine.
        location: The store's path or URL; ``verifier.db`` in the directory, if None.

    Raises:
        Refused: Others can read it, or it is not durable; as ``keyborn.storage.open_store``.
        Unavailable: It is damaged or cannot be used.
    """
    path = private_directory(directory) / "verifier.db"
    return Store(open_kind(location or path, KIND))


def _said(list_: StatusList) -> bytes:
    """All of a list but its URL and its bits, as canonical JSON."""
    return canonicalize(
        {
            "purposes": list(list_.purposes),
            "ttl": list_.ttl,
            "size": list_.size,
            "messages": [message.text for message in list_.messages],
        }
    )


def _list(url: str, said: bytes, bits: bytes) -> StatusList:
    value = orjson.loads(said)
    return StatusList(
        url=url,
        purposes=tuple(value["purposes"]),
        bits=bits,
        ttl=value["ttl"],
        size=value["size"],
        messages=tuple(StatusMessage(n, text) for n, text in enumerate(value["messages"])),
    )


def _micros(time: datetime) -> int:
    return (time - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)


def _from_micros(value: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=value)
