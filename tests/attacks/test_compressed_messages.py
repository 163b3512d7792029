"""Messages that are small on the wire and large once unpacked: nothing on the wire is unpacked."""

import gzip
import socket
import threading
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from actors import DEVICE
from issuing import World, issuing

from did.errors import Invalid
from keyborn.client import connect, request

HUGE = 1 << 24  # bytes
SMALL = 1 << 22  # that is held meanwhile, at most


def bomb(wbits: int) -> bytes:
    packer = zlib.compressobj(9, wbits=wbits)
    chunk = b" " * (1 << 20)
    return b"".join([*(packer.compress(chunk) for _ in range(HUGE >> 20)), packer.flush()])


CODINGS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with issuing(tmp_path_factory.mktemp("issuer")) as world:
        yield world


@pytest.mark.parametrize("coding", CODINGS)
def test_a_request_that_is_compressed(world: World, coding: str) -> None:
    claim = world.claim()
    headers = {
        "authorization": f"Bearer {world.token(claim)}",
        "content-type": "application/json",
        "content-encoding": coding,
    }
    world.http.get("/.well-known/openid-credential-issuer")
    data = bomb(CODINGS[coding])
    tracemalloc.start()
    answers = [
        world.http.post(path, content=data, headers=headers)
        for path in ("/credential", "/token", "/v1/admin/claims")
    ]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert {answer.status_code for answer in answers} <= {400, 401, 415}
    assert peak < SMALL

    assert world.ask(world.token(claim), world.proof(DEVICE)).status_code == 200


@contextmanager
def answering(head: bytes, body: bytes) -> Iterator[str]:
    """A server that gives each of its callers this answer."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65_536)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nconnection: close\r\n" + head)
                    connection.sendall(b"content-length: %d\r\n\r\n" % len(body) + body)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=10)
    assert not thread.is_alive()


@pytest.mark.parametrize("coding", CODINGS)
def test_an_answer_that_is_compressed(coding: str) -> None:
    data = bomb(CODINGS[coding])
    head = b"content-encoding: %s\r\n" % coding.encode()
    tracemalloc.start()
    with answering(head, data) as url, connect(url) as client, pytest.raises(Invalid) as raised:
        request(client, "GET", "/list", step="fetch the list")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert raised.value.code == "invalid_answer"
    assert peak < SMALL

    # The twin: the same bytes, not said to be compressed, arrive as they are.
    with answering(b"", data) as url, connect(url) as client:
        answer = request(client, "GET", "/list", step="fetch the list")
    assert answer.body == data


def test_a_bomb_is_one() -> None:
    for coding, wbits in CODINGS.items():
        data = bomb(wbits)
        assert len(data) < 1 << 16
        assert len(gzip.decompress(data) if coding == "gzip" else zlib.decompress(data)) == HUGE
