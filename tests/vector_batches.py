"""Batches for the test vectors: valid ones, and void ones of every kind."""

from typing import Any

from operations import Life, batch, create
from vector_parts import ALPHA, BETA, LOG

from did import cbor
from did.errors import Invalid
from did.limits import LIMITS
from ledger.operations import (
    Update,
    decode_batch,
)


def valid_batches() -> list[Any]:
    life = Life(ALPHA, LOG)
    first, rotation, end = life.create(), life.rotate(), life.deactivate()
    odd = Update(bytes(32), bytes(32), None, bytes(64))
    genesis = create(BETA).genesis.to_bytes()
    most = (LIMITS.batch - 8) // 64
    named: list[tuple[str, bytes]] = [
        ("nothing", batch()),
        ("one create", batch(first)),
        ("one rotation", batch(rotation)),
        ("one deactivation", batch(end)),
        ("two creates and two updates", batch(first, create(BETA), rotation, end)),
        ("zeros: what they say is for the rules of operations", batch(odd)),
    ]
    return [
        *({"name": name, "bytes": data.hex(), **content(data)} for name, data in named),
        {
            "name": "as many creates as fit",
            "parts": [
                ["83015a" + (most * 64).to_bytes(4, "big").hex(), 1],
                [genesis.hex(), most],
                ["80", 1],
            ],
            "createCount": most,
        },
    ]


def content(data: bytes) -> Any:
    decoded = decode_batch(data)
    return {
        "creates": [each.genesis.to_bytes().hex() for each in decoded.creates],
        "updates": [
            {
                "id": each.id.hex(),
                "reveal": each.reveal.hex(),
                "next": None if each.next is None else each.next.hex(),
                "sig": each.signature.hex(),
            }
            for each in decoded.updates
        ],
    }


def void_batches() -> list[Any]:
    life = Life(ALPHA, LOG)
    first, rotation = life.create(), life.rotate()
    whole = batch(first, rotation)
    genesis = first.genesis.to_bytes()
    update: list[Any] = [rotation.id, rotation.reveal, rotation.next, rotation.signature]

    def with_update(value: Any) -> bytes:
        return cbor.encode([1, b"", [value]])

    def part(place: int, value: Any) -> bytes:
        return with_update([*update[:place], value, *update[place + 1 :]])

    head = cbor.encode([1, genesis, []])
    most = (LIMITS.batch - 8) // 64 + 1
    named: list[tuple[str, bytes]] = [
        ("no bytes", b""),
        ("one byte short", whole[:-1]),
        ("a byte too many", whole + b"\0"),
        ("a second item", whole + whole),
        ("no array", cbor.encode({1: genesis})),
        ("a map", bytes.fromhex("a3010140028003f6")),
        ("an array of two", cbor.encode([1, genesis])),
        ("an array of four", cbor.encode([1, genesis, [], None])),
        ("version 2", cbor.encode([2, genesis, []])),
        ("version 0", cbor.encode([0, genesis, []])),
        ("version -1", cbor.encode([-1, genesis, []])),
        ("version as text", cbor.encode(["1", genesis, []])),
        ("version as true", cbor.encode([True, genesis, []])),
        ("version as a float", b"\x83\xf9\x3c\x00" + head[2:]),
        ("version as a bignum", b"\x83\xc2\x41\x01" + head[2:]),
        ("version in two bytes", b"\x83\x18\x01" + head[2:]),
        ("version in nine bytes", b"\x83\x1b" + (1).to_bytes(8, "big") + head[2:]),
        ("the array's length in two bytes", b"\x98\x03" + head[1:]),
        ("an array of indefinite length", b"\x9f" + head[1:] + b"\xff"),
        ("creates of indefinite length", b"\x83\x01\x5f" + head[2:-1] + b"\xff\x80"),
        ("the creates' length in three bytes", b"\x83\x01\x59\x00\x40" + genesis + b"\x80"),
        ("a tag around it all", b"\xd9\xd9\xf7" + head),
        ("a tag around the creates", b"\x83\x01\xc2" + head[2:]),
        ("creates as text", cbor.encode([1, "", []])),
        ("creates as null", cbor.encode([1, None, []])),
        ("creates as an array", cbor.encode([1, [genesis], []])),
        ("creates of 63 bytes", cbor.encode([1, genesis[:-1], []])),
        ("creates of 65 bytes", cbor.encode([1, genesis + b"\0", []])),
        ("updates as null", cbor.encode([1, genesis, None])),
        ("updates as a map", cbor.encode([1, genesis, {}])),
        ("updates as bytes", cbor.encode([1, genesis, b""])),
        ("an update as bytes", with_update(b"".join(p for p in update if p is not None))),
        ("an update as null", with_update(None)),
        ("an update of three", with_update(update[:3])),
        ("an update of five", with_update([*update, None])),
        ("an id of 31 bytes", part(0, bytes(31))),
        ("an id as text", part(0, "x" * 32)),
        ("a reveal of 33 bytes", part(1, bytes(33))),
        ("a reveal of no bytes", part(1, b"")),
        ("a reveal as null", part(1, None)),
        ("next of 31 bytes", part(2, bytes(31))),
        ("next of no bytes", part(2, b"")),
        ("next as false", part(2, False)),
        ("next as undefined", part(2, None).replace(b"\xf6\x58\x40", b"\xf7\x58\x40")),
        ("next as a number", part(2, 0)),
        ("a signature of 63 bytes", part(3, bytes(63))),
        ("a signature of 65 bytes", part(3, bytes(65))),
        ("a signature as null", part(3, None)),
        ("an array in an array, a hundred deep", b"\x81" * 100 + b"\x80"),
        ("a length beyond the end", b"\x83\x01\x5b" + b"\xff" * 8),
        ("a good update, and one that is none", cbor.encode([1, genesis, [update, update[:3]]])),
    ]
    for name, data in named:
        assert is_void(data), name
    assert len({data for _, data in named}) == len(named)
    too_long = [
        ["83015a" + (most * 64).to_bytes(4, "big").hex(), 1],
        [genesis.hex(), most],
        ["80", 1],
    ]
    return [
        *({"name": name, "bytes": data.hex()} for name, data in named),
        {"name": f"more than {LIMITS.batch} bytes", "parts": too_long},
    ]


def is_void(data: bytes) -> bool:
    try:
        decode_batch(data)
    except Invalid:
        return True
    return False
