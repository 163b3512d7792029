"""Base58btc, quickly: digits are put together, and taken apart, many at a time.

The alphabet is Bitcoin's (draft-msporny-base58-03). The usual way goes digit by digit through an
integer of the whole length; here neighbours are joined in one operation for all of them, in lanes
of one integer whose width doubles; on the way back ten digits are split off at once and looked up
in pairs. ``tests/properties/test_multibase.py`` holds both against the ``base58`` package.
"""

from typing import Final

MAX_DIGITS: Final = 256  # that are decoded: in one integer, a byte for each to begin with
ALPHABET: Final = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

_BASE: Final = 58
_NO_DIGIT: Final = 0xFF
_DIGITS: Final = bytes(
    ALPHABET.index(char) if char in ALPHABET else _NO_DIGIT for char in range(256)
)
_PAIRS: Final = tuple(
    bytes([first, second]).decode("ascii") for first in ALPHABET for second in ALPHABET
)


def _steps() -> tuple[tuple[int, int, int], ...]:
    """For each doubling: the mask of every other lane, a lane's width in bits, and its weight."""
    steps = []
    width, weight = 8, _BASE
    while width < 8 * MAX_DIGITS:
        lane = (1 << width) - 1
        mask = sum(lane << place for place in range(0, 8 * MAX_DIGITS, 2 * width))
        steps.append((mask, width, weight))
        width, weight = 2 * width, weight**2
    return tuple(steps)


_STEPS: Final = _steps()
_CHUNK: Final = _BASE**10  # what is split off at once: ten digits, and small for an integer


def decode_integer(text: bytes) -> int | None:
    """The integer that the digits ``text`` write; None if one is no digit.

    ``text`` has ``MAX_DIGITS`` at most: of more, those in front would be left out.
    """
    digits = text.translate(_DIGITS)
    if _NO_DIGIT in digits:
        return None
    value = int.from_bytes(digits)
    size = len(digits)
    for mask, width, weight in _STEPS:
        if size <= 1:
            break
        # A lane holds less than weight, so two of them joined fit into one of twice the width.
        value = (value & mask) + weight * (value >> width & mask)
        size = size + 1 >> 1
    return value


def encode_integer(value: int) -> str:
    """The digits of ``value``, which is not negative, with no leading zeros; none for 0."""
    pairs = _PAIRS
    parts = []
    while value:
        value, chunk = divmod(value, _CHUNK)
        for _ in range(5):
            chunk, pair = divmod(chunk, _BASE * _BASE)
            parts.append(pairs[pair])
    return "".join(reversed(parts)).lstrip("1")
