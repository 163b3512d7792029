"""A device's whole way over HTTPS: real services and clients, a certificate of the test's own."""

import json
import ssl
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from onboarding import services

from keyborn.cli import cli
from keyborn.clock import now
from keyborn.tls import self_signed, server_context

pytestmark = pytest.mark.e2e


def test_from_birth_to_admission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pem = self_signed(["127.0.0.1"], at=now(), lifetime=timedelta(days=1))
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    certificate.write_bytes(pem[: pem.index(b"-----BEGIN PRIVATE KEY")])
    key.write_bytes(pem)
    trusting = ssl.create_default_context(cafile=str(certificate))

    def device(command: str, *words: str) -> Result:
        arguments = ["device", command, "--dir", str(tmp_path / "alpha"), *words, "--json"]
        return CliRunner().invoke(cli, arguments)

    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with services(tmp_path, tls=server_context(key), trusting=trusting) as world:
        for url in (world.network.url, world.issuer_url, world.verifier_url):
            assert url.startswith("https://127.0.0.1:")
        network = ("--network", str(world.network_file))
        assert device("init").exit_code == 0
        monkeypatch.delenv("SSL_CERT_FILE")
        stranger = device("register", *network)
        assert stranger.exit_code == 3
        assert "CERTIFICATE_VERIFY_FAILED" in stranger.stderr
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        for command, *words in (
            ("register", *network),
            ("enroll", *network, world.offer()),
            ("present", "--verifier", world.verifier_url),
        ):
            result = device(command, *words)
            assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["decision"]["outcome"] == "accepted"
