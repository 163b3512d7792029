"""What a check came to, and how an attempt becomes one."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from did.errors import KeybornError, Unavailable, Undecided


class Verdict(StrEnum):
    """How a check ended; in rising order of gravity."""

    OK = "ok"
    WARNING = "warning"  # it works, and may not do what is expected
    UNKNOWN = "unknown"  # could not be found out
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        subject: What it was.
        verdict: How it ended.
        message: What was found, in one sentence.
        code: As an error for the same reason has; None where all is well.
        hint: The next thing to do; None where there is none.
    """

    subject: str
    verdict: Verdict
    message: str
    code: str | None = None
    hint: str | None = None


def attempt(subject: str, try_it: Callable[[], str | Check]) -> Check:
    """What comes of ``try_it``: what it tells, or the error that it ends with."""
    try:
        told = try_it()
    except KeybornError as error:
        return failed(subject, error)
    return told if isinstance(told, Check) else Check(subject, Verdict.OK, told)


def failed(subject: str, error: KeybornError) -> Check:
    """The check that ended with ``error``."""
    open_ = isinstance(error, Undecided | Unavailable)
    verdict = Verdict.UNKNOWN if open_ else Verdict.WRONG
    return Check(subject, verdict, error.message, error.code, error.hint)


def worst(checks: Iterable[Check]) -> Verdict:
    """The gravest of the verdicts."""
    order = list(Verdict)
    return max((check.verdict for check in checks), key=order.index, default=Verdict.UNKNOWN)


def as_lines(checks: Iterable[Check]) -> str:
    """Checks for people: a line for each, and one for what to do next."""
    lines = []
    for check in checks:
        code = "" if check.code is None else f" [{check.code}]"
        lines.append(f"{check.verdict:<8} {check.subject}: {check.message}{code}")
        if check.hint is not None:
            lines.append(f"{'':<8} next: {check.hint}")
    return "\n".join(lines)
