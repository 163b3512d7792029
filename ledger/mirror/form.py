"""What a mirror is made of: a folder with one file for each entry, and one that names the log.

::

    head.cbor                       [1, log_id, sequence, head]
    000/001/000001234.cbor          [1, sequence, kind, block_number, block_time, batch]

in deterministic CBOR (RFC 8949, 4.2.1). ``log_id`` and ``head`` are 32 bytes, ``batch`` is the
bytes that were appended, the rest are integers from 0 to 2^63 - 1; times are seconds since 1970
(UTC). An entry lies under its sequence divided by 1,000,000 and by 1,000, so that no folder has
more than a thousand files. ``head.cbor`` says up to where the mirror will not change any more: what
it has beyond that is what a reorganisation of the chain may still replace.

Nothing of it is believed: whoever reads recomputes the log's head from the entries.
"""

from dataclasses import dataclass
from typing import Final, cast

from did.cbor import Cbor, decode, encode
from did.errors import Invalid, Unavailable
from ledger.chain import LogEntry

HEAD_PATH: Final = "head.cbor"

# 8 gas buy one byte of an event's data, so 2^24 gas, the most for one transaction (EIP-7825), buy a
# batch of 2 MB. An embedded ledger takes 1 MB.
ENTRY_BYTES: Final = 4 * 1_048_576
HEAD_BYTES: Final = 128

_VERSION: Final = 1
_COUNTED: Final = 2**63 - 1
_COUNTS: Final = 5  # before the batch
_HASH_BYTES: Final = 32
_STEP: Final = "read the mirror"


@dataclass(frozen=True, slots=True)
class Extent:
    """What ``head.cbor`` says.

    Attributes:
        log_id: The log, 32 bytes.
        sequence: Up to this entry the mirror is final.
        head: The head of the log after that entry, 32 bytes.
    """

    log_id: bytes
    sequence: int
    head: bytes


def path_of(sequence: int) -> str:
    """Where in a mirror the entry ``sequence`` lies."""
    million, thousand = sequence // 1_000_000, sequence // 1_000 % 1_000
    return f"{million:03d}/{thousand:03d}/{sequence:09d}.cbor"


def encode_entry(entry: LogEntry) -> bytes:
    """The file of an entry."""
    return encode(
        [
            _VERSION,
            entry.sequence,
            entry.kind,
            entry.block_number,
            entry.block_time,
            entry.batch,
        ]
    )


def decode_entry(data: bytes, sequence: int) -> LogEntry:
    """The entry in the file of ``sequence``.

    Raises:
        Invalid: ``mirror_malformed``.
    """
    match _decoded(data, ENTRY_BYTES, path_of(sequence)):
        case [*counts, bytes() as batch] if (
            len(counts) == _COUNTS and _counts(*counts) and counts[:2] == [_VERSION, sequence]
        ):
            kind, number, time = cast("list[int]", counts[2:])
            return LogEntry(sequence, kind, batch, number, time)
        case _:
            raise malformed(path_of(sequence), "it is not that entry")


def encode_extent(extent: Extent) -> bytes:
    """The file ``head.cbor``."""
    return encode([_VERSION, extent.log_id, extent.sequence, extent.head])


def decode_extent(data: bytes) -> Extent:
    """What is in the file ``head.cbor``.

    Raises:
        Invalid: ``mirror_malformed``.
    """
    match _decoded(data, HEAD_BYTES, HEAD_PATH):
        case [version, bytes() as log_id, int() as sequence, bytes() as head] if (
            _counts(version, sequence)
            and version == _VERSION
            and len(log_id) == len(head) == _HASH_BYTES
        ):
            return Extent(log_id, sequence, head)
        case _:
            raise malformed(HEAD_PATH, "it is not a log and one of its heads")


def refuse_other_log(extent: Extent, log_id: bytes) -> None:
    """Return if the mirror says that it is of the log ``log_id``, 32 bytes.

    Raises:
        Invalid: ``mirror_of_another_log``.
    """
    if extent.log_id != log_id:
        raise Invalid(
            "mirror_of_another_log",
            f"the mirror is of the log {extent.log_id.hex()}, not of {log_id.hex()}",
            step=_STEP,
            hint="name a mirror of this log; each log has its own",
        )


def malformed(path: str, why: str) -> Invalid:
    """The error for a file that is not of its form."""
    return Invalid(
        "mirror_malformed",
        f"a file of the mirror is not understood: {why}",
        step=_STEP,
        value=path,
        hint="use another mirror, or none; this one is damaged, or lies",
    )


def no_mirror(where: str) -> Unavailable:
    """The error for a place that has no mirror."""
    return Unavailable(
        "mirror_missing",
        f"there is no mirror: {HEAD_PATH} is missing",
        step=_STEP,
        value=where,
        hint="check the path or address; `keyborn ledger follow --mirror-out` makes a mirror",
    )


def no_entry(sequence: int) -> Unavailable:
    """The error for an entry that the mirror does not have."""
    return Unavailable(
        "mirror_entry_missing",
        f"the mirror does not have entry {sequence} of the log",
        step=_STEP,
        hint="it is behind, or withholds the entry: repeat it, or use another mirror, or none",
        retry_after=5,
    )


def _decoded(data: bytes, most: int, path: str) -> Cbor:
    try:
        return decode(data, max_bytes=most)
    except Invalid as error:
        raise malformed(path, error.message) from error


def _counts(*values: Cbor) -> bool:
    """Whether each is a count, and no bool."""
    return all(type(value) is int and 0 <= value <= _COUNTED for value in values)
