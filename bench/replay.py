"""``make bench-replay``: a million devices on a log, replayed by who trusts one block hash.

1. Build the creates of all devices and the rotations of one in a hundred, with real keys.
2. Write them to ``DidLog`` on anvil, in real transactions of 2,000 creates or 700 rotations.
3. Take one block hash. Its header is recomputed, the heads are proven under it, the entries are
   fetched into a file.
4. From that file rebuild the state in memory, and then the durable index; each in a process of
   its own. Both recompute the head, which must be the proven one.

All of it twice: with honest operations alone, and with garbage among them. At the end, what one
operation of each kind of garbage costs. Exits with 1 where a floor is missed.
"""

import multiprocessing
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

import click
from rich.console import Console

from bench.fleet import (
    DEVICES_PER_ROTATION,
    Garbage,
    batches_of,
    garbage,
    honest_log,
    ids_of,
    littered_log,
    make_fleet,
    rotations,
)
from bench.phases import Expected, Indexed, Kinds, Rebuilt, measure_index, measure_rebuild
from bench.table import Row, bar, report
from bench.written import fetch_log, start_log, write_log
from did.identifier import GENESIS_BYTES
from keyborn.output import json_option
from ledger.ethereum.anvil import running_anvil

# The most that a million devices may take.
STATE: Final = 5.0  # seconds of one core
INDEX: Final = 20.0  # seconds of one core
DISK: Final = 400.0  # bytes per device

_HOUR: Final = 3_600  # blocks come when they are mined, and at no other time
_MB: Final = 1_000_000

_Given = ParamSpec("_Given")
_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class Measured:
    """One log: seconds to write it and to fetch it, and what its replays took."""

    written: float
    fetched: float
    rebuilt: Rebuilt
    indexed: Indexed


@click.command()
@click.option(
    "--devices",
    type=click.IntRange(2_000, 10_000_000),
    default=1_000_000,
    show_default=True,
    help="How many are created; one in a hundred rotates.",
)
@json_option
def replay(*, devices: int, as_json: bool) -> None:
    """Measure how fast, and how small, a log of many devices is replayed."""
    title = f"{devices:,} creates and {-(-devices // DEVICES_PER_ROTATION):,} rotations"
    report(title, lambda: measure(devices), as_json=as_json)


def measure(devices: int) -> list[Row]:
    """All of it, on logs of so many devices."""
    with bar("make keys", devices) as progress:
        fleet = make_fleet(devices, progress)
    with tempfile.TemporaryDirectory(prefix="keyborn-bench-") as folder:
        honest = _log(fleet, Path(folder) / "honest", with_garbage=False)
        littered = _log(fleet, Path(folder) / "garbage", with_garbage=True)
    return [
        *_rows("honest", honest, devices),
        *_rows("with garbage", littered, devices),
        *_cost_rows(honest),
    ]


def _log(fleet: bytes, folder: Path, *, with_garbage: bool) -> Measured:
    """Write one log and measure its replay. Each has a chain of its own."""
    folder.mkdir()
    label = folder.name
    with running_anvil(block_seconds=_HOUR) as anvil:
        deployed, ledger = start_log(anvil)
        updates = rotations(len(fleet) // GENESIS_BYTES, ledger.log_id)
        litter = garbage(fleet, ledger.log_id)
        batches = list(
            littered_log(fleet, updates, litter) if with_garbage else honest_log(fleet, updates)
        )
        start = time.perf_counter()
        with bar(f"write the log, {label}", len(batches)) as progress:
            block_hash = write_log(anvil, ledger, batches, progress)
        written = time.perf_counter() - start
        start = time.perf_counter()
        with bar(f"fetch the log, {label}", len(batches)) as progress:
            local = fetch_log(anvil, deployed, block_hash, folder / "entries", progress)
        fetched = time.perf_counter() - start
    expected = Expected(ids_of(fleet), [update.id for update in updates])
    # Their cost is measured where nothing like them was replayed before: keys are checked once.
    kinds = {} if with_garbage else _kinds(litter)
    rebuilt = _apart(f"state in memory, {label}", measure_rebuild, local, expected, kinds)
    path = folder / "index.sqlite"
    indexed = _apart(f"durable index, {label}", measure_index, local, path, expected, kinds)
    return Measured(written, fetched, rebuilt, indexed)


def _kinds(litter: Garbage) -> Kinds:
    return {
        "a repeated create": batches_of(litter.repeats),
        "an update with a wrong commitment": batches_of(litter.wrong_commitments),
        "a rotation with a wrong signature": batches_of(litter.wrong_signatures),
        "an honest rotation, beside them": batches_of(litter.honest),
    }


def _apart(
    label: str,
    measure: Callable[_Given, _Found],
    *args: _Given.args,
    **kwargs: _Given.kwargs,
) -> _Found:
    """What ``measure`` returns, run in a fresh process."""
    context = multiprocessing.get_context("spawn")
    with (
        Console(stderr=True).status(label),
        ProcessPoolExecutor(max_workers=1, mp_context=context) as pool,
    ):
        return pool.submit(measure, *args, **kwargs).result()


def _rows(log: str, measured: Measured, devices: int) -> list[Row]:
    rebuilt, indexed = measured.rebuilt.spent, measured.indexed
    return [
        Row(f"{log}: written through anvil", measured.written, "s wall"),
        Row(f"{log}: fetched under one block hash", measured.fetched, "s wall"),
        Row(f"{log}: state in memory", rebuilt.cpu, "s CPU", STATE),
        Row(f"{log}: state in memory", rebuilt.wall, "s wall"),
        Row(f"{log}: state in memory, peak of the process", rebuilt.peak / _MB, "MB"),
        Row(f"{log}: durable index", indexed.spent.cpu, "s CPU", INDEX),
        Row(f"{log}: durable index", indexed.spent.wall, "s wall"),
        Row(f"{log}: durable index, peak of the process", indexed.spent.peak / _MB, "MB"),
        Row(f"{log}: index on disk, per device", indexed.size / devices, "bytes", DISK),
        Row(
            f"{log}: the same while open, with its WAL", indexed.open_size / devices, "bytes", DISK
        ),
        Row(f"{log}: resolutions from the index, no network", indexed.resolutions, "per CPU s"),
    ]


def _cost_rows(measured: Measured) -> list[Row]:
    memory, index = measured.rebuilt.costs, measured.indexed.costs
    return [
        Row(f"{kind}, {where}", costs[kind], "us CPU")
        for kind in memory
        for where, costs in (("memory", memory), ("index", index))
    ]


if __name__ == "__main__":
    replay(prog_name="bench.replay")
