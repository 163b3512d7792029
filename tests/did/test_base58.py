import base58
import pytest

from did.base58 import ALPHABET, MAX_DIGITS, number_of


def test_the_alphabet_is_the_package_s() -> None:
    assert ALPHABET == base58.BITCOIN_ALPHABET


@pytest.mark.parametrize("digits", [b"", b"1", b"z", b"11", b"1z", b"z1", b"zzz", b"2" * 65])
def test_a_few(digits: bytes) -> None:
    assert number_of(digits) == base58.b58decode_int(digits)


def test_the_largest_of_each_length() -> None:
    for length in range(MAX_DIGITS + 1):
        assert number_of(b"z" * length) == 58**length - 1
