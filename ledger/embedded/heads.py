"""Signed heads: how the embedded ledger vouches for where its log stands.

::

    statement = ["keyborn-head/1", log_id, finality, sequence, head, time]    deterministic CBOR
    evidence  = [statement: bstr, signature: bstr 64]                         deterministic CBOR

``finality`` is ``latest``, ``safe`` or ``finalized``; ``time`` is when it was signed, in seconds
since 1970 (UTC). The signature is Ed25519 over the statement, by the key that the pin names.
"""

from dataclasses import dataclass
from typing import Final

from did import cbor
from did.errors import Invalid
from did.keys import PublicKey, Signer
from did.resolution import Finality
from ledger.log import Head

HASH_BYTES: Final = 32
_KIND: Final = "keyborn-head/1"
_STEP: Final = "verify the ledger's head"
_EVIDENCE_BYTES: Final = 512
_MAX_COUNT: Final = 2**53 - 1  # of a sequence or a time: what JSON carries


@dataclass(frozen=True, slots=True)
class EmbeddedPin:
    """What a reader holds fixed about an embedded ledger.

    Attributes:
        log_id: 32 bytes.
        head_key: The key that signs its heads.

    Raises:
        Invalid: ``ledger_bad_pin``.
    """

    log_id: bytes
    head_key: PublicKey

    def __post_init__(self) -> None:
        if len(self.log_id) != HASH_BYTES:
            raise Invalid("ledger_bad_pin", "a log id has 32 bytes", value=self.log_id.hex())


@dataclass(frozen=True, slots=True)
class Statement:
    """What the ledger's key signs of a head; the attributes are those of ``ledger.log.Head``."""

    log_id: bytes
    finality: Finality
    sequence: int
    head: bytes
    time: int

    def to_bytes(self) -> bytes:
        """The signed bytes."""
        return cbor.encode(
            [_KIND, self.log_id, self.finality.value, self.sequence, self.head, self.time]
        )

    def sign(self, signer: Signer) -> bytes:
        """The evidence of it."""
        return evidence(self, signer.sign(self.to_bytes()))


def evidence(statement: Statement, signature: bytes) -> bytes:
    """A statement and its signature, as bytes to keep and to show."""
    return cbor.encode([statement.to_bytes(), signature])


def verify_head(pin: EmbeddedPin, data: bytes) -> Head:
    """The head that the evidence ``data`` proves.

    1. ``data`` is evidence, whole and canonical.
    2. It speaks of the pinned log.
    3. The pinned key has signed it.
    4. The head of an empty log is the log id.

    Raises:
        Invalid: ``ledger_malformed_answer`` (1), ``ledger_wrong_log`` (2), ``ledger_forged_head``
            (3, 4).
    """
    statement, signature = read_evidence(data)
    if statement.log_id != pin.log_id:
        raise Invalid(
            "ledger_wrong_log",
            f"the head is of the log {statement.log_id.hex()}, and {pin.log_id.hex()} is pinned",
            step=_STEP,
            hint="check the ledger's address, and that the pin is the one its operator hands out",
        )
    try:
        pin.head_key.verify(signature, statement.to_bytes())
    except Invalid as error:
        raise _forged(f"the {statement.finality} head is not signed by the pinned key") from error
    if statement.sequence == 0 and statement.head != pin.log_id:
        raise _forged("the head of an empty log is not its log id")
    return Head(
        statement.sequence, statement.head, statement.time, statement.finality, evidence=data
    )


def read_evidence(data: bytes) -> tuple[Statement, bytes]:
    """The statement and the signature (64 bytes) in evidence; nothing is verified.

    Raises:
        Invalid: ``ledger_malformed_answer``.
    """
    try:
        outer = cbor.decode(data, max_bytes=_EVIDENCE_BYTES)
        match outer:
            case [bytes() as signed, bytes() as signature]:
                inner = cbor.decode(signed, max_bytes=_EVIDENCE_BYTES)
            case _:
                raise _malformed("it is not a statement and a signature")
    except Invalid as error:
        raise _malformed(error.message) from error
    match inner:
        case [
            str(kind),
            bytes() as log_id,
            str(finality),
            int() as sequence,
            bytes() as head,
            int() as time,
        ] if (
            kind == _KIND
            and finality in list(Finality)
            and len(log_id) == len(head) == HASH_BYTES
            and all(type(n) is int and 0 <= n <= _MAX_COUNT for n in (sequence, time))
        ):
            return Statement(log_id, Finality(finality), sequence, head, time), signature
        case _:
            raise _malformed("its statement is not one of a head")


def _forged(message: str) -> Invalid:
    return Invalid(
        "ledger_forged_head",
        message,
        step=_STEP,
        hint="what answers is not the ledger that is pinned; do not believe it",
    )


def _malformed(message: str) -> Invalid:
    return Invalid(
        "ledger_malformed_answer",
        f"a signed head is not understood: {message}",
        step=_STEP,
        hint="check that the address is that of an embedded ledger",
    )
