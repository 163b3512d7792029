"""An embedded ledger's heads and entries on the wire.

::

    GET /v1/log/heads
    {"logId": hex, "latest": HEAD, "safe": HEAD, "finalized": HEAD}
    HEAD = {"sequence": int, "head": hex, "time": int, "signature": base64url}

    GET /v1/log/entries?start=1&stop=1000                                  both included
    {"entries": [{"sequence": int, "kind": int, "batch": base64url,
                  "blockNumber": int, "blockTime": int}, ...]}

A page holds at most ``PAGE_ENTRIES`` entries and ``PAGE_BYTES`` bytes of batches, so it may end
before ``stop``: ask on from there. It is empty beyond the last.
"""

import re
from collections.abc import Iterable
from typing import Final

from did.errors import Invalid
from did.jcs import Json, JsonObject
from did.multibase import base64url_decode, base64url_encode
from did.resolution import Finality
from ledger.chain import LogEntry
from ledger.embedded.heads import Statement, evidence, read_evidence
from ledger.log import Heads

PAGE_ENTRIES: Final = 1_000
PAGE_BYTES: Final = 1_048_576
ENTRY_BYTES: Final = PAGE_BYTES  # of one batch; on Ethereum the block's gas is the bound
ANSWER_BYTES: Final = 4_194_304

_HASH_HEX: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


def heads_to_json(log_id: bytes, heads: Heads) -> JsonObject:
    """The answer to ``GET /v1/log/heads``; ``heads`` carry signed evidence."""
    value: JsonObject = {"logId": log_id.hex()}
    for head in (heads.latest, heads.safe, heads.finalized):
        _, signature = read_evidence(head.evidence)
        value[head.finality.value] = {
            "sequence": head.sequence,
            "head": head.head.hex(),
            "time": head.time,
            "signature": base64url_encode(signature),
        }
    return value


def heads_from_json(value: JsonObject) -> dict[Finality, bytes]:
    """The evidence of each head in the answer; nothing of it is verified.

    Raises:
        Invalid: ``ledger_malformed_answer``.
    """
    if set(value) != {"logId", *Finality}:
        raise malformed("the heads are not logId, latest, safe and finalized")
    log_id = _hash(value["logId"])
    return {finality: _evidence(log_id, finality, value[finality]) for finality in Finality}


def entries_to_json(entries: Iterable[LogEntry]) -> JsonObject:
    """The answer to ``GET /v1/log/entries``."""
    return {
        "entries": [
            {
                "sequence": entry.sequence,
                "kind": entry.kind,
                "batch": base64url_encode(entry.batch),
                "blockNumber": entry.block_number,
                "blockTime": entry.block_time,
            }
            for entry in entries
        ]
    }


def entries_from_json(value: JsonObject) -> list[LogEntry]:
    """The entries in the answer, as they are: any number, in any order.

    Raises:
        Invalid: ``ledger_malformed_answer``.
    """
    match value:
        case {"entries": list() as entries, **rest} if not rest:
            return [_entry(entry) for entry in entries]
        case _:
            raise malformed("a page of entries has another form")


def malformed(message: str) -> Invalid:
    """The error about an answer that a ledger of this kind does not give."""
    return Invalid(
        "ledger_malformed_answer",
        f"the ledger's answer is not understood: {message}",
        step="read the ledger's answer",
        hint="check that the address is that of an embedded ledger",
    )


def _evidence(log_id: bytes, finality: Finality, value: Json) -> bytes:
    match value:
        case {
            "sequence": int() as sequence,
            "head": head,
            "time": int() as time,
            "signature": str() as signature,
            **rest,
        } if not rest and _counts(sequence, time):
            statement = Statement(log_id, finality, sequence, _hash(head), time)
            return evidence(statement, _bytes(signature))
        case _:
            raise malformed("a head has another form")


def _entry(value: Json) -> LogEntry:
    match value:
        case {
            "sequence": int() as sequence,
            "kind": int() as kind,
            "batch": str() as batch,
            "blockNumber": int() as block_number,
            "blockTime": int() as block_time,
            **rest,
        } if not rest and _counts(sequence, kind, block_number, block_time):
            return LogEntry(sequence, kind, _bytes(batch), block_number, block_time)
        case _:
            raise malformed("an entry has another form")


def _counts(*numbers: int) -> bool:
    """Whether each is a count and no bool; strict JSON has bounded them from above."""
    return all(type(number) is int and number >= 0 for number in numbers)


def _hash(value: Json) -> bytes:
    if not isinstance(value, str) or not _HASH_HEX.fullmatch(value):
        raise malformed("a hash is not 64 lower-case hexadecimal digits")
    return bytes.fromhex(value)


def _bytes(text: str) -> bytes:
    try:
        return base64url_decode(text, limit=ANSWER_BYTES)
    except Invalid as error:
        raise malformed(error.message) from error
