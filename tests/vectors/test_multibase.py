"""Multibase, base58btc and the multicodec prefixes of keys."""

from typing import NamedTuple

import pytest
from published import vectors

from did.errors import Invalid
from did.keys import PublicKey, x25519_multibase
from did.multibase import (
    base58_decode,
    base58_encode,
    base64url_decode,
    base64url_encode,
    multibase_decode,
    multibase_encode,
)


class Row(NamedTuple):
    base: str
    text: str
    data: bytes


ROWS = [
    Row(row["encoding"], row["value"], file["input"][1].replace("\\x00", "\0").encode())
    for file in vectors("multibase/multibase.json")["files"]
    for row in file["encodings"]
]
BASE58 = vectors("multibase/base58.json")["cases"]
CODECS = {codec["name"]: codec for codec in vectors("multibase/multicodec-prefixes.json")["codecs"]}
KEY_CODECS = [name for name, codec in CODECS.items() if codec["tag"] == "key"]
A_KEY = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")


def name(row: Row) -> str:
    return f"{row.base}-{row.text[:16]}"


def rows(*bases: str) -> list[Row]:
    found = [row for row in ROWS if row.base in bases]
    assert len(found) == 3 * len(bases)  # the plain file, and one and two leading zeros
    return found


@pytest.mark.parametrize("row", rows("base58btc"), ids=name)
def test_base58btc(row: Row) -> None:
    assert multibase_decode(row.text) == row.data
    assert multibase_encode(row.data) == row.text


@pytest.mark.parametrize("row", rows("base64url"), ids=name)
def test_base64url(row: Row) -> None:
    assert row.text[0] == "u"
    assert base64url_decode(row.text[1:]) == row.data
    assert base64url_encode(row.data) == row.text[1:]


@pytest.mark.parametrize("row", [row for row in ROWS if row.base != "base58btc"], ids=name)
def test_another_base_is_refused(row: Row) -> None:
    # base58flickr too begins with a letter of its own.
    with pytest.raises(Invalid) as raised:
        multibase_decode(row.text)
    assert raised.value.code == "invalid_multibase"


@pytest.mark.parametrize("case", BASE58, ids=[case["base58btc"] for case in BASE58])
def test_base58(case: dict[str, str]) -> None:
    given = case.get("asciiInput")
    data = given.encode() if given is not None else bytes.fromhex(case["hexInput"])
    assert base58_encode(data) == case["base58btc"]
    assert base58_decode(case["base58btc"]) == data


@pytest.mark.parametrize("codec", KEY_CODECS)
def test_of_all_multicodecs_only_ed25519_is_our_public_key(codec: str) -> None:
    text = multibase_encode(bytes.fromhex(CODECS[codec]["varintHex"]) + A_KEY)
    if codec == "ed25519-pub":
        assert PublicKey.from_multibase(text) == PublicKey(A_KEY)
        assert PublicKey(A_KEY).multibase == text
        return
    with pytest.raises(Invalid) as raised:
        PublicKey.from_multibase(text)
    assert raised.value.code == "invalid_public_key_type"


def test_x25519_prefix() -> None:
    prefix = bytes.fromhex(CODECS["x25519-pub"]["varintHex"])
    assert multibase_decode(x25519_multibase(A_KEY)) == prefix + A_KEY
