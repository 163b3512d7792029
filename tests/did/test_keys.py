import pytest
from actors import DEVICE, STRANGER
from forgery import SMALL_ORDER

from did.errors import Invalid
from did.keys import PublicKey, SigningKey, ed25519_from_multibase, x25519_multibase
from did.multibase import multibase_encode

KEY = DEVICE.key.public_key()
# RFC 8032, section 7.1, test 1.
SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
PUBLIC = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
SIGNATURE = bytes.fromhex(
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
    "d25bf5f0595bbe24655141438e7a100b"
)


def test_rfc_8032() -> None:
    key = SigningKey(SEED)
    assert key.public_key() == PublicKey(PUBLIC)
    assert key.sign(b"") == SIGNATURE
    PublicKey(PUBLIC).verify(SIGNATURE, b"")


def test_sign_and_verify() -> None:
    signature = DEVICE.key.sign(b"a message")
    KEY.verify(signature, b"a message")
    for key, sent, message in (
        (KEY, signature, b"another message"),
        (STRANGER.key.public_key(), signature, b"a message"),
        (KEY, bytes(64), b"a message"),
        (KEY, signature[:-1], b"a message"),
        (KEY, signature + b"\0", b"a message"),
        (KEY, b"", b"a message"),
        (KEY, signature[:63], signature[63:] + b"a message"),  # the halves joined are the same
    ):
        with pytest.raises(Invalid) as raised:
            key.verify(sent, message)
        assert raised.value.code == "invalid_signature"


def test_made_keys_differ() -> None:
    assert SigningKey.generate().public_key() != SigningKey.generate().public_key()


def test_multibase_round_trip() -> None:
    assert KEY.multibase.startswith("z6Mk")
    assert PublicKey.from_multibase(KEY.multibase) == KEY
    assert ed25519_from_multibase(KEY.multibase) == KEY.raw


@pytest.mark.parametrize("raw", SMALL_ORDER, ids=bytes.hex)
def test_a_point_of_small_order_is_no_key(raw: bytes) -> None:
    for make in (
        PublicKey,
        lambda raw: PublicKey.from_multibase(multibase_encode(b"\xed\x01" + raw)),
    ):
        with pytest.raises(Invalid) as raised:
            make(raw)
        assert raised.value.code == "invalid_public_key"


def test_a_point_of_mixed_order_is_no_key() -> None:
    # Our key plus the point of order 2, (0, -1): the negated coordinates, so y' = p - y.
    y = int.from_bytes(KEY.raw, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    mixed = (((1 - sign) << 255) | ((1 << 255) - 19 - y)).to_bytes(32, "little")
    with pytest.raises(Invalid) as raised:
        PublicKey(mixed)
    assert raised.value.code == "invalid_public_key"


@pytest.mark.parametrize(
    "raw",
    [
        bytes.fromhex("ff" * 32),
        (2**255 - 19 + 9).to_bytes(32, "little"),  # not canonical: 9, with the field's order added
        (2).to_bytes(32, "little"),  # no point has this y
    ],
)
def test_bytes_that_are_no_canonical_point(raw: bytes) -> None:
    with pytest.raises(Invalid) as raised:
        PublicKey(raw)
    assert raised.value.code == "invalid_public_key"


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_length(length: int) -> None:
    with pytest.raises(Invalid) as raised:
        PublicKey(bytes(length))
    assert raised.value.code == "invalid_public_key_length"
    with pytest.raises(Invalid) as raised:
        ed25519_from_multibase(multibase_encode(b"\xed\x01" + bytes(length)))
    assert raised.value.code == "invalid_public_key_length"
    with pytest.raises(Invalid) as raised:
        SigningKey(bytes(length))
    assert raised.value.code == "invalid_private_key"


@pytest.mark.parametrize("prefix", ["ec01", "ed", "ed8100", "00ed01", "1300", "8026", "01ed"])
def test_another_kind_of_key(prefix: str) -> None:
    with pytest.raises(Invalid) as raised:
        PublicKey.from_multibase(multibase_encode(bytes.fromhex(prefix) + KEY.raw))
    assert raised.value.code == "invalid_public_key_type"


def test_derived_x25519_key() -> None:
    assert x25519_multibase(KEY.x25519()).startswith("z6LS")
    assert len(KEY.x25519()) == 32


def test_a_signing_key_does_not_show_its_secret() -> None:
    shown = repr(DEVICE.key) + str(DEVICE.key) + f"{DEVICE}"
    assert KEY.multibase in shown
    assert DEVICE.key.seed.hex() not in shown
    assert repr(DEVICE.key.seed) not in shown
