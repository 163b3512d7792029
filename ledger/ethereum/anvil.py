"""A real Ethereum node for demos, tests and development: ``anvil``, from npm.

It has no accounts of its own, so no key that everybody knows owns anything; a fresh key is funded
with ``AnvilNode.fund``. It is a devnet: whoever reaches its port can do anything to its chain. It
listens on the loopback interface alone.
"""

import queue
import shutil
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from did.errors import Unavailable
from ledger.ethereum.node import Node

CHAIN_ID: Final = 31_337
BLOCK_SECONDS: Final = 1
FINALITY_DEPTH: Final = 2  # blocks from the newest to the finalised one, with one slot an epoch

_READY: Final = "Listening on "
_START_SECONDS: Final = 30
_STOP_SECONDS: Final = 20
_LINES_KEPT: Final = 20


@dataclass(frozen=True, slots=True)
class AnvilNode:
    """A running devnet.

    Attributes:
        url: Where its JSON-RPC is.
        node: A connection to it.
    """

    url: str
    node: Node

    def mine(self, blocks: int = 1) -> None:
        """Mine blocks now, empty but for what waits."""
        self.node.call("anvil_mine", hex(blocks))

    def reorg(self, depth: int) -> None:
        """Replace the newest ``depth`` blocks by empty ones; what they held is gone."""
        self.node.call("anvil_reorg", depth, [])

    def fund(self, address: str, wei: int = 10**20) -> None:
        """Set what ``address`` (``0x…``) owns, and mine until that is final."""
        self.node.call("anvil_setBalance", address, hex(wei))
        # The balance is put into the newest block's state behind the back of its header, so
        # nothing can be proven under that block any more.
        self.mine(FINALITY_DEPTH + 1)


def find_anvil(path: Path | None = None) -> Path:
    """The ``anvil`` binary: ``path``, or npm's, or the one on ``PATH``.

    npm's is looked for in ``node_modules`` in the working directory, in the directories above it,
    and beside this project's sources. It is the binary itself, not npm's script around it, so that
    a signal reaches it.

    Raises:
        Unavailable: ``anvil_missing``.
    """
    if path is not None:
        found = [path] if path.is_file() else []
    else:
        here = Path.cwd()
        project = Path(__file__).parents[2]
        found = [
            binary
            for folder in (here, *here.parents, project)
            for binary in sorted((folder / "node_modules").glob("@foundry-rs/anvil-*/bin/anvil*"))
        ]
        on_path = shutil.which("anvil")
        if not found and on_path is not None:
            found = [Path(on_path)]
    if not found:
        raise Unavailable(
            "anvil_missing",
            "anvil, the Ethereum node for development, is not installed",
            step="start the Ethereum devnet",
            hint="Run `npm ci` in the project's folder.",
            value=None if path is None else str(path),
        )
    return found[0]


@contextmanager
def running_anvil(
    *,
    path: Path | None = None,
    port: int = 0,
    state: Path | None = None,
    block_seconds: int = BLOCK_SECONDS,
    epoch_slots: int = 1,
) -> Iterator[AnvilNode]:
    """A devnet that runs as long as the context does: Osaka rules, finality two blocks deep.

    Args:
        path: The binary, if it is not to be looked for.
        port: TCP port on the loopback interface; 0 is one that is free.
        state: A file that keeps the chain from one run to the next. Written at the end.
        block_seconds: Time between blocks.
        epoch_slots: Blocks of an epoch: so many deep is safe, and twice as many is final. What is
            said here of finality is so with 1.

    Raises:
        Unavailable: ``anvil_missing``, ``anvil_failed``.
    """
    command = [
        str(find_anvil(path)),
        *("--host", "127.0.0.1", "--port", str(port), "--chain-id", str(CHAIN_ID)),
        *("--hardfork", "osaka", "--enable-tx-gas-limit", "--accounts", "0"),
        *("--block-time", str(block_seconds), "--slots-in-an-epoch", str(epoch_slots)),
    ]
    if state is not None:
        # Heads are proven at finalised blocks, so their states must outlive a restart too.
        command += ["--state", str(state), "--preserve-historical-states"]
    # A session of its own: an interrupt at the terminal reaches us first, and we end it in order.
    process = subprocess.Popen(  # noqa: S603 - our own command line
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        with _drained(process) as address:
            url = f"http://{address}"
            with Node(url) as node:
                if node.call("eth_blockNumber") == "0x0":
                    # The contract takes the hash of the block before its own, and a node estimates
                    # gas as if in its newest block: the first one has none before it.
                    node.call("anvil_mine", "0x1")
                yield AnvilNode(url=url, node=node)
    finally:
        _stop(process)


@contextmanager
def _drained(process: subprocess.Popen[str]) -> Iterator[str]:
    """Reads all that anvil prints, since a full pipe would stop it; yields where it listens."""
    output = process.stdout
    assert output is not None
    lines: deque[str] = deque(maxlen=_LINES_KEPT)
    ready: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    reader = threading.Thread(target=_read, args=(output, lines, ready), daemon=True)
    reader.start()
    try:
        try:
            address = ready.get(timeout=_START_SECONDS)
        except queue.Empty:
            address = None
        if address is None:
            raise Unavailable(
                "anvil_failed",
                "anvil did not start",
                step="start the Ethereum devnet",
                hint="Is its port taken? What it printed last is shown.",
                value=" ".join(line.strip() for line in lines if line.strip())[-120:],
            )
        yield address
    finally:
        _stop(process)
        reader.join()
        output.close()


def _read(output: IO[str], lines: deque[str], ready: queue.SimpleQueue[str | None]) -> None:
    for line in output:
        lines.append(line)
        if line.startswith(_READY):
            ready.put(line.removeprefix(_READY).strip())
    ready.put(None)


def _stop(process: subprocess.Popen[str]) -> None:
    """An interrupt, on which it writes its state; then no mercy."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
