"""The node's word that there is a new block, over WebSocket (``eth_subscribe``): a mere wake-up.

What it says is not read. It only makes the reader look sooner than it would have; where there is no
subscription, or it breaks, the reader looks all the same, as often as it polls.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final
from urllib.parse import urlsplit

import orjson
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from keyborn.client import LOOPBACK

_OPEN_SECONDS: Final = 5.0
_MESSAGE_BYTES: Final = 65_536  # a header takes two thousand
_BETWEEN: Final = 0.1  # seconds between two wake-ups, whatever the node sends
_FIRST_PAUSE: Final = 1.0  # seconds until a connection is tried again, at first and at the most
_LONGEST_PAUSE: Final = 300.0


class NewHeads:
    """A subscription, and the thread that keeps it. Made by ``new_heads``.

    Attributes:
        subscribed: Whether the node has agreed to tell, and the connection stands.
    """

    def __init__(self, url: str, wake: Callable[[], None]) -> None:
        self.subscribed = False
        self._url = url
        self._wake = wake
        self._stopping = threading.Event()
        self._connection: ClientConnection | None = None

    def run(self) -> None:
        """Subscribe, and subscribe again, until told to stop."""
        pause = _FIRST_PAUSE
        while not self._stopping.is_set():
            with (
                suppress(OSError, WebSocketException, EOFError, ValueError),
                self._open() as connection,
            ):
                self._subscribe(connection)
                pause = _FIRST_PAUSE
                self._listen(connection)
            if self.subscribed:
                self.subscribed = False
                self._wake()  # from now on by polling, at once
            self._stopping.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def stop(self) -> None:
        """Have the thread end."""
        self._stopping.set()
        connection = self._connection
        if connection is not None:
            connection.close()

    @contextmanager
    def _open(self) -> Iterator[ClientConnection]:
        with connect(
            self._url,
            open_timeout=_OPEN_SECONDS,
            close_timeout=1,
            max_size=_MESSAGE_BYTES,
            compression=None,
            proxy=None if urlsplit(self._url).hostname in LOOPBACK else True,
        ) as connection:
            self._connection = connection
            if self._stopping.is_set():  # and nobody closes it
                raise ConnectionAbortedError
            yield connection

    def _subscribe(self, connection: ClientConnection) -> None:
        """Raises ``ValueError`` where the node does not agree."""
        request = {"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]}
        connection.send(orjson.dumps(request).decode())
        answer = orjson.loads(connection.recv(timeout=_OPEN_SECONDS))
        if not isinstance(answer, dict) or answer.get("id") != 1 or not answer.get("result"):
            raise ValueError("no subscription")
        self.subscribed = True
        self._wake()  # there may have been blocks meanwhile

    def _listen(self, connection: ClientConnection) -> None:
        for _ in connection:
            self._wake()
            if self._stopping.wait(_BETWEEN):
                return


@contextmanager
def new_heads(url: str, wake: Callable[[], None]) -> Iterator[NewHeads]:
    """Call ``wake``, from another thread, whenever the node at ``url`` tells of a block.

    Args:
        url: ``ws`` or ``wss``. Where nobody answers there it is tried again, ever less often.
        wake: Must return at once.
    """
    subscription = NewHeads(url, wake)
    thread = threading.Thread(target=subscription.run, name="new heads", daemon=True)
    thread.start()
    try:
        yield subscription
    finally:
        subscription.stop()
        thread.join()
