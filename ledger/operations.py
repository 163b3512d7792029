"""Operations on DIDs, and the batches that carry them (``docs/did-method.md``, "Operations").

::

    batch    = [1, creates, updates]             deterministic CBOR, at most 131,072 bytes
    creates  = bstr                              n times a genesis of 64 bytes, n may be 0
    updates  = [* [id, reveal, next, sig]]       id, reveal: bstr 32; sig: bstr 64
    next     = bstr 32 / null                    null deactivates

A batch that departs from this in anything is void whole. Inside a batch the creates come first,
then the updates in their order.

What an update signs is never sent: it names the log and the DID's previous operation, which every
reader knows, so that it can be replayed neither on another log nor later on this one.
"""

import hashlib
import struct
from dataclasses import dataclass
from typing import Final

from did import cbor
from did.errors import Invalid
from did.identifier import GENESIS_BYTES, ID_BYTES, Genesis, commitment
from did.keys import KEY_BYTES, SIGNATURE_BYTES, PublicKey, Signer
from did.limits import LIMITS

BATCH_VERSION: Final = 1
_MESSAGE: Final = "keyborn-log/1"
_MESSAGE_HEAD: Final = b"\x86" + cbor.encode(_MESSAGE)  # an array of six, and its first
_STRING_32: Final = b"\x58\x20"  # the head of a byte string of 32 (RFC 8949, section 3.1)
_NULL: Final = b"\xf6"
_BATCH_ITEMS: Final = 3
_UPDATE_ITEMS: Final = 4


@dataclass(frozen=True, slots=True)
class Create:
    """A DID comes to be. It is its genesis and nothing more: unsigned, and unalterable."""

    genesis: Genesis

    @property
    def id(self) -> bytes:
        """The DID's 32-byte id."""
        return self.genesis.id


@dataclass(frozen=True, slots=True)
class Update:
    """A rotation, or with ``next`` None a deactivation.

    Attributes:
        id: The DID's id, 32 bytes.
        reveal: The raw public key that was committed to, 32 bytes; the current key from here on.
        next: SHA-256 of the key that may rotate after it, 32 bytes; None ends the DID for good.
        signature: By ``reveal``, over ``rotation_message``; 64 bytes.

    Raises:
        Invalid: ``invalid_update``, a part has the wrong length.
    """

    id: bytes
    reveal: bytes
    next: bytes | None
    signature: bytes

    def __post_init__(self) -> None:
        if (
            len(self.id) != ID_BYTES
            or len(self.reveal) != KEY_BYTES
            or (self.next is not None and len(self.next) != ID_BYTES)
            or len(self.signature) != SIGNATURE_BYTES
        ):
            raise Invalid(
                "invalid_update",
                "an update's id, reveal and next have 32 bytes each, its signature 64",
            )


Operation = Create | Update


@dataclass(frozen=True, slots=True)
class Batch:
    """What one entry of the log carries: creates, which apply first, then updates in order."""

    creates: tuple[Create, ...] = ()
    updates: tuple[Update, ...] = ()

    @property
    def operations(self) -> tuple[Operation, ...]:
        """All of it, in the order in which it applies."""
        return self.creates + self.updates


@dataclass(frozen=True, slots=True)
class PackedBatch:
    """A batch as a replay takes it in: its creates are not taken apart, for they are millions.

    Attributes:
        creates: The genesis of each, 64 bytes, one after the other.
        updates: As in ``Batch``.
    """

    creates: bytes
    updates: tuple[Update, ...]

    def born(self) -> tuple[bytes, ...]:
        """Each create's genesis, 64 bytes."""
        return struct.unpack(
            f"{GENESIS_BYTES}s" * (len(self.creates) // GENESIS_BYTES), self.creates
        )


def encode_batch(batch: Batch) -> bytes:
    """The one encoding of ``batch``.

    Raises:
        Invalid: ``batch_too_large``.
    """
    data = cbor.encode(
        [
            BATCH_VERSION,
            b"".join(create.genesis.to_bytes() for create in batch.creates),
            [[u.id, u.reveal, u.next, u.signature] for u in batch.updates],
        ]
    )
    if len(data) > LIMITS.batch:
        raise Invalid(
            "batch_too_large", f"a batch has at most {LIMITS.batch} bytes", value=len(data)
        )
    return data


def decode_batch(data: bytes) -> Batch:
    """The batch that ``data`` is.

    Raises:
        Invalid: As ``unpack_batch``.
    """
    packed = unpack_batch(data)
    return Batch(
        tuple(Create(Genesis.from_bytes(genesis)) for genesis in packed.born()), packed.updates
    )


def unpack_batch(data: bytes) -> PackedBatch:
    """The batch that ``data`` is, its creates left as they are.

    Raises:
        Invalid: ``void_batch``: it is none, and whoever reads it on a log passes over all of it.
    """
    try:
        value = cbor.decode(data, max_bytes=LIMITS.batch)
    except Invalid as error:
        raise _void(error.message) from error
    if not isinstance(value, list) or len(value) != _BATCH_ITEMS:
        raise _void("it is not an array of three")
    version, creates, updates = value
    if type(version) is not int or version != BATCH_VERSION:
        raise _void("its version is not 1")
    if not isinstance(creates, bytes) or len(creates) % GENESIS_BYTES:
        raise _void("its creates are not a string of 64-byte genesis values")
    if not isinstance(updates, list):
        raise _void("its updates are not an array")
    return PackedBatch(creates, tuple(_decode_update(update) for update in updates))


def rotation_message(
    log_id: bytes, id_: bytes, prev: bytes, reveal: bytes, next_: bytes | None
) -> bytes:
    """What an update signs, and what hashes to its operation hash.

    Args:
        log_id: The log that it is for, 32 bytes.
        id_: The DID's id, 32 bytes.
        prev: The hash of the DID's previous operation, 32 bytes; after the creation, the id.
        reveal: The raw public key that is revealed, 32 bytes.
        next_: The next commitment, 32 bytes; None to deactivate.

    Returns:
        Deterministic CBOR of ``["keyborn-log/1", log_id, id, prev, reveal, next / null]``.
    """
    # By hand, for a replay does it for each update and the encoder takes ten times as long.
    parts = (_MESSAGE_HEAD, log_id, id_, prev, reveal)
    return _STRING_32.join(parts) + (_NULL if next_ is None else _STRING_32 + next_)


def sign_update(
    signer: Signer, *, log_id: bytes, id_: bytes, prev: bytes, next_key: PublicKey | None
) -> Update:
    """The update that reveals ``signer``'s key and commits to ``next_key`` (None: deactivates)."""
    reveal = signer.public_key().raw
    next_ = None if next_key is None else commitment(next_key)
    message = rotation_message(log_id, id_, prev, reveal, next_)
    return Update(id_, reveal, next_, signer.sign(message))


def operation_hash(operation: Operation, *, log_id: bytes, prev: bytes | None) -> bytes:
    """The 32-byte name of an operation: a create's is the DID's id.

    An update's is SHA-256 of what it signs; the signature is not in it, so the same rotation has
    one name however often it is signed.

    Args:
        operation: The operation.
        log_id: The log that it is on, 32 bytes.
        prev: The hash of the DID's previous operation; not looked at for a create.
    """
    if isinstance(operation, Create):
        return operation.id
    if prev is None:
        raise Invalid("unknown_previous_operation", "an update follows an operation; none is known")
    message = rotation_message(log_id, operation.id, prev, operation.reveal, operation.next)
    return hashlib.sha256(message).digest()


def _decode_update(value: cbor.Cbor) -> Update:
    if not isinstance(value, list) or len(value) != _UPDATE_ITEMS:
        raise _void("an update is not an array of four")
    id_, reveal, next_, signature = value
    if (
        not isinstance(id_, bytes)
        or not isinstance(reveal, bytes)
        or not isinstance(next_, bytes | None)
        or not isinstance(signature, bytes)
    ):
        raise _void("an update holds something that is not a byte string")
    try:
        return Update(id_, reveal, next_, signature)
    except Invalid as error:
        raise _void(error.message) from error


def _void(reason: str) -> Invalid:
    return Invalid("void_batch", f"these bytes are no batch: {reason}")
