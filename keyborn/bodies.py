"""Bodies of requests, read whole: with a limit of size each, of time each, and of size together."""

import asyncio
from typing import Final

from starlette.datastructures import Headers
from starlette.types import Receive, Scope

from did.errors import Invalid, Unavailable
from did.limits import LIMITS

BODY_SECONDS: Final = 20.0  # for a request's body to arrive
ARRIVING_BYTES: Final = 33_554_432  # of all bodies that are not whole yet
STEP: Final = "read the request"
WHOLE: Final = "keyborn.whole"  # key of a request's scope: its body is there, in one message

_DRAINED: Final = 16_777_216  # bytes of an oversized body that are thrown away before the answer


class DisconnectedError(Exception):
    """The client left while it sent the body."""


class Bodies:
    """Reads them. All that are not whole together have ``ARRIVING_BYTES``.

    Where that is not enough, the one that arrives longest is given up for another.

    Args:
        most: Bytes that one may have.
        seconds: Within which one has to arrive.
    """

    def __init__(self, *, most: int = LIMITS.json_bytes, seconds: float = BODY_SECONDS) -> None:
        self._most = most
        self._seconds = seconds
        self._arriving: dict[asyncio.Timeout, int] = {}  # bytes of a body by its time, oldest first
        self._arriving_bytes = 0

    async def read(self, scope: Scope, receive: Receive) -> bytes:
        """The body of a request.

        Raises:
            Unavailable: ``body_timeout``.
            Invalid: ``body_too_large``.
            DisconnectedError: Nobody is there to be answered.
        """
        if WHOLE in scope:
            body: bytes = (await receive())["body"]
            if len(body) > self._most:
                raise self._too_large()
            return body
        try:
            async with asyncio.timeout(self._seconds) as due:
                return await self._read(scope, receive, due)
        except TimeoutError as error:
            raise Unavailable(
                "body_timeout",
                "the request's body did not arrive in time",
                step=STEP,
                hint="repeat it; nothing was done",
            ) from error

    async def _read(self, scope: Scope, receive: Receive, due: asyncio.Timeout) -> bytes:
        headers = Headers(scope=scope)
        if "expect" in headers and self._exceeds(headers.get("content-length", "")):
            raise self._too_large()  # before the client has sent any of it
        body = bytearray()
        size = 0
        more = True
        try:
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise DisconnectedError
                chunk: bytes = message.get("body", b"")
                size += len(chunk)
                if size <= self._most:
                    body += chunk
                elif size > _DRAINED:
                    raise self._too_large()
                else:
                    body.clear()
                more = message.get("more_body", False)
                if more:
                    self._keep(due, len(body))
        finally:
            self._let_go(due)
        if size > self._most:
            # Read to the end first: who is still sending would see a broken pipe, not the answer.
            raise self._too_large()
        return bytes(body)

    def _keep(self, due: asyncio.Timeout, size: int) -> None:
        """Note that the body that is ``due`` has ``size`` bytes; make room where it takes that."""
        self._arriving_bytes += size - self._arriving.get(due, 0)
        self._arriving[due] = size
        while self._arriving_bytes > ARRIVING_BYTES:
            oldest = next(iter(self._arriving))
            self._let_go(oldest)
            if not oldest.expired():
                oldest.reschedule(asyncio.get_running_loop().time())

    def _let_go(self, due: asyncio.Timeout) -> None:
        self._arriving_bytes -= self._arriving.pop(due, 0)

    def _exceeds(self, length: str) -> bool:
        return length.isdecimal() and int(length) > self._most

    def _too_large(self) -> Invalid:
        return Invalid(
            "body_too_large",
            f"a request's body is at most {self._most} bytes",
            step=STEP,
            hint="send less; what is a list, in parts",
        )
