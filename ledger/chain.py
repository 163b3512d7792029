"""The head chain: one 32-byte value that commits to the order, content and times of a log.

``docs/did-method.md``, "The log". Both ledgers compute the same chain; the Ethereum contract
``DidLog`` computes it on chain, the embedded ledger and every reader compute it here.
"""

from dataclasses import dataclass
from typing import Final

from eth_hash.auto import keccak

from did.errors import Invalid

KIND_CALL_DATA: Final = 0
_LAST_SECOND: Final = 253_402_300_799  # of the year 9999, where the calendar ends


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One batch as it stands on a log.

    Attributes:
        sequence: Position on the log, counting from 1.
        kind: How the batch was carried; 0 is call data (and all that the embedded ledger has).
        batch: The batch, as the bytes that were appended, valid or not.
        block_number: The block that carries it.
        block_time: That block's time, in seconds since 1970 (UTC).
    """

    sequence: int
    kind: int
    batch: bytes
    block_number: int
    block_time: int


def next_head(head: bytes, entry: LogEntry) -> bytes:
    """The 32-byte head after ``entry``, where ``head`` (32 bytes) stood before it.

    The head before the first entry is the log id.
    """
    return head_after(
        head,
        keccak(entry.batch),
        kind=entry.kind,
        sequence=entry.sequence,
        block_number=entry.block_number,
        block_time=entry.block_time,
    )


def head_after(
    head: bytes, digest: bytes, *, kind: int, sequence: int, block_number: int, block_time: int
) -> bytes:
    """As ``next_head``, of an entry whose batch is known by its keccak-256 (``digest``) alone.

    Six 32-byte words are hashed; ``docs/did-method.md`` has the formula.
    """
    words = (
        head,
        kind.to_bytes(32, "big"),
        digest,
        sequence.to_bytes(32, "big"),
        block_number.to_bytes(32, "big"),
        block_time.to_bytes(32, "big"),
    )
    return keccak(b"".join(words))


def check_time(seconds: int) -> None:
    """Return if there is such a time, in seconds since 1970 (UTC).

    Raises:
        Invalid: ``ledger_malformed_answer``. Only who can write a ledger's heads can cause it.
    """
    if not 0 <= seconds <= _LAST_SECOND:
        raise Invalid(
            "ledger_malformed_answer",
            "the ledger states a time that no calendar has",
            step="read the log",
            value=seconds,
        )
