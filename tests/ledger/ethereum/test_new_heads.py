"""The node's word that there is a new block: from a real node, and from servers that misbehave."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import orjson
import pytest
from websockets.sync.server import ServerConnection, serve

from ledger.ethereum import new_heads as module
from ledger.ethereum.anvil import AnvilNode
from ledger.ethereum.new_heads import new_heads

SECONDS = 30


class Wakes:
    """Counts wake-ups, and waits for them."""

    def __init__(self) -> None:
        self.count = 0
        self._more = threading.Condition()

    def __call__(self) -> None:
        with self._more:
            self.count += 1
            self._more.notify_all()

    def until(self, condition: Callable[[], bool]) -> None:
        with self._more:
            assert self._more.wait_for(condition, SECONDS)


@pytest.fixture
def wakes() -> Wakes:
    return Wakes()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST_PAUSE", 0.01)


@contextmanager
def server(answer: Callable[[ServerConnection], None]) -> Iterator[str]:
    with serve(answer, "127.0.0.1", 0) as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{made.socket.getsockname()[1]}"
        finally:
            made.shutdown()
            thread.join()


def agree(connection: ServerConnection) -> None:
    request = orjson.loads(connection.recv())
    assert request["method"] == "eth_subscribe"
    assert request["params"] == ["newHeads"]
    connection.send(orjson.dumps({"jsonrpc": "2.0", "id": request["id"], "result": "0x1"}).decode())


@pytest.mark.ethereum
@pytest.mark.npm
def test_a_real_node_tells_of_each_block(anvil: AnvilNode, wakes: Wakes) -> None:
    with new_heads(anvil.url.replace("http", "ws"), wakes) as subscription:
        wakes.until(lambda: subscription.subscribed)
        for _ in range(3):
            before = wakes.count
            anvil.mine()
            wakes.until(lambda before=before: wakes.count > before)  # type: ignore[misc]


def test_a_connection_that_breaks_is_made_again(wakes: Wakes) -> None:
    """And the reader is woken, to look for itself from then on."""
    connections = 0

    def answer(connection: ServerConnection) -> None:
        nonlocal connections
        connections += 1
        agree(connection)
        connection.send("a block")
        if connections > 1:
            connection.recv()  # stays

    with server(answer) as url, new_heads(url, wakes) as subscription:
        wakes.until(lambda: connections == 2 and subscription.subscribed and wakes.count >= 5)


@pytest.mark.parametrize(
    "said",
    [
        '{"jsonrpc": "2.0", "id": 1, "error": {"code": -32601, "message": "no such method"}}',
        '{"jsonrpc": "2.0", "id": 2, "result": "0x1"}',
        "[]",
        "not JSON",
        "x" * 70_000,
    ],
)
def test_a_node_that_does_not_agree_is_no_subscription(wakes: Wakes, said: str) -> None:
    asked = threading.Event()
    again = threading.Event()

    def answer(connection: ServerConnection) -> None:
        (again if asked.is_set() else asked).set()
        connection.recv()
        connection.send(said)

    with server(answer) as url, new_heads(url, wakes) as subscription:
        assert again.wait(SECONDS)
        assert not subscription.subscribed
    assert wakes.count == 0


def test_a_flood_wakes_no_more_than_so_often(wakes: Wakes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BETWEEN", SECONDS)
    sent = threading.Event()

    def answer(connection: ServerConnection) -> None:
        agree(connection)
        for _ in range(10):
            connection.send("a block")
        sent.set()
        connection.recv()

    with server(answer) as url, new_heads(url, wakes):
        assert sent.wait(SECONDS)
        wakes.until(lambda: wakes.count == 2)  # the subscription, and one block
    assert wakes.count <= 3


@pytest.mark.parametrize("url", ["ws://127.0.0.1:1", "ws://", "ws://[", "http://127.0.0.1:1"])
def test_nobody_there(url: str, wakes: Wakes) -> None:
    with new_heads(url, wakes) as subscription:
        assert not subscription.subscribed
    assert wakes.count == 0


def test_it_ends_while_it_waits(wakes: Wakes) -> None:
    ready = threading.Event()

    def silent(connection: ServerConnection) -> None:
        agree(connection)
        ready.set()
        connection.recv()

    with server(silent) as url:
        with new_heads(url, wakes) as subscription:
            assert ready.wait(SECONDS)
            wakes.until(lambda: subscription.subscribed)
        assert not subscription.subscribed
