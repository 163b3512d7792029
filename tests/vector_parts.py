"""What the test vectors of logs are made of: who acts, and a log as it is written."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from actors import actor
from operations import batch, spare

from did.errors import Invalid
from did.keys import SigningKey
from ledger.chain import LogEntry, next_head
from ledger.operations import (
    Operation,
    Update,
    decode_batch,
    rotation_message,
)
from ledger.state import DidState, apply_batch

LOG: Final = hashlib.sha256(b"the log of the vectors").digest()
OTHER_LOG: Final = hashlib.sha256(b"another log of the vectors").digest()
TIME: Final = 1_800_000_000
NOT_CANONICAL: Final = bytes.fromhex("ee" + "ff" * 30 + "7f")  # y = p + 1, the identity

ALPHA: Final = actor("alpha")
BETA: Final = actor("beta")
AFTER: Final = hashlib.sha256(spare(ALPHA, 1).public_key().raw).digest()


@dataclass
class Log:
    """A log as it is written, and what a reader makes of it."""

    name: str
    log_id: bytes = LOG
    batches: list[tuple[bytes, str]] = field(default_factory=list)

    def add(self, *done: Operation, note: str = "") -> "Log":
        return self.add_bytes(batch(*done), note)

    def add_bytes(self, data: bytes, note: str = "") -> "Log":
        self.batches.append((data, note))
        return self

    def entries(self) -> list[LogEntry]:
        """Two entries to a block, blocks 12 seconds apart."""
        return [
            LogEntry(number, 0, data, 100 + number // 2, TIME + 12 * (number // 2))
            for number, (data, _) in enumerate(self.batches, 1)
        ]

    def to_json(self) -> Any:
        head, shown = self.log_id, []
        for entry, (_, note) in zip(self.entries(), self.batches, strict=True):
            head = next_head(head, entry)
            shown.append(
                {
                    **entry_json(entry),
                    "head": head.hex(),
                    **({"note": note} if note else {}),
                }
            )
        return {
            "name": self.name,
            "logId": self.log_id.hex(),
            "entries": shown,
            "dids": versions_json(self.log_id, self.entries()),
        }


def entry_json(entry: LogEntry) -> Any:
    return {
        "sequence": entry.sequence,
        "kind": entry.kind,
        "batch": entry.batch.hex(),
        "blockNumber": entry.block_number,
        "blockTime": entry.block_time,
    }


def versions_json(log_id: bytes, entries: Iterable[LogEntry]) -> Any:
    """Every version of every DID after replay, by the DID's id; in the order of creation."""
    states: dict[bytes, DidState] = {}
    found: dict[str, list[Any]] = {}
    for entry in entries:
        try:
            decoded = decode_batch(entry.batch)
        except Invalid:
            continue
        for state in apply_batch(states, decoded, log_id):
            states[state.id] = state
            found.setdefault(state.id.hex(), []).append(
                {
                    "number": state.number,
                    "operation": state.operation.hex(),
                    "key": None if state.key is None else state.key.hex(),
                    "next": None if state.next is None else state.next.hex(),
                    "sequence": entry.sequence,
                }
            )
    return found


def signed(key: SigningKey, before: DidState, next_: bytes | None) -> Update:
    reveal = key.public_key().raw
    message = rotation_message(LOG, before.id, before.operation, reveal, next_)
    return Update(before.id, reveal, next_, key.sign(message))
