"""TOML text read with its nesting bounded.

The standard library's reader recurses into arrays and inline tables until the interpreter stops
it, takes time quadratic in the parts of a dotted key, and leaves integers of any length to
``int``. So nesting is measured first: of brackets, and of dotted keys.
"""

import re
import tomllib
from typing import Any, Final

from did.errors import Invalid, said_by

DEPTH: Final = 16  # of brackets, or of parts of one key

# What brackets and dots say nothing in: strings, each up to its end or that of the text, comments.
_QUOTED: Final = re.compile(
    r'"""(?:[^"\\]++|\\.|"(?!""))*+(?:""")?+'
    r'|"(?:[^"\\\n]++|\\.)*+"?+'
    r"|'''(?:[^']++|'(?!''))*+(?:''')?+"
    r"|'[^'\n]*+'?+"
    r"|\#[^\n]*+",
    re.DOTALL,
)
_BRACKETS: Final = re.compile(r"[\[\]{}]")
_LONG_KEY: Final = re.compile(rf"(?<![\w-])(?:[\w-]++[ \t]*+\.[ \t]*+){{{DEPTH}}}")


def parse_toml(text: str) -> dict[str, Any]:
    """The document that TOML ``text`` is.

    Raises:
        Invalid: ``invalid_toml``: not TOML, or nested more than ``DEPTH`` deep.
    """
    _check_depth(_QUOTED.sub("_", text))
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _invalid(said_by(error)) from error
    except ValueError as error:  # of int, which takes so many digits and no more
        raise _invalid("a number in it is too long") from error


def _check_depth(bare: str) -> None:
    depth = 0
    for bracket in _BRACKETS.finditer(bare):
        depth += 1 if bracket[0] in "[{" else -1
        if depth > DEPTH:
            break
    if depth > DEPTH or _LONG_KEY.search(bare):
        raise _invalid(f"it is nested more than {DEPTH} deep")


def _invalid(what: str) -> Invalid:
    return Invalid("invalid_toml", what, hint="check the text; it must be TOML 1.0")
