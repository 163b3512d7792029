"""Admission behind Debian's nginx, as ``docs/how-to/admit-at-a-proxy.md`` configures it."""

import http.server
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
import pytest
from lives import BIRTH, Life, World, world_in
from mortal import SECONDS, Service, run
from pages import DOCS, fence
from ports import free_port

from keyborn.polling import poll

pytestmark = pytest.mark.e2e

PAGE: Final = (DOCS / "how-to" / "admit-at-a-proxy.md").read_text()
STATUS_AGE: Final = 2  # seconds: how soon a revoked device is out
_MAIN: Final = """
daemon off;
{user}
worker_processes 1;
pid nginx.pid;
error_log stderr info;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include gate.conf;
}}
"""


@dataclass
class Protected:
    """What stands behind the proxy, and the requests that came to it: headers, and body."""

    port: int = 0
    seen: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def protected() -> Iterator[Protected]:
    there = Protected()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("content-length", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            there.seen.append((headers, self.rfile.read(length)))
            status = 500 if self.path == "/failing" else 200
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        do_POST = do_GET  # noqa: N815 - as the library has it

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        there.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield there
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def proxy(nginx: str, folder: Path, *, verifier: str, upstream: int) -> Iterator[str]:
    """nginx with the page's configuration, at ports that are free; its URL."""
    port = free_port()
    gate = fence(PAGE, "gate.conf")
    for shown, real in ((8080, port), (8103, verifier.rpartition(":")[2]), (8104, upstream)):
        assert f":{shown};" in gate
        gate = gate.replace(f":{shown};", f":{real};")
    folder.mkdir()
    (folder / "gate.conf").write_text(gate)
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(_MAIN.format(user=user))
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(
            [nginx, "-p", folder, "-c", folder / "nginx.conf", "-e", "stderr"],
            stdin=subprocess.DEVNULL,
            stderr=said,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            assert poll(lambda: _answers(url), SECONDS), (folder / "said").read_text()
            yield url
        finally:
            process.terminate()
            assert process.wait(SECONDS) == 0


def _answers(url: str) -> bool | None:
    try:
        httpx.get(url)
    except httpx.TransportError:
        return None
    return True


@dataclass(frozen=True)
class Gate:
    """The proxy, the verifier that it asks, and what it protects."""

    world: World
    verifier: Service
    protected: Protected
    url: str

    def opened(self, life: Life) -> str:
        """The token of a session that the device opens through the proxy."""
        challenge, file = life.directory.parent / "challenge", life.directory.parent / "shown"
        asked = httpx.post(f"{self.url}/v1/challenges", json={})
        challenge.write_bytes(asked.raise_for_status().content)
        file.unlink(missing_ok=True)
        words = ("--dir", life.directory, "--challenge", challenge, "--out", file)
        assert run("device", "present", *words).exit_code == 0
        answer = httpx.post(f"{self.url}/v1/sessions", content=file.read_bytes())
        return str(answer.raise_for_status().json()["token"])

    def ask(
        self, token: str | None, path: str = "/", *, body: bytes | None = None, **headers: str
    ) -> httpx.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            sent["authorization"] = f"Bearer {token}"
        if body is None:
            return httpx.get(f"{self.url}{path}", headers=sent)
        return httpx.post(f"{self.url}{path}", content=body, headers=sent)


@pytest.fixture
def gate(nginx: str, tmp_path: Path) -> Iterator[Gate]:
    with ExitStack() as stack:
        world = stack.enter_context(world_in(tmp_path))
        trust = tmp_path / "patient.toml"
        about = run("issuer", "info", "--dir", tmp_path / "issuer").data
        written = run(
            *("verifier", "trust", "--network", world.network_file, "--issuer", about["did"]),
            *("--status-url", f"{world.issuer.url}/v1/status/"),
            *("--max-status-age", str(STATUS_AGE), "--out", trust),
        )
        assert written.exit_code == 0, written
        words = ("verifier", "serve", "--dir", tmp_path / "gate", "--trust", trust)
        verifier = stack.enter_context(Service(*words, faults=tmp_path / "gate.faults"))
        verifier.start()
        there = stack.enter_context(protected())
        url = stack.enter_context(
            proxy(nginx, tmp_path / "nginx", verifier=verifier.url, upstream=there.port)
        )
        yield Gate(world, verifier, there, url)


def test_a_device_at_the_gate(gate: Gate, tmp_path: Path) -> None:
    folder = tmp_path / "alpha"
    folder.mkdir()
    life = Life(gate.world, folder)
    life.go_through(*BIRTH)

    out = gate.ask(None)
    assert out.status_code == 401
    assert out.headers["www-authenticate"] == 'Bearer realm="keyborn"'
    assert gate.ask("x" * 43).status_code == 401
    assert gate.ask("x" * 43, "/keyborn-auth").status_code == 404
    assert not gate.protected.seen

    token = gate.opened(life)
    spoofed = {"x_keyborn_device": "did:keyborn:other", "x_keyborn_roles": "admin"}
    assert gate.ask(token, body=b"a" * 300_000, **spoofed).status_code == 200
    ((headers, body),) = gate.protected.seen  # beyond what the verifier would read
    assert headers["x-keyborn-device"] == life.did
    assert headers["x-keyborn-types"] == "DeviceProvisioningCredential"
    assert "admin" not in headers.get("x-keyborn-roles", "")
    assert "authorization" not in headers
    assert len(body) == 300_000
    assert gate.ask(token, "/failing").status_code == 500  # its own, and passed on

    life.go_through("suspend")
    assert poll(lambda: gate.ask(token).status_code == 403 or None, STATUS_AGE * 15)
    life.go_through("reinstate")
    assert poll(lambda: gate.ask(token).status_code == 200 or None, STATUS_AGE * 15)
    life.go_through("rotate")
    assert gate.ask(token).status_code == 403
    token = gate.opened(life)
    assert gate.ask(token).status_code == 200
    life.go_through("revoke")
    assert poll(lambda: gate.ask(token).status_code == 403 or None, STATUS_AGE * 15)
    count = len(gate.protected.seen)
    assert gate.ask(token).status_code == 403
    assert len(gate.protected.seen) == count


def test_nobody_gets_in_without_an_answer(gate: Gate, tmp_path: Path) -> None:
    folder = tmp_path / "alpha"
    folder.mkdir()
    life = Life(gate.world, folder)
    life.go_through(*BIRTH)
    token = gate.opened(life)
    assert gate.ask(token).status_code == 200

    gate.world.ledger.stop()
    undecided = gate.ask(token)
    assert undecided.status_code == 503
    assert int(undecided.headers["retry-after"]) > 0
    gate.world.ledger.start()
    assert poll(lambda: gate.ask(token).status_code == 200 or None, SECONDS)

    gate.verifier.stop()
    assert gate.ask(token).status_code == 503
    assert gate.ask(None).status_code == 503
    gate.verifier.start()
    assert gate.ask(token).status_code == 200  # sessions outlive the process
    ended = httpx.delete(f"{gate.url}/v1/sessions", headers={"authorization": f"Bearer {token}"})
    assert ended.status_code == 204
    assert gate.ask(token).status_code == 401
