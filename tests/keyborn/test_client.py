import gzip
import itertools
import ssl
import threading
from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from serving import serving

from did.errors import Conflict, Invalid, KeybornError, Refused, Unavailable
from keyborn import client
from keyborn.client import connect, request, request_json
from keyborn.http import install
from keyborn.server import listen

app = FastAPI()
install(app)


@app.post("/echo")
async def echo(request: Request) -> dict[str, str | None]:
    return {
        "body": (await request.body()).decode(),
        "type": request.headers.get("content-type"),
        "auth": request.headers.get("authorization"),
        "extra": request.headers.get("x-extra"),
    }


@app.get("/conflict")
async def conflict() -> None:
    raise Conflict("claim_used", "used", step="token", hint="ask for another", retry_after=9)


@app.get("/oauth")
async def oauth() -> Response:
    return Response(b'{"error":"invalid_grant","error_description":"used"}', 400)


@app.get("/moved")
async def moved() -> Response:
    return Response(status_code=307, headers={"location": "http://elsewhere/"})


@app.get("/kept")
async def kept(request: Request) -> Response:
    unchanged = request.headers.get("if-none-match") == '"1"'
    return Response(b"" if unchanged else b"x", 304 if unchanged else 200, {"etag": '"1"'})


@app.get("/status/{status}")
async def status(status: int) -> Response:
    return Response(status_code=status)


@app.get("/packed")
async def packed() -> Response:
    return Response(gzip.compress(b"{}"), headers={"content-encoding": "gzip"})


@app.get("/size/{size}")
async def size(size: int) -> Response:
    return Response(b"x" * size)


@app.get("/list")
async def list_() -> Response:
    return Response(b"[]")


@app.get("/twice")
async def twice() -> Response:
    return Response(b'{"a":1,"a":2}')


@pytest.fixture(scope="module")
def service() -> Iterator[httpx.Client]:
    with serving(app) as url, connect(url, token="tok") as http:
        yield http


def test_a_call_and_its_answer(service: httpx.Client) -> None:
    said = request_json(service, "POST", "/echo", step="s", json={"a": 1}, headers={"x-extra": "e"})
    assert said == {
        "body": '{"a":1}',
        "type": "application/json",
        "auth": "Bearer tok",
        "extra": "e",
    }
    said = request_json(service, "POST", "/echo", step="s", form={"grant_type": "x y"})
    assert (said["body"], said["type"]) == ("grant_type=x+y", "application/x-www-form-urlencoded")
    answer = request(service, "POST", "/echo", step="s", content=b"raw")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert b'"raw"' in answer.body


@pytest.mark.parametrize(
    ("path", "branch", "code"),
    [
        ("/conflict", Conflict, "claim_used"),
        ("/oauth", Invalid, "invalid_grant"),
        ("/moved", Invalid, "redirected"),
        ("/status/300", Invalid, "http_error"),  # a redirect to nowhere
        ("/status/302", Invalid, "http_error"),
        ("/status/304", Invalid, "http_error"),  # unchanged, says who was not asked
        ("/packed", Invalid, "invalid_answer"),
        ("/size/262145", Invalid, "answer_too_large"),
        ("/size/262144", Invalid, "invalid_answer"),
        ("/list", Invalid, "invalid_answer"),
        ("/twice", Invalid, "invalid_answer"),
        ("/none", Invalid, "not_found"),
    ],
)
def test_every_other_answer_is_an_error_of_the_tree(
    service: httpx.Client, path: str, branch: type[KeybornError], code: str
) -> None:
    with pytest.raises(branch) as caught:
        request_json(service, "GET", path, step="mine")
    assert caught.value.code == code
    assert caught.value.step == ("token" if path == "/conflict" else "mine")


def test_what_the_service_said_is_kept(service: httpx.Client) -> None:
    with pytest.raises(Conflict) as caught:
        request(service, "GET", "/conflict", step="mine")
    error = caught.value
    assert (error.message, error.hint, error.retry_after) == ("used", "ask for another", 9)


def test_the_limit_on_an_answer_can_be_set(service: httpx.Client) -> None:
    assert len(request(service, "GET", "/size/300000", step="s", max_bytes=300_000).body) == 300_000


def test_what_is_unchanged_is_an_answer_to_who_asks(service: httpx.Client) -> None:
    first = request(service, "GET", "/kept", step="s")
    assert (first.status, first.body, first.headers["etag"]) == (200, b"x", '"1"')
    again = request(service, "GET", "/kept", step="s", headers={"if-none-match": '"1"'})
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", '"1"')
    other = request(service, "GET", "/kept", step="s", headers={"if-none-match": '"2"'})
    assert (other.status, other.body) == (200, b"x")


def test_nobody_there() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
    with connect(f"http://127.0.0.1:{port}/base") as http, pytest.raises(Unavailable) as caught:
        request(http, "GET", "/x?code=secret", step="token")
    error = caught.value
    assert (error.code, error.step) == ("unreachable", "token")
    assert error.value == f"http://127.0.0.1:{port}/base/x"
    assert error.hint


class Peer:
    """Answers the first connection with fixed chunks, each when the one before was taken."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._listening = listen("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._thread = threading.Thread(target=self._answer)

    def _answer(self) -> None:
        connection, _ = self._listening.accept()
        with connection:
            try:
                connection.recv(4096)
                for chunk in self._chunks:
                    connection.sendall(chunk)
            except OSError:
                pass  # the client has had enough

    def __enter__(self) -> str:
        self._thread.start()
        return self.url

    def __exit__(self, *_: object) -> None:
        self._thread.join(timeout=10)
        self._listening.close()


@pytest.mark.parametrize(
    ("chunks", "branch", "code"),
    [
        ([b"SSH-2.0-OpenSSH\r\n\r\n"], Invalid, "invalid_answer"),
        ([], Unavailable, "disconnected"),
        ([b"HTTP/1.1 200 OK\r\n"], Unavailable, "disconnected"),
        ([b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx"], Unavailable, "disconnected"),
    ],
)
def test_what_is_no_http_service_and_one_that_ends_early(
    chunks: list[bytes], branch: type[KeybornError], code: str
) -> None:
    with Peer(iter(chunks)) as url, connect(url) as http, pytest.raises(branch) as caught:
        request(http, "GET", "/", step="s")
    assert caught.value.code == code


def test_an_endless_answer_is_not_read() -> None:
    endless = itertools.chain([b"HTTP/1.1 200 OK\r\n\r\n"], itertools.repeat(b"x" * 65_536))
    with Peer(endless) as url, connect(url) as http, pytest.raises(Invalid) as caught:
        request(http, "GET", "/", step="s")
    assert caught.value.code == "answer_too_large"


HEAD = b"HTTP/1.1 200 OK\r\n"


def dripping(drop: bytes) -> Iterator[bytes]:
    """A drop now and then, for longer than the tests' deadlines; it ends with the connection."""
    never = threading.Event()
    for _ in range(200):
        never.wait(0.02)
        yield drop


@pytest.mark.parametrize(
    ("begins", "drips"),
    [
        (HEAD + b"X-A: ", b"a"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (HEAD + b"\r\n", b"x"),
    ],
    ids=["head", "1xx", "body"],
)
def test_an_answer_that_drips_is_given_up(begins: bytes, drips: bytes) -> None:
    """Every read is short, and the whole has no end: what counts is the whole (it once hung)."""
    chunks = itertools.chain([begins], dripping(drips))
    with Peer(chunks) as url, connect(url) as http, pytest.raises(Unavailable) as late:
        request(http, "GET", "/", step="s", deadline=0.3)
    assert late.value.code == "timeout"


def test_an_answer_that_comes_in_parts_and_in_time_is_read(service: httpx.Client) -> None:
    parts = [
        b"HTTP/1.1 100 Continue\r\n\r\n",
        HEAD,
        b"X-A: a\r\n",
        b"content-length: 2\r\n\r\nx",
        b"y",
    ]
    with Peer(iter(parts)) as url, connect(url) as http:
        assert request(http, "GET", "/", step="s").body == b"xy"
    assert request(service, "GET", "/size/1", step="s").body == b"x"


def test_a_service_that_takes_nothing_in_is_given_up() -> None:
    with listen("127.0.0.1", 0) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with connect(url) as http, pytest.raises(Unavailable) as late:
            request(http, "POST", "/", step="s", content=b"x" * 30_000_000, deadline=0.3)
    assert late.value.code == "timeout"


def test_a_limit_holds_by_way_of_a_proxy_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with Peer(dripping(b"HTTP/1.1 100 Continue\r\n\r\n")) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        with connect("http://service.example") as http, pytest.raises(Unavailable) as late:
            request(http, "GET", "/", step="s", deadline=0.3)
    assert late.value.code == "timeout"


def test_a_silent_service_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "TIMEOUT", 0.05)
    with listen("127.0.0.1", 0) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with connect(url) as http, pytest.raises(Unavailable) as caught:
            request(http, "GET", "/", step="s")
    assert caught.value.code == "timeout"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8080",
        "ftp://host",
        "http://",
        "http://user:pw@host",
        "http://host?x=1",
        "http://host:port",
        "http://[::1",
    ],
)
def test_what_names_no_service(url: str) -> None:
    with pytest.raises(Invalid, match="invalid_url"):
        connect(url)


@pytest.mark.parametrize("path", ["/devices/did:x\n/revoke", f"http://{'a' * 64}.invalid/"])
def test_a_path_that_is_no_url(service: httpx.Client, path: str) -> None:
    assert request(service, "POST", "/echo", step="a step").status == 200
    with pytest.raises(Invalid) as raised:
        request(service, "GET", path, step="a step")
    assert (raised.value.code, raised.value.step) == ("invalid_url", "a step")


def test_loopback_needs_no_proxy(service: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with connect(str(service.base_url)) as http:
        assert request(http, "GET", "/size/1", step="s").body == b"x"


def test_a_token_stays_with_its_origin(service: httpx.Client) -> None:
    with serving(app) as other:
        said = request_json(service, "POST", f"{other}/echo", step="s")
        assert said["auth"] is None
    said = request_json(service, "POST", str(service.base_url.join("/echo")), step="s")
    assert said["auth"] == "Bearer tok"


def test_401_is_refused(service: httpx.Client) -> None:
    @app.get("/closed")
    async def closed() -> Response:
        return Response(status_code=401)

    with pytest.raises(Refused):
        request(service, "GET", "/closed", step="s")


def test_a_certificate_is_checked() -> None:
    with connect("https://service.example") as client:
        context = client._transport._pool._ssl_context  # type: ignore[attr-defined] # httpx has no view of it
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    for cipher in context.get_ciphers():  # RFC 9325, section 4.2; some with CBC were among them
        assert cipher["aead"], cipher["name"]
        assert cipher["protocol"] == "TLSv1.3" or cipher["kea"] == "kx-ecdhe", cipher["name"]
