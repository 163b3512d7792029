"""The rim, called without a server; what a client sees of it is in ``test_http``."""

import asyncio
import io
import json

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from keyborn import bodies
from keyborn.rim import Envelope


async def call(app: Envelope, *messages: Message, method: str = "POST") -> list[Message]:
    """Call ``app`` with the given messages; after them the client says nothing more."""
    incoming = iter(messages)
    sent: list[Message] = []

    async def receive() -> Message:
        for message in incoming:
            return message
        return await asyncio.Future()

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": "/", "query_string": b"", "headers": []}
    await app(scope, receive, send)
    return sent


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    assert scope["method"] == "GET"
    await PlainTextResponse("hello")(scope, receive, send)


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    body = (await receive())["body"]
    assert (await receive())["type"] == "http.disconnect"
    await PlainTextResponse(body)(scope, receive, send)


def chunk(body: bytes, *, more: bool = True) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def test_head_has_the_length_of_get_and_no_body() -> None:
    sent = asyncio.run(call(Envelope(hello), chunk(b"", more=False), method="HEAD"))
    assert sent[1]["body"] == b""
    assert (b"content-length", b"5") in sent[0]["headers"]


def test_the_application_gets_the_body_whole_and_then_what_comes() -> None:
    sent = asyncio.run(
        call(Envelope(echo), chunk(b"a"), chunk(b"b", more=False), {"type": "http.disconnect"})
    )
    assert [message.get("status", message.get("body")) for message in sent] == [200, b"ab"]


def test_a_slow_body_is_given_up() -> None:
    sent = asyncio.run(call(Envelope(echo, body_seconds=0.01), chunk(b"a")))
    assert sent[0]["status"] == 408
    assert json.loads(sent[1]["body"])["code"] == "body_timeout"


def test_of_slow_bodies_the_one_that_arrives_longest_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bodies, "ARRIVING_BYTES", 100)

    async def story() -> list[int]:
        app = Envelope(echo)
        slow = [asyncio.create_task(call(app, chunk(b"x" * 40))) for _ in range(3)]
        given_up, *_ = await asyncio.wait(slow, return_when=asyncio.FIRST_COMPLETED)
        assert given_up == {slow[0]}
        alone = await call(Envelope(echo), chunk(b"x" * 101))  # more than all may have
        whole = await call(app, chunk(b"x"), chunk(b"x", more=False), {"type": "http.disconnect"})
        for task in slow[1:]:
            task.cancel()
        return [sent[0]["status"] for sent in (slow[0].result(), alone, whole)]

    assert asyncio.run(story()) == [408, 408, 200]


def test_a_client_that_leaves_is_not_answered() -> None:
    assert asyncio.run(call(Envelope(echo), chunk(b"a"), {"type": "http.disconnect"})) == []


def test_an_endless_body_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "_DRAINED", 100)
    sent = asyncio.run(call(Envelope(echo, max_body=10), *[chunk(b"x" * 60)] * 2))
    assert sent[0]["status"] == 413


def test_too_many_requests_at_once_are_told_to_wait() -> None:
    entered = asyncio.Event()
    leave = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        entered.set()
        await leave.wait()
        await PlainTextResponse("done")(scope, receive, send)

    async def story() -> list[int]:
        app = Envelope(slow, concurrent_requests=1)
        last = chunk(b"", more=False)
        first = asyncio.create_task(call(app, last))
        await entered.wait()
        refused = await call(app, last)
        leave.set()
        answers = [await first, refused, await call(app, last)]
        assert (b"retry-after", b"1") in refused[0]["headers"]
        return [sent[0]["status"] for sent in answers]

    assert asyncio.run(story()) == [200, 503, 200]


def test_an_answer_that_is_not_fetched_keeps_nobody_out() -> None:
    async def story() -> list[Message]:
        app = Envelope(hello, concurrent_requests=1)
        ready = asyncio.Event()

        async def receive() -> Message:
            return chunk(b"", more=False)

        async def send(_message: Message) -> None:
            ready.set()
            await asyncio.Future()  # the client reads nothing

        scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}
        stuck = asyncio.create_task(app(scope, receive, send))
        await ready.wait()
        sent = await call(app, chunk(b"", more=False), method="GET")
        stuck.cancel()
        return sent

    assert asyncio.run(story())[0]["status"] == 200


def test_a_half_sent_answer_is_broken_off() -> None:
    async def half(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("hush")

    with pytest.raises(RuntimeError):
        asyncio.run(call(Envelope(half), chunk(b"", more=False)))


def test_lifespan_passes_through() -> None:
    seen = io.StringIO()

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.write(scope["type"])

    async def never(*_: object) -> Message:
        raise AssertionError

    asyncio.run(Envelope(app)({"type": "lifespan"}, never, never))  # type: ignore[arg-type]
    assert seen.getvalue() == "lifespan"
