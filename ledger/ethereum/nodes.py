"""Several nodes of one chain: which is asked next, and what is wrong with whom.

What one node fails in, or lies about, another one is asked for; that the log can be read all the
same is no reason to keep silent about it, so it is logged, and kept for whoever asks.
"""

import logging
import threading
from collections.abc import Callable, Collection, Sequence
from typing import Final, TypeVar

from did.errors import Invalid, KeybornError, Unavailable
from ledger.ethereum.node import Node
from ledger.log import SourceWarning

_log: Final = logging.getLogger(__name__)

_Answer = TypeVar("_Answer")
_Error = TypeVar("_Error", bound=KeybornError)


class Nodes:
    """At least one node, each of another name. Safe for use by several threads.

    Args:
        nodes: In the order in which they are asked, until one of them is found wanting.
    """

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._order = list(nodes)
        self._lock = threading.Lock()
        # What is wrong now, by node and by what it was asked for.
        self._warnings: dict[tuple[str, str], SourceWarning] = {}

    def in_turn(self) -> tuple[Node, ...]:
        """All of them, first the one to be asked first."""
        with self._lock:
            return tuple(self._order)

    def prefer(self, names: Collection[str]) -> None:
        """Ask these before the others."""
        with self._lock:
            self._order.sort(key=lambda node: node.name not in names)

    def pass_over(self, node: Node) -> None:
        """Ask this one last."""
        with self._lock:
            self._order.remove(node)
            self._order.append(node)

    def first(self, topic: str, ask: Callable[[Node], _Answer]) -> _Answer:
        """What the first node gives that does not fail.

        Args:
            topic: What they are asked for, in words.
            ask: The question, with all the checks of its answer.

        Raises:
            KeybornError: What ``ask`` raised, where all of them fail: a lie before a silence.
        """
        failures: list[KeybornError] = []
        for node in self.in_turn():
            try:
                answer = ask(node)
            except (Invalid, Unavailable) as error:
                failures.append(self.failed(node, topic, error))
            else:
                self.served(node, topic)
                return answer
        raise worst(failures)

    def failed(self, node: Node, topic: str, error: _Error) -> _Error:
        """Keep in mind that ``node`` failed, and ask it last; ``error``, with its name in it."""
        self.pass_over(node)
        blame(error, node)
        self.warn(node.name, topic, error.code, error.message)
        return error

    def served(self, node: Node, topic: str) -> None:
        """Take back what was wrong with ``node`` in this."""
        with self._lock:
            over = self._warnings.pop((node.name, topic), None)
            well = not any(name == node.name for name, _ in self._warnings)
        if over is not None and well:
            _log.info("%s serves again", node.name)

    def warn(self, name: str, topic: str, code: str, message: str) -> None:
        """Keep in mind what is wrong with the node of this name, and log it where it is new."""
        with self._lock:
            known = any(
                (each.source, each.code) == (name, code) for each in self._warnings.values()
            )
            self._warnings[name, topic] = SourceWarning(name, code, message)
        if not known:
            _log.warning("%s [%s]", message, code)

    def warnings(self) -> tuple[SourceWarning, ...]:
        """What is wrong with whom now: once for each node and code."""
        with self._lock:
            found = {(each.source, each.code): each for each in self._warnings.values()}
        return tuple(found[key] for key in sorted(found))


def blame(error: _Error, node: Node) -> _Error:
    """The same error, naming the node where it does not name it yet."""
    if node.name not in error.message:
        error.message = f"{node.name}: {error.message}"
    return error


def worst(failures: Sequence[KeybornError]) -> KeybornError:
    """The failure that says most: what is wrong tells more than what is not there."""
    return next((each for each in failures if isinstance(each, Invalid)), failures[0])
