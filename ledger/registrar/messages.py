"""What a registrar and those who use it say to each other, as JSON.

::

    {"type": "create", "genesis": "z…"}                                     64 bytes
    {"type": "update", "did": "did:keyborn:…", "reveal": "z6Mk…",           a Multikey
     "next": "z…" / null, "signature": "z…"}                                32 and 64 bytes

    {"operation": "<hash, hex>", "type": "update", "did": "did:keyborn:…",
     "state": "on_log", "accepted": "2026-01-31T12:00:00Z",
     "receipt": {"sequence": 7, "blockNumber": 7, "blockTime": "2026-01-31T12:00:01Z",
                 "finality": "safe", "transaction": "0x…", "gas": 36443,
                 "gasPrice": 1000000007}}                                   wei

Byte strings are multibase, base58btc.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Protocol, Self

from did.errors import Invalid
from did.identifier import GENESIS_BYTES, ID_BYTES, Genesis, KeybornDid, parse_keyborn
from did.jcs import Json, JsonObject
from did.keys import SIGNATURE_BYTES, ed25519_from_multibase, ed25519_multibase
from did.multibase import multibase_decode, multibase_encode
from did.resolution import Finality
from did.timestamps import format_time, parse_time
from ledger.log import Receipt
from ledger.operations import Create, Operation, Update

_HASH: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_TRANSACTION: Final = re.compile(r"0x[0-9a-f]{64}", re.ASCII)


class State(StrEnum):
    """How far an operation has come."""

    QUEUED = "queued"  # kept, and in no submission
    SENT = "sent"  # in a submission that is on its way
    ON_LOG = "on_log"  # in effect on the log, which may still be reorganised
    FINALIZED = "finalized"  # in effect for good
    VOID = "void"  # without effect for good: another operation was first


class OperationType(StrEnum):
    """What kind of operation it is."""

    CREATE = "create"
    UPDATE = "update"

    @classmethod
    def of(cls, operation: Operation) -> Self:
        """The type of ``operation``."""
        return cls("create" if isinstance(operation, Create) else "update")


@dataclass(frozen=True, slots=True)
class OperationStatus:
    """What a registrar says of one operation.

    Attributes:
        operation: The operation's hash, 32 bytes.
        type: Which of the two.
        did: The DID that it is about, short form.
        state: How far it has come.
        accepted: When the registrar acknowledged it; None if it found it on the log.
        receipt: Where it is in effect.
        finality: How settled that is; present with ``receipt``.
    """

    operation: bytes
    type: OperationType
    did: KeybornDid
    state: State
    accepted: datetime | None = None
    receipt: Receipt | None = None
    finality: Finality | None = None

    def to_json(self) -> JsonObject:
        """As it travels."""
        value: JsonObject = {
            "operation": self.operation.hex(),
            "type": self.type.value,
            "did": self.did.text,
            "state": self.state.value,
        }
        if self.accepted is not None:
            value["accepted"] = format_time(self.accepted)
        if self.receipt is not None and self.finality is not None:
            value["receipt"] = _receipt_to_json(self.receipt, self.finality)
        return value

    @classmethod
    def from_json(cls, value: JsonObject) -> Self:
        """Read a status; raises ``Invalid`` (``invalid_operation_status``)."""
        try:
            accepted = value.get("accepted")
            receipt, finality = _receipt_from_json(value.get("receipt"))
            return cls(
                operation=parse_hash(value.get("operation")),
                type=OperationType(_text(value.get("type"))),
                did=parse_keyborn(_text(value.get("did"))),
                state=State(_text(value.get("state"))),
                accepted=None if accepted is None else parse_time(accepted),
                receipt=receipt,
                finality=finality,
            )
        except Invalid as error:
            raise _malformed(error.message) from error
        except ValueError as error:  # of an enumeration
            raise _malformed("its type, state or finality is none that is known here") from error


class Relay(Protocol):
    """Somebody who puts operations on the log: a registrar in this process, or far away."""

    def submit(self, operation: Operation) -> OperationStatus:
        """Accept ``operation``; for a repeat, tell where it stands.

        Raises:
            Invalid, Refused: It would have no effect, as ``ledger.state.advance`` tells.
            Unavailable: Nobody answers, or not now.
        """
        ...

    def status(self, operation: bytes) -> OperationStatus:
        """Where the operation with this hash stands.

        Raises:
            Refused: ``unknown_operation``.
            Unavailable: Nobody answers, or not now.
        """
        ...


def operation_to_json(operation: Operation) -> JsonObject:
    """``operation`` as it travels to a registrar."""
    if isinstance(operation, Create):
        return {"type": "create", "genesis": multibase_encode(operation.genesis.to_bytes())}
    return {
        "type": "update",
        "did": KeybornDid(operation.id).text,
        "reveal": ed25519_multibase(operation.reveal),
        "next": None if operation.next is None else multibase_encode(operation.next),
        "signature": multibase_encode(operation.signature),
    }


def operation_from_json(value: JsonObject) -> Operation:
    """The operation that ``value`` is.

    Raises:
        Invalid: ``invalid_operation``, naming the field.
    """
    kind = value.get("type")
    if kind == "create" and value.keys() == {"type", "genesis"}:
        return Create(Genesis.from_bytes(_bytes(value, "genesis", GENESIS_BYTES)))
    if kind == "update" and value.keys() == {"type", "did", "reveal", "next", "signature"}:
        next_ = None if value["next"] is None else _bytes(value, "next", ID_BYTES)
        try:
            did = parse_keyborn(_text(value["did"]))
            reveal = ed25519_from_multibase(_text(value["reveal"]))
        except Invalid as error:
            raise _invalid(f"its did or reveal is malformed: {error.message}") from error
        return Update(did.id, reveal, next_, _bytes(value, "signature", SIGNATURE_BYTES))
    raise _invalid("its type and fields are not those of a create or an update")


def parse_hash(text: Json) -> bytes:
    """The 32 bytes of an operation hash in lower-case hex.

    Raises:
        Invalid: ``invalid_operation_hash``.
    """
    if not isinstance(text, str) or not _HASH.fullmatch(text):
        raise Invalid(
            "invalid_operation_hash", "an operation hash has 64 lower-case hex digits", value=text
        )
    return bytes.fromhex(text)


def _receipt_to_json(receipt: Receipt, finality: Finality) -> JsonObject:
    value: JsonObject = {
        "sequence": receipt.sequence,
        "blockNumber": receipt.block_number,
        "blockTime": format_time(datetime.fromtimestamp(receipt.block_time, UTC)),
        "finality": finality.value,
    }
    if receipt.transaction is not None:
        value["transaction"] = receipt.transaction
    if receipt.gas is not None:
        value["gas"] = receipt.gas
    if receipt.gas_price is not None:
        value["gasPrice"] = receipt.gas_price
    return value


def _receipt_from_json(value: Json) -> tuple[Receipt | None, Finality | None]:
    if value is None:
        return None, None
    if not isinstance(value, dict):
        raise _malformed("its receipt is not an object")
    transaction, gas, price = (value.get(name) for name in ("transaction", "gas", "gasPrice"))
    if transaction is not None and not _TRANSACTION.fullmatch(_text(transaction)):
        raise _malformed("its transaction hash is none")
    receipt = Receipt(
        sequence=_count(value.get("sequence")),
        block_number=_count(value.get("blockNumber")),
        block_time=int(parse_time(value.get("blockTime")).timestamp()),
        transaction=None if transaction is None else _text(transaction),
        gas=None if gas is None else _count(gas),
        gas_price=None if price is None else _count(price),
    )
    return receipt, Finality(_text(value.get("finality")))


def _bytes(value: JsonObject, name: str, length: int) -> bytes:
    try:
        return multibase_decode(_text(value[name]), length=length)
    except Invalid as error:
        raise _invalid(f"its {name} is malformed: {error.message}") from error


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise _invalid("something else stands where a text is due")
    return value


def _count(value: Json) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _malformed("something else stands where a count is due")
    return value


def _invalid(what: str) -> Invalid:
    return Invalid("invalid_operation", f"this is no operation: {what}", step="read the operation")


def _malformed(what: str) -> Invalid:
    return Invalid(
        "invalid_operation_status",
        f"what the registrar says of the operation is not understood: {what}",
        step="read the registrar's answer",
    )
