"""JSON parsed once, from bytes, strictly: what is signed is what was parsed.

Refused: text that is not UTF-8 or has a byte order mark, duplicate keys, floats, NaN and
infinities, integers of 2^53 or more, lone surrogates, nesting and size over the limit
(RFC 7493, I-JSON, and narrower).

What nobody signs as JSON, and what is ignored where it is not known, may hold other numbers:
``Numbers`` says which.
"""

import json
import re
from collections.abc import Callable
from enum import Enum
from math import isfinite
from typing import Final

import orjson

from did.errors import Invalid
from did.jcs import MAX_INTEGER, Json, JsonObject
from did.limits import LIMITS

# A string, or what of one there is before the text ends: were that no match, the search would begin
# again at each quote after it, and take time quadratic in the text.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?+', re.DOTALL)
_NO_BRACKETS = bytes(char for char in range(256) if char not in b"[]{}")
_WHOLE_FLOAT = re.compile(r"-?\d+\.0+", re.ASCII)
_NOT_CANONICAL: Json = object()  # type: ignore[assignment] # stands for no value
_INTEGER_DIGITS = len(str(MAX_INTEGER)) + 1  # a sign more


class Numbers(Enum):
    """Which numbers JSON text may hold."""

    INTEGERS = "integers below 2^53"
    WHOLE = "the same, also written as 5.0, and read as 5"
    ANY = "any that a float can hold, and read as one where it is no integer below 2^53"


def parse(
    data: bytes,
    *,
    max_bytes: int = LIMITS.json_bytes,
    max_depth: int = LIMITS.json_depth,
    numbers: Numbers = Numbers.INTEGERS,
) -> Json:
    """The value of JSON text ``data`` (UTF-8).

    Args:
        data: The text.
        max_bytes: The most bytes that are looked at.
        max_depth: How deep it may be nested.
        numbers: Which it may hold. ``WHOLE`` is for what is signed as text and becomes a document,
            since others write a NumericDate so (RFC 7519, section 2); ``ANY`` for messages of
            protocols in which what is not known is to be ignored.

    Raises:
        Invalid: ``json_too_large``, ``json_too_deep``, ``duplicate_key``, ``json_number`` (a float,
            or an integer out of range) or ``invalid_json``.
    """
    if len(data) > max_bytes:
        raise Invalid("json_too_large", f"JSON text is {len(data)} bytes; the limit is {max_bytes}")
    canonical = _parse_canonical(data, max_depth)
    if canonical is not _NOT_CANONICAL:
        return canonical
    _check_depth(data, max_depth)
    try:
        value: Json = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_float=_FLOATS[numbers],
            parse_constant=_refuse_float,
            parse_int=_any_integer if numbers is Numbers.ANY else _bounded_integer,
        )
    except UnicodeDecodeError as error:
        raise Invalid("invalid_json", "JSON text is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise Invalid(
            "invalid_json", f"text is not JSON, as of character {error.pos}: {error.msg}"
        ) from error
    _check_texts(value)
    return value


def parse_object(
    data: bytes,
    *,
    max_bytes: int = LIMITS.json_bytes,
    max_depth: int = LIMITS.json_depth,
    numbers: Numbers = Numbers.INTEGERS,
) -> JsonObject:
    """As ``parse``, for text whose value must be an object."""
    value = parse(data, max_bytes=max_bytes, max_depth=max_depth, numbers=numbers)
    if not isinstance(value, dict):
        raise Invalid("invalid_json", "JSON text is not an object")
    return value


def _parse_canonical(data: bytes, max_depth: int) -> Json:
    """The value of ``data`` if that is how it is written, and it is what may be written.

    Then no key is there twice, no surrogate is alone, and nothing is written in two ways. Most of
    what comes is so, since it was signed in this form; to find out is several times as fast as to
    parse with hooks, as all the rest is. ``orjson`` bounds its own nesting, at about a thousand.
    """
    try:
        value: Json = orjson.loads(data)
        again = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return _NOT_CANONICAL
    return value if again == data and _is_within(value, max_depth) else _NOT_CANONICAL


def _is_within(value: Json, depth: int) -> bool:
    """Whether numbers are integers in range, and nesting is no deeper than ``depth``."""
    # Plain loops: texts, which most values are, cost no call.
    kind = type(value)
    if kind is dict or kind is list:
        if depth == 0:
            return False
        for item in value.values() if kind is dict else value:  # type: ignore[union-attr]
            if type(item) is not str and not _is_within(item, depth - 1):
                return False
        return True
    if kind is int:
        return -MAX_INTEGER <= value <= MAX_INTEGER  # type: ignore[operator] # kind says int
    return kind is not float


def _unique(pairs: list[tuple[str, Json]]) -> JsonObject:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value] # add is None
        raise Invalid("duplicate_key", "a JSON object has a key twice", value=twice)
    return value


def _refuse_float(text: str) -> float:
    raise Invalid("json_number", "signed JSON holds no floats", value=text)


def _whole_float(text: str) -> float:
    if not _WHOLE_FLOAT.fullmatch(text):
        return _refuse_float(text)
    return _bounded_integer(text.partition(".")[0])


def _bounded_integer(text: str) -> int:
    if len(text) > _INTEGER_DIGITS or abs(int(text)) > MAX_INTEGER:
        raise Invalid("json_number", "a JSON integer is 2^53 or more", value=text)
    if text == "-0":
        raise Invalid("json_number", "JSON -0 has no canonical form here", value=text)
    return int(text)


def _any_integer(text: str) -> float:
    fits = len(text) <= _INTEGER_DIGITS and abs(int(text)) <= MAX_INTEGER
    return int(text) if fits else _finite_float(text)


def _finite_float(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise Invalid("json_number", "a JSON number is too large", value=text)
    return value


_FLOATS: Final[dict[Numbers, Callable[[str], float]]] = {
    Numbers.INTEGERS: _refuse_float,
    Numbers.WHOLE: _whole_float,
    Numbers.ANY: _finite_float,
}


def _check_depth(data: bytes, max_depth: int) -> None:
    """Refuse deep nesting before a parser recurses into it.

    How deep is too deep for the parser depends on the interpreter's recursion limit, which any
    library may raise until the stack itself overflows.
    """
    if data.count(b"[") + data.count(b"{") <= max_depth:
        return
    depth = 0
    for bracket in _STRING.sub(b"", data).translate(None, _NO_BRACKETS):
        if bracket in b"[{":
            depth += 1
            if depth > max_depth:
                raise Invalid("json_too_deep", f"JSON is nested deeper than {max_depth}")
        else:
            depth -= 1


def _check_texts(value: Json) -> None:
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_text(key)
            _check_texts(item)
    elif isinstance(value, list):
        for item in value:
            _check_texts(item)


def _check_text(text: str) -> None:
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise Invalid("invalid_json", "JSON text holds a lone surrogate") from error
