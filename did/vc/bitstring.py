"""Bitstrings of Bitstring Status List 1.0: entries of one or more bits, and how they are encoded.

Entry ``index`` of ``size`` bits begins at bit ``index * size``. Bit 0 is the left-most one of the
first byte, and an entry's own left-most bit is its most significant (sections 2.2 and 3.3).
"""

import gzip
import zlib
from collections.abc import Iterable
from typing import Final

from did.errors import Invalid
from did.limits import LIMITS
from did.multibase import base64url_decode, base64url_encode

MINIMUM_BITS: Final = 131_072  # 16 KB uncompressed (section 2.2)
MINIMUM_ENTRIES: Final = 131_072  # the herd that one entry hides in (section 3.2)
MAX_SIZE: Final = 8  # bits an entry; each of its values needs a message


def encode_list(bits: bytes) -> str:
    """``bits`` as an ``encodedList``: multibase base64url of GZIP (section 3.3).

    Equal bits give equal text.
    """
    return "u" + base64url_encode(gzip.compress(bits, mtime=0))


def decode_list(text: str, *, max_bits: int = LIMITS.status_list_bits) -> bytes:
    """The bits of an ``encodedList``, decompressed up to a limit (section 3.4).

    Raises:
        Invalid: ``invalid_status_list``: not multibase base64url, not GZIP, over ``max_bits``, or
            with bytes after its end; ``status_list_too_short``: under the minimum of 131,072 bits.
    """
    if not text.startswith("u"):
        raise Invalid("invalid_status_list", "an encodedList does not begin with u (base64url)")
    limit = max_bits // 8
    try:
        packed = base64url_decode(text[1:], limit=2 * limit)
        unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        bits = unpacker.decompress(packed, limit + 1)
    except (Invalid, zlib.error) as error:
        raise Invalid("invalid_status_list", "an encodedList is not base64url of GZIP") from error
    if len(bits) > limit:
        raise Invalid("invalid_status_list", f"a status list is longer than {max_bits} bits")
    if not unpacker.eof or unpacker.unused_data:
        raise Invalid("invalid_status_list", "an encodedList is cut off, or goes on after its end")
    if len(bits) * 8 < MINIMUM_BITS:
        raise too_short(f"a status list is shorter than {MINIMUM_BITS} bits")
    return bits


def value_at(bits: bytes, index: int, size: int = 1) -> int:
    """The value of entry ``index``, of ``size`` bits.

    Raises:
        Invalid: ``status_index_out_of_range``: not all of it is within ``bits``.
    """
    first, last, shift = _place(bits, index, size)
    return int.from_bytes(bits[first : last + 1]) >> shift & (1 << size) - 1


def with_value(bits: bytes, index: int, value: int, size: int = 1) -> bytes:
    """A copy of ``bits`` in which entry ``index``, of ``size`` bits, is ``value``.

    Raises:
        Invalid: As ``value_at``; ``invalid_status_list``: ``size`` bits do not hold the value.
    """
    changed = bytearray(bits)
    _put(changed, index, value, size)
    return bytes(changed)


def bitstring(values: Iterable[tuple[int, int]], *, entries: int, size: int = 1) -> bytes:
    """A bitstring of ``entries`` entries, zero but for ``values`` (index and value of each).

    Raises:
        Invalid: As ``with_value``.
    """
    bits = bytearray(-(-entries * size // 8))
    for index, value in values:
        if size == value == 1 and 0 <= index < entries:  # nearly all that there ever is
            bits[index >> 3] |= 0x80 >> (index & 7)
        else:
            _put(bits, index, value, size)
    return bytes(bits)


def too_short(message: str) -> Invalid:
    """The error of a list in which an entry does not hide well enough."""
    return Invalid("status_list_too_short", message)


def _put(bits: bytearray, index: int, value: int, size: int) -> None:
    first, last, shift = _place(bits, index, size)
    if not 0 <= value < 1 << size:
        raise Invalid("invalid_status_list", f"{size} bits do not hold this status", value=value)
    around = int.from_bytes(bits[first : last + 1])
    around = around & ~((1 << size) - 1 << shift) | value << shift
    bits[first : last + 1] = around.to_bytes(last + 1 - first)


def _place(bits: bytes | bytearray, index: int, size: int) -> tuple[int, int, int]:
    """First and last byte of an entry, and how many bits follow it in the last."""
    start, end = index * size, (index + 1) * size
    if index < 0 or end > len(bits) * 8:
        raise Invalid(
            "status_index_out_of_range", "statusListIndex is outside its list", value=index
        )
    last = (end - 1) // 8
    return start // 8, last, (last + 1) * 8 - end
