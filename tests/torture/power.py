"""Power that fails while the issuer grants: what was acknowledged is there when it comes back.

Real grants are made once, on a real store, and their SQL is kept as SQLite saw it. In each trial it
runs again, with the settings that ``keyborn.storage.sqlite`` makes sure of, over a file system
that forgets: a VFS (``apsw``) knows of each file what was synced and what was only written. At a
write that the seed chooses the power is cut. Of what was not synced, each write is then there, or
is not, or the first of its sectors are. The database is opened anew, on the usual file system.

It must be sound, hold every transaction whose COMMIT had returned, and nothing of a later one but
the whole of the one that was being committed.

With ``synchronous=NORMAL``, which SQLite's log survives but not what was acknowledged last, or
``OFF``, something is lost: the model can fail.

What is not modelled: a disk that says it has synced and has not; names of files that were made and
whose directory was not synced. The index of the write-ahead log is kept in memory, not shared
(``locking_mode=EXCLUSIVE``), since one process is alone here.
"""

import random
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw
from actors import Actor, actor
from issuing import World, issuing
from sqlalchemy import event

from did.configurations import CONFIGURATIONS
from did.openid4vci import PROVISIONING_CONFIGURATION
from issuer.grants import grant
from issuer.possession import Possession, mint_nonce

GRANTS = 24
SECTOR = 512  # bytes
TABLES = ("claims", "claim_holders", "grants", "devices", "status_indexes", "used_nonces")
CHECKPOINTS = (12, 200, 1_000)  # pages of the log after which it is copied into the database
VFS = "keyborn-forgetful"

Transaction = Sequence[str]
Counts = tuple[int, ...]


class PowerCutError(Exception):
    """The power is gone."""


@dataclass
class File:
    """A file: what would be there after a loss of power, and what might be."""

    synced: bytearray
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)  # None: cut to that size

    def sync(self) -> None:
        for offset, data in self.pending:
            _apply(self.synced, offset, data)
        self.pending.clear()

    def after_loss(self, luck: random.Random) -> bytes:
        for offset, data in self.pending:
            fate = luck.random()
            if fate < 0.4:
                _apply(self.synced, offset, data)
            elif fate < 0.6 and data is not None:
                kept = SECTOR * luck.randint(0, len(data) // SECTOR)
                _apply(self.synced, offset, data[:kept])
        return bytes(self.synced)


def _apply(content: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del content[offset:]
        return
    content.extend(bytes(max(0, offset - len(content))))
    content[offset : offset + len(data)] = data


@dataclass
class Disk:
    """All files, and after how many writes the power fails; never, if None."""

    cut_after: int | None = None
    writes: int = 0
    files: dict[str, File] = field(default_factory=dict)

    def file(self, path: str) -> File:
        if path not in self.files:
            there = Path(path)
            self.files[path] = File(bytearray(there.read_bytes() if there.exists() else b""))
        return self.files[path]

    def write(self, path: str, offset: int, data: bytes | None) -> None:
        self.powered()
        self.writes += 1
        if self.cut_after is not None and self.writes > self.cut_after:
            raise PowerCutError
        self.file(path).pending.append((offset, data))

    def powered(self) -> None:
        if self.cut_after is not None and self.writes > self.cut_after:
            raise PowerCutError

    def lose(self, luck: random.Random) -> None:
        """Write to the real files what is left of them."""
        for path, content in self.files.items():
            Path(path).write_bytes(content.after_loss(luck))


class ForgetfulFile(apsw.VFSFile):
    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._disk = disk
        self._path = name.filename() if isinstance(name, apsw.URIFilename) else name
        if self._path is not None:
            disk.file(self._path)

    def xWrite(self, data: bytes, offset: int) -> None:
        if self._path is not None:
            self._disk.write(self._path, offset, bytes(data))
        super().xWrite(data, offset)

    def xTruncate(self, size: int) -> None:
        if self._path is not None:
            self._disk.write(self._path, size, None)
        super().xTruncate(size)

    def xSync(self, flags: int) -> None:
        del flags
        self._disk.powered()
        if self._path is not None:
            self._disk.file(self._path).sync()


class Forgetful(apsw.VFS):
    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        super().__init__(VFS, "")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        return ForgetfulFile(self._disk, name, flags)

    def xDelete(self, name: str, sync_directory: bool) -> None:  # noqa: FBT001 - apsw's signature
        self._disk.powered()
        self._disk.files.pop(name, None)
        super().xDelete(name, sync_directory)


def record(folder: Path) -> tuple[Path, list[Transaction]]:
    """A store with its claims made, and the transactions by which they are then granted."""
    said: dict[int, list[str]] = {}
    done: list[Transaction] = []

    def trace(connection: sqlite3.Connection, _record: object) -> None:
        key = id(connection)

        def heard(statement: str) -> None:
            begun = said.setdefault(key, [])
            if statement.startswith("BEGIN"):
                begun.clear()
            begun.append(statement)
            if statement == "COMMIT" and begun[0] == "BEGIN IMMEDIATE":
                done.append([each for each in begun[1:-1] if not each.startswith("SELECT")])

        connection.set_trace_callback(heard)

    with issuing(folder) as world:
        claims = [world.claim() for _ in range(GRANTS)]
        base = folder / "base.sqlite"
        with closing(sqlite3.connect(str(world.issuer.engine.url.database))) as connection:
            connection.execute("VACUUM INTO ?", (str(base),))
        world.issuer.engine.dispose()
        event.listen(world.issuer.engine, "connect", trace)
        for number, claim in enumerate(claims):
            _grant(world, claim.id, actor(f"device-{number}"))
    return base, [each for each in done if each]


def _grant(world: World, claim: str, who: Actor) -> None:
    nonce = mint_nonce(world.issuer.keys.nonce, issuer=world.issuer.url, at=world.clock())
    grant(
        world.issuer,
        claim=claim,
        configuration=CONFIGURATIONS[PROVISIONING_CONFIGURATION],
        possessions=[Possession(who.did, nonce)],
        at=world.clock(),
    )


def counts(path: Path) -> Counts:
    """How many rows there are, of a sound database on the usual file system."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert not connection.execute("PRAGMA foreign_key_check").fetchall()
        return tuple(
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES
        )


def replay(
    path: Path, transactions: Sequence[Transaction], synchronous: str, checkpoint: int
) -> Iterator[None]:
    """Run them; one more is acknowledged with each that is yielded."""
    connection = apsw.Connection(str(path), vfs=VFS)
    try:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute(f"PRAGMA synchronous={synchronous}")
        assert connection.execute("PRAGMA journal_mode=WAL").get == "wal"
        connection.execute(f"PRAGMA wal_autocheckpoint={checkpoint}")
        for transaction in transactions:
            connection.execute("BEGIN IMMEDIATE")
            for statement in transaction:
                connection.execute(statement)
            connection.execute("COMMIT")
            yield
    finally:
        with suppress(PowerCutError, apsw.Error):
            connection.close()


def expected(folder: Path, base: Path, transactions: Sequence[Transaction]) -> list[Counts]:
    """How many rows there are after none of them, after the first, and so on."""
    path = folder / "expected.sqlite"
    shutil.copy(base, path)
    found = [counts(path)]
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for transaction in transactions:
            connection.execute("BEGIN")
            for statement in transaction:
                connection.execute(statement)
            connection.execute("COMMIT")
            found.append(counts(path))
    return found


def trial(
    folder: Path,
    base: Path,
    transactions: Sequence[Transaction],
    *,
    luck: random.Random,
    writes: int,
    synchronous: str,
) -> tuple[int, Path]:
    """Cut the power once; how many were acknowledged, and the database as it is left."""
    path = folder / "trial.sqlite"
    for leftover in folder.glob("trial.sqlite*"):
        leftover.unlink()
    shutil.copy(base, path)
    disk = Disk(cut_after=luck.randrange(writes))
    vfs = Forgetful(disk)
    acknowledged = 0
    with suppress(PowerCutError, apsw.IOError, apsw.FullError):
        for _ in replay(path, transactions, synchronous, luck.choice(CHECKPOINTS)):
            acknowledged += 1
    vfs.unregister()
    disk.lose(luck)
    return acknowledged, path


def cut_power(folder: Path, *, seed: int, times: int, synchronous: str = "FULL") -> str:
    """All trials; what to say when nothing that was acknowledged was lost."""
    base, transactions = record(folder)
    states = expected(folder, base, transactions)
    whole = folder / "whole.sqlite"
    shutil.copy(base, whole)
    disk = Disk()
    vfs = Forgetful(disk)
    assert len(list(replay(whole, transactions, synchronous, CHECKPOINTS[0]))) == len(transactions)
    vfs.unregister()
    luck = random.Random(seed)
    spread: list[int] = []
    for number in range(times):
        acknowledged, path = trial(
            folder,
            base,
            transactions,
            luck=luck,
            writes=disk.writes,
            synchronous=synchronous,
        )
        found = counts(path)
        allowed = states[acknowledged : acknowledged + 2]
        assert found in allowed, f"trial {number}: {acknowledged} acknowledged, {found} found"
        spread.append(acknowledged)
    return (
        f"{times} losses of power within {disk.writes} writes of {len(transactions)} transactions,"
        f" after {min(spread)} to {max(spread)} were acknowledged: each of those is there"
    )
