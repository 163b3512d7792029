"""Where operations are handed in: judged, and kept before anybody is told so.

A commit waits for the disk, and one at a time. So whoever comes while a commit is under way waits
for it, and then all who wait share the next one.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from did.errors import Busy, KeybornError
from keyborn.faults import FaultPoint
from ledger.index import Index, IndexedVersion, View
from ledger.operations import Create, Operation, operation_hash
from ledger.registrar import standing
from ledger.registrar.messages import OperationStatus
from ledger.registrar.outbox import Acceptance, Outbox
from ledger.registrar.outbox_tables import Accepted
from ledger.state import DidState, advance, apply

_RETRY_BUSY: Final = 30  # seconds; a full queue is a few blocks' work

ACCEPTING: Final = FaultPoint("registrar.accept.before_commit")
ACCEPTED: Final = FaultPoint("registrar.accept.after_commit")


@dataclass(slots=True)
class _Visit:
    """One operation and what came of it, which is there once ``served``."""

    operation: Operation
    outcome: OperationStatus | KeybornError | None = None
    served: bool = False


class Desk:
    """Takes operations into the outbox; safe for use by several threads.

    Args:
        index: What the reader has replayed.
        outbox: Where operations are kept.
        log_id: The log, 32 bytes.
        queue: So many operations may wait.
        clock: The time.
    """

    def __init__(
        self,
        *,
        index: Index,
        outbox: Outbox,
        log_id: bytes,
        queue: int,
        clock: Callable[[], datetime],
    ) -> None:
        self._index = index
        self._outbox = outbox
        self._log_id = log_id
        self._queue = queue
        self._clock = clock
        self.queued = 0  # operations that wait, as of the last commit here
        self._turn = threading.Lock()
        self._line_guard = threading.Lock()
        self._line: list[_Visit] = []

    def take(self, operation: Operation) -> OperationStatus:
        """Keep ``operation``, or tell where it stands if it is known; by the index as it is.

        Raises:
            Busy: ``registrar_busy``.
            KeybornError: As ``ledger.state.advance``: it would have no effect.
        """
        visit = _Visit(operation)
        with self._line_guard:
            self._line.append(visit)
        with self._turn:
            if not visit.served:
                with self._line_guard:
                    line, self._line = self._line, []
                self._serve(line)
        if isinstance(visit.outcome, KeybornError):
            raise visit.outcome
        assert visit.outcome is not None  # served, and without an error
        return visit.outcome

    def _serve(self, line: list[_Visit]) -> None:
        """Judge and keep them, in the order in which they came, in one transaction."""
        at = self._clock()
        try:
            with self._index.reading() as view, self._outbox.accepting() as outbox:
                self.queued = outbox.queue_length()
                for visit in line:
                    try:
                        visit.outcome = self._judge(visit.operation, view, outbox, at)
                    except KeybornError as error:  # nothing was written for it
                        visit.outcome = error
                ACCEPTING.reached()
            ACCEPTED.reached()
        except KeybornError as error:  # the transaction failed, for all of them
            for visit in line:
                visit.outcome = error
        for visit in line:
            visit.served = True

    def _judge(
        self, operation: Operation, view: View, outbox: Acceptance, at: datetime
    ) -> OperationStatus:
        versions = view.versions(operation.id)
        # A create comes first, or it is known.
        waiting = [] if isinstance(operation, Create) else outbox.waiting(operation.id)
        if (known := self._known(operation, view, versions, outbox, waiting)) is not None:
            return known
        if self.queued >= self._queue:
            raise Busy(
                "registrar_busy",
                "too many operations wait for the log",
                hint="repeat it later; what was accepted before is kept",
                retry_after=_RETRY_BUSY,
            )
        before: DidState | None = versions[-1].state if versions else None
        for each in waiting:
            before = apply(before, each.operation, self._log_id)
        after = advance(before, operation, self._log_id)
        prev = None if before is None else before.operation
        taken = outbox.take(operation, hash_=after.operation, prev=prev, at=at)
        self.queued += 1
        return standing.of_ours(view, self._outbox, taken)

    def _known(
        self,
        operation: Operation,
        view: View,
        versions: tuple[IndexedVersion, ...],
        outbox: Acceptance,
        waiting: list[Accepted],
    ) -> OperationStatus | None:
        """Where ``operation`` stands, if it is in the outbox or on the log already.

        What it follows is not in it, so it is tried after each operation that there is.
        """
        before: list[bytes | None] = [None]
        if not isinstance(operation, Create):
            before = [*(v.state.operation for v in versions), *(each.hash for each in waiting)]
        for prev in before:
            hash_ = operation_hash(operation, log_id=self._log_id, prev=prev)
            if (known := outbox.find(hash_)) is not None:
                return standing.of_ours(view, self._outbox, known)
            for version in versions:
                if version.state.operation == hash_:
                    return standing.of_others(view, version)
        return None
