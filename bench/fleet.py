"""A fleet of any size whose keys are real and always the same, and the log that it writes.

Device ``n`` has three Ed25519 keys, of seeds that follow from ``n``: the first, the next one that
its genesis commits to, and the one that a rotation commits to in turn. A million geneses take two
minutes to make, so they are kept in a file.
"""

import hashlib
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nacl import bindings

from did.identifier import GENESIS_BYTES, Genesis
from did.keys import SigningKey
from ledger.operations import (
    Batch,
    Create,
    Operation,
    PackedBatch,
    Update,
    encode_batch,
    sign_update,
)

CREATES_PER_BATCH: Final = 2_000
UPDATES_PER_BATCH: Final = 700
DEVICES_PER_ROTATION: Final = 100  # 10,000 of 1,000,000 devices rotate
GARBAGE_SHARE: Final = 10  # one in ten

_AT_ONCE: Final = 1_000  # devices, between two reports of progress

Progress = Callable[[int], object]  # is told how many more are done


@dataclass(frozen=True, slots=True)
class Garbage:
    """What costs a reader something and has no effect, and what has one, to hold it against.

    Attributes:
        repeats: Creates of DIDs that exist.
        wrong_commitments: They reveal a key that was not committed to.
        wrong_signatures: They reveal the right key, and sign for another log: a reader sees that
            when it has checked all else.
        honest: Rotations of still other devices, in no log here.
    """

    repeats: list[Operation]
    wrong_commitments: list[Operation]
    wrong_signatures: list[Operation]
    honest: list[Operation]


def make_fleet(devices: int, progress: Progress) -> bytes:
    """The genesis of each of so many devices, 64 bytes, one after the other."""
    folder = Path(tempfile.gettempdir()) / "keyborn-bench"
    folder.mkdir(mode=0o700, exist_ok=True)
    kept = folder / "geneses"
    made = kept.read_bytes() if kept.exists() else b""
    made = made[: len(made) // GENESIS_BYTES * GENESIS_BYTES]
    progress(min(devices, len(made) // GENESIS_BYTES))
    with kept.open("r+b" if kept.exists() else "wb") as file:
        file.seek(len(made))
        for start in range(len(made) // GENESIS_BYTES, devices, _AT_ONCE):
            stop = min(start + _AT_ONCE, devices)
            more = b"".join(_genesis(device) for device in range(start, stop))
            file.write(more)
            made += more
            progress(stop - start)
    return made[: devices * GENESIS_BYTES]


def ids_of(fleet: bytes) -> list[bytes]:
    """The id of each device, 32 bytes."""
    return [
        hashlib.sha256(_of(fleet, device)).digest() for device in range(len(fleet) // GENESIS_BYTES)
    ]


def rotations(devices: int, log_id: bytes) -> list[Update]:
    """The first rotation of one device in a hundred, spread over the fleet."""
    return [_rotation(device, log_id) for device in range(0, devices, DEVICES_PER_ROTATION)]


def garbage(fleet: bytes, log_id: bytes) -> Garbage:
    """One repeat for ten creates; for ten rotations, one update of each other kind.

    The updates speak for devices that do not rotate, so that the commitment is still theirs.
    """
    devices = len(fleet) // GENESIS_BYTES
    chance = random.Random(1)  # noqa: S311 - the same log each time
    repeated = chance.sample(range(devices), devices // GARBAGE_SHARE)
    others, more = (range(first, devices, DEVICES_PER_ROTATION * GARBAGE_SHARE) for first in (1, 2))
    return Garbage(
        [Create(Genesis.from_bytes(_of(fleet, device))) for device in repeated],
        [_rotation(device, log_id, reveal="first") for device in others],
        [_rotation(device, bytes(32)) for device in others],
        [_rotation(device, log_id) for device in more],
    )


def honest_log(fleet: bytes, updates: Sequence[Update]) -> Iterator[bytes]:
    """The batches: all creates, then all updates."""
    size = CREATES_PER_BATCH * GENESIS_BYTES
    for start in range(0, len(fleet), size):
        yield _batch(fleet[start : start + size], ())
    for first in range(0, len(updates), UPDATES_PER_BATCH):
        yield _batch(b"", updates[first : first + UPDATES_PER_BATCH])


def littered_log(fleet: bytes, updates: Sequence[Update], litter: Garbage) -> Iterator[bytes]:
    """The same log, in each batch of which the garbage has its share, among the honest."""
    chance = random.Random(2)  # noqa: S311 - the same log each time
    creates = [_of(fleet, device) for device in range(len(fleet) // GENESIS_BYTES)]
    repeats = [each.genesis.to_bytes() for each in litter.repeats if isinstance(each, Create)]
    size = CREATES_PER_BATCH * GARBAGE_SHARE // (GARBAGE_SHARE + 1)
    for start in range(0, len(creates), size):
        share = slice(start // GARBAGE_SHARE, (start + size) // GARBAGE_SHARE)
        batch = creates[start : start + size] + repeats[share]
        chance.shuffle(batch)
        yield _batch(b"".join(batch), ())
    mixed = [*updates, *_updates(litter.wrong_commitments), *_updates(litter.wrong_signatures)]
    chance.shuffle(mixed)
    for first in range(0, len(mixed), UPDATES_PER_BATCH):
        yield _batch(b"", mixed[first : first + UPDATES_PER_BATCH])


def batches_of(operations: Sequence[Operation]) -> list[bytes]:
    """These operations alone, in batches of the usual sizes."""
    creates = [each.genesis.to_bytes() for each in operations if isinstance(each, Create)]
    return list(honest_log(b"".join(creates), _updates(operations)))


def _batch(creates: bytes, updates: Sequence[Update]) -> bytes:
    packed = PackedBatch(creates, tuple(updates))
    born = tuple(Create(Genesis.from_bytes(genesis)) for genesis in packed.born())
    return encode_batch(Batch(born, packed.updates))


def _updates(operations: Sequence[Operation]) -> list[Update]:
    return [each for each in operations if isinstance(each, Update)]


def _of(fleet: bytes, device: int) -> bytes:
    return fleet[device * GENESIS_BYTES : (device + 1) * GENESIS_BYTES]


def _seed(device: int, key: str) -> bytes:
    return hashlib.sha256(f"keyborn-bench/{device}/{key}".encode()).digest()


def _genesis(device: int) -> bytes:
    # The points are valid as they are made here; ``PublicKey`` would check each of two million.
    key, next_key = (
        bindings.crypto_sign_seed_keypair(_seed(device, name))[0] for name in ("first", "next")
    )
    return key + hashlib.sha256(next_key).digest()


def _rotation(device: int, log_id: bytes, *, reveal: str = "next") -> Update:
    id_ = hashlib.sha256(_genesis(device)).digest()
    return sign_update(
        SigningKey(_seed(device, reveal)),
        log_id=log_id,
        id_=id_,
        prev=id_,
        next_key=SigningKey(_seed(device, "third")).public_key(),
    )
