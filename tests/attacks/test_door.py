"""Floods of a real service: each is refused or dropped, in bounded memory, and others are answered.

While each goes on, somebody else on the same address asks over and over, each time over a new
connection, and is answered within a second. Memory is the process's peak, as the system says.
"""

import contextlib
import gzip
import json
import re
import resource
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest
from actors import DEVICE
from operations import create

from keyborn.door import CONNECTIONS, CONNECTIONS_PER_CLIENT
from ledger.registrar.messages import operation_to_json

pytestmark = pytest.mark.e2e

SLOW: Final = 900  # connections
COME_AGAIN: Final = 60  # of them, five times a second
SECONDS: Final = 1.5  # for which they are kept up
GROWTH: Final = 64 * 1_024  # KiB of memory that a flood may take beyond what the service had
HUGE: Final = 200  # MB
PIECE: Final = b"x" * 1_000_000
POST: Final = b"POST /v1/operations HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
CHUNKED: Final = POST + b"transfer-encoding: chunked\r\n\r\n"
LONG: Final = POST + b"content-length: 262144\r\n\r\n" + b" " * 50_000
PART: Final = b"7d00\r\n" + b" " * 32_000 + b"\r\n"
GET: Final = b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n"

# What a slow client sends at first, and what it adds every now and then.
SLOWLY: Final = {
    "nothing at all": (b"", b""),
    "a head byte by byte": (b"GET /health HTTP/1.1\r\nhost: x\r\nx: ", b"y"),
    "a body byte by byte": (LONG, b" "),
    "a body in chunks of a byte": (
        CHUNKED + b"7d00\r\n" + b" " * 32_000 + b"\r\n",
        b"1\r\n \r\n",
    ),
}


class Service:
    """One that runs: its address and its memory."""

    def __init__(self, url: str, pid: int) -> None:
        self.url = httpx.URL(url)
        self._pid = pid
        each_anew = httpx.Limits(max_keepalive_connections=0)
        self.client = httpx.Client(base_url=url, timeout=5, limits=each_anew)

    def connect(self, source: str = "127.0.0.1") -> socket.socket:
        """A connection from an address of this machine."""
        assert self.url.port is not None
        return socket.create_connection((self.url.host, self.url.port), 5, (source, 0))

    def memory(self, kind: str) -> int:
        """In KiB: ``VmRSS`` now, or ``VmHWM`` at its peak."""
        found = re.search(rf"{kind}:\s+(\d+) kB", Path(f"/proc/{self._pid}/status").read_text())
        assert found is not None
        return int(found[1])

    def forget_peak(self) -> None:
        Path(f"/proc/{self._pid}/clear_refs").write_text("5")

    def connections(self) -> int:
        """How many sockets it has open."""
        folder = Path(f"/proc/{self._pid}/fd")
        found = 0
        for each in folder.iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                found += str(each.readlink()).startswith("socket:")
        return found


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4_096)), hard))
    folder = tmp_path_factory.mktemp("ledger")
    ready = folder / "ready"
    words = ["ledger", "serve", "--dir", str(folder / "d"), "--port", "0"]
    words += ["--ready-file", str(ready)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "keyborn", *words], stderr=log)
    try:
        while not ready.exists():
            assert process.poll() is None, (folder / "log").read_text()
            time.sleep(0.05)
        service = Service(ready.read_text().strip(), process.pid)
        ask(service)
        yield service
        service.client.close()
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            assert process.wait(30) == 0
        finally:
            process.kill()
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def ask(service: Service) -> tuple[float, float]:
    """Ask twice what has a good answer, with and without a body; the seconds that each took."""
    began = time.monotonic()
    assert service.client.get("/health").status_code == 200
    between = time.monotonic()
    answer = service.client.post("/v1/operations", json=operation_to_json(create(DEVICE)))
    assert answer.status_code in (200, 202), answer.text
    return between - began, time.monotonic() - between


@contextmanager
def others_are_answered(service: Service) -> Iterator[None]:
    """Somebody asks for as long as the block runs, and memory stays where it was."""
    took: list[float] = []
    failed: list[BaseException] = []
    over = threading.Event()

    def keep_asking() -> None:
        while not failed and (not over.is_set() or not took):
            try:
                took.extend(ask(service))
            except (AssertionError, httpx.HTTPError) as error:
                failed.append(error)
            over.wait(0.05)

    service.forget_peak()
    before = service.memory("VmRSS")
    asker = threading.Thread(target=keep_asking)
    asker.start()
    try:
        yield
    finally:
        over.set()
        asker.join()
    more = service.memory("VmHWM") - before
    print(f"slowest {max(took, default=0):.3f} s of {len(took)}, {more} KiB more")
    assert failed == []
    assert max(took, default=0) < 1
    assert more < GROWTH


class Slow:
    """Clients that never come to an end, and come again when they are dropped."""

    def __init__(self, service: Service, first: bytes, then: bytes) -> None:
        self._service, self._first, self._then = service, first, then
        self._open: list[tuple[socket.socket, str]] = []
        self.dropped = 0

    def come(self, source: str = "127.0.0.1") -> None:
        connection = self._service.connect(source)
        connection.setblocking(False)
        with contextlib.suppress(OSError):
            connection.send(self._first)
        self._open.append((connection, source))

    def drip(self) -> None:
        """Add a little on each; some of those that were dropped come again."""
        places = COME_AGAIN
        for connection, source in self._open.copy():
            try:
                if self._then:
                    connection.send(self._then)
                connection.recv(1, socket.MSG_PEEK)
                gone = True  # nothing is answered but an end
            except BlockingIOError:
                gone = False
            except OSError:
                gone = True
            if gone and places:
                places -= 1
                self._open.remove((connection, source))
                connection.close()
                self.dropped += 1
                self.come(source)

    def leave(self) -> None:
        for connection, _ in self._open:
            connection.close()


@contextmanager
def slow(service: Service, first: bytes, then: bytes, *sources: str) -> Iterator[Slow]:
    """``SLOW`` of them, from each source as many, for a time."""
    clients = Slow(service, first, then)
    try:
        for number in range(SLOW):
            clients.come(sources[number % len(sources)])
            if number % 50 == 0:
                time.sleep(0.03)  # a flood, but of what is slow
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            clients.drip()
            time.sleep(0.2)
        yield clients
    finally:
        clients.leave()


@pytest.mark.parametrize("form", SLOWLY)
def test_slow_connections(service: Service, form: str) -> None:
    with others_are_answered(service), slow(service, *SLOWLY[form], "127.0.0.1") as clients:
        assert clients.dropped > 0
        assert service.connections() < CONNECTIONS_PER_CLIENT + 100


@pytest.mark.parametrize("form", ["a head byte by byte", "a body byte by byte"])
def test_slow_connections_from_several_addresses(service: Service, form: str) -> None:
    sources = [f"127.0.0.{number}" for number in range(2, 11)]
    with others_are_answered(service), slow(service, *SLOWLY[form], *sources):
        assert service.connections() < CONNECTIONS + 100


def talk(service: Service, *pieces: bytes) -> bytes:
    """What comes back for ``pieces``, as far as they are taken; empty where it is broken off."""
    with service.connect() as connection, selectors.DefaultSelector() as selector:
        connection.settimeout(10)
        selector.register(connection, selectors.EVENT_READ)
        received = b""
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                if selector.select(0):
                    break
                connection.sendall(piece)
        with contextlib.suppress(ConnectionError):
            while more := connection.recv(65_536):
                received += more
    return received


def statuses(answer: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+) ", answer)]


def sized(body: bytes, *headers: bytes) -> bytes:
    lines = [*headers, b"content-length: %d" % len(body)]
    return POST + b"\r\n".join([*lines, b"connection: close", b"", body])


HEAD: Final = b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
HUGE_LENGTH: Final = b"content-length: %d\r\n\r\n" % (HUGE * len(PIECE))
TOO_LARGE: Final = {
    "a body of 200 MB": (POST + HUGE_LENGTH, *[PIECE] * HUGE),
    "a body of 200 MB in chunks": (CHUNKED, *[b"f4240\r\n" + PIECE + b"\r\n"] * HUGE),
    "a body of 200 MB that is waited for": (POST + b"expect: 100-continue\r\n" + HUGE_LENGTH,),
    "40 million chunks": (CHUNKED, *[b"1\r\nx\r\n" * 40_000] * 1_000),
    "5,000 headers": (HEAD, b"".join(b"x-%d: y\r\n" % number for number in range(5_000)), b"\r\n"),
    "a header of 20 MB": (HEAD + b"x: ", *[PIECE] * 20, b"\r\n\r\n"),
    "a target of 20 MB": (b"GET /", *[PIECE] * 20, b" HTTP/1.1\r\nhost: x\r\n\r\n"),
}


@pytest.mark.parametrize("form", TOO_LARGE)
def test_what_is_too_large(service: Service, form: str) -> None:
    with others_are_answered(service):
        answers = statuses(talk(service, *TOO_LARGE[form]))
    # Who is still sending may see the connection broken, and not why.
    assert answers in ([], [400], [413], [431])


BOMB: Final = gzip.compress(bytes(100_000_000), 9)
REFUSED: Final = {
    "arrays in arrays": (sized(b"[" * 100_000 + b"]" * 100_000), "json_too_deep"),
    "objects in objects": (sized(b'{"a":' * 40_000 + b"1" + b"}" * 40_000), "json_too_deep"),
    "a number of 200,000 digits": (sized(b'{"type": ' + b"9" * 200_000 + b"}"), "json_number"),
    "100 MB by gzip": (sized(BOMB, b"content-encoding: gzip"), "invalid_json"),
    "100 MB by gzip, undeclared": (sized(BOMB), "invalid_json"),
    "malformed UTF-8 in a body": (sized(b'{"type": "\xff\xfe"}'), "invalid_json"),
    "a surrogate in a body": (sized(b'{"type": "\xed\xa0\x80"}'), "invalid_json"),
    "an overlong form in a body": (sized(b'{"type": "\xc0\xaf"}'), "invalid_json"),
    "malformed UTF-8 in a path": (
        HEAD.replace(b"/health", b"/%ff%fe%c0%af") + b"\r\n",
        "not_found",
    ),
    "bytes in a target": (HEAD.replace(b"/health", b"/\xff\xfe") + b"\r\n", "bad_request"),
    "bytes in a header's name": (HEAD + b"\xff: y\r\n\r\n", "bad_request"),
    "two lengths": (sized(b"", b"transfer-encoding: chunked"), "ambiguous_head"),
    "two content lengths": (sized(GET, b"content-length: 0"), "bad_request"),
    "a coding on the next line": (
        POST + b"transfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + GET,
        "bad_request",
    ),
    "lines that end with a line feed": (sized(GET).replace(b"\r\n", b"\n"), "bad_request"),
    "a chunk that ends with a line feed": (CHUNKED + b"1\r\nx\n0\r\n\r\n" + GET, "bad_request"),
    "a line feed in a chunk's extension": (CHUNKED + b"1;a\nx\r\n0\r\n\r\n" + GET, "bad_request"),
}


def test_what_is_a_bomb_or_malformed(service: Service) -> None:
    """The framing of requests has its own tests, test_http_framing; here are some of them."""
    found = {}
    with others_are_answered(service):
        for form, (sent, _) in REFUSED.items():
            answer = talk(service, sent)
            assert len(statuses(answer)) == 1, form
            head, _, body = answer.partition(b"\r\n\r\n")
            found[form] = json.loads(body)["code"]
            assert b"content-security-policy: default-src 'none'" in head, form
    assert found == {form: code for form, (_, code) in REFUSED.items()}
