import pytest

from did.errors import Invalid
from did.limits import LIMITS
from did.multibase import (
    base58_decode,
    base58_encode,
    base64url_decode,
    base64url_encode,
    multibase_decode,
    multibase_encode,
)


def test_round_trips() -> None:
    for data in (b"\0", b"\0\0a", bytes(range(64))):
        assert base58_decode(base58_encode(data), length=len(data)) == data
        assert multibase_decode(multibase_encode(data), length=len(data)) == data
        assert base64url_decode(base64url_encode(data)) == data
    assert base64url_decode("") == b""


@pytest.mark.parametrize(
    "text",
    ["", " ", "0", "O", "I", "l", "a a", "a ", "a\n", "\ta", "é", "\uff11", "2NEpo7TZRRrLZSi2U\0"],
)
def test_text_that_is_no_base58(text: str) -> None:
    with pytest.raises(Invalid) as raised:
        base58_decode(text)
    assert raised.value.code == "invalid_base58"


def test_length_of_the_text_is_looked_at_first() -> None:
    assert base58_decode("1" * LIMITS.base58) == bytes(LIMITS.base58)
    for text in ("1" * (LIMITS.base58 + 1), "!" * 10_000_000):
        with pytest.raises(Invalid, match="longer than") as raised:
            base58_decode(text)
        assert raised.value.code == "invalid_base58"
    with pytest.raises(Invalid, match="longer than 3"):
        base58_decode("1111", limit=3)


def test_length_of_the_data() -> None:
    with pytest.raises(Invalid, match="holds 3 bytes where 4 are due") as raised:
        multibase_decode(multibase_encode(b"abc"), length=4)
    assert raised.value.code == "invalid_base58"


@pytest.mark.parametrize("text", ["", "Zabc", "uAAAA", "mAAAA", " zabc"])
def test_another_base(text: str) -> None:
    with pytest.raises(Invalid) as raised:
        multibase_decode(text)
    assert raised.value.code == "invalid_multibase"


@pytest.mark.parametrize(
    "text",
    ["AA==", "AA=", "A", "AAAAA", "A+", "A/", "AA\n", " AA", "AB", "AAB", "é", "\uff21\uff21"],
)
def test_base64url_has_one_spelling(text: str) -> None:
    with pytest.raises(Invalid) as raised:
        base64url_decode(text)
    assert raised.value.code == "invalid_base64url"


def test_base64url_has_a_ceiling() -> None:
    assert base64url_decode("AAAA", limit=4) == bytes(3)
    with pytest.raises(Invalid, match="longer than 4"):
        base64url_decode("AAAAAA", limit=4)
