"""What a node answers, read strictly: JSON-RPC's two encodings, and RLP's integers.

Execution API specification, "base types". Whatever does not fit is ``Invalid`` with code
``ledger_malformed_answer``; ``name`` says which part of which answer it was.
"""

import re
from typing import Final, cast

from did.errors import Invalid

_QUANTITY: Final = re.compile(r"0x(0|[1-9a-f][0-9a-f]{0,63})", re.ASCII)
COUNTED: Final = 2**63 - 1  # what counts blocks, batches or seconds: as every database holds it


def malformed(name: str, why: str, value: object = None) -> Invalid:
    """The error for an answer that is not of its form."""
    return Invalid(
        "ledger_malformed_answer",
        f"{name} {why}",
        step="read the node's answer",
        hint="Ask another node; this one is faulty, or lies.",
        value=value,
    )


def quantity(value: object, name: str) -> int:
    """An integer below 2^256, given as ``0x`` and hexadecimal digits without leading zeros."""
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        raise malformed(name, "is not a quantity", value)
    return int(value, 16)


def count(value: object, name: str) -> int:
    """A quantity that counts blocks, batches or seconds: up to ``COUNTED``."""
    number = quantity(value, name)
    if number > COUNTED:
        raise malformed(name, "is beyond all reason", value)
    return number


def data(value: object, name: str, length: int | None = None) -> bytes:
    """Bytes, given as ``0x`` and two hexadecimal digits each; ``length`` of them if given."""
    if not isinstance(value, str) or not value.startswith("0x"):
        raise malformed(name, "is not bytes", value)
    if length is not None and len(value) != 2 + 2 * length:
        raise malformed(name, f"is not {length} bytes", value)
    digits = value[2:]
    try:
        decoded = bytes.fromhex(digits)
    except ValueError:
        raise malformed(name, "is not bytes", value) from None
    if 2 * len(decoded) != len(digits):  # fromhex passes over white space
        raise malformed(name, "is not bytes", value)
    return decoded


def fields(value: object, name: str) -> dict[str, object]:
    """A JSON object."""
    if not isinstance(value, dict):
        raise malformed(name, "is not an object", value)
    return cast("dict[str, object]", value)


def items(value: object, name: str, *, at_most: int) -> list[object]:
    """A JSON array of at most so many members."""
    if not isinstance(value, list):
        raise malformed(name, "is not a list", value)
    if len(value) > at_most:
        raise malformed(name, f"has more than {at_most} members", len(value))
    return cast("list[object]", value)


def minimal(number: int) -> bytes:
    """An integer as RLP wants it: big-endian, no leading zeros, zero as no bytes."""
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
