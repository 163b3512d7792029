import hashlib
import socket
import ssl
import time
from datetime import timedelta
from pathlib import Path

import click
import httpx
import pytest
from actors import NOW
from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from serving import serving
from starlette.responses import PlainTextResponse

from did.errors import Invalid, Unavailable
from keyborn import server
from keyborn.client import connect, request
from keyborn.clock import now
from keyborn.options import Listening, service_options
from keyborn.server import SHUTDOWN_SECONDS
from keyborn.tls import fingerprint, self_signed, server_context

hello = PlainTextResponse("hello")


@pytest.fixture(scope="module")
def pem() -> bytes:
    return self_signed(["localhost", "127.0.0.1"], at=now(), lifetime=timedelta(days=1))


@pytest.fixture
def certificate(tmp_path: Path, pem: bytes) -> Path:
    path = tmp_path / "tls.pem"
    path.write_bytes(pem)
    return path


def test_a_service_that_speaks_tls(certificate: Path) -> None:
    with serving(hello, tls=server_context(certificate)) as url:
        assert url.startswith("https://127.0.0.1:")
        trusting = ssl.create_default_context(cafile=str(certificate))
        answer = httpx.get(url, verify=trusting)
        assert answer.text == "hello"
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        assert httpx.get(url.replace("127.0.0.1", "localhost"), verify=trusting).text == "hello"
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(url)
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(url.replace("https", "http"))
        old = ssl.create_default_context(cafile=str(certificate))
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(httpx.ConnectError):
            httpx.get(url, verify=old)
        assert httpx.get(url, verify=trusting).text == "hello"  # it goes on all the same


def test_a_handshake_that_does_not_come_is_given_up(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "HEAD_SECONDS", 0.2)
    with serving(hello, tls=server_context(certificate)) as url:
        host, port = url.removeprefix("https://").split(":")
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            assert connection.recv(1) == b""


def test_ciphers_have_authenticated_encryption_and_ephemeral_keys(certificate: Path) -> None:
    offered = server_context(certificate).get_ciphers()
    assert offered
    for cipher in offered:
        assert cipher["aead"], cipher["name"]
        assert cipher["protocol"] == "TLSv1.3" or cipher["kea"] == "kx-ecdhe", cipher["name"]


def test_a_service_stops_though_a_client_keeps_its_connection(certificate: Path) -> None:
    """It waited ten seconds for the client to close its side."""
    trusting = ssl.create_default_context(cafile=str(certificate))
    with httpx.Client(verify=trusting) as client:
        with serving(hello, tls=server_context(certificate)) as url:
            assert client.get(url).text == "hello"
            began = time.monotonic()
        assert time.monotonic() - began < SHUTDOWN_SECONDS / 2


def test_certificate_and_key_in_files_of_their_own(tmp_path: Path, pem: bytes) -> None:
    begin = pem.index(b"-----BEGIN PRIVATE KEY")
    (tmp_path / "cert.pem").write_bytes(pem[:begin])
    (tmp_path / "key.pem").write_bytes(pem[begin:])
    with serving(hello, tls=server_context(tmp_path / "cert.pem", tmp_path / "key.pem")) as url:
        trusting = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
        assert httpx.get(url, verify=trusting).text == "hello"


def test_our_own_commands_trust_what_the_environment_names(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They did not, where the service was on the same machine."""
    with serving(hello, tls=server_context(certificate)) as url:
        with connect(url) as client, pytest.raises(Unavailable) as caught:
            request(client, "GET", "/", step="ask")
        assert caught.value.code == "unreachable"
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with connect(url) as client:
            assert request(client, "GET", "/", step="ask").body == b"hello"


def test_files_that_are_not_there(tmp_path: Path, certificate: Path) -> None:
    for missing in ((tmp_path / "none", None), (certificate, tmp_path / "none"), (tmp_path, None)):
        with pytest.raises(Unavailable) as caught:
            server_context(*missing)
        assert caught.value.code == "tls_file_missing"


def test_files_that_are_no_certificate_with_its_key(tmp_path: Path, pem: bytes) -> None:
    other = self_signed(["localhost"], at=NOW, lifetime=timedelta(days=1))
    begin = pem.index(b"-----BEGIN PRIVATE KEY")
    encrypted = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    another = other[other.index(b"-----BEGIN PR") :]
    contents = {
        b"": "no certificate",
        b"rubbish": "no certificate",
        pem[:begin]: "no key",
        pem[begin:]: "no certificate",
        pem[:begin] + encrypted: "encrypted",
        pem[:begin] + another: "not the certificate's",
        b"-----BEGIN CERTIFICATE-----\nPRIVATE KEY-----": "PEM",
    }
    for number, (content, said) in enumerate(contents.items()):
        path = tmp_path / f"{number}.pem"
        path.write_bytes(content)
        with pytest.raises(Invalid, match=said) as caught:
            server_context(path)
        assert caught.value.code == "invalid_tls_certificate"
    (tmp_path / "another.key").write_bytes(another)
    with pytest.raises(Invalid, match="not the certificate's") as caught:
        server_context(tmp_path / "2.pem", tmp_path / "another.key")
    assert str(caught.value.value).endswith("another.key")


def test_the_fingerprint_is_that_of_the_certificate(certificate: Path, pem: bytes) -> None:
    der = ssl.PEM_cert_to_DER_cert(pem[: pem.index(b"-----BEGIN PRIVATE KEY")].decode())
    with serving(hello, tls=server_context(certificate)) as url:
        host, port = url.removeprefix("https://").split(":")
        assert ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((host, int(port)))) == der
    shown = fingerprint(pem)
    assert len(shown) == 95
    assert shown.replace(":", "").lower() == hashlib.sha256(der).hexdigest()


def test_the_options(certificate: Path) -> None:
    found: list[object] = []

    @click.command()
    @service_options(port=8100)
    def serve(*, listening: Listening) -> None:
        found.append(listening.tls)

    run = CliRunner().invoke
    assert run(serve, []).exit_code == 0
    assert run(serve, ["--tls-cert", str(certificate)]).exit_code == 0
    assert (
        run(serve, ["--tls-cert", str(certificate), "--tls-key", str(certificate)]).exit_code == 0
    )
    without, *with_it = found
    assert without is None
    assert all(isinstance(each, ssl.SSLContext) for each in with_it)
    assert len(with_it) == 2
    alone = run(serve, ["--tls-key", str(certificate)])
    assert (alone.exit_code, "give --tls-cert too" in alone.output) == (2, True)
