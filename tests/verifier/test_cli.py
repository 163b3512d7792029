"""The commands, as transcripts: exit code, stdout, stderr."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import httpx
import pytest
from actors import DEVICE, ISSUER, STRANGER
from click.testing import CliRunner, Result
from street import Street, street

from did.challenge import Challenge
from did.jcs import canonicalize
from did.timestamps import parse_time
from keyborn import clock
from keyborn.cli import cli
from ledger.identity_store import create_key
from ledger.network import write_network
from verifier.trust_file import load_trust_root

AUDIENCE = "https://door.example"


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Street]:
    with street(tmp_path) as around:
        yield around


def keyborn(*words: str | Path, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words], input=stdin)


def data(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    """A challenge's file, made by the command, for a verifier that remembers in ``door``."""
    made = keyborn("verifier", "challenge", "--dir", tmp_path / "door", "--audience", AUDIENCE)
    assert made.exit_code == 0
    path = tmp_path / "challenge.json"
    path.write_text(made.stdout)
    return path


def answered(outside: Street, asked: Path, tmp_path: Path) -> Path:
    challenge = Challenge.from_json(json.loads(asked.read_text()))
    path = tmp_path / "presentation.json"
    path.write_bytes(outside.answer(challenge))
    return path


def test_a_presentation_with_the_challenge_it_answers(
    outside: Street, asked: Path, tmp_path: Path
) -> None:
    answer = answered(outside, asked, tmp_path)
    command = ("verify", answer, "--trust", outside.trust, "--challenge", asked)

    result = keyborn(*command)

    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert len(lines) == 17
    assert lines[0] == "  ✓ 1 format                   format ldp_vc, credentials 1"
    assert lines[-1] == f"accepted: {DEVICE.short.text}, model thermometer, owner Example Ltd"
    assert "nothing is remembered without --dir" in result.stderr

    assert data(keyborn(*command, "--json"))["device"]["did"] == DEVICE.short.text
    again = keyborn(*command[:-1], asked.read_text(), "--audience", AUDIENCE)
    assert again.exit_code == 0


def test_what_it_remembers_makes_it_count_once(
    outside: Street, asked: Path, tmp_path: Path
) -> None:
    answer = answered(outside, asked, tmp_path)
    command = ("verify", answer, "--trust", outside.trust, "--dir", tmp_path / "door")

    first = keyborn(*command, "--audience", AUDIENCE)
    second = keyborn(*command, "--challenge", asked, "--json")

    assert first.exit_code == 0
    assert first.stderr == ""
    assert second.exit_code == 1
    assert json.loads(second.stdout)["code"] == "challenge_used"
    assert json.loads(second.stderr)["error"]["step"] == "2 challenge"


def test_a_nonce_that_somebody_else_made(outside: Street, tmp_path: Path) -> None:
    answer = tmp_path / "answer.json"
    challenge = Challenge("their own nonce", AUDIENCE, outside.house.now)
    answer.write_bytes(outside.answer(challenge))
    command = ("verify", answer, "--trust", outside.trust, "--audience", AUDIENCE)
    remembered = (*command, "--dir", tmp_path / "door", "--challenge", "their own nonce")

    assert keyborn(*remembered).exit_code == 0
    assert keyborn(*remembered).exit_code == 1
    assert keyborn(*command, "--challenge", "another nonce").exit_code == 1
    assert keyborn(*command, "--challenge", "their own nonce").exit_code == 0


def test_a_credential_alone(outside: Street, tmp_path: Path) -> None:
    text = canonicalize(outside.credential)
    path = tmp_path / "credential.json"
    path.write_bytes(text)
    command = ("verify", path, "--trust", outside.trust)

    result = keyborn(*command)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == (
        "accepted: the credential is to be believed; who hands it over is not known"
    )
    assert data(keyborn(*command, "--json"))["credential"] == outside.credential
    assert keyborn("verify", "-", "--trust", outside.trust, stdin=text).exit_code == 0

    path.write_bytes(text.replace(b"thermometer", b"door opener"))
    tampered = keyborn(*command)
    assert tampered.exit_code == 1
    assert "✗ 6.4 credential signature" in tampered.stdout
    assert "why:  invalid_signature" in tampered.stderr

    path.write_bytes(text)
    outside.house.statuses.served.clear()
    undecided = keyborn(*command)
    assert undecided.exit_code == 3
    assert "? 6.8 status" in undecided.stdout
    assert "why:  status_unavailable" in undecided.stderr


def test_wrong_usage(outside: Street, asked: Path, tmp_path: Path) -> None:
    answer = answered(outside, asked, tmp_path)
    credential = tmp_path / "credential.json"
    credential.write_bytes(canonicalize(outside.credential))
    command = ("verify", answer, "--trust", outside.trust)

    for words, said in (
        (command, "a presentation answers a challenge"),
        ((*command, "--audience", AUDIENCE), "a presentation answers a challenge"),
        ((*command, "--dir", tmp_path / "door"), "a presentation answers a challenge"),
        ((*command, "--challenge", "missing.json"), "--challenge is not a file"),
        ((*command, "--challenge", asked, "--audience", "https://x.example"), "is of"),
        (("verify", credential, *command[2:], "--challenge", asked), "answers no challenge"),
        (("verify", tmp_path / "none", *command[2:]), "none"),
        (("verify", answer), "--trust"),
        # It could be decided; only not with a trust root that is not there.
        (("verify", answer, "--trust", tmp_path / "none", "--challenge", asked), "does not exist"),
        ((*command, "--challenge", tmp_path), "--challenge is a folder"),
    ):
        result = keyborn(*words)
        assert result.exit_code == 2, words
        assert said in result.stderr
    (result,) = [keyborn("verify", answer, "--trust", tmp_path / "none", "--json")]
    assert json.loads(result.stderr)["error"]["code"] == "usage"


def test_what_is_wrong_with_a_file_is_said_with_its_name(
    outside: Street, asked: Path, tmp_path: Path
) -> None:
    answer = answered(outside, asked, tmp_path)
    bad = tmp_path / "bad"
    bad.write_text("x = 1")
    for words, code in (
        (("verify", bad, "--trust", outside.trust), "unknown_format"),
        (("verify", answer, "--trust", bad, "--challenge", asked), "invalid_trust_root"),
        (("verify", answer, "--trust", outside.trust, "--challenge", bad), "invalid_json"),
    ):
        result = keyborn(*words, "--json")
        error = json.loads(result.stderr.splitlines()[-1])["error"]
        assert (result.exit_code, error["code"], error["step"]) == (1, code, f"read {bad}")


def test_a_mistyped_file_of_a_challenge_is_not_blamed_on_the_device(
    outside: Street, asked: Path, tmp_path: Path
) -> None:
    answer = answered(outside, asked, tmp_path)
    command = ("verify", answer, "--trust", outside.trust, "--audience", AUDIENCE)
    result = keyborn(*command, "--challenge", tmp_path / "mistyped.json")
    assert result.exit_code == 1
    assert "--challenge names none, and was compared" in result.stderr
    # A name that no file system takes is a challenge all the same, and not a failure of it.
    assert "wrong_challenge" in keyborn(*command, "--challenge", "x" * 300).stderr


def test_a_trust_root_is_written_and_a_key_in_it_marked(outside: Street, tmp_path: Path) -> None:
    network, out = tmp_path / "network.toml", tmp_path / "mine.toml"
    write_network(network, outside.house.network)
    key = ISSUER.next_key.public_key()
    command = (
        *("verifier", "trust", "--network", network, "--out", out),
        *("--issuer", ISSUER.did.text, "--status-url", "https://issuer.example/v1/status"),
    )

    said = data(keyborn(*command, "--max-status-age", "0", "--finality", "safe", "--json"))

    root = load_trust_root(out)
    assert said == {
        "file": str(out),
        "trustRoot": root.digest,
        "issuers": [ISSUER.short.text],
    }
    assert root.issuers[0].status == ("https://issuer.example/v1/status/",)
    assert root.policy.max_status_age.total_seconds() == 0
    assert root.policy.finality == "safe"
    assert keyborn(*command).exit_code == 1, "there is one already"
    for age in ("--max-ledger-age", "--max-status-age"):
        assert keyborn(*command, age, 10**30).exit_code == 2, "a number that no time holds"
    odd = keyborn(*command[:-1], "https://issuer.example/?list=", "--out", tmp_path / "odd.toml")
    assert odd.exit_code == 1
    assert "issuers[0].status holds what is no plain http or https URL" in odd.stderr
    assert not (tmp_path / "odd.toml").exists()

    marked = keyborn("verifier", "mark-compromised", key.multibase, "--trust", out)
    assert marked.exit_code == 0
    assert marked.stdout.startswith(f"{out}: believes {ISSUER.short.text} on log ")
    assert load_trust_root(out).issuers[0].compromised_keys == (key,)
    nobodys = ("--trust", out, "--issuer", STRANGER.short.text)
    assert keyborn("verifier", "mark-compromised", key.multibase, *nobodys).exit_code == 1


def test_a_trust_root_for_several_issuers(outside: Street, tmp_path: Path) -> None:
    network, out = tmp_path / "network.toml", tmp_path / "mine.toml"
    write_network(network, outside.house.network)
    command = (
        *("verifier", "trust", "--network", network, "--out", out),
        *("--issuer", ISSUER.short.text, "--status-url", "https://one.example/"),
        *("--issuer", STRANGER.short.text),
    )
    two = (*command, "--status-url", "https://two.example/")
    key = STRANGER.key.public_key().multibase

    assert keyborn(*command).exit_code == 2
    assert keyborn(*two, "--compromised-key", key).exit_code == 2
    assert keyborn(*command[:-2], "--compromised-key", key).exit_code == 0
    assert load_trust_root(out).issuers[0].compromised_keys == (STRANGER.key.public_key(),)
    out.unlink()
    assert keyborn(*two).exit_code == 0
    assert [issuer.status for issuer in load_trust_root(out).issuers] == [
        ("https://one.example/",),
        ("https://two.example/",),
    ]


def test_a_challenge_for_one_device(tmp_path: Path) -> None:
    made = data(
        keyborn(
            *("verifier", "challenge", "--dir", tmp_path / "door", "--audience", AUDIENCE),
            *("--did", DEVICE.did.text, "--challenge-lifetime", "1", "--json"),
        )
    )

    assert Challenge.from_json(made).did == DEVICE.short


class Service:
    """``keyborn verifier serve`` as a process of its own."""

    def __init__(self, outside: Street, *options: str, faults: str = "") -> None:
        ready = outside.trust.parent / "ready"
        ready.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "keyborn", "verifier", "serve"),
                *("--trust", str(outside.trust), "--dir", str(outside.trust.parent / "gate")),
                *("--port", "0", "--ready-file", str(ready), *options),
            ],
            env={**os.environ, "KEYBORN_FAULTS": faults},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if line.startswith("listening on "):
                break
        self.url = line.removeprefix("listening on ").strip()
        assert ready.read_text().strip() == self.url

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.communicate(timeout=30)

    def ask(self, **wish: str) -> Challenge:
        answer = httpx.post(f"{self.url}/v1/challenges", json=wish).raise_for_status()
        return Challenge.from_json(answer.json())

    def present(self, presentation: bytes) -> httpx.Response:
        return httpx.post(f"{self.url}/v1/presentations", content=presentation, timeout=30)


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("point", "again"),
    [
        ("verifier.challenge.before_commit", "accepted"),
        ("verifier.challenge.after_commit", "challenge_used"),
    ],
)
def test_killed_while_it_records_a_challenge_as_used(
    outside: Street, point: str, again: str
) -> None:
    """What was not committed may be repeated; what was is used, and the next challenge is good."""
    with Service(outside, "--audience", AUDIENCE, faults=point) as service:
        answer = outside.answer(service.ask(did=DEVICE.short.text))
        with pytest.raises(httpx.TransportError):
            service.present(answer)
        assert service.process.wait(timeout=30) == -signal.SIGKILL

    with Service(outside, "--audience", AUDIENCE) as service:
        said = service.present(answer).json()
        assert said.get("code", "accepted") == again
        assert service.present(outside.answer(service.ask())).status_code == 200
        assert service.present(answer).json()["code"] == "challenge_used"


@pytest.mark.e2e
def test_a_service_is_named_by_its_url_if_by_nothing_else(outside: Street) -> None:
    with Service(outside) as service:
        challenge = service.ask()
        assert challenge.audience == service.url
        assert service.present(outside.answer(challenge)).status_code == 200
    assert service.process.returncode == 0


@pytest.mark.e2e
def test_a_service_asks_by_openid4vp_and_is_the_same_after_a_restart(outside: Street) -> None:
    gate = outside.trust.parent / "gate"

    def ask(service: Service) -> dict[str, Any]:
        token = (gate / "openid4vp.token").read_text().strip()
        answer = httpx.post(
            f"{service.url}/v1/openid4vp/requests",
            json={},
            headers={"authorization": f"Bearer {token}"},
        )
        asked: dict[str, Any] = answer.raise_for_status().json()
        return asked

    with Service(outside) as service:
        first = ask(service)
        assert first["request_uri"].startswith(f"{service.url}/openid4vp/requests/")
        assert httpx.get(first["request_uri"]).status_code == 200
    for name in ("openid4vp.key", "openid4vp.db", "openid4vp.token"):
        assert (gate / name).stat().st_mode & 0o777 == 0o600

    with Service(outside, "--url", "https://gate.example/") as service:
        again = ask(service)
        assert again["client_id"] == first["client_id"]
        assert again["request_uri"].startswith("https://gate.example/openid4vp/requests/")
        kept = httpx.get(f"{service.url}/openid4vp/requests/{first['id']}")
        assert kept.status_code == 200

    key = outside.trust.parent / "own.key"
    create_key(key, DEVICE.key)
    with Service(outside, "--did", DEVICE.short.text, "--did-key", str(key)) as service:
        assert ask(service)["client_id"] == f"decentralized_identifier:{DEVICE.short}"


@pytest.mark.e2e
def test_a_service_opens_sessions_as_long_as_it_is_told(outside: Street) -> None:
    def auth(service: Service, token: str) -> int:
        headers = {"authorization": f"Bearer {token}"}
        return httpx.get(f"{service.url}/auth", headers=headers).status_code

    with Service(outside, "--audience", AUDIENCE, "--session-lifetime", "3600") as service:
        shown = outside.answer(service.ask())
        before = clock.now()
        said = httpx.post(f"{service.url}/v1/sessions", content=shown).raise_for_status().json()
        left = parse_time(said["expires"]) - before
        assert timedelta(seconds=3_599) <= left <= timedelta(seconds=3_660)
        assert auth(service, said["token"]) == 204
    with Service(outside, "--audience", AUDIENCE) as service:
        assert auth(service, said["token"]) == 204
    with Service(outside, "--audience", "https://other.example") as service:
        assert auth(service, said["token"]) == 401
    assert (outside.trust.parent / "gate" / "sessions.db").stat().st_mode & 0o777 == 0o600
    for wrong in ("0", "3601"):
        serve = ("verifier", "serve", "--trust", outside.trust, "--dir", "gate")
        assert keyborn(*serve, "--session-lifetime", wrong).exit_code == 2


def test_a_service_that_is_not_told_rightly_who_asks(outside: Street, tmp_path: Path) -> None:
    serve = ("verifier", "serve", "--trust", outside.trust, "--dir", tmp_path / "gate")
    alone = keyborn(*serve, "--did", DEVICE.short.text)
    assert (alone.exit_code, "--did and --did-key" in alone.stderr) == (2, True)
    for url in ("gate.example", "https://gate.example/?x", "ftp://gate.example", "https://[x"):
        refused = keyborn(*serve, "--port", "0", "--url", url)
        assert (refused.exit_code, "invalid_url" in refused.stderr) == (1, True), url


def test_it_verifies_proofs_for_whoever_has_the_token(outside: Street) -> None:
    with Service(outside, "--audience", AUDIENCE, "--vc-api") as service:
        token = (outside.trust.parent / "gate" / "vc-api.token").read_text().strip()
        url = f"{service.url}/credentials/verify"
        assert httpx.post(url, json={}).status_code == 401
        answer = httpx.post(url, json={}, headers={"authorization": f"Bearer {token}"})
        assert answer.json()["code"] == "invalid_vc_api_request"
    with Service(outside, "--audience", AUDIENCE) as service:
        assert httpx.post(f"{service.url}/credentials/verify", json={}).status_code == 404
