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
from did.identifier import KeybornDid
from ledger.index import Index
from ledger.operations import PackedBatch, unpack_batch
from ledger.reader import LogReader
from ledger.replay import rebuild
from ledger.states import States, apply_batch

RESOLUTIONS: Final = 2_000


@dataclass(slots=True)
class Spent:
    """What a part took: CPU seconds, wall seconds, and bytes of memory at the peak."""

    cpu: float = 0.0
    wall: float = 0.0
    peak: int = 0


@dataclass(frozen=True, slots=True)
class Indexed:
    """A durable index.

    Attributes:
        spent: What it took.
        size: Its bytes when it is closed.
        open_size: Its bytes before, with the write-ahead log that the replay left.
        resolutions: So many per CPU second, from it.
    """

    spent: Spent
    size: int
    open_size: int
    resolutions: float


def measure_rebuild(log: LocalLog, devices: int, rotated: Sequence[bytes]) -> Spent:
    """The state of every DID in memory, from the batches in a file; with what must come out."""
    with _spending() as spent:
        states = rebuild(log, log.log_id, log.newest.latest)
    found = states.states(rotated).values()
    _check(len(states), devices, [state.number for state in found], rotated)
    return spent


def measure_index(
    log: LocalLog, path: Path, devices: Sequence[bytes], rotated: Sequence[bytes]
) -> Indexed:
    """The same, durable: a reader's first sync, committed. Then resolutions of random devices.

    A resolution is all of ``LogReader.resolve`` and the DID document, where the source has the
    heads at hand: no network, no cache of ours; two read transactions on the index.
    """
    with LogReader(log, Index.open(path, log.log_id)) as reader:
        with _spending() as spent:
            reader.sync()
        open_size = _size(path)
        chance = random.Random(3)  # noqa: S311 - the same ones each time
        chosen = [KeybornDid(id_) for id_ in chance.choices(devices, k=RESOLUTIONS)]
        with _spending() as resolving:
            for did in chosen:
                reader.resolve(did).document()
        states = [reader.state(id_) for id_ in rotated]
    _check(
        len(devices), len(devices), [-1 if one is None else one.number for one in states], rotated
    )
    return Indexed(spent, _size(path), open_size, RESOLUTIONS / resolving.cpu)


def measure_kinds_in_memory(
    log: LocalLog, kinds: Mapping[str, Sequence[bytes]]
) -> dict[str, float]:
    """Microseconds of CPU for one operation of each kind, on the whole state in memory."""
    return _each(rebuild(log, log.log_id, log.newest.latest), log, kinds)


def measure_kinds_in_index(
    log: LocalLog, path: Path, kinds: Mapping[str, Sequence[bytes]]
) -> dict[str, float]:
    """The same on a durable index of the log, before it is committed."""
    with Index.open(path, log.log_id) as index, index.writing() as writer:
        return _each(writer, log, kinds)


def _each(states: States, log: LocalLog, kinds: Mapping[str, Sequence[bytes]]) -> dict[str, float]:
    costs = {}
    sequence = log.newest.latest.sequence
    for kind, batches in kinds.items():
        count = 0
        with _spending() as spent:
            for batch in batches:
                sequence += 1
                packed = unpack_batch(batch)
                apply_batch(states, sequence, packed, log.log_id)
                count += _count(packed)
        costs[kind] = spent.cpu / count * 1_000_000
    return costs


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*"))


def _count(batch: PackedBatch) -> int:
    return len(batch.born()) + len(batch.updates)


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


def _check(found: int, devices: int, numbers: Sequence[int], rotated: Sequence[bytes]) -> None:
    """What was replayed is what was written: each device, and each rotation once."""
    if found != devices or list(numbers) != [1] * len(rotated):
        raise Invalid("bench_wrong_state", "the replayed state is not the one that was written")
