"""A real node, a fresh log on it, and a proxy in front of it that can be made to lie."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import cbor2
import httpx
import orjson
import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from did.errors import Unavailable
from ledger.ethereum.anvil import AnvilNode, find_anvil, running_anvil
from ledger.ethereum.deploy import Deployment, deploy
from ledger.ethereum.ledger import EthereumLedger
from ledger.ethereum.node import Node

HOUR = 3600  # blocks come when a test mines them, and at no other time

Tamper = Callable[[Any], Any]


@dataclass
class Proxy:
    """Forwards JSON-RPC, and passes the results of some methods through a function."""

    target: str
    url: str = ""
    tamper: dict[str, Tamper] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def answer(self, request: dict[str, Any]) -> bytes:
        self.calls.append(request["method"])
        reply = httpx.post(self.target, json=request, timeout=10).json()
        change = self.tamper.get(request["method"])
        if change is not None and "result" in reply:
            reply["result"] = change(reply["result"])
        return orjson.dumps(reply)


@contextmanager
def http_server(answer: Callable[[BaseHTTPRequestHandler, bytes], None]) -> Iterator[str]:
    """A server on a free port that answers each POST by ``answer``; yields its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            answer(self, self.rfile.read(int(self.headers["content-length"])))

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def reply(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    handler.send_response(status)
    handler.send_header("content-length", str(len(body)))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


@pytest.fixture(scope="session")
def anvil() -> Iterator[AnvilNode]:
    try:
        find_anvil()
    except Unavailable as missing:
        pytest.skip(f"{missing.message}: {missing.hint}")
    with running_anvil(block_seconds=HOUR) as node:
        yield node


@pytest.fixture
def sender(anvil: AnvilNode) -> LocalAccount:
    account: LocalAccount = Account.create()
    anvil.fund(account.address)
    return account


@pytest.fixture
def deployed(anvil: AnvilNode, sender: LocalAccount) -> Deployment:
    return deploy(anvil.node, sender, pause=anvil.mine)


@pytest.fixture
def ledger(anvil: AnvilNode, sender: LocalAccount, deployed: Deployment) -> EthereumLedger:
    return EthereumLedger(
        anvil.node, deployed.pin, sender=sender, first_block=deployed.block_number
    )


@pytest.fixture
def proxy(anvil: AnvilNode) -> Iterator[Proxy]:
    made = Proxy(anvil.url)
    with http_server(lambda handler, body: reply(handler, made.answer(orjson.loads(body)))) as url:
        made.url = url
        yield made


@pytest.fixture
def liar(proxy: Proxy) -> Iterator[Node]:
    """The node as the proxy shows it."""
    with Node(proxy.url) as node:
        yield node


@pytest.fixture
def append(anvil: AnvilNode, ledger: EthereumLedger) -> Callable[..., bytes]:
    """Appends a batch, mines it, and gives the submission."""

    def appended(creates: bytes = bytes(64)) -> bytes:
        submission = ledger.prepare(batch_of(creates))
        ledger.submit(submission)
        anvil.mine()
        return submission

    return appended


def batch_of(creates: bytes) -> bytes:
    """``[1, creates, []]`` in deterministic CBOR."""
    return cbor2.dumps([1, creates, []], canonical=True)
