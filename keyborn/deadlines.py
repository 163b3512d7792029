"""One limit of time for a whole exchange with a host: its look-up, connection, request and answer.

A limit for each read is none: who sends a byte now and then is read for ever. So what is left of
the whole is counted anew before each call that may wait.

``limit`` makes an httpx client keep one; ``within`` sets it, for what this thread sends inside.
"""

import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

import httpcore
import httpx

_SLICE: Final = 4_096  # bytes; each is written at once, or nearly so
_NEVER: Final = threading.TIMEOUT_MAX / 2  # as good as: what waits takes no infinity

_until: Final = ContextVar("until", default=_NEVER)  # of this thread, on the monotonic clock

LookUp = Callable[[str, int], Sequence[str]]


def left(until: float) -> float:
    """Seconds until then, on the monotonic clock; raises ``TimeoutError`` where there are none."""
    remaining = until - time.monotonic()
    if remaining <= 0:
        raise TimeoutError
    return remaining


def system_look_up(host: str, port: int) -> Sequence[str]:
    """The addresses of ``host``, as the system has it; raises ``OSError``, ``UnicodeError``."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def looked_up(names: LookUp, host: str, port: int, until: float) -> Sequence[str]:
    """What ``names`` finds in time. The system's cannot be interrupted; it is left to its end.

    Raises:
        TimeoutError: It takes too long.
        OSError: As ``names``.
        UnicodeError: As ``names``.
    """
    answers: queue.SimpleQueue[Sequence[str] | OSError | UnicodeError] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put(names(host, port))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=run, name="look-up", daemon=True).start()
    try:
        found = answers.get(timeout=left(until))
    except queue.Empty as error:
        raise TimeoutError from error
    if isinstance(found, OSError | UnicodeError):
        raise found
    return found


@contextmanager
def within(until: float) -> Iterator[None]:
    """In this block, and this thread, what a limited client sends and reads ends by ``until``."""
    before = _until.set(until)
    try:
        yield
    finally:
        _until.reset(before)


def limit(client: httpx.Client) -> httpx.Client:
    """The same client, whose connections keep to ``within``, also those by way of a proxy."""
    # httpx has no public way to say how connections are made; httpcore, below it, has.
    for transport in (client._transport, *client._mounts.values()):  # noqa: SLF001
        if isinstance(transport, httpx.HTTPTransport):
            transport._pool._network_backend = _Backend()  # noqa: SLF001
    return client


class _Backend(httpcore.SyncBackend):
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        until = min(_until.get(), time.monotonic() + (_NEVER if timeout is None else timeout))
        try:
            # An address that swallows all must leave the rest to the others: they share.
            addresses = looked_up(system_look_up, host, port, until)
            share = left(until) / max(1, len(addresses))
        except TimeoutError as error:
            raise httpcore.ConnectTimeout("the name was not found in time") from error
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        for place, address in enumerate(addresses, 1):
            try:
                stream = super().connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if place == len(addresses):
                    raise
            else:
                return _Stream(stream)
        raise httpcore.ConnectError("the name has no address")


class _Stream(httpcore.NetworkStream):
    """A stream none of whose calls waits longer than is left."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _least(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _SLICE):
            patience = _least(timeout, httpcore.WriteTimeout)
            self._stream.write(buffer[start : start + _SLICE], patience)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        patience = _least(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, patience))

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - httpcore's own signature
        return self._stream.get_extra_info(info)


def _least(timeout: float | None, late: type[httpcore.TimeoutException]) -> float | None:
    until = _until.get()
    if until == _NEVER:
        return timeout
    try:
        remaining = left(until)
    except TimeoutError as error:
        raise late("the exchange as a whole took too long") from error
    return remaining if timeout is None else min(timeout, remaining)
