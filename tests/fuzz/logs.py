"""What a log is made of: batches, entries, heads, mirrors, proof files, a registrar's messages."""

from collections.abc import Mapping
from typing import Final

from actors import DEVICE, ISSUER, LOG_ID, NOW, STRANGER
from fuzz.target import Target, only_invalid, same
from operations import Life, batch

from did.identifier import KeybornDid
from did.jcs import canonicalize
from did.resolution import Finality
from did.strict_json import parse_object
from ledger.chain import LogEntry, next_head
from ledger.embedded.heads import EmbeddedPin, Statement, evidence, read_evidence, verify_head
from ledger.embedded.wire import (
    entries_from_json,
    entries_to_json,
    heads_from_json,
    heads_to_json,
)
from ledger.log import Head, Heads, Receipt
from ledger.mirror.form import (
    Extent,
    decode_entry,
    decode_extent,
    encode_entry,
    encode_extent,
)
from ledger.operations import Batch, Operation, decode_batch, encode_batch, unpack_batch
from ledger.registrar.messages import (
    OperationStatus,
    OperationType,
    State,
    operation_from_json,
    operation_to_json,
)
from ledger.state import apply_batch

HEAD_KEY: Final = ISSUER.key
PIN: Final = EmbeddedPin(LOG_ID, HEAD_KEY.public_key())
_MOST: Final = 8_192


def story() -> tuple[Operation, ...]:
    """A DID is created, rotated, and ended."""
    life = Life(DEVICE)
    return life.create(), life.rotate(), life.deactivate()


def entries() -> list[LogEntry]:
    """A log of a batch with others' creates, the whole story, and what is no batch."""
    batches = (batch(Life(STRANGER).create()), batch(*story()), b"\x83\x01\x40")
    seconds = int(NOW.timestamp())
    return [LogEntry(n, 0, data, n, seconds + n) for n, data in enumerate(batches, 1)]


def head_after_all(known: list[LogEntry], finality: Finality = Finality.FINALIZED) -> Head:
    """The signed head after these entries, which begin with the log's first."""
    head = LOG_ID
    for entry in known:
        head = next_head(head, entry)
    time = int(NOW.timestamp())
    signed = Statement(LOG_ID, finality, len(known), head, time).sign(HEAD_KEY)
    return Head(len(known), head, time, finality, evidence=signed)


def _batch_law(data: bytes, read: Batch) -> None:
    same(encode_batch(read), data, "a batch has one encoding")
    packed = unpack_batch(data)
    creates = b"".join(create.genesis.to_bytes() for create in read.creates)
    same((packed.creates, packed.updates), (creates, read.updates), "packed, it is the same batch")
    only_invalid(apply_batch, {}, read, LOG_ID)


def _evidence_law(data: bytes, read: tuple[Statement, bytes]) -> None:
    same(evidence(*read), data, "signed heads have one encoding")
    only_invalid(verify_head, PIN, data)


def _entry_law(data: bytes, entry: LogEntry) -> None:
    same(encode_entry(entry), data, "an entry has one encoding")
    next_head(LOG_ID, entry)


def _heads() -> Mapping[str, bytes]:
    latest, safe, finalized = (
        head_after_all(entries()[:count], finality)
        for count, finality in ((3, Finality.LATEST), (2, Finality.SAFE), (0, Finality.FINALIZED))
    )
    return {"three": canonicalize(heads_to_json(LOG_ID, Heads(latest, safe, finalized)))}


def _heads_law(_: bytes, found: dict[Finality, bytes]) -> None:
    same(set(found), set(Finality), "there are three heads")
    for each in found.values():
        only_invalid(verify_head, PIN, each)


def _page_law(data: bytes, page: list[LogEntry]) -> None:
    same(entries_to_json(page), parse_object(data), "a page is written as it was read")
    for entry in page:
        next_head(LOG_ID, entry)


def _operation_law(data: bytes, operation: Operation) -> None:
    same(operation_to_json(operation), parse_object(data), "an operation has one form")


def _status_law(_: bytes, status: OperationStatus) -> None:
    same(OperationStatus.from_json(status.to_json()), status, "a status is read as written")


def _statuses() -> Mapping[str, bytes]:
    create, *_ = story()
    did = KeybornDid(create.id)
    queued = OperationStatus(create.id, OperationType.CREATE, did, State.QUEUED, accepted=NOW)
    receipt = Receipt(7, 7, int(NOW.timestamp()), "0x" + "ab" * 32, 36_443, 10**9)
    landed = OperationStatus(
        create.id, OperationType.UPDATE, did, State.ON_LOG, NOW, receipt, Finality.SAFE
    )
    return {each.state.value: canonicalize(each.to_json()) for each in (queued, landed)}


def _read_status(data: bytes) -> OperationStatus:
    return OperationStatus.from_json(parse_object(data))


def _batches() -> Mapping[str, bytes]:
    return {
        "empty": batch(),
        "a life": batch(*story()),
        "many": batch(*story(), Life(STRANGER).create(), Life(ISSUER).create()),
    }


TARGETS: Final = {
    "batch": Target(
        decode_batch,
        _batch_law,
        _batches,
        max_bytes=_MOST,
        words=(b"\x83\x01", b"\x84\x58\x20", b"\xf6"),
    ),
    "signed-head": Target(
        read_evidence,
        _evidence_law,
        lambda: {"finalized": head_after_all(entries()).evidence},
        max_bytes=600,
    ),
    "ledger-heads": Target(
        lambda data: heads_from_json(parse_object(data)),
        _heads_law,
        _heads,
        words=(b'"sequence":', b'"head":', b'"time":', b'"signature":', b'"logId":'),
    ),
    "ledger-entries": Target(
        lambda data: entries_from_json(parse_object(data)),
        _page_law,
        lambda: {"page": canonicalize(entries_to_json(entries())), "none": b'{"entries":[]}'},
        max_bytes=_MOST,
        words=(b'"sequence":', b'"kind":', b'"batch":', b'"blockNumber":', b'"blockTime":'),
    ),
    "mirror-entry": Target(
        lambda data: decode_entry(data, 2),
        _entry_law,
        lambda: {"entry": encode_entry(entries()[1])},
        max_bytes=_MOST,
    ),
    "mirror-head": Target(
        decode_extent,
        lambda data, extent: same(encode_extent(extent), data, "an extent has one encoding"),
        lambda: {"extent": encode_extent(Extent(LOG_ID, 3, head_after_all(entries()).head))},
        max_bytes=200,
    ),
    "operation": Target(
        lambda data: operation_from_json(parse_object(data)),
        _operation_law,
        lambda: {
            f"{number}": canonicalize(operation_to_json(operation))
            for number, operation in enumerate(story())
        },
        words=(b'"type":', b'"genesis":', b'"did":', b'"reveal":', b'"next":', b'"signature":'),
    ),
    "operation-status": Target(
        _read_status,
        _status_law,
        _statuses,
        words=(
            b'"receipt":',
            b'"accepted":',
            b'"blockTime":',
            b'"gas":',
            b'"finality":',
            b'"state":',
        ),
    ),
}
