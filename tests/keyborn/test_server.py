import contextlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
from serving import serving
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from did.errors import Invalid, Refused, Unavailable
from keyborn import connection, door, server
from keyborn.server import listen, serve

SERVICE = """
import sys
import threading
from pathlib import Path
from starlette.applications import Starlette
from keyborn.server import serve
serve(Starlette(), host="127.0.0.1", port=0, ready_file=Path(sys.argv[1]))
print("exits are run")
"""


MUCH = 40_000_000  # more bytes than two sockets hold


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await PlainTextResponse("hello")(scope, receive, send)


def _connected(url: str) -> socket.socket:
    return socket.create_connection((httpx.URL(url).host, httpx.URL(url).port), timeout=5)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_service_says_where_it_is_and_stops_when_asked(tmp_path: Path, stop: int) -> None:
    ready = tmp_path / "ready"
    ready.write_text("of an earlier process, killed")
    with subprocess.Popen(
        [sys.executable, "-c", SERVICE, str(ready)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        url = ready.read_text().strip()
        assert said == f"listening on {url}\n"
        assert httpx.get(url).status_code == 404
        process.send_signal(stop)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "exits are run\n", "")
    assert not ready.exists()


class StopOnceReady(io.StringIO):
    """Ends the service that announces itself here, as an operator would."""

    def __init__(self, ready: Path | None) -> None:
        super().__init__()
        self._ready = ready
        self.found = ""

    def write(self, text: str) -> int:
        if self._ready is not None and self._ready.exists():
            self.found = self._ready.read_text()
            assert self._ready.stat().st_mode & 0o777 == 0o644
        signal.raise_signal(signal.SIGTERM)
        return super().write(text)


@pytest.mark.parametrize("with_file", [True, False])
def test_serve_in_this_process(tmp_path: Path, *, with_file: bool) -> None:
    ready = tmp_path / "ready" if with_file else None
    said = StopOnceReady(ready)
    with contextlib.redirect_stderr(said):
        serve(hello, host="127.0.0.1", port=0, ready_file=ready)
    line = said.getvalue()
    assert line.startswith("listening on http://127.0.0.1:")
    if with_file:
        assert said.found == line.removeprefix("listening on ")
        assert list(tmp_path.iterdir()) == []


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(Unavailable, match="port_taken") as caught:
            serve(hello, host="127.0.0.1", port=port, ready_file=tmp_path / "ready")
        assert caught.value.value == f"127.0.0.1:{port}"
        assert caught.value.hint is not None
        assert "--port" in caught.value.hint
    listen("127.0.0.1", port).close()


def test_a_ready_file_that_is_none_is_left_alone(tmp_path: Path) -> None:
    """It is removed at the start and at the end: who is root would remove /dev/null for all."""
    os.mkfifo(tmp_path / "ready")
    with pytest.raises(Refused, match="store_not_a_file"):
        serve(hello, host="127.0.0.1", port=0, ready_file=tmp_path / "ready")
    assert (tmp_path / "ready").is_fifo()


def test_what_is_no_http_is_told_so_as_problem_details() -> None:
    with serving(hello) as url:
        address = (httpx.URL(url).host, httpx.URL(url).port)
        for garbage in (b"hello\r\n\r\n", b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n"):
            with socket.create_connection(address, timeout=5) as client:
                client.sendall(garbage)
                answer = b"".join(iter(lambda: client.recv(1_000), b""))
            head, _, body = answer.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
            assert b"content-type: application/problem+json" in head
            assert json.loads(body)["code"] == "bad_request"
        assert httpx.get(url).text == "hello"


def test_an_address_of_another_machine_is_named() -> None:
    with pytest.raises(Unavailable, match="address_unavailable"):
        listen("192.0.2.1", 0)


@pytest.mark.parametrize("host", ["no such host", "a" * 300])
def test_an_unknown_host_is_named(host: str) -> None:
    with pytest.raises(Invalid, match="invalid_host"):
        listen(host, 0)


@pytest.mark.parametrize(
    ("host", "url"),
    [("127.0.0.1", "http://127.0.0.1:"), ("0.0.0.0", "http://127.0.0.1:"), ("::", "http://[::1]:")],
)
def test_the_url_can_be_called(host: str, url: str) -> None:
    try:
        listening = listen(host, 0)
    except Unavailable:
        pytest.skip(f"no {host} on this machine")
    with listening:
        assert server._url(listening, None) == f"{url}{listening.getsockname()[1]}"


def test_a_head_that_does_not_arrive_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.05)
    request = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
    with serving(hello) as url:
        address = (httpx.URL(url).host, httpx.URL(url).port)
        with socket.create_connection(address, timeout=5) as silent:
            assert silent.recv(1) == b""
        with socket.create_connection(address, timeout=5) as slow:
            slow.sendall(request[:9])
            assert slow.recv(1) == b""
        with socket.create_connection(address, timeout=5) as second:
            second.sendall(request)
            answer = b""
            while not answer.endswith(b"hello"):
                answer += second.recv(4096)
            second.sendall(request[:9])
            assert second.recv(1) == b""


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"BAD\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n", b"200"),
    ],
)
def test_what_anybody_may_send_fills_no_log(
    request_: bytes, status: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(hello) as url:
        caplog.clear()
        with _connected(url) as client:
            client.sendall(request_)
            assert client.recv(4_096).startswith(b"HTTP/1.1 " + status)
        assert not caplog.records


async def much(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await PlainTextResponse("x" * MUCH)(scope, receive, send)


def test_an_answer_that_is_not_fetched_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()
    lost = connection.AtTheDoor.connection_lost

    def lose(self: connection.AtTheDoor, error: Exception | None) -> None:
        lost(self, error)
        ended.set()

    with serving(much) as url:
        address = (httpx.URL(url).host, httpx.URL(url).port)
        monkeypatch.setattr(connection.AtTheDoor, "connection_lost", lose)
        assert len(httpx.get(url).content) == MUCH
        assert ended.wait(5)
        ended.clear()
        monkeypatch.setattr(connection, "ANSWER_SECONDS", 0.1)
        with socket.create_connection(address, timeout=5) as client:
            client.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            assert ended.wait(5)
            assert sum(map(len, iter(lambda: client.recv(1_000_000), b""))) < MUCH


def test_who_does_not_fetch_an_answer_waits_and_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    paused = threading.Event()
    pause = connection.AtTheDoor.pause_writing

    def noted(self: connection.AtTheDoor) -> None:
        pause(self)
        paused.set()

    monkeypatch.setattr(connection.AtTheDoor, "pause_writing", noted)
    monkeypatch.setattr(door, "CONNECTIONS", 1)
    with serving(much) as url, _connected(url) as client:
        client.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert paused.wait(5)
        assert len(httpx.get(url).content) == MUCH
        with contextlib.suppress(ConnectionError):
            assert sum(map(len, iter(lambda: client.recv(1_000_000), b""))) < MUCH


def test_a_process_may_have_as_many_files_as_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed: list[tuple[int, int]] = []
    monkeypatch.setattr(server.resource, "setrlimit", lambda _, limits: allowed.append(limits))
    for limits in ((1_024, 4_096), (1_024, -1), (256, 512), (65_536, 65_536), (-1, -1)):
        monkeypatch.setattr(server.resource, "getrlimit", lambda _, limits=limits: limits)
        server._allow_files()
    assert allowed == [(2_048, 4_096), (2_048, -1), (512, 512)]


def test_a_head_that_is_too_large_is_refused() -> None:
    with serving(hello) as url:
        assert httpx.get(url, headers={"x": "y" * 8_000}).text == "hello"
        assert httpx.get(url, headers={"x": "y" * 16_500}).json()["code"] == "head_too_large"
        many = {f"x-{number}": "y" for number in range(101)}
        assert httpx.get(url, headers=many).status_code == 431
        assert httpx.get(f"{url}/{'x' * 16_500}").status_code == 431


@pytest.mark.parametrize("cut", [1, 8_519, 17_033])
def test_a_head_that_is_too_large_is_so_however_it_comes(cut: int) -> None:
    """h11, of what has no end yet, says that it is no HTTP."""
    lines = (b"GET / HTTP/1.1", b"host: x", b"x: " + b"y" * 17_000, b"", b"")
    request = b"\r\n".join(lines)
    with serving(hello) as url, _connected(url) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.sendall(request[:cut])
        time.sleep(0.05)
        client.sendall(request[cut:])
        assert client.recv(4_096).startswith(b"HTTP/1.1 431 ")
