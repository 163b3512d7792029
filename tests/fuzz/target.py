"""What is fuzzed: a parser, the law that what it reads must keep, and seeds that it reads."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from did.errors import Invalid, KeybornError
from keyborn import problem

SEPARATOR: Final = b"\0\xff\0"  # between the parts of an input that is put together
_SAID: Final = 1_500  # characters of an error as it is shown
_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")


class Broken(AssertionError):  # noqa: N818 - a law that is broken, no error of ours
    """A law does not hold."""


@dataclass(frozen=True, slots=True)
class Target:
    """One parser of bytes from outside.

    Attributes:
        read: Takes the bytes; refuses them with one of ``refusals``, or gives what they are.
        law: What must hold of the bytes and of what they are; whatever it raises is a finding.
        seeds: Inputs, by name, that ``read`` takes.
        refusals: How ``read`` may refuse.
        max_bytes: The most that is tried.
        words: What the format is made of, for the fuzzer to put in.
    """

    read: Callable[[bytes], Any]
    law: Callable[[bytes, Any], None]
    seeds: Callable[[], Mapping[str, bytes]]
    refusals: tuple[type[KeybornError], ...] = (Invalid,)
    max_bytes: int = 4_096
    words: Iterable[bytes] = ()


def taken(target: Target, data: bytes) -> bool:
    """Whether the parser takes ``data``; raises anything else than a refusal, ``Broken`` included.

    A refusal is looked at too: it must be of a kind that is due, and fit to be shown and sent.
    """
    try:
        value = target.read(data)
    except target.refusals as error:
        check_refusal(error)
        return False
    try:
        target.law(data, value)
    except KeybornError as error:
        raise Broken(f"what was read is refused afterwards: {error}") from error
    return True


def check_refusal(error: KeybornError) -> None:
    """Fail unless the error can be printed on one line, is short, and can be sent as JSON."""
    said = str(error)
    holds(len(said) <= _SAID, f"an error has {len(said)} characters")
    holds(said.isprintable(), "an error does not print on one line", said)
    holds(bool(_CODE.fullmatch(error.code)), "an error has no code", error.code)
    orjson.dumps(problem.details(error, 400))


def holds(condition: bool, law: str, *shown: object) -> None:  # noqa: FBT001 - as assert takes it
    """Fail unless ``condition``."""
    if not condition:
        raise Broken(law, *shown)


def same(one: object, other: object, law: str) -> None:
    """Fail unless both are equal."""
    holds(type(one) is type(other) and one == other, law, one, other)


def refused(call: Callable[..., object], *args: Any, law: str, **named: Any) -> None:
    """Fail unless the call raises ``Invalid``."""
    try:
        found = call(*args, **named)
    except Invalid:
        return
    raise Broken(law, found)


def only_invalid(call: Callable[..., object], *args: Any) -> None:
    """Make the call, which may refuse; whatever else it raises is a finding."""
    try:
        call(*args)
    except Invalid as error:
        check_refusal(error)


def text_of(data: bytes) -> str:
    """``data`` as a command's argument comes to Python: what is no UTF-8 is a lone surrogate."""
    return data.decode("utf-8", "surrogateescape")


def utf8_of(data: bytes) -> str:
    """``data`` as the text of a file, as whoever loads one has it."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Invalid("not_utf8", "the file is not UTF-8") from error


def parts_of(data: bytes, count: int) -> list[bytes]:
    """``data`` at its separators: so many parts, empty where it has fewer."""
    found = data.split(SEPARATOR, count - 1)
    return found + [b""] * (count - len(found))


def joined(*parts: bytes) -> bytes:
    """The input with these parts."""
    return SEPARATOR.join(parts)
