"""A closed loop of clients over raw sockets: each asks again when it was answered.

It runs in a process of its own, so that what it costs is told apart from what the service does, and
it is as lean as it can be, since both share the machine. Connections are kept open.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import Final, Self
from urllib.parse import urlsplit

from did.errors import Unavailable

_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length:"
_MAX_ERRORS: Final = 20  # that are kept as text; all are counted


@dataclass(frozen=True, slots=True)
class Load:
    """What a run of clients came to.

    Attributes:
        clients: How many asked at once.
        seconds: From the first question to the last answer.
        latencies: Seconds that each took that went well, in the order in which they ended.
        ends: When each ended, in seconds since the first question.
        failures: How many did not.
        errors: The first of these, as text.
        cpu: Seconds of CPU of the clients' process.
    """

    clients: int
    seconds: float
    latencies: Sequence[float]
    ends: Sequence[float]
    failures: int
    errors: Sequence[str]
    cpu: float

    @property
    def rate(self) -> float:
        """How many per second went well."""
        return len(self.latencies) / self.seconds

    def percentile(self, percent: float) -> float:
        """Milliseconds within which so many per cent were answered."""
        if not self.latencies:
            return float("inf")
        ordered = sorted(self.latencies)
        at = min(len(ordered) - 1, int(len(ordered) * percent / 100))
        return ordered[at] * 1_000


@dataclass(slots=True)
class _Tally:
    latencies: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    failures: int = 0
    errors: list[str] = field(default_factory=list)


class FailedError(Exception):
    """An answer that is not what it should be."""


class Connection(asyncio.Protocol):
    """One connection, kept open; one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._data = b""
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    @classmethod
    async def open(cls, url: str) -> Self:
        """To the service at ``url``."""
        parts = urlsplit(url)
        loop = asyncio.get_running_loop()
        assert parts.hostname is not None
        assert parts.port is not None
        _, connection = await loop.create_connection(cls, parts.hostname, parts.port)
        return connection

    def ask(self, request: bytes) -> "asyncio.Future[tuple[int, bytes]]":
        """Send a whole request; its answer will be the status and the body."""
        assert self._transport is not None
        assert self._answer is None  # one at a time
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def close(self) -> None:
        """Close it."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take more of an answer."""
        data = self._data + data if self._data else data
        head, end, body = data.partition(_END)
        if end:
            at = head.lower().find(_LENGTH)
            if at < 0:
                self._fail(FailedError(f"an answer has no length: {head[:120]!r}"))
                return
            length = int(head[at + len(_LENGTH) :].split(b"\r", 1)[0])
            if len(body) >= length:
                self._data = b""
                waiting, self._answer = self._answer, None
                if waiting is not None and not waiting.done():
                    waiting.set_result((int(head[9:12]), body))
                return
        self._data = data

    def connection_lost(self, exc: Exception | None) -> None:
        """It is closed; whoever waits for an answer gets none."""
        self._fail(exc or FailedError("the service closed the connection"))

    def _fail(self, error: Exception) -> None:
        waiting, self._answer = self._answer, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(error)


def head_of(url: str, path: str, content_type: str = "") -> bytes:
    """The beginning of a POST, up to where its length stands."""
    parts = urlsplit(url)
    typed = f"content-type: {content_type}\r\n" if content_type else ""
    line = f"POST {parts.path}{path} HTTP/1.1\r\nhost: {parts.netloc}\r\n{typed}"
    return f"{line}content-length: ".encode()


def whole(head: bytes, body: bytes) -> bytes:
    """A POST that begins with ``head``, as ``head_of`` makes it, and has this body."""
    return b"%b%d\r\n\r\n%b" % (head, len(body), body)


def run_clients(
    urls: Sequence[str], clients: int, seconds: float, once: Callable[[Connection], Awaitable[bool]]
) -> Load:
    """Have ``clients`` do ``once`` again and again for ``seconds``.

    Args:
        urls: Of the service's processes; the clients are spread over them.
        clients: How many at once, each with a connection of its own.
        seconds: After which none begins anew.
        once: One whole exchange; False when there is nothing left to ask.
    """
    return asyncio.run(_run(urls, clients, seconds, once))


async def _run(
    urls: Sequence[str], clients: int, seconds: float, once: Callable[[Connection], Awaitable[bool]]
) -> Load:
    try:
        connections = [(each, await Connection.open(each)) for each in islice(cycle(urls), clients)]
    except OSError as error:
        raise Unavailable("bench_unreachable", f"no connection to {urls}: {error}") from error
    tally = _Tally()
    cpu = time.process_time()
    start = time.perf_counter()

    async def client(url: str, connection: Connection) -> None:
        try:
            while (began := time.perf_counter()) < start + seconds:
                try:
                    if not await once(connection):
                        return
                except (FailedError, OSError) as error:
                    tally.failures += 1
                    if len(tally.errors) < _MAX_ERRORS:
                        tally.errors.append(str(error))
                    connection.close()
                    connection = await Connection.open(url)
                else:
                    ended = time.perf_counter()
                    tally.latencies.append(ended - began)
                    tally.ends.append(ended - start)
        finally:
            connection.close()

    await asyncio.gather(*(client(*each) for each in connections))
    seconds = time.perf_counter() - start
    await asyncio.sleep(0)  # for the connections to close
    return Load(
        clients,
        seconds,
        tally.latencies,
        tally.ends,
        tally.failures,
        tally.errors,
        time.process_time() - cpu,
    )
