"""One tree of errors for the whole system.

::

    KeybornError
    ├── Invalid      malformed, or a proof that does not hold        HTTP 400   exit 1
    ├── Refused      well formed and proven, but policy says no      HTTP 403   exit 1
    ├── Undecided    could not be found out; never to be accepted    HTTP 503   exit 3
    ├── Conflict     contradicts what is already recorded            HTTP 409   exit 1
    └── Unavailable  a part that is needed does not answer           HTTP 503   exit 3
        └── Busy     it answers, and has too much to do already      HTTP 429   exit 3

An error carries a stable ``code`` for machines, a message that names the cause, the ``step``
that failed, a ``hint`` (the next thing to do) and, where it helps and is no secret, the
offending ``value``. The HTTP status and the exit code are decided in one place each
(``keyborn.problem`` and ``keyborn.cli``); the code that raises knows neither.
"""

from typing import Final

from did.next_steps import NEXT_STEPS

_SHOWN: Final = 120  # characters of an offending value that an error repeats
_SAID: Final = 200  # characters of what a library says


class KeybornError(Exception):
    """The root of the tree; raise one of its branches."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        step: str | None = None,
        hint: str | None = None,
        value: object = None,
        retry_after: int | None = None,
    ) -> None:
        """Describe one failure.

        Args:
            code: Stable, machine-readable, lower snake case.
            message: One sentence that names the cause. Holds no secret.
            step: The step of the surrounding procedure that failed.
            hint: The next thing that the reader can do about it; left out, the usual one for
                ``code``, if there is one (``did.next_steps``).
            value: What offended, if it is no secret; shown shortened.
            retry_after: Seconds after which a repetition may succeed.
        """
        super().__init__(message)
        self.code = code
        self.message = message
        self.step = step
        self.hint = NEXT_STEPS.get(code) if hint is None else hint
        self.value = value
        self.retry_after = retry_after

    def __str__(self) -> str:
        """One line: step, message, value, code."""
        step = f"{self.step}: " if self.step else ""
        value = f" (got {shorten(self.value)})" if self.value is not None else ""
        return f"{step}{self.message}{value} [{self.code}]"

    def again(self) -> "KeybornError":
        """The same error for somebody else, who may write into it what it is about."""
        same = type(self).__new__(type(self), *self.args)
        same.__dict__.update(self.__dict__)
        return same

    def at(self, step: str) -> "KeybornError":
        """The same error, with ``step`` filled in where the raiser did not know it."""
        if self.step is None:
            self.step = step
        return self


class Invalid(KeybornError):  # noqa: N818 - named as in the design; the tree's root says Error
    """Malformed input, or a proof that does not hold."""


class Refused(KeybornError):  # noqa: N818 - as Invalid
    """Well formed and proven, but policy says no."""


class Undecided(KeybornError):  # noqa: N818 - as Invalid
    """Could not be found out. Never treated as acceptance."""


class Conflict(KeybornError):  # noqa: N818 - as Invalid
    """Contradicts what is already recorded."""


class Unavailable(KeybornError):  # noqa: N818 - as Invalid
    """A part that is needed does not answer."""


class Busy(Unavailable):
    """A part that is needed has too much to do; ``retry_after`` says when to come again."""


def shorten(value: object) -> str:
    """``value`` as a printable literal of bounded length, safe in a terminal and in a log."""
    text = value if isinstance(value, str) else repr(value)
    shown = ascii(text[:_SHOWN])
    return shown if len(text) <= _SHOWN else f"{shown}… ({len(text)} characters)"


def said_by(error: Exception) -> str:
    """What a library says of a failure, for use in a message of ours.

    It may repeat what it was given, of whatever length and with whatever in it: so it is cut, and
    what does not print is escaped.
    """
    text = str(error)[:_SAID]
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
