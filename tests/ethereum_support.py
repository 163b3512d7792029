"""What the tests of the Ethereum ledger share: batches, and HTTP servers that answer as told."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import cbor2
import httpx
import orjson

Tamper = Callable[[Any], Any]
Rewrite = Callable[[list[Any]], list[Any]]


@dataclass
class Proxy:
    """Forwards JSON-RPC, and passes the results of some methods through a function.

    ``rewrite`` changes the parameters that are forwarded, ``invent`` makes a result of them with
    nobody asked. ``gate`` is waited for before each answer.
    """

    target: str
    client: httpx.Client
    url: str = ""
    tamper: dict[str, Tamper] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    rewrite: dict[str, Rewrite] = field(default_factory=dict)
    invent: dict[str, Tamper] = field(default_factory=dict)
    gate: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    def be_honest(self) -> None:
        for lies in (self.tamper, self.rewrite, self.invent):
            lies.clear()
        self.calls.clear()
        self.gate.set()

    def answer(self, request: dict[str, Any]) -> bytes:
        self.calls.append(request["method"])
        self.gate.wait()
        if (inventing := self.invent.get(request["method"])) is not None:
            result = inventing(request["params"])
            return orjson.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result})
        rewriting = self.rewrite.get(request["method"])
        if rewriting is not None:
            request = {**request, "params": rewriting(request["params"])}
        reply = self.client.post(self.target, json=request).json()
        change = self.tamper.get(request["method"])
        if change is not None and "result" in reply:
            reply["result"] = change(reply["result"])
        return orjson.dumps(reply)


@contextmanager
def http_server(answer: Callable[[BaseHTTPRequestHandler, bytes], None]) -> Iterator[str]:
    """A server on a free port that answers each GET and POST by ``answer``; yields its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            answer(self, self.rfile.read(int(self.headers["content-length"])))

        def do_GET(self) -> None:
            answer(self, b"")

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


@contextmanager
def proxied(target: str, client: httpx.Client) -> Iterator[Proxy]:
    """A proxy in front of the node at ``target``, honest until told otherwise."""
    made = Proxy(target, client)

    def answer(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        with suppress(ConnectionError):  # who asks may have hung up meanwhile
            reply(handler, made.answer(orjson.loads(body)))

    with http_server(answer) as url:
        made.url = url
        try:
            yield made
        finally:
            made.gate.set()


def reply(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    handler.send_response(status)
    handler.send_header("content-length", str(len(body)))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def drip(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    """Answer byte by byte, without end, until the other side hangs up."""
    handler.send_response(200)
    handler.end_headers()
    handler.connection.settimeout(0.02)
    while True:
        try:
            handler.wfile.write(b" ")
            handler.connection.recv(1)
        except TimeoutError:
            continue
        except OSError:
            return
        else:
            return


def batch_of(creates: bytes) -> bytes:
    """``[1, creates, []]`` in deterministic CBOR."""
    return cbor2.dumps([1, creates, []], canonical=True)
