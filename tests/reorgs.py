"""A chain that is reorganised under a running registrar and reader, and what must hold then."""

import json
import random
import secrets
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from actors import actor
from eth_account import Account
from mirrors import sequences
from mortal import Service
from operations import Life

from ledger.account import read_account
from ledger.ethereum.anvil import AnvilNode, running_anvil
from ledger.ethereum.deploy import deploy
from ledger.ethereum.ledger import EthereumLedger
from ledger.mirror.folder import FolderEntries
from ledger.network import Network, load_network, open_reader, write_network
from ledger.operations import Operation, decode_batch
from ledger.reader import LogReader
from ledger.registrar.client import RegistrarClient
from ledger.registrar.messages import State

EPOCH: Final = 32  # anvil's default: safe is 32 deep, and final 64
FINAL: Final = 2 * EPOCH
BEAT: Final = 0.1  # seconds between two blocks, at the least, and so many times that at the most
IDLE: Final = 5
PATIENCE: Final = 180.0
HOUR: Final = 3_600


class Chain:
    """A node whose blocks come by themselves while ``beating``, and at no other time."""

    def __init__(self, anvil: AnvilNode) -> None:
        self.anvil = anvil
        self._turn = threading.Lock()

    def mine(self, blocks: int = 1) -> None:
        with self._turn:
            self.anvil.mine(blocks)

    @contextmanager
    def beating(self) -> Iterator[None]:
        """A block now and then, and sooner if a transaction waits for one."""
        stopping = threading.Event()

        def beat() -> None:
            idle = 0
            while not stopping.wait(BEAT):
                idle += 1
                if idle == IDLE or self.waiting():
                    self.mine()
                    idle = 0

        thread = threading.Thread(target=beat)
        thread.start()
        try:
            yield
        finally:
            stopping.set()
            thread.join()

    def reorg(self, depth: int, *, when: Callable[[], bool] = lambda: True) -> bool:
        """Replace the newest blocks, if ``when`` holds, and add one, later than those."""
        with self._turn:
            if not when():
                return False
            newest = self.block("latest")
            self.anvil.reorg(depth)
            # anvil sets its clock back to the block that it goes on from; a chain's goes on.
            self.anvil.node.call("evm_setNextBlockTimestamp", int(newest["timestamp"], 16) + 1)
            self.anvil.mine()
        return True

    def block(self, tag: str) -> dict[str, Any]:
        found: Any = self.anvil.node.call("eth_getBlockByNumber", tag, False)
        return found

    def entries_in(self, depth: int, contract: str) -> int:
        """How many entries the newest so many blocks hold."""
        first = max(0, int(self.block("latest")["number"], 16) - depth + 1)
        criteria = {"address": contract, "fromBlock": hex(first), "toBlock": "latest"}
        logs: Any = self.anvil.node.call("eth_getLogs", criteria)
        return len(logs)

    def waiting(self) -> int:
        """How many transactions wait for a block."""
        pool: Any = self.anvil.node.call("txpool_status")
        return int(pool["pending"], 16)


class Follower:
    """``keyborn ledger follow`` in a process of its own, and what it says."""

    def __init__(self, *words: str | Path) -> None:
        self.events: list[dict[str, Any]] = []
        self._news = threading.Condition()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "keyborn", *map(str, words), "--json"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self._thread = threading.Thread(target=self._read, args=(self._process.stdout,))
        self._thread.start()

    def _read(self, stdout: IO[str]) -> None:
        for line in stdout:
            with self._news:
                self.events.append(json.loads(line))
                self._news.notify_all()

    def until(self, what: Callable[[list[dict[str, Any]]], Any]) -> None:
        """Return once ``what`` holds of all that was said."""
        with self._news:
            assert self._news.wait_for(lambda: what(self.events), PATIENCE), self.events[-5:]

    def at(self, sequence: int) -> bool:
        """Whether this is the newest entry that it has seen."""
        heads = [event["latest"] for event in self.events if event["event"] == "heads"]
        return bool(heads) and heads[-1]["sequence"] == sequence

    def until_final(self, sequence: int) -> None:
        """Return once it has seen this entry final, and no later one."""
        self.until(
            lambda said: any(
                event["event"] == "heads"
                and event["finalized"]["sequence"] == event["latest"]["sequence"] == sequence
                for event in said[-1:]
            )
        )

    def end(self, how: signal.Signals | None) -> tuple[int, str]:
        """Its exit code, and what it said on stderr; ended by a signal, or by itself."""
        if how is not None:
            self._process.send_signal(how)
        code = self._process.wait(PATIENCE)
        self._thread.join()
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._process.stdout.close()
        with self._process.stderr as stderr:
            return code, stderr.read()

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self.end(None)


@dataclass
class Stage:
    """A chain, its log, a registrar and a follower, each a process; all that they keep in files."""

    folder: Path
    chain: Chain
    registrar: Service
    contract: str
    handed_in: list[Operation] = field(default_factory=list)
    follower: Follower = field(init=False)

    @property
    def network(self) -> Network:
        return load_network(self.folder / "network.toml")

    @property
    def index(self) -> Path:
        return self.folder / "index.sqlite"

    @property
    def mirror(self) -> Path:
        return self.folder / "mirror"

    @property
    def words(self) -> tuple[str | Path, ...]:
        return (
            "ledger",
            "follow",
            "--network",
            self.folder / "network.toml",
            "--index",
            self.index,
        )

    def entries(self) -> int:
        """How many are on the log."""
        return self.chain.entries_in(10**6, self.contract)

    def submit(self, operations: list[Operation]) -> list[bytes]:
        """Hand operations to the registrar, several at a time, in no order; their hashes."""
        with RegistrarClient(self.registrar.url) as client, ThreadPoolExecutor(8) as pool:
            hashes = [status.operation for status in pool.map(client.submit, operations)]
        self.handed_in += operations
        return hashes

    def until_all_are(self, operations: list[bytes], *states: State) -> None:
        """Return once the registrar has said so of all of these, which may be asked for again."""
        left = list(operations)
        deadline = time.monotonic() + PATIENCE
        with RegistrarClient(self.registrar.url) as client:
            while left:
                if client.status(left[-1]).state in states:
                    left.pop()
                else:
                    assert time.monotonic() < deadline, (
                        f"{len(left)} are not {states}; there are {self.entries()} entries, and "
                        f"{self.chain.waiting()} transactions wait; the follower has said\n"
                        f"{self.follower.events[-3:]}\nand the registrar\n{self.registrar.said(20)}"
                    )
                    time.sleep(BEAT)


@contextmanager
def stage(folder: Path, *, batch_size: int) -> Iterator[Stage]:
    """All of it, running, on a chain with anvil's default finality."""
    with ExitStack() as stack:
        anvil = stack.enter_context(running_anvil(block_seconds=HOUR, epoch_slots=EPOCH))
        key = folder / "key"
        key.touch(mode=0o600)
        key.write_text(secrets.token_hex(32))
        account = Account.from_key(key.read_text())
        anvil.fund(account.address)
        made = deploy(anvil.node, account, pause=anvil.mine)
        anvil.mine(FINAL + 1)
        given = folder / "given.toml"
        write_network(
            given, Network(made.pin, "http://127.0.0.1:1", (anvil.url,), made.block_number)
        )
        registrar = stack.enter_context(
            Service(
                *("ledger", "serve", "--dir", folder / "registrar", "--network", given),
                *("--key-file", key, "--network-out", folder / "network.toml"),
                *("--batch-size", str(batch_size), "--batch-time", "0.05"),
                faults=folder / "faults",
            )
        )
        registrar.start()
        found = Stage(folder, Chain(anvil), registrar, made.pin.contract)
        found.follower = Follower(*found.words, "--mirror-out", found.mirror, "--poll", "0.5")
        stack.callback(found.follower.close)
        found.follower.until(bool)
        yield found


def storm(stage: Stage, depth: int, count: int, dice: random.Random) -> str:
    """Reorganise the chain so deep, with so many operations in flight, and see that all is well."""
    began = time.monotonic()
    log_id = stage.network.log_id
    lives = [Life(actor(f"{dice.random()}"), log_id) for _ in range(count - count // 3)]
    before = stage.entries()
    said = len(stage.follower.events)
    with stage.chain.beating():
        hashes = stage.submit([life.create() for life in lives])
        rotated = dice.sample(lives, count // 3)
        hashes += stage.submit([life.rotate() for life in rotated])
        start = before + dice.randint(1, 3)
        deadline = time.monotonic() + PATIENCE
        taken: list[int] = []

        def ready() -> bool:
            """Enough is on the chain, some of it in these blocks, and the reader has seen it."""
            taken[:] = [stage.chain.entries_in(depth, stage.contract)]
            return taken[0] > 0 and (at := stage.entries()) >= start and stage.follower.at(at)

        while not stage.chain.reorg(depth, when=ready):
            assert time.monotonic() < deadline
            time.sleep(BEAT)
        stage.until_all_are(hashes, State.ON_LOG, State.FINALIZED)
    stage.chain.mine(FINAL + 1)
    stage.until_all_are(hashes, State.FINALIZED)
    entries = stage.entries()
    stage.follower.until_final(entries)
    assert all(event["event"] != "alarm" for event in stage.follower.events)
    gone = [e for e in stage.follower.events[said:] if e["event"] == "reorganised"]
    rolled_back = [event["from"]["sequence"] - event["common"] for event in gone]
    assert sum(rolled_back) >= taken[0]
    assert_all_is_well(stage, lives)
    return (
        f"depth {depth:>2}: {count} operations in {entries - before} entries, {taken[0]} taken "
        f"away; the reader rolled back {rolled_back}; {time.monotonic() - began:.1f} s"
    )


def assert_all_is_well(stage: Stage, lives: list[Life]) -> None:
    """Nothing lost, nothing twice, and the index as one that never saw a reorganisation."""
    handed_in = sorted(map(repr, stage.handed_in))
    with open_reader(stage.network, stage.folder / "scratch.sqlite") as scratch:
        heads = scratch.sync()
        kept = FolderEntries(stage.mirror, scratch.log_id).entries(1, heads.latest.sequence)
        on_log = [o for entry in kept for o in decode_batch(entry.batch).operations]
        assert sorted(map(repr, on_log)) == handed_in
        assert sequences(stage.mirror) == list(range(1, heads.latest.sequence + 1))
        for life in lives:
            assert scratch.state(life.current.id) == life.current
    fresh, followed = (content(stage.folder / "scratch.sqlite"), content(stage.index))
    for path in stage.folder.glob("scratch.sqlite*"):
        path.unlink()
    assert fresh.keys() == followed.keys()
    for name, rows in fresh.items():
        assert rows == followed[name], f"the table {name} is not the same"


def content(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every table of an index, but for what it found wrong on its way.

    Of the heads not the times and the blocks: these are of the moment at which somebody looked.
    """
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        names = {name for (name,) in tables} - {"findings"}
        columns = dict.fromkeys(names, "*") | {"heads": "finality, sequence, head"}
        return {
            name: sorted(database.execute(f"SELECT {columns[name]} FROM {name}"), key=repr)
            for name in names
        }


def break_finality(stage: Stage) -> None:
    """Reorganise what was final, and put another entry in the place of one that was."""
    chain = stage.chain
    stage.registrar.stop()
    final = stage.follower.events[-1]["finalized"]["sequence"]
    newest = int(chain.block("latest")["number"], 16)
    depth = 1
    while not chain.entries_in(depth, stage.contract):
        depth += 1
    assert FINAL < depth < newest
    chain.reorg(depth)
    network = stage.network
    writer = EthereumLedger(
        chain.anvil.node,
        network.pin,  # type: ignore[arg-type]
        sender=read_account(stage.folder / "key"),
        first_block=network.first_block,
    )
    while writer.heads().latest.sequence < final:
        writer.submit(writer.prepare(b"another past"))
        chain.mine()
    chain.mine(FINAL + 1)


def open_index(stage: Stage) -> LogReader:
    """A reader of the very index that the follower writes."""
    return open_reader(stage.network, stage.index)
