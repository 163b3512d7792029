"""What an OAuth error says in its one text, and how that is read again (RFC 6749, section 5.2).

Our services put into it what happened, our code for that, and what to do next:
``the code has expired [code_expired]; ask for another``.
"""

import re
from typing import Final

from did.errors import KeybornError

_TOLD: Final = re.compile(
    r"(?P<message>.{1,400}) \[(?P<code>[a-z0-9_]{1,64})\](?:; (?P<hint>.{1,400}))?"
)


def description(error: KeybornError) -> str:
    """``error`` as one text, in the characters that are allowed there."""
    text = f"{error.message} [{error.code}]"
    if error.hint:
        text += f"; {error.hint}"
    allowed = text.replace('"', "'").replace("\\", "/").encode("ascii", "replace").decode()
    return "".join(each if each.isprintable() else "?" for each in allowed)


def explained(error: KeybornError, *, hint: str | None) -> KeybornError:
    """``error``, made of an answer, as whoever answered means it, if it was one of our services.

    ``hint`` is what to do, if that is known, where neither it nor the error itself says.
    """
    told = _TOLD.fullmatch(error.message)
    if told is not None:
        error.message, error.code = told["message"], told["code"]
        error.hint = told["hint"] or error.hint
    error.hint = error.hint or hint
    return error
