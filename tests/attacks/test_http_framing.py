"""Requests that hide another one: what a proxy before us takes for a body, we must not answer."""

import contextlib
import re
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI
from serving import serving

from keyborn.http import RawBody, install

HIDDEN = b"GET /hidden HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
POST = b"POST /echo HTTP/1.1\r\nhost: x\r\n"
CHUNKED = POST + b"transfer-encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def service() -> Iterator[tuple[str, list[bytes]]]:
    """A service's URL, and what its handlers were called with."""
    seen: list[bytes] = []
    app = FastAPI()
    install(app)

    @app.post("/echo")
    async def echo(body: RawBody) -> int:
        seen.append(body)
        return len(body)

    @app.get("/hidden")
    async def hidden() -> str:
        seen.append(b"HIDDEN")
        return "hidden"

    with serving(app) as url:
        yield url, seen


def talk(url: str, data: bytes) -> list[bytes]:
    """The status codes of all that comes back for ``data`` until the service closes."""
    address = urlsplit(url)
    assert address.hostname is not None
    with socket.create_connection((address.hostname, address.port or 80), timeout=5) as connection:
        answer = b""
        with contextlib.suppress(ConnectionError):  # refused before all was sent
            connection.sendall(data)
            while received := connection.recv(4_096):
                answer += received
    return re.findall(rb"HTTP/1\.1 (\d+) ", answer)


# What was sent, in which one reader or another sees a second request.
CASES = {
    "two lengths of a body": POST + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n"
    b"0\r\n\r\n" + HIDDEN,
    "two content lengths": POST
    + b"content-length: 0\r\ncontent-length: %d\r\n\r\n" % len(HIDDEN)
    + HIDDEN,
    "a list of content lengths": POST + b"content-length: 0, %d\r\n\r\n" % len(HIDDEN) + HIDDEN,
    "a length with a sign": POST + b"content-length: +0\r\n\r\n" + HIDDEN,
    "a length with an underscore": POST + b"content-length: 0_0\r\n\r\n" + HIDDEN,
    "a length in another base": POST + b"content-length: 0x0\r\n\r\n" + HIDDEN,
    "another coding before chunked": POST + b"transfer-encoding: gzip, chunked\r\n\r\n"
    b"0\r\n\r\n" + HIDDEN,
    "chunked twice": POST + b"transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "almost chunked": POST + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "a blank before the colon": POST + b"transfer-encoding : chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "a NUL in a header": POST + b"x: a\0b\r\ncontent-length: 0\r\n\r\n" + HIDDEN,
    "a carriage return in a header": POST + b"x: a\rcontent-length: 99\r\n\r\n" + HIDDEN,
    "lines that end with a line feed": b"POST /echo HTTP/1.1\nhost: x\ncontent-length: 0\n\n"
    + HIDDEN,
    "one line that ends with a line feed": POST + b"x: a\ncontent-length: 0\r\n\r\n" + HIDDEN,
    "a coding on the next line": POST + b"transfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "a length on the next line": POST + b"content-length:\r\n\t0\r\n\r\n" + HIDDEN,
    "a name that goes on": POST + b"x: a\r\n content-length: 99\r\n\r\n" + HIDDEN,
    "two hosts": b"POST /echo HTTP/1.1\r\nhost: x\r\nhost: y\r\ncontent-length: 0\r\n\r\n" + HIDDEN,
    "anything for a chunk's end": CHUNKED + b"5\r\nAAAAAXX2\r\n45\r\n0\r\n\r\n" + HIDDEN,
    "a line feed for a chunk's end": CHUNKED + b"5\r\nAAAAA\n0\r\n\r\n" + HIDDEN,
    "a chunk's size with a sign": CHUNKED + b"+5\r\nAAAAA\r\n0\r\n\r\n" + HIDDEN,
    "a chunk's size with 0x": CHUNKED + b"0x5\r\nAAAAA\r\n0\r\n\r\n" + HIDDEN,
    "a chunk's size with a blank before": CHUNKED + b" 5\r\nAAAAA\r\n0\r\n\r\n" + HIDDEN,
    "a chunk's size of 40 digits": CHUNKED + b"0" * 39 + b"5\r\nAAAAA\r\n0\r\n\r\n" + HIDDEN,
    "a line feed in a chunk's extension": CHUNKED + b"5;a\nAAAAA\r\n0\r\n\r\n" + HIDDEN,
    "a chunk without a size": CHUNKED + b"\r\nAAAAA\r\n0\r\n\r\n" + HIDDEN,
}


# Of what others end early, nothing is left to be read as the next request.
FRAMES = {
    "chunks of one byte": b"1\r\nx\r\n" * 40_000,
    "long extensions of chunks": (b"1;" + b"x" * 1_000 + b"\r\nx\r\n") * 200,
    "many zeros before a size": (b"0" * 19 + b"1\r\nx\r\n") * 9_000,
}


@pytest.mark.parametrize("case", FRAMES)
def test_chunks_that_are_nearly_nothing_but_frames(
    service: tuple[str, list[bytes]], case: str
) -> None:
    url, seen = service
    seen.clear()
    assert talk(url, CHUNKED + FRAMES[case] + b"0\r\n\r\n" + HIDDEN) in ([b"400"], [])
    assert seen == []
    small = CHUNKED + b"10\r\n" + b"x" * 16 + b"\r\n"
    assert (
        talk(url, small + b"10;a=b\r\n0123456789abcdef\r\n" * 9_000 + b"0\r\n\r\n" + HIDDEN)
        == [b"200"] * 2
    )
    assert [len(body) for body in seen] == [16 * 9_001, 6]


def test_a_head_that_is_loose_comes_second(service: tuple[str, list[bytes]]) -> None:
    url, seen = service
    seen.clear()
    first = POST + b"content-length: 0\r\n\r\n"
    assert talk(url, first + HIDDEN.replace(b"\r\n", b"\n")) == [b"200", b"400"]
    assert seen == [b""]
    assert talk(url, first + HIDDEN) == [b"200"] * 2


@pytest.mark.parametrize("case", CASES)
def test_a_request_in_the_body_of_another(service: tuple[str, list[bytes]], case: str) -> None:
    url, seen = service
    seen.clear()
    assert talk(url, CASES[case]) == [b"400"]
    assert seen == []

    # The twin: with one length, the same bytes are a body; and two requests, one after the other.
    alone = POST + b"connection: close\r\ncontent-length: %d\r\n\r\n" % len(HIDDEN)
    assert talk(url, alone + HIDDEN) == [b"200"]
    assert seen == [HIDDEN]
    assert talk(url, CHUNKED + b"5\r\nAAAAA\r\n0\r\n\r\n" + HIDDEN) == [b"200"] * 2
    assert seen == [HIDDEN, b"AAAAA", b"HIDDEN"]
