"""Headers that several nodes agree on: the newest block that a quorum of them has.

1. All nodes are asked, at the same time, for their newest block of a finality. The hash of each is
   recomputed.
2. What a quorum has is sought among them (``ledger.ethereum.quorum``); to that end some are asked
   for their block at the height of another one's newest.
3. Once a quorum has a block, and nobody shows a newer one, that is it: whoever is slow or dead is
   not waited for. Where somebody shows a newer one, the others get half a second to confirm it. Who
   shows a lower one is compared with the quorum's block at that height, which nobody waits for.
4. A quorum that holds only because some are far behind is no answer: the block is one that somebody
   withholds the successors of. So many nodes as may fail (all but a quorum) may be ahead of it or
   silent; where more are, that is ``ledger_node_behind``, and says who is behind.

With fewer answers than a quorum it is ``ledger_no_quorum``; with enough, but no common block,
``ledger_nodes_disagree``. A node that fails, shows another block than the quorum, or is far behind
it, is named in the warnings of ``Nodes`` while the others are a quorum.

What is *not* caught: a quorum of nodes that lie together. Nodes that one company runs are one
opinion.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from did.errors import KeybornError, Unavailable, Undecided
from did.resolution import Finality
from ledger.ethereum.header import Header
from ledger.ethereum.headers import block_by_number
from ledger.ethereum.node import Node
from ledger.ethereum.nodes import Nodes
from ledger.ethereum.quorum import (
    ahead,
    behind,
    dissent,
    having,
    lower,
    newest,
    split,
    stand,
)

PATIENCE: Final = 0.5
TOLERANCE: Final = {
    # Seconds of block time. Five slots; and twice an epoch, in which finality moves, and a bit.
    Finality.LATEST: 60,
    Finality.SAFE: 900,
    Finality.FINALIZED: 900,
}

_STEP: Final = "agree on a block header"
_RETRY: Final = 5  # seconds
_UNFINISHED: Final = 2  # answers that one node may owe before it is asked no more


class QuorumHeaders:
    """The newest blocks that a quorum of nodes has. Safe for use by several threads.

    Args:
        nodes: Whom to ask. Those that have the block are asked first from then on.
        quorum: How many must have it. With half of them or fewer, two quorums can contradict.
        patience: Seconds for which a newer block than the agreed one waits for confirmation.
    """

    def __init__(self, nodes: Nodes, quorum: int, *, patience: float = PATIENCE) -> None:
        self._nodes = nodes
        self._quorum = quorum
        self._patience = patience
        self._calls = _Calls()
        self._finalized: Header | None = None

    def header(self, finality: Finality) -> Header:
        """The newest block of this finality that a quorum has.

        What was final once is final for good: an older answer, of nodes that lag, does not replace
        a newer one.

        Raises:
            Undecided: ``ledger_no_quorum``, ``ledger_nodes_disagree``, ``ledger_node_behind``.
        """
        agreed = _Poll(self._nodes, self._quorum, finality, self._calls).result(self._patience)
        if finality is not Finality.FINALIZED:
            return agreed
        with self._calls.changed:
            if self._finalized is None or self._finalized.number <= agreed.number:
                self._finalized = agreed
            return self._finalized

    def settle(self) -> None:
        """Wait until each node has answered or failed, so that the warnings are complete."""
        self._calls.settle()

    def close(self) -> None:
        """Warn of nothing more: calls that still go on fail as their connections are closed."""
        self._calls.closed = True


class _Calls:
    """Calls that go on beside each other, each on a thread that holds up no exit.

    Attributes:
        changed: Held while an outcome is delivered, and notified after it.
        closed: Whether nobody wants to hear of late outcomes.
    """

    def __init__(self) -> None:
        self.changed: Final = threading.Condition(threading.RLock())
        self.closed = False
        self._unfinished: Counter[str] = Counter()

    def start(
        self, node: Node, block: Finality | int, deliver: Callable[[Header | Exception], None]
    ) -> None:
        """Ask ``node`` for a block, and ``deliver`` what comes of it."""

        def run() -> None:
            outcome: Header | Exception
            try:
                outcome = block_by_number(node, block)
            except Exception as error:  # noqa: BLE001 - raised by whoever waits for it
                outcome = error
            with self.changed:
                self._unfinished[node.name] -= 1
                deliver(outcome)
                self.changed.notify_all()

        with self.changed:
            self._unfinished[node.name] += 1
        threading.Thread(target=run, name=f"ask {node.name}", daemon=True).start()

    def busy(self, node: Node) -> bool:
        """Whether ``node`` owes so many answers that it is not asked any more."""
        return self._unfinished[node.name] >= _UNFINISHED

    def settle(self) -> None:
        """Wait until none goes on. Each has its deadline."""
        with self.changed:
            self.changed.wait_for(lambda: not self._unfinished.total())


class _Poll:
    """One finality, asked of all nodes, and what has come of it so far."""

    def __init__(self, nodes: Nodes, quorum: int, finality: Finality, calls: _Calls) -> None:
        self._nodes = nodes
        self._by_name = {node.name: node for node in nodes.in_turn()}
        self._quorum = quorum
        self._finality = finality
        self._tolerance = TOLERANCE[finality]
        self._calls = calls
        self._shown: dict[str, dict[int, Header]] = {}
        self._failed: dict[str, KeybornError] = {}
        self._broken: Exception | None = None
        self._asked: set[tuple[str, Finality | int]] = set()
        self._open = 0
        self._agreed: Header | None = None

    def result(self, patience: float) -> Header:
        """The newest block that a quorum has, once it is known."""
        soon = time.monotonic() + patience
        with self._calls.changed:
            for name, node in self._by_name.items():
                if self._calls.busy(node):
                    self._failed[name] = _unanswered(name)
                else:
                    self._ask(name, self._finality)
            while True:
                standing = stand(self._shown, self._quorum, self._failed)
                for question in standing.questions:
                    self._ask(*question)
                pause = self._pause(standing.agreed, soon)
                if pause == 0 and standing.agreed is not None:
                    break
                self._calls.changed.wait(pause)
                if self._broken is not None:
                    raise self._broken
            self._agreed = standing.agreed
            self._nodes.prefer(having(self._shown, self._agreed))
            self._review()
            return self._agreed

    def _review(self) -> None:
        """Remark on all; and see whether who is lower is on the same chain. Waits for nothing."""
        assert self._agreed is not None
        if self._finality is Finality.LATEST:
            agreeing = having(self._shown, self._agreed)
            for height in lower(self._shown, self._agreed):
                self._ask(agreeing[0], height)
        for name in self._by_name:
            self._remark(name)

    def _ask(self, name: str, block: Finality | int) -> None:
        if (name, block) in self._asked:
            return
        self._asked.add((name, block))
        self._open += 1

        def deliver(outcome: Header | Exception) -> None:
            self._open -= 1
            if isinstance(outcome, Header):
                self._shown.setdefault(name, {})[outcome.number] = outcome
            elif isinstance(outcome, KeybornError):
                self._failed[name] = outcome
            else:
                self._broken = outcome
            if self._agreed is not None and not self._calls.closed:  # nobody waits for it
                self._review()

        self._calls.start(self._by_name[name], block, deliver)

    def _pause(self, agreed: Header | None, soon: float) -> float | None:
        """Seconds to wait for more, None without end; 0 where ``agreed`` is the answer."""
        if agreed is None:
            if self._open:
                return None
            raise self._nothing()
        if all(newest(blocks).number <= agreed.number for blocks in self._shown.values()):
            return 0
        left = soon - time.monotonic()
        if self._open and left > 0:
            return left
        leaders = ahead(self._shown, agreed, self._tolerance)
        silent = len(self._by_name) - len(self._shown)
        if not leaders or len(leaders) + silent <= len(self._by_name) - self._quorum:
            return 0
        if self._open:
            return None
        raise self._withheld(leaders)

    def _remark(self, name: str) -> None:
        """Warn of a node that does not fit with what was agreed, or take an older warning back."""
        node, topic, agreed = self._by_name[name], f"its {self._finality} block", self._agreed
        assert agreed is not None
        if name in self._failed:
            self._nodes.failed(node, topic, self._failed[name])
        elif name in self._shown and (parted := dissent(self._shown, agreed, name)) is not None:
            self._nodes.warn(
                name,
                topic,
                "ledger_nodes_disagree",
                f"{name} shows block {_told(parted[0])}, where a quorum has {_told(parted[1])}",
            )
        elif name in ahead(self._shown, agreed, self._tolerance):
            self._nodes.warn(
                name,
                topic,
                "ledger_nodes_disagree",
                f"{name} shows block {_told(newest(self._shown[name]))}, which is far ahead of "
                f"what a quorum has: {_told(agreed)}",
            )
        elif name in behind(self._shown, agreed, self._tolerance):
            self._nodes.warn(
                name,
                topic,
                "ledger_node_behind",
                f"{name} is behind: its newest block is {_told(newest(self._shown[name]))}, "
                f"{agreed.time - newest(self._shown[name]).time} s older than what a quorum has",
            )
        elif name in self._shown:
            self._nodes.served(node, topic)

    def _nothing(self) -> Undecided:
        """Why no block is agreed on, now that all have answered or failed."""
        parted = split(self._shown)
        failures = [f"; {error.message}" for error in self._failed.values()]
        if len(self._shown) < self._quorum or parted is None:
            return Undecided(
                "ledger_no_quorum",
                f"{len(self._shown)} of {len(self._by_name)} nodes show their {self._finality} "
                f"block, and {self._quorum} must{''.join(failures)}",
                step=_STEP,
                hint="See that the nodes run and their addresses are right, then repeat.",
                retry_after=_RETRY,
            )
        shown = ", ".join(f"{name} shows {_told(header)}" for name, header in parted.items())
        return Undecided(
            "ledger_nodes_disagree",
            f"no block is that of {self._quorum} nodes: {shown}{''.join(failures)}",
            step=_STEP,
            hint="Repeat it: the newest blocks may differ for moments. If it stays, one of the "
            "nodes is on a chain of its own, or lies; compare the hash with a block explorer's.",
            retry_after=_RETRY,
        )

    def _withheld(self, leaders: list[str]) -> Undecided:
        """A quorum agrees on an old block alone: who is behind."""
        leader = max(
            ((newest(self._shown[name]), name) for name in leaders), key=lambda one: one[0].time
        )
        late = [
            f"{name} is {leader[0].time - newest(blocks).time} s behind"
            for name, blocks in self._shown.items()
            if name not in leaders
        ]
        late += [error.message for error in self._failed.values()]
        return Undecided(
            "ledger_node_behind",
            f"{leader[1]} shows block {_told(leader[0])}, and too few others confirm it: "
            f"{'; '.join(late)}",
            step=_STEP,
            hint="Repeat it; if it stays, that node is not in step with its chain, or withholds "
            "the newest blocks: replace it.",
            retry_after=_RETRY,
        )


def _unanswered(name: str) -> Unavailable:
    return Unavailable(
        "ledger_unreachable",
        f"the Ethereum node at {name} still owes the answers to what it was asked before",
        step=_STEP,
        hint="Check that it runs and that its address is right, then repeat.",
    )


def _told(header: Header) -> str:
    return f"{header.number} (0x{header.hash.hex()})"
