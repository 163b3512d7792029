"""Accepts operations, and has a thread that puts them on the log."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Final

from did.errors import Invalid, KeybornError, Refused, Unavailable
from did.identifier import KeybornDid
from did.resolution import Finality
from keyborn import clock as system_clock
from keyborn.faults import FaultPoint
from ledger.index import Index, IndexedVersion, View
from ledger.log import Ledger, Receipt
from ledger.operations import Create, Operation, operation_hash
from ledger.reader import LogReader
from ledger.registrar.dispatch import Batching, Dispatcher
from ledger.registrar.messages import OperationStatus, OperationType, State
from ledger.registrar.outbox import Acceptance, Accepted, Outbox
from ledger.state import DidState, advance, apply

_STEP: Final = "accept the operation"
_RETRY_BUSY: Final = 30  # seconds; a full queue is a few blocks' work
_STOP_SECONDS: Final = 30.0  # for a round under way

ACCEPTING: Final = FaultPoint("registrar.accept.before_commit")
ACCEPTED: Final = FaultPoint("registrar.accept.after_commit")

_log = logging.getLogger(__name__)


class Registrar:
    """One writer of one log. ``submit`` and ``status`` may be called by any thread.

    Args:
        ledger: Where batches go.
        reader: Of the same log; what it replayed decides what an operation does.
        index: The reader's.
        outbox: Where operations wait.
        batching: When a batch goes out.
        clock: The time.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        reader: LogReader,
        index: Index,
        outbox: Outbox,
        batching: Batching,
        clock: Callable[[], datetime] = system_clock.now,
    ) -> None:
        self._reader = reader
        self._index = index
        self._outbox = outbox
        self._batching = batching
        self._clock = clock
        self._log_id = ledger.log_id
        self._dispatcher = Dispatcher(
            ledger=ledger,
            reader=reader,
            index=index,
            outbox=outbox,
            batching=batching,
            clock=clock,
        )
        self._changed = threading.Condition()
        self._due: float | None = 0.0  # on the monotonic clock
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._trouble: KeybornError | None = None

    # Operations

    def submit(self, operation: Operation) -> OperationStatus:
        """Take ``operation``, durably; for one that is known, tell where it stands.

        Raises:
            Invalid: ``wrong_next_key``, ``invalid_public_key``, ``invalid_signature``.
            Refused: ``not_registered``, ``deactivated``.
            Unavailable: ``registrar_busy``, or the store cannot be used.
            Undecided: It would have no effect, as far as is known, and the log cannot be read.
        """
        with suppress(Invalid, Refused):
            return self._take(operation)
        # What the reader replayed last may be old; nobody is turned away for that.
        self._reader.sync()
        try:
            return self._take(operation)
        except (Invalid, Refused) as error:
            raise error.at(_STEP) from None

    def status(self, operation: bytes) -> OperationStatus:
        """Where the operation with this hash stands, as of the last look at the log.

        Raises:
            Refused: ``unknown_operation``.
        """
        known = self._outbox.find(operation)
        with self._index.reading() as view:
            if known is not None:
                return self._describe(view, known)
            for version in view.versions(operation):  # a create's hash is its DID's id
                return _found(view, version)
        raise Refused(
            "unknown_operation",
            "this registrar does not know the operation",
            hint="submit it again; a repeat has no second effect",
        )

    def _take(self, operation: Operation) -> OperationStatus:
        at = self._clock()
        with self._index.reading() as view, self._outbox.accepting() as outbox:
            versions = view.versions(operation.id)
            waiting = outbox.waiting(operation.id)
            if (known := self._repeat(operation, view, versions, outbox, waiting)) is not None:
                return known
            queued = outbox.queue_length() + 1
            if queued > self._batching.queue:
                raise Unavailable(
                    "registrar_busy",
                    "too many operations wait for the log",
                    step=_STEP,
                    retry_after=_RETRY_BUSY,
                )
            before: DidState | None = versions[-1].state if versions else None
            for each in waiting:
                before = apply(before, each.operation, self._log_id)
            after = advance(before, operation, self._log_id)
            prev = before.operation if before is not None else None
            taken = outbox.take(operation, hash_=after.operation, prev=prev, at=at)
            status = self._describe(view, taken)
            ACCEPTING.reached()
        ACCEPTED.reached()
        self._hurry(0.0 if queued >= self._batching.count else self._batching.delay)
        return status

    def _repeat(
        self,
        operation: Operation,
        view: View,
        versions: tuple[IndexedVersion, ...],
        outbox: Acceptance,
        waiting: list[Accepted],
    ) -> OperationStatus | None:
        """Where ``operation`` stands, if it is in the outbox or on the log already."""
        before: list[bytes | None] = [None]
        if not isinstance(operation, Create):
            before = [*(v.state.operation for v in versions), *(each.hash for each in waiting)]
        for prev in before:
            hash_ = operation_hash(operation, log_id=self._log_id, prev=prev)
            if (known := outbox.find(hash_)) is not None:
                return self._describe(view, known)
            for version in versions:
                if version.state.operation == hash_:
                    return _found(view, version)
        return None

    def _describe(self, view: View, known: Accepted) -> OperationStatus:
        receipt = finality = None
        if known.state in (State.ON_LOG, State.FINALIZED):
            for version in view.versions(known.operation.id):
                if version.state.operation == known.hash:
                    receipt, finality = _place(view, version)
        if receipt is not None and known.submission is not None:
            ours = self._outbox.submission(known.submission).receipt
            if ours is not None and ours.sequence == receipt.sequence:
                receipt = ours  # with what it cost
        return OperationStatus(
            operation=known.hash,
            type=OperationType.of(known.operation),
            did=KeybornDid(known.operation.id),
            state=known.state,
            accepted=known.accepted,
            receipt=receipt,
            finality=finality,
        )

    # The thread

    def start(self) -> None:
        """Begin to put operations on the log, those of before a restart first."""
        self._thread = threading.Thread(target=self._run, name="registrar", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the round under way. Nothing is lost if that takes too long."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(_STOP_SECONDS)

    def check(self) -> None:
        """Return if operations get onto the log.

        Raises:
            Unavailable: ``registrar_stopped``.
            KeybornError: What the last round failed with.
        """
        if self._thread is None or not self._thread.is_alive():
            raise Unavailable(
                "registrar_stopped",
                "the registrar does not put operations on the log",
                hint="restart the service; its log says why it stopped",
            )
        if self._trouble is not None:
            raise self._trouble

    def round(self) -> float | None:
        """What the thread does, once; see ``Dispatcher.round``."""
        return self._dispatcher.round()

    def _run(self) -> None:
        while self._wait():
            wait: float | None
            try:
                wait = self.round()
            except KeybornError as error:
                if self._trouble is None or self._trouble.code != error.code:
                    _log.warning("operations are held up: %s", error)
                self._trouble = error
                wait = max(self._batching.poll, error.retry_after or 0)
            else:
                if self._trouble is not None:
                    _log.info("operations get onto the log again")
                self._trouble = None
            if wait is not None:
                self._hurry(wait)

    def _wait(self) -> bool:
        """Wait until a round is due; False if it is time to stop."""
        with self._changed:
            while not self._stopping:
                left = None if self._due is None else self._due - time.monotonic()
                if left is not None and left <= 0:
                    self._due = None
                    return True
                self._changed.wait(left)
            return False

    def _hurry(self, within: float) -> None:
        """Have a round within so many seconds."""
        due = time.monotonic() + within
        with self._changed:
            if self._due is None or due < self._due:
                self._due = due
                self._changed.notify_all()


def _found(view: View, version: IndexedVersion) -> OperationStatus:
    """The status of an operation that somebody else put on the log."""
    receipt, finality = _place(view, version)
    return OperationStatus(
        operation=version.state.operation,
        type=OperationType.UPDATE if version.state.number else OperationType.CREATE,
        did=KeybornDid(version.state.id),
        state=State.FINALIZED if finality is Finality.FINALIZED else State.ON_LOG,
        receipt=receipt,
        finality=finality,
    )


def _place(view: View, version: IndexedVersion) -> tuple[Receipt, Finality]:
    heads = view.heads()
    assert heads is not None  # a version came with a sync
    if version.sequence <= heads.finalized.sequence:
        finality = Finality.FINALIZED
    elif version.sequence <= heads.safe.sequence:
        finality = Finality.SAFE
    else:
        finality = Finality.LATEST
    return Receipt(version.sequence, version.block_number, version.time), finality
