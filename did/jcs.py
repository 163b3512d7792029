"""The JSON Canonicalization Scheme, RFC 8785.

``orjson`` with sorted keys writes the same bytes as RFC 8785 when every key is ASCII (so that
code-point order is UTF-16 order), every integer is below 2^53 in magnitude and there is no
float. That is all of this project's own documents; everything else goes to ``rfc8785``, which
also serves the property tests as oracle.
"""

from collections.abc import Iterable, Mapping, Sequence

import orjson
import rfc8785

from did.errors import Invalid, said_by

Json = Mapping[str, "Json"] | Sequence["Json"] | str | int | float | bool | None
JsonObject = dict[str, "Json"]

MAX_INTEGER = 2**53 - 1
_MAX_DEPTH = 128


def canonicalize(value: Json) -> bytes:
    """``value`` as the UTF-8 bytes of RFC 8785.

    Raises:
        Invalid: ``not_canonicalizable`` for what JSON cannot hold: NaN, an infinity, an integer of
            2^53 or more, a lone surrogate, a key that is not a string, nesting without end.
    """
    try:
        if _is_plain(value, _MAX_DEPTH):
            return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        _check_depth(value, _MAX_DEPTH)
        return rfc8785.dumps(value)
    except (ValueError, orjson.JSONEncodeError) as error:  # that of int too, for many digits
        raise Invalid(
            "not_canonicalizable", f"value has no canonical JSON form: {said_by(error)}"
        ) from error


def _is_plain(value: Json, depth: int) -> bool:
    # Plain loops, in which texts cost no call: this goes through all that is signed or verified.
    kind = type(value)
    if kind is dict or kind is list:
        if depth == 0:
            raise _too_deep()
        items: Iterable[Json] = value  # type: ignore[assignment] # kind says list
        if kind is dict:
            for key in value:  # type: ignore[union-attr] # kind says dict
                if type(key) is not str or not key.isascii():
                    return False
            items = value.values()  # type: ignore[union-attr] # kind says dict
        for item in items:  # noqa: SIM110 - a generator costs what this saves
            if type(item) is not str and not _is_plain(item, depth - 1):
                return False
        return True
    if kind is int:
        return -MAX_INTEGER <= value <= MAX_INTEGER  # type: ignore[operator] # kind says int
    return kind is str or kind is bool or value is None


def _check_depth(value: Json, depth: int) -> None:
    """As ``_is_plain`` counts, for all of a value and not only up to what is not plain."""
    if isinstance(value, Mapping | list | tuple) and depth == 0:
        raise _too_deep()
    if isinstance(value, Mapping):
        for item in value.values():
            _check_depth(item, depth - 1)
    elif isinstance(value, list | tuple):
        for item in value:
            _check_depth(item, depth - 1)


def _too_deep() -> Invalid:
    return Invalid("not_canonicalizable", f"value is nested deeper than {_MAX_DEPTH}")
