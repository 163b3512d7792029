"""The real server of an embedded ledger, and in front of it somebody who changes its answers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import orjson
from fastapi import FastAPI
from serving import serving
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from keyborn import http
from ledger.embedded.heads import EmbeddedPin
from ledger.embedded.routes import routes
from ledger.embedded.source import HttpSource
from ledger.embedded.store import EmbeddedLedger

Change = Callable[[Any], Any]


def honest(answer: Any) -> Any:
    return answer


@dataclass
class Front:
    """What stands before the server. ``heads`` and ``entries`` change its answers.

    ``ledger`` may be exchanged: the same address, and another ledger behind it.
    """

    ledger: EmbeddedLedger
    heads: Change = honest
    entries: Change = honest
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def be_honest(self) -> None:
        self.heads = self.entries = honest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and its answer back, changed (ASGI)."""
        if scope["type"] != "http":
            await application(self.ledger)(scope, receive, send)
            return
        path = scope["path"]
        self.asked.append(f"{path}?{scope['query_string'].decode()}")
        change = self.heads if path.endswith("/heads") else self.entries
        started: list[Message] = []
        body = bytearray()

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                started.append(message)
                return
            body.extend(message.get("body", b""))
            if not message.get("more_body"):
                changed = change(orjson.loads(body))
                data = changed if isinstance(changed, bytes) else orjson.dumps(changed)
                length = (b"content-length", str(len(data)).encode())
                await send({**started[0], "headers": [length]})
                await send({"type": "http.response.body", "body": data})

        await application(self.ledger)(scope, receive, keep)


@cache
def application(ledger: EmbeddedLedger) -> ASGIApp:
    app = FastAPI()
    http.install(app)
    app.include_router(routes(ledger))
    return app


@contextmanager
def fronted(ledger: EmbeddedLedger) -> Iterator[Front]:
    """The ledger on a real socket, with a front that is honest until a test says otherwise."""
    front = Front(ledger)
    with serving(front) as front.url:
        yield front


@contextmanager
def source_of(front: Front, pin: EmbeddedPin | None = None) -> Iterator[HttpSource]:
    with HttpSource(front.url, pin or front.ledger.pin) as source:
        yield source
