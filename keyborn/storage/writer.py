"""Writers that group commits: several requests share one transaction, and one sync of the disk.

A commit waits for the disk, however little it writes. So whoever comes while a commit is under way
waits for its end, and then all who wait share the next one. Each has a savepoint of its own::

    writer = Writer(engine)                        # one for each engine of a process

    def use(connection: Connection) -> None:
        if not insert_once(connection, used, {"digest": digest}):
            raise Refused("nonce_used", ...)       # undoes what this request did, and no more

    writer.write(use)                              # from a thread
    await asyncio.wrap_future(writer.submit(use))  # from asyncio; the loop is not held up

What a request is to be given is a *function of a connection*:

* It is called in another thread, once for each try: where it had to wait for another process that
  waited for it (PostgreSQL), it is undone and called again. So it does nothing but work with the
  connection, and returns what is then to be said; slow things, signatures aside, come before it.
* It reads and decides on its own connection, not before: only there does it see what the other
  requests of its group did. A check that was made beforehand may be made, but does not count.
* On PostgreSQL another process writes at the same time. What must happen once, a constraint holds
  (``insert_once``); what is read in order to be changed is locked (``locking``).
* Nobody hears of anything, an error included, before the commit. If that fails, all of the group
  are told so, and nothing has been done.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Final, Self, TypeVar

from sqlalchemy import Connection, Engine

from did.errors import KeybornError, Unavailable
from keyborn.storage.transactions import TRIES, ContendedError

MOST: Final = 128  # requests in one transaction

_T = TypeVar("_T")

_log: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class _Request:
    work: Callable[[Connection], Any]
    future: "Future[Any]" = field(default_factory=Future)
    value: object = None
    error: Exception | None = None
    tries: int = 0


class Writer:
    """Groups the commits of one engine. Safe between threads; close it before the engine."""

    def __init__(self, engine: Engine, *, most: int = MOST) -> None:
        self._engine = engine
        self._most = most
        self._changed = threading.Condition()
        self._line: deque[_Request] = deque()
        self._closed = False
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        """The writer itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Finish what was handed in, and take nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join()

    def write(self, work: Callable[[Connection], _T]) -> _T:
        """What ``work`` returns, once that is durable; for threads, which wait here.

        Args:
            work: As the module says.

        Raises:
            Unavailable: ``store_busy``, ``store_failed``, ``store_unreachable`` and the like; as
                of all databases. Nothing was done; of ``store_unreachable`` that is not certain.
            Exception: What ``work`` raises.
        """
        return self.submit(work).result()

    def submit(self, work: Callable[[Connection], _T]) -> "Future[_T]":
        """As ``write``, without waiting. A future that is cancelled in time is not begun."""
        request = _Request(work)
        with self._changed:
            if self._closed:
                raise _closed()
            self._line.append(request)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
                self._thread.start()
            self._changed.notify()
        return request.future

    def _run(self) -> None:
        while group := self._next_group():
            self._serve(group)

    def _next_group(self) -> list[_Request]:
        """Who waits, up to the most; nobody once this is closed and all are served."""
        with self._changed:
            while not self._line and not self._closed:
                self._changed.wait()
            return [self._line.popleft() for _ in range(min(self._most, len(self._line)))]

    def _serve(self, group: list[_Request]) -> None:
        group = [each for each in group if each.tries or each.future.set_running_or_notify_cancel()]
        if not group:
            return
        try:
            with self._engine.begin() as connection:
                if len(group) == 1:
                    group[0].value = group[0].work(connection)
                else:
                    for each in group:
                        _serve_one(connection, each)
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait are told
            if len(group) == 1:
                group[0].error = error
            else:
                for each in group:
                    each.error = _same(error)
        self._answer(group)

    def _answer(self, group: list[_Request]) -> None:
        again = []
        for each in group:
            each.tries += 1
            if isinstance(each.error, ContendedError) and each.tries < TRIES:
                each.error = None
                again.append(each)
            elif each.error is None:
                each.future.set_result(each.value)
            else:
                each.future.set_exception(each.error)
        if again:
            with self._changed:
                self._line.extendleft(reversed(again))


def _serve_one(connection: Connection, request: _Request) -> None:
    """Do the work in a savepoint; raises only where the whole transaction is lost."""
    connection.exec_driver_sql("SAVEPOINT request")
    try:
        request.value = request.work(connection)
        connection.exec_driver_sql("RELEASE SAVEPOINT request")
    except Exception as error:  # noqa: BLE001 - told to who waits, whatever it is
        request.error = error
        try:
            connection.exec_driver_sql("ROLLBACK TO SAVEPOINT request")
            connection.exec_driver_sql("RELEASE SAVEPOINT request")
        except Exception:  # noqa: BLE001 - follows from the first, which tells more
            raise error from None


def _same(error: Exception) -> KeybornError:
    """The failure of a transaction, for one of its requests: who catches it may change it."""
    if isinstance(error, KeybornError):
        return error.again()
    _log.error("a transaction failed", exc_info=error)
    return Unavailable(
        "store_failed",
        "the transaction that this was a part of failed",
        retry_after=1,
        hint="repeat it; the service's log has the cause",
    )


def _closed() -> Unavailable:
    return Unavailable(
        "store_closed",
        "the service is stopping, and takes nothing more",
        retry_after=5,
        hint="repeat it when the service is back",
    )
