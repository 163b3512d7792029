"""A status list that is small until it is unpacked."""

import gzip
import tracemalloc
import zlib

import pytest

from did.errors import Invalid
from did.limits import LIMITS
from did.multibase import base64url_encode
from did.vc.bitstring import MINIMUM_BITS, decode_list, encode_list

HUGE = 1 << 26  # bytes; the ceiling is a sixty-fourth of it
CEILING = LIMITS.status_list_bits // 8


def bomb(size: int) -> bytes:
    """GZIP of ``size`` zero bytes, made without ever holding them."""
    packer = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
    chunk = bytes(1 << 20)
    return b"".join([*(packer.compress(chunk) for _ in range(size >> 20)), packer.flush()])


def test_a_bomb_is_unpacked_no_further_than_the_limit() -> None:
    text = "u" + base64url_encode(bomb(HUGE))
    assert len(text) < 2 * CEILING
    tracemalloc.start()
    with pytest.raises(Invalid, match="longer than") as raised:
        decode_list(text)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert raised.value.code == "invalid_status_list"
    assert peak < 8 * CEILING
    assert decode_list(encode_list(bytes(CEILING))) == bytes(CEILING)


def test_text_longer_than_any_list_is_not_even_decoded() -> None:
    with pytest.raises(Invalid) as raised:
        decode_list("u" + "A" * (2 * CEILING + 4))
    assert raised.value.code == "invalid_status_list"


def test_a_second_member_after_the_first() -> None:
    small = gzip.compress(bytes(MINIMUM_BITS // 8), mtime=0)
    for more in (small, bomb(1 << 20), b"\0", b"x" * 100):
        with pytest.raises(Invalid) as raised:
            decode_list("u" + base64url_encode(small + more))
        assert raised.value.code == "invalid_status_list"
    assert decode_list("u" + base64url_encode(small)) == bytes(MINIMUM_BITS // 8)
