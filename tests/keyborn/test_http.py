import json
import logging
import socket
from collections.abc import Iterator
from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, Body, FastAPI, HTTPException, Query
from pydantic import BaseModel, ConfigDict
from serving import serving
from starlette.responses import PlainTextResponse

from did.errors import Conflict, Invalid, KeybornError, Refused, Unavailable, Undecided
from keyborn.http import StrictRoute, install
from keyborn.logs import configure


class Claim(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    code: str
    count: int = 1


ERRORS: dict[str, KeybornError] = {
    "invalid": Invalid("a_code", "what", step="token", hint="do", value="hush"),
    "refused": Refused("a_code", "what"),
    "undecided": Undecided("a_code", "what", retry_after=3),
    "conflict": Conflict("a_code", "what"),
    "unavailable": Unavailable("a_code", "what"),
}


def make_app() -> FastAPI:
    app = FastAPI()
    install(app)

    @app.post("/claims")
    async def claims(claim: Annotated[Claim, Body()]) -> Claim:
        return claim

    @app.get("/errors/{name}")
    async def errors(name: str) -> None:
        raise ERRORS[name]

    @app.get("/teapot")
    async def teapot() -> None:
        raise HTTPException(418, "short and stout")

    @app.get("/crash")
    async def crash() -> None:
        raise RuntimeError("hush")

    @app.get("/cached")
    async def cached() -> PlainTextResponse:
        return PlainTextResponse("x", headers={"cache-control": "max-age=60"})

    @app.get("/list")
    async def listed(limit: int = 1, tag: Annotated[list[str] | None, Query()] = None) -> object:
        return {"limit": limit, "tag": tag}

    router = APIRouter(route_class=StrictRoute)

    @router.post("/routed")
    async def routed(claim: Claim) -> Claim:
        return claim

    app.include_router(router)
    return app


@pytest.fixture(scope="module")
def service() -> Iterator[httpx.Client]:
    with serving(make_app()) as url, httpx.Client(base_url=url) as client:
        yield client


@pytest.mark.parametrize(
    ("name", "status", "after"),
    [
        ("invalid", 400, None),
        ("refused", 403, None),
        ("undecided", 503, "3"),
        ("conflict", 409, None),
        ("unavailable", 503, "5"),
    ],
)
def test_errors_are_problem_details(
    service: httpx.Client, name: str, status: int, after: str | None
) -> None:
    response = service.get(f"/errors/{name}")
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers.get("retry-after") == after
    body = response.json()
    assert (body["status"], body["code"], body["detail"]) == (status, "a_code", "what")
    assert body["type"] == f"urn:keyborn:problem:{name}"
    assert ("step" in body) == (name == "invalid")
    assert "hush" not in response.text


def test_offending_fields_are_named_and_not_repeated(service: httpx.Client) -> None:
    response = service.post("/claims", json={"code": 700700, "count": "hush", "x\x1b": "hush"})
    assert response.status_code == 400
    body = response.json()
    assert body["code"] == "invalid_request"
    assert body["fields"] == [
        {"field": "body.code", "problem": "string type"},
        {"field": "body.count", "problem": "int type"},
        {"field": "body.x\\x1b", "problem": "extra forbidden"},
    ]
    assert "body.code: string type" in body["detail"]
    assert "700700" not in response.text
    assert "hush" not in response.text
    assert service.post("/claims", json={"code": "x"}).json() == {"code": "x", "count": 1}


@pytest.mark.parametrize("path", ["/claims", "/routed"])
@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b'{"code":"a","code":"b"}', "duplicate_key"),
        (b'{"code":"a","count":1.0}', "json_number"),
        (b'{"code":"a"', "invalid_json"),
        (b'{"code":"\\ud800"}', "invalid_json"),
        (b"\xff", "invalid_json"),
        (b"[" * 100 + b"]" * 100, "json_too_deep"),
        (b"", "invalid_request"),
    ],
)
def test_json_is_read_strictly(service: httpx.Client, path: str, content: bytes, code: str) -> None:
    headers = {"content-type": "application/json"}
    response = service.post(path, content=content, headers=headers)
    assert (response.status_code, response.json()["code"]) == (400, code)
    twin = service.post(path, content=b'{"code":"a","count":1}', headers=headers)
    assert twin.json() == {"code": "a", "count": 1}


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("limits=2", [{"field": "query.limits", "problem": "extra forbidden"}]),
        ("limit=1&limit=2", [{"field": "query.limit", "problem": "given twice"}]),
        ("a%1b=&a%1b=", [{"field": "query.a\\x1b", "problem": "extra forbidden"}]),
        ("limit=x", [{"field": "query.limit", "problem": "int parsing"}]),
    ],
)
def test_queries_are_read_strictly(
    service: httpx.Client, query: str, fields: list[dict[str, str]]
) -> None:
    response = service.get(f"/list?{query}")
    assert (response.status_code, response.json()["fields"]) == (400, fields)
    twin = service.get("/list?limit=2&tag=a&tag=b")
    assert twin.json() == {"limit": 2, "tag": ["a", "b"]}


@pytest.mark.parametrize("path", ["/claims", "/routed"])
@pytest.mark.parametrize("media_type", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_a_body_is_said_to_be_json(
    service: httpx.Client, path: str, media_type: str | None
) -> None:
    """Else what is wrong seems to be the fields, which are right."""
    headers = {} if media_type is None else {"content-type": media_type}
    response = service.post(path, content=b'{"code":"a"}', headers=headers)
    body = response.json()
    assert (response.status_code, body["code"]) == (415, "unsupported_media_type")
    assert "application/json" in body["hint"]
    for right in ("application/json", "Application/JSON; charset=utf-8", "application/vp+json"):
        twin = service.post(path, content=b'{"code":"a"}', headers={"content-type": right})
        assert twin.status_code == 200


@pytest.mark.parametrize(
    "more",
    [
        b"authorization: Bearer a\r\nauthorization: Bearer b\r\ncontent-length: 0\r\n\r\n",
        b"content-type: text/plain\r\ncontent-type: text/plain\r\ncontent-length: 0\r\n\r\n",
        b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
def test_what_two_readers_may_read_in_two_ways_is_refused(
    service: httpx.Client, more: bytes
) -> None:
    """A request that a proxy before us understands otherwise is a request smuggled past it."""
    address = (service.base_url.host, service.base_url.port)
    with socket.create_connection(address, timeout=5) as connection:
        connection.sendall(b"GET /list HTTP/1.1\r\nhost: x\r\n" + more)
        answer = b"".join(iter(lambda: connection.recv(1_000), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["code"] == "ambiguous_head"
    once = {"authorization": "Bearer a", "content-type": "text/plain"}
    assert service.get("/list", headers=once).status_code == 200


def test_head_is_get_without_the_body(service: httpx.Client) -> None:
    for path in ("/list", "/errors/refused", "/nowhere", "/crash"):
        head, get = service.head(path), service.get(path)
        assert (head.status_code, head.content) == (get.status_code, b"")
        assert head.headers["content-type"] == get.headers["content-type"]
    assert service.head("/claims").status_code == 405


def test_nobody_is_redirected_to_where_a_header_says(service: httpx.Client) -> None:
    response = service.get("/list/", headers={"host": "evil.example"})
    assert response.status_code == 404
    assert "evil.example" not in f"{response.headers}{response.text}"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/claims", 405, "method_not_allowed"),
        ("GET", "/teapot", 418, "im_a_teapot"),
    ],
)
def test_what_http_names(
    service: httpx.Client, method: str, path: str, status: int, code: str
) -> None:
    response = service.request(method, path)
    body = response.json()
    assert (response.status_code, body["status"], body["code"]) == (status, status, code)
    assert body["type"] == "about:blank"
    if status == 405:
        assert response.headers["allow"] == "POST"
        assert body["hint"] == "use POST"
    assert ("hint" in body) == (status != 418)


def test_a_crash_gives_nothing_away_and_is_logged_once(
    service: httpx.Client, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(as_json=True, level=logging.ERROR)
    response = service.get("/crash")
    assert response.status_code == 500
    body = response.json()
    assert body["code"] == "internal_error"
    assert "hush" not in response.text
    request = response.headers["x-request-id"]
    assert request in body["hint"]
    (line,) = capsys.readouterr().err.splitlines()
    event = json.loads(line)
    assert event["request_id"] == request
    assert event["trace"][-1] == "RuntimeError: hush"


def test_every_answer_has_its_headers(service: httpx.Client) -> None:
    ids = set()
    for path in ("/cached", "/nowhere", "/crash", "/errors/refused"):
        headers = service.get(path).headers
        ids.add(headers["x-request-id"])
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert "strict-transport-security" not in headers
        assert headers["cache-control"] == ("max-age=60" if path == "/cached" else "no-store")
        assert "server" not in headers
    assert len(ids) == 4


def test_a_body_over_the_limit_is_refused(service: httpx.Client) -> None:
    def chunks(size: int) -> Iterator[bytes]:
        yield b'{"code":"'
        for _ in range(size // 1024):
            yield b"x" * 1024
        yield b'"}'

    for content in (b"x" * 262_145, chunks(300_000), b"x" * 8_000_000):
        response = service.post(
            "/claims", content=content, headers={"content-type": "application/json"}
        )
        body = response.json()
        assert (response.status_code, body["code"]) == (413, "body_too_large")
        assert body["status"] == 413
    twin = service.post(
        "/claims", content=chunks(200_000), headers={"content-type": "application/json"}
    )
    assert twin.status_code == 200


def test_a_body_is_refused_before_it_is_sent(service: httpx.Client) -> None:
    address = (service.base_url.host, service.base_url.port)
    head = b"POST /claims HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: %d\r\n\r\n"
    with socket.create_connection(address, timeout=5) as connection:
        connection.sendall(head % 300_000)
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")
    with socket.create_connection(address, timeout=5) as connection:
        connection.sendall(head % 12)
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
