"""Digits of base58btc as the number that they write.

The usual way, digit by digit, is 88 multiplications for a signature. Here each digit is put into a
byte of one integer, and neighbours are joined everywhere in it at once: bytes into pairs, these
into fours, and so on. A lane of ``n`` bytes then holds the number that ``n`` digits write, and has
room for it, since ``58**n < 256**n``. The property test compares it with the ``base58`` package.
"""

from typing import Final

ALPHABET: Final = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
MAX_DIGITS: Final = 256

_BASE: Final = len(ALPHABET)
_VALUES: Final = bytes(max(ALPHABET.find(digit), 0) for digit in range(256))


def _join(digits: int) -> tuple[int, int, int, int]:
    """How lanes of so many ``digits`` are joined in pairs: by what shift, mask and factor.

    The left lane of a pair counts ``2**shift`` as it stands there, and is to count
    ``58**digits``: the difference, times the lane, is what is to be taken off.
    """
    shift = 8 * digits
    lane = (1 << shift) - 1
    mask = sum(lane << 2 * shift * pair for pair in range(MAX_DIGITS // (2 * digits)))
    return digits, shift, mask, (1 << shift) - _BASE**digits


_JOINS: Final = tuple(_join(1 << power) for power in range(MAX_DIGITS.bit_length() - 1))


def decode(digits: bytes, *, max_digits: int = MAX_DIGITS) -> bytes | None:
    """The bytes that ``digits`` stand for; None where they are none, or more than so many."""
    if not 0 < len(digits) <= max_digits or digits.translate(None, ALPHABET):
        return None
    value = number_of(digits)
    data = value.to_bytes((value.bit_length() + 7) // 8)
    if digits[0] != ALPHABET[0]:
        return data
    return bytes(len(digits) - len(digits.lstrip(ALPHABET[:1]))) + data  # a zero for each 1


def number_of(digits: bytes) -> int:
    """The number that ``digits`` write: at most 256, all of them of the alphabet."""
    count = len(digits)
    value = int.from_bytes(digits.translate(_VALUES))
    for joined, shift, mask, less in _JOINS:
        if joined >= count:
            break
        value -= (value >> shift & mask) * less
    return value
