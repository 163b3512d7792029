"""``keyborn conformance serve``, in this process, ended as an operator would."""

import json
import os
import signal
import ssl
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result
from suite import VALID

from conformance.certificate import certificate_in
from conformance.identity import DidMethod, Identity
from did.errors import Refused
from did.identifier import parse_did
from keyborn.cli import cli
from keyborn.clock import now
from keyborn.polling import poll

DEFAULT = "did:key:z6MkkPhGckjY22fz811twecM4Mq5uC4u3pHo7LtzngWhChCd"


def serve(
    tmp_path: Path, *words: str, meanwhile: Callable[[str], object] = lambda _url: None
) -> Result:
    """The command's result; ``meanwhile`` is called with its URL once it answers."""
    ready = tmp_path / "ready"
    failures: list[BaseException] = []

    def visit() -> None:
        url = poll(lambda: ready.read_text().strip() if ready.exists() else None, 10)
        if url is None:
            return
        try:
            meanwhile(url)
        except BaseException as error:  # noqa: BLE001 - raised again below
            failures.append(error)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    visitor = threading.Thread(target=visit)
    visitor.start()
    arguments = ["conformance", "serve", "--port", "0", "--ready-file", str(ready), *words]
    result = CliRunner().invoke(cli, arguments)
    visitor.join()
    for failure in failures:
        raise failure
    return result


def test_https_with_a_certificate_of_its_own(tmp_path: Path) -> None:
    directory = tmp_path / "state"

    def use(url: str) -> None:
        assert url.startswith("https://127.0.0.1:")
        trusting = ssl.create_default_context(cafile=str(directory / "tls-cert.pem"))
        with httpx.Client(base_url=url, verify=trusting) as client:
            body = {"credential": {**VALID, "issuer": DEFAULT}, "options": {}}
            issued = client.post("/issuer/credentials/issue", json=body)
            assert issued.status_code == 201
            assert client.post("/verifier/credentials/verify", json=issued.json()).is_success
            assert client.get(f"/1.0/identifiers/{DEFAULT}").is_success

    written = tmp_path / "manifest.json"
    words = ("--https", "--dir", str(directory), "--manifest-out", str(written), "--json")
    result = serve(tmp_path, *words, meanwhile=use)
    assert result.exit_code == 0, result.output
    said: dict[str, Any] = json.loads(result.stdout)
    assert said["did"] == DEFAULT
    assert said["tls"]["certificate"] == str(directory / "tls-cert.pem")
    assert len(said["tls"]["sha256"]) == 95
    assert said["manifest"] == json.loads(written.read_text())
    assert [each["id"] for each in said["manifest"]["issuers"]] == [DEFAULT] * 4
    assert (directory / "tls-key.pem").stat().st_mode & 0o777 == 0o600
    assert "listening on https://" in result.stderr
    again = serve(tmp_path, "--https", "--dir", str(directory), meanwhile=use)
    assert again.exit_code == 0, again.output


def test_a_second_one_on_the_same_directory_leaves_the_first_alone(tmp_path: Path) -> None:
    directory = tmp_path / "state"
    words = ("--https", "--dir", str(directory))

    def use(url: str) -> None:
        before = {path.name: path.read_bytes() for path in directory.glob("*.pem")}
        assert len(before) == 2
        other = CliRunner().invoke(cli, ["conformance", "serve", "--port", "0", *words])
        assert other.exit_code == 1
        assert "store_in_use" in other.stderr
        assert {path.name: path.read_bytes() for path in directory.glob("*.pem")} == before
        trusting = ssl.create_default_context(cafile=str(directory / "tls-cert.pem"))
        assert httpx.get(f"{url}/1.0/identifiers/{DEFAULT}", verify=trusting).is_success

    for _ in range(2):  # and once it has ended, there may be another
        result = serve(tmp_path, *words, meanwhile=use)
        assert result.exit_code == 0, result.output


def test_a_certificate_is_used_again_while_it_can_be(tmp_path: Path) -> None:
    at = now()
    made = certificate_in(tmp_path, at=at)
    again = certificate_in(tmp_path, at=at + timedelta(days=28))
    assert again.fingerprint == made.fingerprint
    (tmp_path / "tls-cert.pem").unlink()
    assert certificate_in(tmp_path, at=at).fingerprint == made.fingerprint
    assert (tmp_path / "tls-cert.pem").exists()
    ending = certificate_in(tmp_path, at=at + timedelta(days=29, minutes=1))
    assert ending.fingerprint != made.fingerprint
    (tmp_path / "tls-key.pem").write_bytes(b"no certificate")
    assert certificate_in(tmp_path, at=at).fingerprint != ending.fingerprint
    (tmp_path / "tls-key.pem").chmod(0o644)
    with pytest.raises(Refused, match="others can use it"):
        certificate_in(tmp_path, at=at)


def test_plain_http_and_an_identity_of_ones_own(tmp_path: Path) -> None:
    did = Identity("mine").did(DidMethod.KEYBORN)

    def use(url: str) -> None:
        answer = httpx.get(f"{url}/1.0/identifiers/{did.text}").json()
        assert answer["didDocumentMetadata"]["registered"] == "yes"

    words = ("--identity", "mine", "--did-method", "keyborn")
    result = serve(tmp_path, *words, meanwhile=use)
    assert result.exit_code == 0, result.output
    assert f"did            {did.text}\n" in result.stdout
    assert '  vc+jwt                 {"format":"vc+jwt"}\n' in result.stdout
    assert "tls" not in result.stdout
    assert parse_did(DEFAULT) == Identity("keyborn").did(DidMethod.KEY)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_it_is_for_this_machine_alone(tmp_path: Path, host: str) -> None:
    arguments = ["conformance", "serve", "--dir", str(tmp_path / "new"), "--host", host]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 2
    assert "it asks nobody who they are" in result.stderr
    assert not (tmp_path / "new").exists()


def test_the_unsafe_acceptance_is_made_in_one_place() -> None:
    root = Path(__file__).parents[2]
    makers = [
        str(path.relative_to(root))
        for package in ("did", "keyborn", "ledger", "issuer", "verifier", "devices", "conformance")
        for path in (root / package).rglob("*.py")
        if "UnsafeAcceptAnyIssuer(" in path.read_text()
    ]
    assert makers == ["conformance/instance.py"]
