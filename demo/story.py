"""The story: devices are born, provisioned, registered and believed; impostors are turned away.

Each scene states what must come of it before it is played. A refusal has a twin: the same
request, repaired, which must be accepted; so a verifier that refuses everything fails the demo.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from demo.stage import Outcome

ACCEPTED = "accepted"

Act = Callable[[], Outcome]


@dataclass(frozen=True, slots=True)
class Result:
    """One request of the story and what came of it.

    Attributes:
        scene: What is tried.
        expected: ``accepted``, or the code of the refusal.
        got: What came of it.
        why: What the refusing side said.
        seconds: How long it took.
    """

    scene: str
    expected: str
    got: str
    why: str
    seconds: float
    data: dict[str, Any] = field(repr=False)

    @property
    def as_expected(self) -> bool:
        """Whether it went as it had to."""
        return self.got == self.expected


class Teller(Protocol):
    """Whoever watches: a person at a terminal, or nobody."""

    def chapter(self, title: str) -> None:
        """A new part of the story begins."""
        ...

    def result(self, result: Result) -> None:
        """One request is over."""
        ...


class Story:
    """Plays scenes one after the other and keeps their results."""

    def __init__(self, teller: Teller) -> None:
        self._teller = teller
        self.results: list[Result] = []

    def chapter(self, title: str) -> None:
        """Begin a new part."""
        self._teller.chapter(title)

    def accept(self, scene: str, act: Act) -> dict[str, Any]:
        """Play a scene that must be accepted; returns what it answered."""
        return self._play(scene, ACCEPTED, act).data

    def refuse(self, scene: str, code: str, act: Act, *, repaired: tuple[str, Act]) -> None:
        """Play a scene that must be refused with ``code``, and then its repaired twin."""
        self._play(scene, code, act)
        twin, good = repaired
        self._play(twin, ACCEPTED, good)

    def _play(self, scene: str, expected: str, act: Act) -> Result:
        start = time.monotonic()
        outcome = act()
        result = Result(
            scene, expected, outcome.code, outcome.why, time.monotonic() - start, outcome.data
        )
        self.results.append(result)
        self._teller.result(result)
        return result
