"""Accepts operations, and has a thread that puts them on the log."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Final

from did.errors import Invalid, KeybornError, Refused, Unavailable
from keyborn import clock as system_clock
from ledger.freshness import check_log
from ledger.index import Index
from ledger.log import Ledger
from ledger.operations import Operation
from ledger.reader import LogReader
from ledger.registrar import standing
from ledger.registrar.desk import Desk
from ledger.registrar.dispatch import Batching, Dispatcher
from ledger.registrar.messages import OperationStatus, State
from ledger.registrar.metrics import Readings
from ledger.registrar.outbox import Outbox

_STOP_SECONDS: Final = 30.0  # for a round under way

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
        self._desk = Desk(
            index=index,
            outbox=outbox,
            log_id=ledger.log_id,
            queue=batching.queue,
            clock=clock,
        )
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
        self._failures: Counter[str] = Counter()  # rounds that failed, by error code
        self._last_failure: tuple[str, datetime] | None = None

    def submit(self, operation: Operation) -> OperationStatus:
        """Take ``operation``, durably; for one that is known, tell where it stands.

        Raises:
            Invalid: ``wrong_next_key``, ``invalid_public_key``, ``invalid_signature``.
            Refused: ``not_registered``, ``deactivated``.
            Busy: ``registrar_busy``: the queue is full.
            Unavailable: The store cannot be used.
            Undecided: It would have no effect, as far as is known, and the log cannot be read.
        """
        try:
            status = self._take(operation)
        except KeybornError as error:
            raise error.at("accept the operation") from None
        if status.state is State.QUEUED:
            full = self._desk.queued >= self._batching.count
            self._hurry(0.0 if full else self._batching.delay)
        return status

    def status(self, operation: bytes) -> OperationStatus:
        """Where the operation with this hash stands, as of the last look at the log.

        Raises:
            Refused: ``unknown_operation``.
        """
        known = self._outbox.find(operation)
        with self._index.reading() as view:
            if known is not None:
                return standing.of_ours(view, self._outbox, known)
            for version in view.versions(operation):  # a create's hash is its DID's id
                return standing.of_others(view, version)
        raise Refused(
            "unknown_operation",
            "this registrar does not know the operation",
            hint="submit it again; a repeat has no second effect",
        )

    def _take(self, operation: Operation) -> OperationStatus:
        with suppress(Invalid, Refused):
            return self._desk.take(operation)
        # What the reader replayed last may be old; nobody is turned away for that.
        self._reader.sync()
        return self._desk.take(operation)

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

    def check_store(self) -> None:
        """Return if its outbox can be read and written; raises as ``Outbox.check``."""
        self._outbox.check()

    def check_log(self) -> None:
        """Return if the log can be read and is new enough; raises as ``check_log``."""
        check_log(self._reader, now=self._clock)

    def readings(self) -> Readings:
        """What there is to tell of it now.

        Raises:
            Unavailable: The store cannot be used.
        """
        with self._changed:  # what is told of a failed round is told whole
            try:
                self.check()
            except KeybornError:
                works = False
            else:
                works = True
            failures, last_failure = dict(self._failures), self._last_failure
        with self._index.reading() as view:
            heads = view.heads()
        return Readings(
            at=self._clock(),
            works=works,
            tally=self._outbox.tally(),
            queue_limit=self._batching.queue,
            heads=heads,
            failures=failures,
            last_failure=last_failure,
        )

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
                with self._changed:
                    self._trouble = error
                    self._failures[error.code] += 1
                    self._last_failure = (error.code, self._clock())
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
