"""A device's whole way over HTTPS: each service as a process of its own, with a certificate."""

import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from keyborn.clock import now
from keyborn.tls import self_signed

pytestmark = pytest.mark.e2e

KEYBORN = (sys.executable, "-m", "keyborn")


class Place:
    """A folder with a certificate that everybody trusts who is told to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        pem = self_signed(["127.0.0.1"], at=now(), lifetime=timedelta(days=1))
        self.key, self.certificate = folder / "key.pem", folder / "cert.pem"
        begin = pem.index(b"-----BEGIN PRIVATE KEY")
        self.certificate.write_bytes(pem[:begin])
        self.key.write_bytes(pem[begin:])
        self.env = {**os.environ, "SSL_CERT_FILE": str(self.certificate)}

    @contextmanager
    def serve(self, *words: str) -> Iterator[str]:
        tls = ("--tls-cert", str(self.certificate), "--tls-key", str(self.key))
        command = [*KEYBORN, *words, "--port", "0", *tls]
        with subprocess.Popen(
            command, env=self.env, cwd=self.folder, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stderr is not None
            said = [""]
            for line in process.stderr:
                said.append(line)
                if line.startswith("listening on "):
                    break
            assert said[-1].startswith("listening on https://127.0.0.1:"), "".join(said)
            try:
                yield said[-1].removeprefix("listening on ").strip()
            finally:
                process.terminate()
                process.communicate(timeout=30)
        assert process.returncode == 0

    def run(self, *words: str, trusting: bool = True) -> subprocess.CompletedProcess[str]:
        env = self.env if trusting else dict(os.environ)
        return subprocess.run(
            [*KEYBORN, *words],
            env=env,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )

    def get(self, *words: str) -> str:
        ended = self.run(*words)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout


def test_from_birth_to_admission(tmp_path: Path) -> None:
    place = Place(tmp_path)
    network = ("--network", "ledger/network.toml")
    with ExitStack() as services:
        ledger = services.enter_context(place.serve("ledger", "serve", "--dir", "ledger"))
        assert f'url = "{ledger}"' in (tmp_path / "ledger" / "network.toml").read_text()
        issuer = services.enter_context(place.serve("issuer", "serve", *network, "--dir", "issuer"))
        about = json.loads(place.get("issuer", "info", "--dir", "issuer", "--json"))
        assert about["url"] == issuer
        place.get("device", "init", "--dir", "alpha")
        strangers = place.run("device", "register", "--dir", "alpha", *network, trusting=False)
        assert strangers.returncode == 3
        assert "CERTIFICATE_VERIFY_FAILED" in strangers.stderr
        place.get("device", "register", "--dir", "alpha", *network)
        claim = ("issuer", "claim", "create", "--dir", "issuer", "--model", "m", "--owner", "o")
        offer = json.loads(place.get(*claim, "--json"))["offer"]
        place.get("device", "enroll", "--dir", "alpha", *network, offer)
        status = f"{issuer}/v1/status/"
        trust = ("--issuer", about["did"], "--status-url", status, "--out", "trust.toml")
        place.get("verifier", "trust", *network, *trust)
        gate = services.enter_context(
            place.serve("verifier", "serve", "--trust", "trust.toml", "--dir", "gate")
        )
        admitted = place.get("device", "present", "--dir", "alpha", "--verifier", gate, "--json")
        assert json.loads(admitted)["decision"]["outcome"] == "accepted"
        trusting = ssl.create_default_context(cafile=str(place.certificate))
        for url in (ledger, gate):
            assert httpx.get(f"{url}/health", verify=trusting).status_code == 200
            with pytest.raises(httpx.ConnectError):
                httpx.get(f"{url}/health")
