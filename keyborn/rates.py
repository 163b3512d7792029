"""How often a client may ask: counted by ``limits``, in this process or where several look.

Counts are in windows, each from a client's first request in it on. With a store (Redis) all
processes of a service, on any hosts, count together. While that cannot be asked each counts for
itself, and tries the store again a little later: a store of counts is not to keep everybody out.
"""

import asyncio
import logging
import math
import time
from typing import TYPE_CHECKING, Final

from limits import RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import StorageError

from did.errors import Invalid

if TYPE_CHECKING:
    from redis.asyncio import ConnectionPool

WINDOW_SECONDS: Final = 10  # over which the rate is an average
CLIENTS: Final = 4_096  # that are counted at a time, in a process
STORE_SECONDS: Final = 0.25  # for each answer of the store
APART_SECONDS: Final = 5.0  # in which it is not asked again when it did not answer

_COUNT_SECONDS: Final = 4 * STORE_SECONDS  # for all of them, however they dribble
_SAID: Final = 200  # characters of what a store said, as it is logged
_SCHEMES: Final = ("redis://", "rediss://")

_log: Final = logging.getLogger(__name__)


class Rates:
    """The requests of each client.

    Args:
        rate: Requests per second of one client, on average over ``WINDOW_SECONDS``; 0 for any
            number.
        store: The URL of the Redis in which processes count together; None: each for itself.

    Raises:
        Invalid: ``invalid_rate_store``: no such URL, or what speaks to it is not installed.
    """

    def __init__(self, rate: int, store: str | None = None) -> None:
        self.any_number = not rate
        self._limit = RateLimitItemPerSecond(rate * WINDOW_SECONDS, WINDOW_SECONDS)
        self._here = MemoryStorage()
        self._counting_here = FixedWindowRateLimiter(self._here)
        self._pool = None if store is None else _open(store)
        self._together = None if self._pool is None else _counting_in(self._pool)
        self._apart_until: float | None = None  # on the monotonic clock; None: together

    async def seconds_to_wait(self, client: str) -> int:
        """Count a request; the seconds until ``client`` may ask again, or 0 if it may ask now."""
        if self.any_number:
            return 0
        if self._together is not None and self._may_ask():
            try:
                async with asyncio.timeout(_COUNT_SECONDS):
                    seconds = await self._count(self._together, client)
            except Exception as error:  # noqa: BLE001 - whatever a store says, it keeps nobody out
                self._part(error)
            else:
                self._join()
                return seconds
        seconds = await self._count(self._counting_here, client)
        if not seconds and len(self._here.expirations) > CLIENTS:
            await self._here.reset()
        return seconds

    def _may_ask(self) -> bool:
        """Whether the store is to be asked; when it did not answer, one request tries it again."""
        if self._apart_until is None:
            return True
        if time.monotonic() < self._apart_until:
            return False
        self._apart_until = time.monotonic() + APART_SECONDS
        return True

    def _part(self, error: Exception) -> None:
        said = self._apart_until is not None
        self._apart_until = time.monotonic() + APART_SECONDS
        if said:
            return
        cause = error.storage_error if isinstance(error, StorageError) else error
        _log.warning(
            "each process counts requests for itself while the store of rates fails: %s: %s;"
            " see that the Redis of --rate-store runs, and that this service may write there",
            type(cause).__name__,
            str(cause)[:_SAID],
        )

    def _join(self) -> None:
        if self._apart_until is not None:
            self._apart_until = None
            _log.warning("requests are counted in the store of rates again")

    async def close(self) -> None:
        """Close the connections to the store."""
        if self._pool is not None:
            await self._pool.aclose()

    async def _count(self, limiter: FixedWindowRateLimiter, client: str) -> int:
        if await limiter.hit(self._limit, client):
            return 0
        until = (await limiter.get_window_stats(self._limit, client)).reset_time
        return max(1, math.ceil(until - time.time()))


def _open(url: str) -> "ConnectionPool":
    """Connections to the Redis at ``url``, when they are needed."""
    if not url.startswith(_SCHEMES):
        raise _invalid("the store of rates is no URL of a Redis")
    try:
        from redis.asyncio import ConnectionPool  # noqa: PLC0415 - may not be installed
        from redis.exceptions import RedisError  # noqa: PLC0415 - as above
    except ImportError as error:
        raise _invalid("what speaks to a Redis is not installed") from error
    try:
        pool = ConnectionPool.from_url(
            url, socket_timeout=STORE_SECONDS, socket_connect_timeout=STORE_SECONDS
        )
        # It is not opened; only now what the URL's parameters set is looked at.
        pool.make_connection().pack_command("PING", "text")  # type: ignore[no-untyped-call]
    except (ValueError, TypeError, LookupError, AttributeError, OSError, RedisError):
        # What it says may have a part of the password in it.
        raise _invalid("the URL of the store of rates cannot be used") from None
    return pool


def _invalid(message: str) -> Invalid:
    return Invalid(
        "invalid_rate_store",
        message,
        hint="give redis://user:password@host:port/number, the password percent-encoded, and"
        " install keyborn[redis]",
    )


def _counting_in(pool: "ConnectionPool") -> FixedWindowRateLimiter:
    storage = RedisStorage(
        "async+redis://",  # the pool knows where
        implementation="redispy",
        wrap_exceptions=True,
        key_prefix="keyborn",
        connection_pool=pool,  # type: ignore[arg-type] # passed on to redis
    )
    return FixedWindowRateLimiter(storage)
