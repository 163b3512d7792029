"""Requests that are answered without h11 are answered as all others are."""

import contextlib
import re
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI, Response
from fastapi.responses import StreamingResponse
from serving import serving

from keyborn.http import RawBody, install
from keyborn.usual_requests import read_usual

BODY = b"what is sent"
POST = b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b" % (len(BODY), BODY)
QUIT = b"GET /quit HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
_CHANGES = re.compile(rb"(date: |x-request-id: |request id )[\w ,:]*")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    app = FastAPI()
    install(app)

    @app.post("/echo")
    async def echo(body: RawBody) -> Response:
        return Response(body, headers={"x-own": "1"})

    @app.get("/streamed")
    async def streamed() -> Response:
        return StreamingResponse(iter([b"one", b"two"]))

    @app.get("/nothing")
    async def nothing() -> Response:
        return Response(status_code=204)

    @app.get("/closing")
    async def closing() -> Response:
        return Response(b"bye", headers={"connection": "close"})

    @app.get("/split")
    async def split() -> Response:
        return Response(b"", headers={"x-own": "a\r\nset-cookie: stolen"})

    @app.get("/long")
    async def long() -> Response:
        response = Response(b"12345")
        response.headers["content-length"] = "3"
        return response

    @app.get("/fails")
    async def fails() -> Response:
        raise RuntimeError

    @app.get("/quit")
    async def quit_() -> Response:
        return Response(b"quit")

    with serving(app) as url:
        yield url


def talk(url: str, *parts: bytes) -> bytes:
    """All that comes back until the service closes; parts are sent so that each is read alone."""
    address = urlsplit(url)
    assert address.hostname is not None
    answer = b""
    with socket.create_connection((address.hostname, address.port or 80), timeout=5) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number, part in enumerate(parts):
            if number:
                time.sleep(0.05)  # nothing tells when a server has read
            connection.sendall(part)
        with contextlib.suppress(ConnectionError):
            while received := connection.recv(65_536):
                answer += received
    return _CHANGES.sub(rb"\1*", answer)


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode()


@pytest.mark.parametrize(
    "request_",
    [
        POST,
        *map(get, ("/streamed", "/nothing", "/closing", "/missing", "/echo", "/fails", "/%65cho")),
    ],
)
def test_whether_it_comes_whole_makes_no_difference(url: str, request_: bytes) -> None:
    assert read_usual(request_) is not None
    whole = talk(url, request_, QUIT)
    assert whole.startswith(b"HTTP/1.1 ")
    assert talk(url, request_[:-3], request_[-3:], QUIT) == whole
    assert talk(url, request_.replace(b"host: x", b"host:x"), QUIT) == whole


def test_a_value_that_would_make_a_header_of_its_own_is_not_sent(url: str) -> None:
    assert b"stolen" not in talk(url, get("/split"), QUIT)


def test_no_more_is_sent_than_the_length_says(url: str) -> None:
    assert b"45" not in talk(url, get("/long"), QUIT)


@pytest.mark.parametrize("count", [2, 20])
def test_requests_that_come_before_the_answers_are_answered_in_turn(url: str, count: int) -> None:
    bodies = [b"%04d" % number for number in range(count)]
    all_ = [POST.replace(BODY, body).replace(b"12", b"4", 1) for body in bodies]
    assert all(read_usual(each) for each in all_)
    for parts in ([b"".join(all_) + QUIT], [*all_[:2], b"".join(all_[2:]) + QUIT]):
        answered = re.findall(rb"\r\n\r\n(\d{4}|quit)", talk(url, *parts))
        assert answered == [*bodies, b"quit"]


def test_what_follows_an_answer_may_be_of_any_form(url: str) -> None:
    chunked = (
        b"POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"
    )
    for parts in (
        [POST, chunked, POST, QUIT],
        [POST + chunked + POST + QUIT],
        [chunked + POST + chunked + QUIT],
        [get("/streamed") + POST + get("/streamed") + chunked + QUIT],
    ):
        asked = b"".join(parts)
        due = asked.count(b"POST") + asked.count(b"GET")
        assert talk(url, *parts).count(b"HTTP/1.1 200 OK") == due


def test_a_client_that_leaves_is_nobodys_trouble(url: str) -> None:
    address = urlsplit(url)
    assert address.hostname is not None
    for _ in range(3):
        with socket.create_connection((address.hostname, address.port or 80)) as connection:
            connection.sendall(POST)
    assert b"200 OK" in talk(url, POST, QUIT)
