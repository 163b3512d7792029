"""What the tests of the Ethereum ledger share: batches, and HTTP servers that answer as told."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import cbor2
import httpx
import orjson

Tamper = Callable[[Any], Any]


@dataclass
class Proxy:
    """Forwards JSON-RPC, and passes the results of some methods through a function."""

    target: str
    client: httpx.Client
    url: str = ""
    tamper: dict[str, Tamper] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def answer(self, request: dict[str, Any]) -> bytes:
        self.calls.append(request["method"])
        reply = self.client.post(self.target, json=request).json()
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


def batch_of(creates: bytes) -> bytes:
    """``[1, creates, []]`` in deterministic CBOR."""
    return cbor2.dumps([1, creates, []], canonical=True)
