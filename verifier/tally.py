"""How a verifier decided, as numbers: by outcome and by the code of the error."""

import threading
from collections import Counter
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, Final, ParamSpec, Protocol, TypeVar

from did.errors import KeybornError
from verifier.decision import Outcome, outcome_of

CODES: Final = 200  # that are told apart: some are what a ledger or an issuer says of itself
OTHER: Final = "other"

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Tally:
    """Counts of this process since its start; safe between threads."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._decided: Counter[tuple[Outcome, str]] = Counter()
        self._challenges = 0

    def challenge(self) -> None:
        """Count a challenge that was made."""
        with self._turn:
            self._challenges += 1

    def accepted(self) -> None:
        """Count an answer that admitted a device."""
        self._count(Outcome.HELD, "")

    def failed(self, error: KeybornError, times: int = 1) -> None:
        """Count answers that ended with ``error``."""
        self._count(outcome_of(error), error.code, times)

    def read(self) -> tuple[int, dict[tuple[str, str], int]]:
        """How many challenges were made; how many answers there were by outcome and code."""
        with self._turn:
            decided = {
                ("accepted" if outcome is Outcome.HELD else outcome.value, code): count
                for (outcome, code), count in self._decided.items()
            }
            return self._challenges, decided

    def _count(self, outcome: Outcome, code: str, times: int = 1) -> None:
        with self._turn:
            known = (outcome, code) in self._decided or len(self._decided) < CODES
            self._decided[outcome, code if known else OTHER] += times


class Counted(Protocol):
    """What decides, and has its decisions counted."""

    @property
    def tally(self) -> Tally:
        """Where."""
        ...


_Self = TypeVar("_Self", bound=Counted)


def counted(
    decide: Callable[Concatenate[_Self, _P], _T],
) -> Callable[Concatenate[_Self, _P], _T]:
    """A method that decides on one answer: it returns for a device, and raises for none."""

    @wraps(decide)
    def counting(self: _Self, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            device = decide(self, *args, **kwargs)
        except KeybornError as error:
            self.tally.failed(error)
            raise
        self.tally.accepted()
        return device

    return counting
