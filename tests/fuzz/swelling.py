"""Inputs as large as they come, mostly of one thing.

A fuzzer's inputs are small, or it would try few of them. What is quadratic shows only in large
ones, and so does an error that repeats what it was given.
"""

import random
from collections.abc import Iterator
from typing import Final

from fuzz.target import Target

BYTES: Final = 250_000
_PLACES: Final = 3  # in each seed, beside its ends
_UNITS: Final = (
    *(
        bytes([byte])
        for byte in b"\"'\\[]{}():;,.=/?#@%-+0129aAz \t\n\0\x40\x81\xa0\xc0\xc1\xf8\xff"
    ),
    *(b'\\"', b"[],", b"{},", b"1,", b'"a",', b'{"a":', b'{"a":1},', b"a.", b"%41", b"\\u0061"),
    *(b'"""', b"'''", b"a=1\n", b"[a]\n", b"\xd8\x1c", b"\x9b\xff", b"\xc3\xa9"),
)


def swollen(target: Target, chance: random.Random, count: int) -> Iterator[bytes]:
    """So many inputs: a seed each, with one thing put into it over and over."""
    seeds, units = list(target.seeds().values()), [*_UNITS, *target.words]
    for _ in range(count):
        seed, unit = chance.choice(seeds), chance.choice(units)
        at = chance.choice(
            (0, len(seed), *(chance.randrange(len(seed) + 1) for _ in range(_PLACES)))
        )
        yield seed[:at] + unit * (BYTES // len(unit)) + seed[at:]
