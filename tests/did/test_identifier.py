import hashlib

import pytest
from actors import DEVICE, STRANGER

from did.errors import Invalid
from did.identifier import (
    DidUrl,
    Genesis,
    KeybornDid,
    KeyDid,
    commitment,
    parse_did,
    parse_did_url,
    parse_keyborn,
)
from did.keys import x25519_multibase
from did.multibase import base58_encode

KEY = DEVICE.key.public_key()
NEXT = DEVICE.next_key.public_key()


def test_genesis_is_key_and_commitment() -> None:
    genesis = Genesis.of(KEY, NEXT)
    assert genesis.to_bytes() == KEY.raw + hashlib.sha256(NEXT.raw).digest()
    assert genesis.next == commitment(NEXT)
    assert genesis.id == hashlib.sha256(genesis.to_bytes()).digest()
    assert Genesis.from_bytes(genesis.to_bytes()) == genesis


@pytest.mark.parametrize("length", [0, 63, 65])
def test_genesis_of_another_length(length: int) -> None:
    with pytest.raises(Invalid) as raised:
        Genesis.from_bytes(bytes(length))
    assert raised.value.code == "invalid_genesis"
    for parts in ((bytes(31), bytes(33)), (bytes(32), bytes(length))):
        with pytest.raises(Invalid) as raised:
            Genesis(*parts)
        assert raised.value.code == "invalid_genesis"


def test_a_genesis_does_not_check_its_point() -> None:
    # A reader replays a million; the key is checked when it is first used.
    assert Genesis(bytes(32), bytes(32)).id


def test_short_and_long_form() -> None:
    long = DEVICE.did
    assert long.text == f"{DEVICE.short.text}:{base58_encode(Genesis.of(KEY, NEXT).to_bytes())}"
    assert long.canonical == DEVICE.short == DEVICE.short.canonical
    assert long != DEVICE.short
    assert str(long) == long.text
    assert parse_did(long.text) == parse_keyborn(long.text) == long
    assert parse_did(DEVICE.short.text) == DEVICE.short


def test_a_long_form_of_another_genesis() -> None:
    with pytest.raises(Invalid) as raised:
        KeybornDid(DEVICE.short.id, STRANGER.did.genesis)
    assert raised.value.code == "invalid_did"
    with pytest.raises(Invalid) as raised:
        KeybornDid(bytes(31))
    assert raised.value.code == "invalid_did"


def test_did_key() -> None:
    did = KeyDid(KEY)
    assert did.text == str(did) == f"did:key:{KEY.multibase}"
    assert did.canonical is did
    assert parse_did(did.text) == did


def test_only_keyborn_where_it_is_needed() -> None:
    with pytest.raises(Invalid) as raised:
        parse_keyborn(DEVICE.key_did.text)
    assert raised.value.code == "method_not_supported"


def test_an_unknown_method_says_which_are_known() -> None:
    with pytest.raises(Invalid, match="not supported") as raised:
        parse_did("did:example:1")
    assert raised.value.code == "method_not_supported"
    assert raised.value.hint == "use did:keyborn, did:key or did:web"


@pytest.mark.parametrize("did", [DEVICE.short, DEVICE.did, DEVICE.key_did], ids=str)
def test_did_url(did: KeybornDid | KeyDid) -> None:
    url = DidUrl(did, KEY.multibase)
    assert url.text == f"{did.text}#{KEY.multibase}"
    assert parse_did_url(url.text) == url
    assert url.key() == KEY


def test_a_fragment_may_be_anything_that_a_fragment_may() -> None:
    for fragment in ("key-1", "a/b?c", "%C3%A9", "~!$&'()*+,;=:@"):
        url = parse_did_url(f"{DEVICE.short.text}#{fragment}")
        assert url.fragment == fragment
        with pytest.raises(Invalid) as raised:
            url.key()
        assert raised.value.code == "invalid_verification_method"


def test_a_method_of_another_kind_of_key() -> None:
    url = DidUrl(DEVICE.short, x25519_multibase(KEY.x25519()))
    with pytest.raises(Invalid, match="not Ed25519") as raised:
        url.key()
    assert raised.value.code == "invalid_verification_method"


def test_a_did_key_speaks_with_its_own_key_alone() -> None:
    url = DidUrl(DEVICE.key_did, STRANGER.key.public_key().multibase)
    with pytest.raises(Invalid) as raised:
        url.key()
    assert raised.value.code == "unknown_verification_method"
