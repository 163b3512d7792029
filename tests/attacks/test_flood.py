"""What many, big or endless senders do to a service: refused, its memory flat, others served.

A real service in a process of its own, an embedded ledger, with the rim that all services have
(``keyborn.http``, ``keyborn.server``). While each attack goes on, a good client asks and is
answered within a second.
"""

import gzip
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from urllib.parse import urlsplit

import httpx
import pytest

from bench.services import Service, Services

pytestmark = pytest.mark.e2e

SLOW = 900
FLAT = 64 * 1_048_576  # bytes by which memory may grow, in all
SOON = 1.0  # seconds
HEAD = b"POST /v1/operations HTTP/1.1\r\nhost: ledger\r\ncontent-type: application/json\r\n"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Services(tmp_path_factory.mktemp("flood")) as services:
        yield services.ledger()


def connect(service: Service) -> socket.socket:
    parts = urlsplit(service.url)
    return socket.create_connection((parts.hostname, parts.port), timeout=20)


def answer_to(service: Service, *parts: bytes) -> bytes:
    """What comes back: an answer, whose body is an object, or nothing."""
    with connect(service) as connection:
        try:
            for part in parts:
                connection.sendall(part)
        except OSError:
            pass  # it has answered and closed while we still sent
        answer = b""
        try:
            while not answer.endswith(b"}") and (more := connection.recv(65_536)):
                answer += more
        except OSError:
            pass
        return answer


def is_served(service: Service) -> None:
    start = time.monotonic()
    answer = httpx.get(f"{service.url}/v1/log/heads", timeout=5)
    assert answer.status_code == 200
    assert time.monotonic() - start < SOON


@pytest.fixture
def flat(service: Service) -> Iterator[None]:
    """Memory is after a test what it was before it, and the service serves."""
    is_served(service)
    before = service.resident()
    yield
    is_served(service)
    assert service.resident() - before < FLAT


@pytest.mark.usefixtures("flat")
def test_nine_hundred_slow_senders(service: Service) -> None:
    """Some have sent half a head, some half a body; the others are served, and they are dropped."""
    with ExitStack() as stack:
        slow = [stack.enter_context(connect(service)) for _ in range(SLOW)]
        for number, connection in enumerate(slow):
            half = HEAD if number % 2 else HEAD + b"content-length: 1000\r\n\r\n{"
            with suppress(ConnectionError):  # dropped already, to make room
                connection.sendall(half)
        for _ in range(5):
            is_served(service)
        deadline = time.monotonic() + 35
        for connection in slow:
            assert is_dropped(connection, deadline)


def is_dropped(connection: socket.socket, deadline: float) -> bool:
    """Closed, or told that it is late, or reset to make room: within that time."""
    connection.settimeout(max(0.1, deadline - time.monotonic()))
    try:
        return connection.recv(65_536)[:13] in {b"", b"HTTP/1.1 408 "}
    except ConnectionError:
        return True


def megabytes(count: int) -> Iterator[bytes]:
    return (b" " * 1_048_576 for _ in range(count))


@pytest.mark.usefixtures("flat")
@pytest.mark.parametrize("chunked", [False, True], ids=["with a length", "in chunks"])
def test_two_hundred_megabytes(service: Service, chunked: bool) -> None:  # noqa: FBT001
    def sent() -> Iterator[bytes]:
        if not chunked:
            yield HEAD + b"content-length: %d\r\n\r\n" % (200 * 1_048_576)
            yield from megabytes(200)
            return
        yield HEAD + b"transfer-encoding: chunked\r\n\r\n"
        for part in megabytes(200):
            yield b"%x\r\n%b\r\n" % (len(part), part)

    assert answer_to(service, *sent())[:13] in {b"HTTP/1.1 413 ", b""}


@pytest.mark.usefixtures("flat")
def test_a_length_that_is_told_and_nothing_sent_is_refused_at_once(service: Service) -> None:
    told = HEAD + b"expect: 100-continue\r\ncontent-length: 209715200\r\n\r\n"
    assert answer_to(service, told).startswith(b"HTTP/1.1 413 ")


@pytest.mark.usefixtures("flat")
def test_five_thousand_headers(service: Service) -> None:
    headers = b"".join(b"x-%d: 1\r\n" % number for number in range(5_000))
    assert answer_to(service, HEAD, headers, b"\r\n")[:12] in {b"HTTP/1.1 400", b"HTTP/1.1 431"}


def whole(body: bytes, more: bytes = b"") -> bytes:
    return HEAD + more + b"content-length: %d\r\n\r\n" % len(body) + body


@pytest.mark.usefixtures("flat")
@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(whole(b"[" * 60_000 + b"]" * 60_000), id="arrays in arrays"),
        pytest.param(whole(b'{"a":' * 20_000 + b"1" + b"}" * 20_000), id="objects in objects"),
        pytest.param(
            whole(gzip.compress(bytes(50_000_000)), b"content-encoding: gzip\r\n"), id="gzip"
        ),
        pytest.param(whole(b'{"type": "\xff\xfe"}'), id="not UTF-8"),
        pytest.param(whole(b'{"type": "\xed\xa0\x80"}'), id="a surrogate in UTF-8"),
        pytest.param(whole(b'{"type": "\xc0\xaf"}'), id="an overlong form"),
        pytest.param(whole(b"9" * 100_000), id="one long number"),
        pytest.param(
            HEAD + b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET",
            id="two framings",
        ),
        pytest.param(
            HEAD + b"content-length: 2\r\ncontent-length: 4\r\n\r\n{}ab", id="two lengths"
        ),
        pytest.param(HEAD + b"content-length: +2\r\n\r\n{}", id="a signed length"),
        pytest.param(HEAD + b"content-length : 2\r\n\r\n{}", id="a space before the colon"),
        pytest.param(
            HEAD + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n", id="an unknown coding"
        ),
        pytest.param(
            HEAD + b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n", id="two codings"
        ),
        pytest.param(
            HEAD + b"transfer-encoding: chunked\r\n\r\n-1\r\n{}\r\n0\r\n\r\n", id="a signed chunk"
        ),
        pytest.param(
            HEAD + b"transfer-encoding: chunked\r\n\r\n2;" + b"a" * 40_000 + b"\r\n{}\r\n0\r\n\r\n",
            id="a long chunk extension",
        ),
        pytest.param(b"GET /health HTTP/1.1\r\n\r\n", id="no host"),
        pytest.param(b"GET /health HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", id="two hosts"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 4, id="TLS"),
        pytest.param(b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nhost: a\r\n\r\n", id="a long path"),
    ],
)
def test_what_is_refused_and_ends_there(service: Service, request_: bytes) -> None:
    answer = answer_to(service, request_)
    assert answer[:10] == b"HTTP/1.1 4", answer[:200]
    assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.usefixtures("flat")
def test_the_same_sent_well_is_taken(service: Service) -> None:
    """The twin: a small JSON object that is no operation is read, and told so."""
    answer = answer_to(service, whole(b'{"type": "create", "genesis": "z1"}'))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"genesis" in answer
