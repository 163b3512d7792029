"""What is measured of a replay; each part in a process of its own, so that its memory is its own.

Times are CPU seconds (user and system) of the one thread that does the work, and wall seconds.
"""

import random
import re
import resource
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.local import LocalLog
from did.errors import Invalid
from did.identifier import GENESIS_BYTES, KeybornDid
from ledger.index import Index
from ledger.operations import unpack_batch
from ledger.reader import LogReader
from ledger.replay import rebuild
from ledger.state import DidState
from ledger.states import States, bring_forward

RESOLUTIONS: Final = 2_000  # at most; of fewer devices, for one in ten

Kinds = Mapping[str, Sequence[bytes]]  # by its name, batches of one kind of operation


@dataclass(slots=True)
class Spent:
    """What a part took: CPU seconds, wall seconds, and bytes of memory at the peak."""

    cpu: float = 0.0
    wall: float = 0.0
    peak: int = 0


@dataclass(frozen=True, slots=True)
class Expected:
    """What must come out: the ids of all devices, and of those that rotated once."""

    devices: Sequence[bytes]
    rotated: Sequence[bytes]

    def check(self, rotated: Mapping[bytes, DidState]) -> None:
        """Return if each of those that rotated is at its version 1."""
        if {id_: state.number for id_, state in rotated.items()} != dict.fromkeys(self.rotated, 1):
            raise _wrong()


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A state in memory: what it took, and then microseconds for one operation of each kind."""

    spent: Spent
    costs: dict[str, float]


@dataclass(frozen=True, slots=True)
class Indexed:
    """A durable index.

    Attributes:
        spent: What it took.
        costs: Microseconds of CPU for one further operation of each kind, before the commit.
        size: Its bytes when it is closed.
        open_size: Its bytes before, with the write-ahead log that the replay left.
        resolutions: So many per CPU second, from it.
    """

    spent: Spent
    costs: dict[str, float]
    size: int
    open_size: int
    resolutions: float


def measure_rebuild(log: LocalLog, expected: Expected, kinds: Kinds) -> Rebuilt:
    """The state of every DID in memory, from the batches in a file; then the cost of ``kinds``."""
    with _spending() as spent:
        states = rebuild(log, log.log_id, log.newest.latest)
    if len(states) != len(expected.devices):
        raise _wrong()
    expected.check(states.states(expected.rotated))
    return Rebuilt(spent, _each(states, log, kinds))


def measure_index(log: LocalLog, path: Path, expected: Expected, kinds: Kinds) -> Indexed:
    """The same, durable: a reader's first sync, committed. Then resolutions of random devices.

    A resolution is all of ``LogReader.resolve`` and the DID document, where the source has the
    heads at hand: no network, no cache of ours; two read transactions on the index.
    """
    index = Index.open(path, log.log_id)
    with LogReader(log, index) as reader:
        with _spending() as spent:
            reader.sync()
        open_size = _size(path)
        chance = random.Random(3)  # noqa: S311 - the same ones each time
        some = min(RESOLUTIONS, len(expected.devices) // 10)
        chosen = [KeybornDid(id_) for id_ in chance.choices(expected.devices, k=some)]
        with _spending() as resolving:
            for did in chosen:
                reader.resolve(did).document()
        with index.reading() as view:
            expected.check(view.states(expected.rotated))
    size = _size(path)
    with Index.open(path, log.log_id) as index, index.writing() as writer:
        costs = _each(writer, log, kinds)
    return Indexed(spent, costs, size, open_size, some / resolving.cpu)


def _each(states: States, log: LocalLog, kinds: Kinds) -> dict[str, float]:
    costs = {}
    sequence = log.newest.latest.sequence
    for kind, batches in kinds.items():
        count = 0
        with _spending() as spent:
            for batch in batches:
                sequence += 1
                packed = unpack_batch(batch)
                bring_forward(states, sequence, packed, log.log_id)
                count += len(packed.creates) // GENESIS_BYTES + len(packed.updates)
        costs[kind] = spent.cpu / count * 1_000_000
    return costs


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*"))


@contextmanager
def _spending() -> Iterator[Spent]:
    spent = Spent()
    cpu, wall = time.thread_time(), time.perf_counter()
    yield spent
    spent.cpu, spent.wall = time.thread_time() - cpu, time.perf_counter() - wall
    spent.peak = _peak()


def _peak() -> int:
    """The most bytes of memory that this process had at once."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux counts the parent in ``ru_maxrss``
        found = re.search(r"^VmHWM:\s+(\d+) kB$", status.read_text(), re.MULTILINE)
        assert found is not None
        return int(found[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _wrong() -> Invalid:
    return Invalid("bench_wrong_state", "the replayed state is not the one that was written")
