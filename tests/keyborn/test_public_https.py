"""Fetching over HTTPS: what is answered, and in which ways that fails."""

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from web_hosts import HOST, Connection, WebHost, answer, look_up, web_host

from did.errors import Invalid, KeybornError, Unavailable
from keyborn.deadlines import system_look_up
from keyborn.public_https import Fetched, PublicHttps, UnsafeAllowLoopback


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebHost]:
    with web_host(tmp_path_factory.mktemp("host")) as host:
        yield host


def get(https: PublicHttps, url: str, max_bytes: int = 1_000) -> Fetched:
    return https.get(url, accept="application/did", max_bytes=max_bytes, step="a step")


def fails(https: PublicHttps, url: str) -> KeybornError:
    with pytest.raises(KeybornError) as raised:
        get(https, url)
    assert raised.value.step == "a step"
    assert raised.value.hint
    return raised.value


def test_an_answer_of_any_status(host: WebHost) -> None:
    host.pages["/a?b=c"] = answer(b"yes")
    base = f"https://{HOST}:{host.port}"
    assert get(host.https(), f"{base}/a?b=c") == Fetched(200, b"yes")
    assert get(host.https(), base) == Fetched(404, b"nothing")
    assert "GET / HTTP/1.1" in host.asked[-1]


def test_an_answer_in_chunks_and_one_that_ends_with_the_connection(host: WebHost) -> None:
    head = b"HTTP/1.1 200 OK\r\n"
    host.pages["/chunks"] = (
        head + b"transfer-encoding: chunked\r\n\r\n2\r\nye\r\n1\r\ns\r\n0\r\n\r\n"
    )
    host.pages["/open"] = head + b"\r\nyes"
    host.pages["/100"] = b"HTTP/1.1 103 Early Hints\r\n\r\n" + answer(b"yes")
    for path in ("/chunks", "/open", "/100"):
        assert get(host.https(), f"https://{HOST}:{host.port}{path}") == Fetched(200, b"yes")


def test_the_next_address_is_tried(host: WebHost) -> None:
    host.pages["/"] = answer(b"yes")
    https = host.https({HOST: ["127.0.0.2", "127.0.0.1"]})
    assert get(https, f"https://{HOST}:{host.port}/").body == b"yes"


@pytest.mark.parametrize("addresses", [["127.0.0.2"], ["127.0.0.2", "127.0.0.3"]])
def test_an_address_where_nobody_is(host: WebHost, addresses: list[str]) -> None:
    error = fails(host.https({HOST: addresses}), f"https://{HOST}:{host.port}/")
    assert isinstance(error, Unavailable)
    assert error.code == "unreachable"


def test_a_name_that_there_is_not(host: WebHost) -> None:
    assert fails(host.https(), "https://none.example/").code == "host_not_found"
    assert fails(host.https({HOST: []}), f"https://{HOST}/").code == "host_not_found"

    def no_name(_host: str, _port: int) -> list[str]:
        return [str("a" * 64 + ".example").encode("idna").decode()]

    assert fails(PublicHttps(look_up=no_name), "https://a.example/").code == "host_not_found"


@pytest.mark.parametrize("url", ["http://a.example/", "https:///a", "https://u@a.example/", "a"])
def test_what_is_no_such_url(url: str) -> None:
    error = fails(PublicHttps(look_up=look_up({})), url)
    assert isinstance(error, Invalid)
    assert error.code == "invalid_url"


def test_the_certificate_is_of_the_name(host: WebHost) -> None:
    host.pages["/"] = answer(b"yes")
    names = {"third.example": ["127.0.0.1"]}
    error = fails(host.https(names), f"https://third.example:{host.port}/")
    assert error.code == "unreachable"
    assert "third.example" in error.message
    assert get(host.https(names), f"https://{HOST}:{host.port}/").body == b"yes"


def test_an_authority_that_nobody_knows(host: WebHost, tmp_path: Path) -> None:
    with web_host(tmp_path) as other:
        https = PublicHttps(
            look_up=look_up({}), unsafe_allow_loopback=UnsafeAllowLoopback(other.authority)
        )
        assert fails(https, f"https://{HOST}:{host.port}/").code == "unreachable"


def test_what_closes_too_early(host: WebHost) -> None:
    def nothing(_connection: Connection) -> None:
        """Say nothing, and close."""

    host.pages["/nothing"] = nothing
    host.pages["/half"] = answer(b"half", headers={"content-length": "10"})
    host.pages["/head"] = b"HTTP/1.1 200 OK\r\ncontent-le"
    for path in ("/nothing", "/half", "/head"):
        error = fails(host.https(), f"https://{HOST}:{host.port}{path}")
        assert error.code == "disconnected", path


def test_what_is_no_http(host: WebHost) -> None:
    host.pages["/"] = b"SSH-2.0-OpenSSH_9.6\r\n\r\n"
    assert fails(host.https(), f"https://{HOST}:{host.port}/").code == "invalid_answer"


def test_what_is_no_tls(host: WebHost) -> None:
    https = host.https()
    with socket.create_server(("127.0.0.1", 0)) as plain:

        def talk() -> None:
            connection, _ = plain.accept()
            with connection:
                connection.sendall(b"220 mail.example ESMTP\r\n")

        thread = threading.Thread(target=talk)
        thread.start()
        error = fails(https, f"https://{HOST}:{plain.getsockname()[1]}/")
        thread.join(10)
    assert error.code == "unreachable"


def test_the_systems_own_look_up() -> None:
    assert "127.0.0.1" in system_look_up("127.0.0.1", 443)
    assert fails(PublicHttps(), "https://127.0.0.1/").code == "address_not_public"


def test_tls_is_at_least_1_2(host: WebHost) -> None:
    assert host.https()._tls().minimum_version >= ssl.TLSVersion.TLSv1_2


def test_ciphers_have_authenticated_encryption_and_ephemeral_keys(host: WebHost) -> None:
    """did:web, section 2.6.4; regression: some with CBC were offered."""
    offered = host.https()._tls().get_ciphers()
    assert offered
    for cipher in offered:
        assert cipher["aead"], cipher["name"]
        assert cipher["protocol"] == "TLSv1.3" or cipher["kea"] == "kx-ecdhe", cipher["name"]
