import hashlib
from typing import Any

import cbor2
import pytest
from actors import DEVICE, LOG_ID, OTHER_LOG_ID, STRANGER
from hypothesis import given
from hypothesis import strategies as st
from operations import Life, create

from did import cbor
from did.errors import Invalid
from did.identifier import Genesis
from did.limits import LIMITS
from ledger.operations import (
    Batch,
    Create,
    Update,
    decode_batch,
    encode_batch,
    operation_hash,
    rotation_message,
    sign_update,
)

WORD = st.binary(min_size=32, max_size=32)
CREATES = st.builds(Create, st.builds(Genesis, WORD, WORD))
UPDATES = st.builds(Update, WORD, WORD, st.none() | WORD, st.binary(min_size=64, max_size=64))
BATCHES = st.builds(
    Batch,
    st.lists(CREATES, max_size=5).map(tuple),
    st.lists(UPDATES, max_size=5).map(tuple),
)
A_BATCH = Batch((create(DEVICE),), (Update(b"i" * 32, b"r" * 32, None, b"s" * 64),))
GOOD: list[Any] = cbor2.loads(encode_batch(A_BATCH))


def void(data: bytes) -> str:
    with pytest.raises(Invalid) as caught:
        decode_batch(data)
    assert caught.value.code == "void_batch"
    return caught.value.message


@given(BATCHES)
def test_what_is_encoded_is_decoded(value: Batch) -> None:
    assert decode_batch(encode_batch(value)) == value


def decoded(data: bytes) -> Batch | None:
    """The batch, or None where the bytes are void; any other error is a failure."""
    try:
        return decode_batch(data)
    except Invalid as error:
        if error.code != "void_batch":
            raise
        return None


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_void_or_the_one_encoding(data: bytes) -> None:
    value = decoded(data)
    assert value is None or encode_batch(value) == data


@given(BATCHES, st.data())
def test_a_changed_byte_gives_another_batch_or_none(value: Batch, data: st.DataObject) -> None:
    encoded = bytearray(encode_batch(value))
    position = data.draw(st.integers(0, len(encoded) - 1))
    encoded[position] ^= data.draw(st.integers(1, 255))
    assert decoded(bytes(encoded)) != value


def test_the_form_is_the_documented_one() -> None:
    assert cbor2.loads(encode_batch(A_BATCH)) == [
        1,
        DEVICE.did.genesis.to_bytes(),
        [[b"i" * 32, b"r" * 32, None, b"s" * 64]],
    ]


def test_an_empty_batch_is_a_batch() -> None:
    assert decode_batch(bytes.fromhex("83014080")) == Batch()


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ([1, GOOD[1]], "array of three"),
        ([*GOOD, None], "array of three"),
        ({"batch": GOOD}, "array of three"),
        ([2, *GOOD[1:]], "version"),
        ([True, *GOOD[1:]], "version"),
        (["1", *GOOD[1:]], "version"),
        ([1, GOOD[1][:-1], GOOD[2]], "64-byte"),
        ([1, GOOD[1].hex(), GOOD[2]], "64-byte"),
        ([1, [GOOD[1]], GOOD[2]], "64-byte"),
        ([1, GOOD[1], None], "not an array"),
        ([1, GOOD[1], [GOOD[2][0][:3]]], "array of four"),
        ([1, GOOD[1], [[*GOOD[2][0], b""]]], "array of four"),
        ([1, GOOD[1], [b"update"]], "array of four"),
        *(
            ([1, GOOD[1], [[*GOOD[2][0][:place], wrong, *GOOD[2][0][place + 1 :]]]], reason)
            for place, name in enumerate(("id", "reveal", "next", "sig"))
            for wrong, reason in (
                (b"", "bytes each"),
                (b"x" * (63 if name == "sig" else 31), "bytes each"),
                (b"x" * (65 if name == "sig" else 33), "bytes each"),
                ("x" * 32, "not a byte string"),
                (7, "not a byte string"),
            )
        ),
        ([1, GOOD[1], [[None, *GOOD[2][0][1:]]]], "not a byte string"),
    ],
)
def test_a_batch_of_another_form_is_void(changed: Any, reason: str) -> None:
    assert reason in void(cbor2.dumps(changed, canonical=True))


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data + b"\x00",
        lambda data: data[:-1],
        lambda _: b"",
        lambda data: b"\x98\x03" + data[1:],  # the array's length in two bytes
        lambda data: b"\x83\x18\x01" + data[2:],  # the version in two bytes
        lambda data: b"\x9f" + data[1:] + b"\xff",  # an indefinite array
        lambda data: b"\xc1" + data,  # a tag
        lambda data: data.replace(b"\x58\x40", b"\x59\x00\x40", 1),  # a length in three bytes
    ],
)
def test_other_bytes_for_the_same_batch_are_void(change: Any) -> None:
    data = encode_batch(A_BATCH)
    assert decode_batch(data) == A_BATCH
    void(change(data))


def sized(creates: int, rotations: int, deactivations: int) -> list[Any]:
    """A batch as CBOR has it: 8 bytes, and 64, 169 and 136 for each of these."""
    rotation = [b"i" * 32, b"r" * 32, b"n" * 32, b"s" * 64]
    deactivation = [b"i" * 32, b"r" * 32, None, b"s" * 64]
    return [1, b"g" * 64 * creates, [rotation] * rotations + [deactivation] * deactivations]


def test_the_size_is_limited_to_the_byte() -> None:
    largest = cbor2.dumps(sized(2014, 8, 6))
    assert len(largest) == LIMITS.batch == 131_072
    assert encode_batch(decode_batch(largest)) == largest
    over = cbor2.dumps(sized(2041, 1, 2))
    assert len(over) == LIMITS.batch + 1
    assert "limit" in void(over)
    with pytest.raises(Invalid) as caught:
        encode_batch(Batch((create(DEVICE),) * 2048))
    assert caught.value.code == "batch_too_large"


@pytest.mark.parametrize(
    "parts",
    [
        (b"i" * 31, b"r" * 32, None, b"s" * 64),
        (b"i" * 32, b"r" * 33, None, b"s" * 64),
        (b"i" * 32, b"r" * 32, b"", b"s" * 64),
        (b"i" * 32, b"r" * 32, None, b"s" * 63),
    ],
)
def test_an_update_has_its_lengths(parts: tuple[Any, ...]) -> None:
    with pytest.raises(Invalid) as caught:
        Update(*parts)
    assert caught.value.code == "invalid_update"


@given(WORD, WORD, WORD, st.none() | WORD)
def test_the_message_is_the_documented_one(
    id_: bytes, prev: bytes, reveal: bytes, next_: bytes | None
) -> None:
    message = rotation_message(LOG_ID, id_, prev, reveal, next_)
    assert message == cbor.encode(["keyborn-log/1", LOG_ID, id_, prev, reveal, next_])


def test_what_is_signed_verifies_and_hashes_to_the_operation() -> None:
    update = sign_update(
        DEVICE.next_key,
        log_id=LOG_ID,
        id_=DEVICE.did.id,
        prev=DEVICE.did.id,
        next_key=STRANGER.key.public_key(),
    )
    message = rotation_message(LOG_ID, update.id, DEVICE.did.id, update.reveal, update.next)
    DEVICE.next_key.public_key().verify(update.signature, message)
    assert update.next == hashlib.sha256(STRANGER.key.public_key().raw).digest()
    hashed = operation_hash(update, log_id=LOG_ID, prev=DEVICE.did.id)
    assert hashed == hashlib.sha256(message).digest()
    assert hashed != operation_hash(update, log_id=OTHER_LOG_ID, prev=DEVICE.did.id)
    assert hashed != operation_hash(update, log_id=LOG_ID, prev=hashed)


def test_a_creation_is_named_by_its_did() -> None:
    assert operation_hash(create(DEVICE), log_id=LOG_ID, prev=None) == DEVICE.did.id


def test_an_update_has_no_name_without_what_went_before() -> None:
    life = Life(DEVICE)
    life.create()
    with pytest.raises(Invalid) as caught:
        operation_hash(life.rotate(), log_id=LOG_ID, prev=None)
    assert caught.value.code == "unknown_previous_operation"
