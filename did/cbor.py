"""Deterministic CBOR: RFC 8949, section 4.2.1, and nothing else.

Allowed are integers of 64 bits, byte and text strings, arrays, maps with text or integer keys,
false, true and null. Refused: tags, floats, indefinite lengths, duplicate keys, other simple
values, deep nesting, trailing bytes, and whatever does not re-encode to the same bytes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NoReturn

import cbor2

from did.errors import Invalid, said_by
from did.limits import LIMITS

Cbor = Mapping["str | int", "Cbor"] | Sequence["Cbor"] | str | bytes | int | bool | None

_MAX_INTEGER = 2**64 - 1
_MIN_INTEGER = -(2**64)
_BYTES = 0x40  # major type 2
_INLINE = 24  # lengths from here on stand in bytes of their own
_WIDTHS = {24: 1, 25: 2, 26: 4}  # of lengths, in bytes, by what stands in the first one
_PLAIN = frozenset({bytes, str, int, bool, type(None)})


def encode(value: Cbor) -> bytes:
    """``value`` in deterministic CBOR; map keys in bytewise order of their encodings.

    Raises:
        Invalid: ``not_cbor`` for a value outside the allowed types, or text with a lone surrogate.
    """
    try:
        return cbor2.dumps(_ordered(value, LIMITS.cbor_depth))
    except UnicodeEncodeError as error:
        raise Invalid("not_cbor", "CBOR text holds a lone surrogate") from error


def decode(data: bytes, *, max_bytes: int) -> Cbor:
    """The value of deterministic CBOR ``data``.

    Raises:
        Invalid: ``cbor_too_large``, ``invalid_cbor`` or ``cbor_not_canonical``.
    """
    if len(data) > max_bytes:
        raise Invalid("cbor_too_large", f"CBOR is {len(data)} bytes; the limit is {max_bytes}")
    try:
        value: Cbor = cbor2.loads(
            data,
            max_depth=LIMITS.cbor_depth,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            semantic_decoders=_NO_TAGS,
        )
        again = cbor2.dumps(value) if _in_order(value, LIMITS.cbor_depth) else encode(value)
    except Invalid as error:
        raise Invalid(
            "invalid_cbor", f"CBOR holds what has no place here: {error.message}"
        ) from error
    except (cbor2.CBORDecodeError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise Invalid(
            "invalid_cbor", f"bytes are not the CBOR that is allowed here: {said_by(error)}"
        ) from error
    if again != data:
        raise Invalid("cbor_not_canonical", "CBOR is not in its one deterministic form")
    return value


def byte_string(data: bytes) -> bytes:
    """``encode(data)``, at once."""
    size = len(data)
    if size < _INLINE:
        return bytes((_BYTES + size,)) + data
    width = 1 if size < 1 << 8 else 2 if size < 1 << 16 else 4
    head = _BYTES + _INLINE + width.bit_length() - 1
    return bytes((head,)) + size.to_bytes(width) + data


def byte_string_at(data: bytes, place: int) -> tuple[bytes | None, int]:
    """The byte string that is encoded at ``place`` of ``data``, and the place after it.

    None where no byte string is there, or not in its one deterministic form.
    """
    first = data[place : place + 1]
    kind = first[0] - _BYTES if first else -1
    start = place + 1
    if 0 <= kind < _INLINE:
        size = kind
    elif kind in _WIDTHS:
        start += _WIDTHS[kind]
        size = int.from_bytes(data[place + 1 : start])
        if size < (_INLINE if _WIDTHS[kind] == 1 else 1 << 4 * _WIDTHS[kind]):
            return None, place
    else:
        return None, place
    end = start + size
    return (data[start:end], end) if end <= len(data) else (None, place)


def _refuse_tag(*_: object) -> NoReturn:
    raise ValueError("a tag")


class _NoTags(Mapping[int, Callable[..., NoReturn]]):
    """Refuses every tag, also those that cbor2 would decode by itself without asking.

    Its shared values (28, 29) and string references (25, 256) are bombs: two hundred bytes name
    each other into millions of values, which comparing with the canonical form would then visit.
    """

    def __getitem__(self, tag: int) -> Callable[..., NoReturn]:
        return _refuse_tag

    def __iter__(self) -> Iterator[int]:
        return iter(())

    def __len__(self) -> int:
        return 0


_NO_TAGS = _NoTags()


def _in_order(value: Cbor, depth: int) -> bool:
    """Whether ``_ordered`` would give ``value``, decoded before, as it is; if not, it may yet.

    Most of what is decoded holds no maps but those of ascending labels: integers that are not
    negative, which sort as their encodings do. To see that is cheaper than to order it.
    """
    kind = type(value)
    if kind is list:
        for item in value:  # type: ignore[union-attr] # kind says list
            if type(item) not in _PLAIN and not (depth > 0 and _in_order(item, depth - 1)):
                return False
        return True
    if kind is dict:
        last = -1
        for label, item in value.items():  # type: ignore[union-attr] # kind says dict
            if type(label) is not int or label <= last:
                return False
            last = label
            if type(item) not in _PLAIN and not (depth > 0 and _in_order(item, depth - 1)):
                return False
        return True
    return kind in _PLAIN


def _ordered(value: Cbor, depth: int) -> Cbor:
    if depth < 0:
        raise Invalid("not_cbor", f"value is nested deeper than {LIMITS.cbor_depth}")
    if value is None or isinstance(value, bool | str | bytes):
        return value
    if isinstance(value, int) and _MIN_INTEGER <= value <= _MAX_INTEGER:
        return value
    if isinstance(value, list | tuple):
        # Byte strings, of which a batch has thousands, are passed over without a call.
        return [
            item if type(item) is bytes and depth else _ordered(item, depth - 1) for item in value
        ]
    if isinstance(value, dict) and all(type(key) in (str, int) for key in value):
        keys = sorted(value, key=cbor2.dumps)
        return {key: _ordered(value[key], depth - 1) for key in keys}
    raise Invalid("not_cbor", f"a {type(value).__name__} has no place in our CBOR")
