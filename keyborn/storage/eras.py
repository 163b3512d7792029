"""Which single-use nonces still count, whatever clocks say (docs/adr/0032-eras-of-nonces.md).

That a nonce was used is recorded, and forgotten an hour after the nonce has expired. A clock that
is ahead forgets too much, and by one that is put back what was forgotten has not expired. So the
store keeps a mark, up to where it has forgotten, and what expires before that does not count. By a
clock that is far behind the mark all that is given out would not; then a new *era* begins. Each
nonce carries the number of its era, and those of another one do not count.

The era is a row of a table of the store that has columns ``name`` and ``value``.
"""

import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Engine, Table, delete, select

from did.errors import KeybornError
from did.nonce import Nonce
from keyborn.storage.statements import insert_once, put
from keyborn.storage.transactions import ContendedError, reading

KEPT_AFTER_EXPIRY: Final = timedelta(hours=1)
"""For so long uses are kept after the nonces have expired: clocks of processes that share a store
may differ by as much."""

_ROW: Final = "nonce_era"
_STEP: Final = 5  # seconds between two times of forgetting
_LOOK: Final = 5.0  # seconds after which a process sees that another one has begun an era
_WORD: Final = 8  # bytes


@dataclass(frozen=True, slots=True)
class Era:
    """What of the nonces counts.

    Attributes:
        number: That the nonces have which were given out since it began.
        forgotten: Uses of nonces that expire before may be forgotten; in seconds since 1970.
    """

    number: int = 0
    forgotten: int = 0

    def admits(self, nonce: Nonce) -> bool:
        """Whether a use of ``nonce`` would be known."""
        return nonce.era == self.number and int(nonce.expires.timestamp()) >= self.forgotten


class Eras:
    """The number of the present era, for who gives out nonces."""

    def __init__(self, engine: Engine, names: Table) -> None:
        self._engine = engine
        self._names = names
        self._number: int | None = None
        self._look_at = 0.0  # on the monotonic clock

    def number(self) -> int:
        """What a nonce that is given out now carries.

        The store is asked at first, then now and then and aside: whoever waits for a nonce is not
        to wait for a database too, or for none, where it is away.
        """
        moment = time.monotonic()
        if self._number is None:
            self._number = self._look()
        elif moment >= self._look_at:
            threading.Thread(target=self._look_aside, daemon=True).start()
        else:
            return self._number
        self._look_at = moment + _LOOK
        return self._number

    def learn(self, era: Era) -> None:
        """Note the era that nonces were used in."""
        self._number = era.number

    def _look(self) -> int:
        with reading(self._engine) as connection:
            return (_read(connection, self._names) or Era()).number

    def _look_aside(self) -> None:
        with suppress(KeybornError):  # what was known stands
            self._number = self._look()


def settle(
    connection: Connection, names: Table, used: Table, *, at: datetime, lifetime: timedelta
) -> Era:
    """The era in which nonces can be used in this transaction, which writes.

    What can be forgotten is. The era stays as it is until the transaction ends.

    Args:
        connection: Of the transaction.
        names: Where the era is kept.
        used: The uses, with a column ``expires`` in seconds since 1970.
        at: Now.
        lifetime: Of nonces that are given out now.

    Raises:
        ContendedError: Another process has changed it meanwhile.
    """
    seconds, longest = int(at.timestamp()), int(lifetime.total_seconds())
    era = _read(connection, names)
    if era is not None and _stands(era, seconds, longest):
        if connection.dialect.name == "sqlite":  # who writes is alone
            return era
        if _read(connection, names, shared=True) != era:
            raise ContendedError("another process has begun an era, or has forgotten")
        return era
    if era is None:
        insert_once(connection, names, _row(Era()))
    era = _read(connection, names, shared=False) or Era()
    if seconds + longest < era.forgotten:
        era = Era(era.number + 1)  # uses stay: of what others gave out, they count in each era
    cutoff = seconds - int(KEPT_AFTER_EXPIRY.total_seconds())
    if cutoff > era.forgotten:
        connection.execute(delete(used).where(used.c.expires < cutoff))
        era = Era(era.number, cutoff)
    put(connection, names, _row(era), key=["name"])
    return era


def begin_era(connection: Connection, names: Table) -> None:
    """Have none count that was given out before, whoever holds the key that they were made with.

    Args:
        connection: Of a transaction that writes.
        names: Where the era is kept.
    """
    insert_once(connection, names, _row(Era()))
    era = _read(connection, names, shared=False) or Era()
    put(connection, names, _row(Era(era.number + 1, era.forgotten)), key=["name"])


def _stands(era: Era, seconds: int, longest: int) -> bool:
    behind = seconds + longest < era.forgotten
    return not behind and seconds - int(KEPT_AFTER_EXPIRY.total_seconds()) <= era.forgotten + _STEP


def _read(connection: Connection, names: Table, *, shared: bool | None = None) -> Era | None:
    """The era, if there is one; unless None, held until the end, by several or by one."""
    query = select(names.c.value).where(names.c.name == _ROW)
    if shared is not None and connection.dialect.name != "sqlite":
        query = query.with_for_update(read=shared)
    value = connection.execute(query).scalar_one_or_none()
    if value is None:
        return None
    number, forgotten = bytes(value)[:_WORD], bytes(value)[_WORD:]
    return Era(int.from_bytes(number, "big"), int.from_bytes(forgotten, "big"))


def _row(era: Era) -> dict[str, object]:
    value = era.number.to_bytes(_WORD, "big") + max(0, era.forgotten).to_bytes(_WORD, "big")
    return {"name": _ROW, "value": value}
