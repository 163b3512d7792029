"""Digits joined all at once are the same number as digits taken one by one."""

import base58
from hypothesis import given
from hypothesis import strategies as st

from did.base58 import ALPHABET, MAX_DIGITS, number_of
from did.errors import Invalid
from did.limits import LIMITS
from did.multibase import base58_decode, base58_encode

digits = st.lists(st.sampled_from(ALPHABET), max_size=MAX_DIGITS).map(bytes)
like_it = st.text(st.one_of(st.sampled_from(ALPHABET.decode()), st.characters()), max_size=200)


@given(digits)
def test_the_number_is_the_package_s(text: bytes) -> None:
    assert number_of(text) == base58.b58decode_int(text)


@given(st.binary(min_size=1, max_size=130))
def test_bytes_come_back(data: bytes) -> None:
    assert base58_decode(base58_encode(data), length=len(data)) == data


@given(like_it)
def test_text_is_the_one_that_its_bytes_are_written_in_or_is_refused(text: str) -> None:
    try:
        data = base58_decode(text)
    except Invalid:
        assert not text or len(text) > LIMITS.base58 or not set(text) <= set(ALPHABET.decode())
    else:
        assert base58_encode(data) == text
