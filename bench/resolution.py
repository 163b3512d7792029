"""``make bench-resolution``: resolutions per second, beside npm's ``ethr-did-resolver``.

Both ask the same anvil in the same run, one resolution after the other, from the question to the
DID document. Ours are of a device that was registered (theirs: one attribute), and of one with
twenty operations (twenty attributes); each operation is in a block of its own. They are resolved

* from an index that is in step, with no network;
* from that index, with the newest heads asked for and proven each time, as a decision does;
* straight from the node with no index: heads proven, all entries fetched, the state rebuilt in
  memory. That takes longer the longer the log is, so longer logs are measured too;
* the same by way of a temporary index, as a command does that resolves once.

Rates are per second of wall time. Nothing has a floor: what counts is the ratios.
"""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import click
import orjson

from bench.fleet import CREATES_PER_BATCH, Progress, honest_log, make_fleet
from bench.local import LocalLog
from bench.table import Row, bar, report
from bench.written import start_log, write_log
from did.document import document
from did.errors import Invalid, Unavailable
from did.identifier import GENESIS_BYTES, Genesis, KeybornDid
from did.keys import PublicKey, SigningKey
from keyborn.output import json_option
from ledger.ethereum.anvil import FINALITY_DEPTH, AnvilNode, running_anvil
from ledger.ethereum.deploy import Deployment
from ledger.ethereum.ledger import EthereumLedger
from ledger.ethereum.source import EthereumLog
from ledger.index import Index
from ledger.operations import Batch, Create, decode_batch, encode_batch, operation_hash, sign_update
from ledger.reader import LogReader
from ledger.replay import rebuild

MANY: Final = 20  # operations, or attributes
LONG: Final = 100  # entries of the longer log with one device each
WIDE: Final = 10  # entries of the one with 2,000 each

_HOUR: Final = 3_600  # blocks come when they are mined, and at no other time
_NODE_SECONDS: Final = 600
_SCRIPT: Final = Path(__file__).with_name("ethr.mjs")


@click.command()
@click.option(
    "--resolutions",
    type=click.IntRange(1, 100_000),
    default=300,
    show_default=True,
    help="How many are measured of each kind.",
)
@json_option
def resolution(*, resolutions: int, as_json: bool) -> None:
    """Measure resolutions, ours beside those of ethr-did-resolver."""
    title = "Resolutions, one after the other, on the same anvil"
    report(title, lambda: measure(resolutions), as_json=as_json)


def measure(count: int) -> list[Row]:
    """All of it: so many resolutions of each kind."""
    with running_anvil(block_seconds=_HOUR) as anvil:
        theirs = _theirs(anvil, count)
        rows: list[Row] = []
        for label, name, operations in (
            ("one operation", "one", 1),
            (f"{MANY} operations", "many", MANY),
        ):
            with bar(label, 4 * count) as progress:
                ours = _ours(anvil, operations, count, progress)
            rows += _beside(label, ours, theirs[name], theirs[f"{name}_tuned"])
        for label, entries, devices in (
            (f"{LONG} entries of one device", LONG, 1),
            (f"{WIDE} entries of {CREATES_PER_BATCH:,} devices", WIDE, CREATES_PER_BATCH),
        ):
            fleet = make_fleet(entries * devices, lambda _: None)
            size = devices * GENESIS_BYTES
            batches = [
                batch
                for start in range(0, len(fleet), size)
                for batch in honest_log(fleet[start : start + size], ())
            ]
            with bar(label, count) as progress:
                rate = _other_log(anvil, batches, count, progress)
            rows.append(Row(f"a log of {label}: ours from the node, no index", rate, "per s"))
    return rows


@dataclass(frozen=True, slots=True)
class Question:
    """What is resolved, how many operations that must find, how often, and who is told of it."""

    did: KeybornDid
    operations: int
    count: int
    progress: Progress

    def ask(self, reader: LogReader) -> None:
        """Resolve it once, up to the document."""
        resolution = reader.resolve(self.did)
        resolution.document()
        self.check(resolution.versions[-1].number)

    def check(self, number: int) -> None:
        """See that the newest version is the one that was written last."""
        if number != self.operations - 1:
            raise Invalid("bench_wrong_state", "the device is not as it was written")

    def rate(self, once: Callable[[], None]) -> float:
        """How often ``once`` is done in a second."""
        once()  # the first one opens connections
        start = time.perf_counter()
        for _ in range(self.count):
            once()
            self.progress(1)
        return self.count / (time.perf_counter() - start)


@dataclass(frozen=True, slots=True)
class Rates:
    """Of ours, resolutions per second."""

    index: float
    proven: float
    node: float
    temporary: float


def _ours(anvil: AnvilNode, operations: int, count: int, progress: Progress) -> Rates:
    """Of a device with so many operations, alone on a log."""
    deployed, ledger = start_log(anvil)
    did, batches = _life(operations, ledger.log_id)
    _write(anvil, ledger, batches)

    question = Question(did, operations, count, progress)
    source = _source(anvil, deployed)
    with tempfile.TemporaryDirectory(prefix="keyborn-bench-") as folder:
        path = Path(folder) / "index.sqlite"
        with LogReader(source, Index.open(path, source.log_id)) as reader:
            heads = reader.sync()
            proven = question.rate(lambda: question.ask(reader))
        # The heads are known, so that no entry is asked for: there is no such file.
        local = LocalLog(Path(folder) / "entries", source.log_id, heads)
        with LogReader(local, Index.open(path, source.log_id)) as reader:
            return Rates(
                index=question.rate(lambda: question.ask(reader)),
                proven=proven,
                node=_without_index(anvil, deployed, question),
                temporary=question.rate(lambda: _at_once(anvil, deployed, question)),
            )


def _without_index(anvil: AnvilNode, deployed: Deployment, question: Question) -> float:
    id_ = question.did.id

    def once() -> None:
        source = _source(anvil, deployed)
        state = rebuild(source, source.log_id, source.heads().latest).states([id_])[id_]
        question.check(state.number)
        document(question.did, None if state.key is None else PublicKey(state.key))

    return question.rate(once)


def _at_once(anvil: AnvilNode, deployed: Deployment, question: Question) -> None:
    source = _source(anvil, deployed)
    with LogReader(source, Index.temporary(source.log_id)) as reader:
        question.ask(reader)


def _other_log(anvil: AnvilNode, batches: Sequence[bytes], count: int, progress: Progress) -> float:
    """Resolutions of the first device of a log, with no index."""
    deployed, ledger = start_log(anvil)
    _write(anvil, ledger, batches)
    did = KeybornDid(decode_batch(batches[0]).creates[0].id)
    return _without_index(anvil, deployed, Question(did, 1, count, progress))


def _write(anvil: AnvilNode, ledger: EthereumLedger, batches: Sequence[bytes]) -> None:
    """Append each in a block of its own, and mine until that is final."""
    for batch in batches:
        write_log(anvil, ledger, [batch], lambda _: None)
    anvil.mine(FINALITY_DEPTH + 1)


def _source(anvil: AnvilNode, deployed: Deployment) -> EthereumLog:
    return EthereumLog(anvil.node, deployed.pin, first_block=deployed.block_number)


def _life(operations: int, log_id: bytes) -> tuple[KeybornDid, list[bytes]]:
    """A device, and the batches of its creation and rotations, one each."""
    keys = [SigningKey.generate() for _ in range(operations + 1)]
    genesis = Genesis.of(keys[0].public_key(), keys[1].public_key())
    batches = [Batch(creates=(Create(genesis),))]
    prev = genesis.id
    for reveal, following in pairwise(keys[1:]):
        update = sign_update(
            reveal, log_id=log_id, id_=genesis.id, prev=prev, next_key=following.public_key()
        )
        prev = operation_hash(update, log_id=log_id, prev=prev)
        batches.append(Batch(updates=(update,)))
    return KeybornDid(genesis.id), [encode_batch(batch) for batch in batches]


def _beside(label: str, ours: Rates, theirs: float, tuned: float) -> list[Row]:
    return [
        Row(f"{label}: ours from the index, no network", ours.index, "per s"),
        Row(f"{label}: ours from the index, heads proven", ours.proven, "per s"),
        Row(f"{label}: ours from the node, no index", ours.node, "per s"),
        Row(f"{label}: ours from the node, temporary index", ours.temporary, "per s"),
        Row(f"{label}: theirs, as its README has it", theirs, "per s"),
        Row(f"{label}: theirs, no waiting and no cache", tuned, "per s"),
        *(
            Row(f"{label}: {how}, to their best", rate / max(theirs, tuned), "times")
            for how, rate in (
                ("index, no network", ours.index),
                ("index, heads proven", ours.proven),
                ("no index", ours.node),
            )
        ),
    ]


def _theirs(anvil: AnvilNode, count: int) -> dict[str, float]:
    node = shutil.which("node")
    if node is None:
        raise Unavailable(
            "bench_node_missing",
            "Node.js is not installed",
            step="measure ethr-did-resolver",
            hint="Install it, and run `npm ci` in the project's folder.",
        )
    with bar("ethr-did-resolver", 1) as progress:
        run = subprocess.run(  # noqa: S603 - our own script
            [node, str(_SCRIPT), anvil.url, str(count), str(MANY)],
            capture_output=True,
            text=True,
            timeout=_NODE_SECONDS,
            check=False,
        )
        progress(1)
    if run.returncode:
        raise Unavailable(
            "bench_node_failed",
            "the script that drives ethr-did-resolver failed",
            step="measure ethr-did-resolver",
            hint=run.stderr.strip()[-400:] or None,
        )
    found: dict[str, float] = orjson.loads(run.stdout)
    return found


if __name__ == "__main__":
    resolution(prog_name="bench.resolution")
