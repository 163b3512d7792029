"""did:web, hostile: addresses that are not public, and hosts that do not answer as they should.

Each case has its twin: the same host, or the same name, put right, is answered.
"""

import gzip
import ipaddress
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from actors import DEVICE, ISSUER
from web_hosts import HOST, Connection, WebHost, answer, document, web_host

from did.errors import Invalid, KeybornError, Refused, Unavailable
from did.identifier import parse_did
from did.web_document import MAX_BYTES
from did.web_identifier import WebDid
from keyborn.public_https import PublicHttps, is_public
from ledger.resolving.web import WebResolver

PRIVATE = [
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.1",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "64:ff9b:1::a00:1",
    "100::1",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]
PUBLIC = ["1.1.1.1", "93.184.215.14", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebHost]:
    with web_host(tmp_path_factory.mktemp("host")) as host:
        yield host


def resolved(host: WebHost, did: WebDid, https: PublicHttps | None = None) -> Any:
    return WebResolver(https or host.https()).resolve(did).document()


def refused(host: WebHost, did: WebDid, https: PublicHttps | None = None) -> KeybornError:
    with pytest.raises(KeybornError) as raised:
        resolved(host, did, https)
    return raised.value


# -- addresses -------------------------------------------------------------------------------


@pytest.mark.parametrize("address", PRIVATE)
def test_a_name_that_leads_into_the_network(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))
    connected = WebResolver(PublicHttps(look_up=lambda _host, _port: [address]))
    with pytest.raises(Refused) as raised:
        connected.resolve(WebDid("inside.example"))
    assert raised.value.code == "address_not_public"


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_one(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


def test_a_name_with_a_public_address_and_another() -> None:
    for addresses in (["1.1.1.1", "10.0.0.1"], ["10.0.0.1", "1.1.1.1"]):
        https = PublicHttps(look_up=lambda _host, _port, found=addresses: found)
        with pytest.raises(Refused) as raised:
            WebResolver(https).resolve(WebDid("both.example"))
        assert raised.value.code == "address_not_public"


@pytest.mark.parametrize(
    "host_part",
    [
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "017700000001",
        "0177.0.0.1",
        "127.1",
        "%5B%3A%3A1%5D",
        "127.0.0.1.",
        "1.2.3.0x4",
    ],
)
def test_an_address_instead_of_a_name(host_part: str) -> None:
    with pytest.raises(Invalid) as raised:
        parse_did(f"did:web:{host_part}")
    assert raised.value.code == "invalid_did"
    assert parse_did(f"did:web:a{host_part.strip('.').replace('%', '')}.example".lower())


def test_the_loopback_is_not_reached_without_saying_so(host: WebHost) -> None:
    did = host.did("loopback")
    host.serve(did, document(did, ISSUER))
    assert resolved(host, did) == document(did, ISSUER)
    asked = len(host.asked)
    plain = PublicHttps(look_up=lambda _host, _port: ["127.0.0.1"])
    assert refused(host, did, plain).code == "address_not_public"
    real = WebDid("localhost", host.port)
    assert refused(host, real, PublicHttps()).code == "address_not_public"
    assert len(host.asked) == asked


def test_what_is_unsafe_reaches_this_machine_and_no_other(host: WebHost) -> None:
    did = host.did("other")
    for address in ("10.0.0.1", "169.254.169.254", "::ffff:10.0.0.1"):
        assert refused(host, did, host.https({HOST: [address]})).code == "address_not_public"


def test_a_name_that_is_bound_anew_between_two_look_ups(host: WebHost) -> None:
    """DNS rebinding: the answer that was judged is the one that is connected to."""
    did = host.did("rebinding")
    host.serve(did, document(did, ISSUER))
    answers: list[Sequence[str]] = [["127.0.0.1"], ["10.0.0.1"], ["127.0.0.1"]]
    asked: list[str] = []

    def rebinding(name: str, _port: int) -> Sequence[str]:
        asked.append(name)
        return answers[len(asked) - 1]

    https = host.https()
    https._look_up = rebinding
    assert resolved(host, did, https) == document(did, ISSUER)
    assert asked == [HOST]
    assert refused(host, did, https).code == "address_not_public"
    assert resolved(host, did, https) == document(did, ISSUER)


@pytest.mark.parametrize(
    ("ciphers", "good"),
    [
        ("ECDHE-ECDSA-AES256-SHA384", False),  # CBC
        ("ECDHE-ECDSA-AES128-SHA256", False),
        ("ECDHE-ECDSA-AES128-GCM-SHA256", True),
        ("ECDHE-ECDSA-CHACHA20-POLY1305", True),
    ],
)
def test_a_host_with_other_ciphers_alone(tmp_path: Path, ciphers: str, *, good: bool) -> None:
    """Authenticated encryption with ephemeral keys, and nothing else (did:web, section 2.6.4)."""
    with web_host(tmp_path, ciphers=ciphers) as host:
        did = host.did()
        host.serve(did, document(did, ISSUER))
        if good:
            assert resolved(host, did) == document(did, ISSUER)
        else:
            assert refused(host, did).code == "unreachable"


def test_a_host_without_a_certificate_of_the_name(host: WebHost) -> None:
    names = {"stranger.example": ["127.0.0.1"]}
    did = host.did("certificate", host="stranger.example")
    host.serve(did, document(did, ISSUER))
    assert refused(host, did, host.https(names)).code == "unreachable"
    own = host.did("certificate")
    host.serve(own, document(own, ISSUER))
    assert resolved(host, own, host.https(names)) == document(own, ISSUER)


def test_an_address_of_the_environment_is_of_no_use(
    host: WebHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy would connect where it likes."""
    did = host.did("proxy")
    host.serve(did, document(did, ISSUER))
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://10.0.0.1:3128")
    assert resolved(host, did) == document(did, ISSUER)


# -- answers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
@pytest.mark.parametrize("location", ["http://169.254.169.254/", "https://issuer.example/", "/x"])
def test_a_redirection(host: WebHost, status: int, location: str) -> None:
    did = host.did("redirect")
    host.serve(did, answer(b"", f"{status} Elsewhere", {"location": location}))
    asked = len(host.asked)
    assert refused(host, did).code == "redirected"
    assert len(host.asked) == asked + 1
    host.serve(did, document(did, ISSUER))
    assert resolved(host, did) == document(did, ISSUER)


def padded(did: WebDid, size: int) -> bytes:
    data = json.dumps(document(did, ISSUER)).encode()
    return data + b" " * (size - len(data))


def test_a_huge_answer(host: WebHost) -> None:
    did = host.did("huge")
    host.serve(did, answer(padded(did, MAX_BYTES + 1)))
    assert refused(host, did).code == "answer_too_large"
    host.serve(did, answer(padded(did, MAX_BYTES)))
    assert resolved(host, did) == document(did, ISSUER)


def test_an_answer_without_end(host: WebHost) -> None:
    did, sent = host.did("endless"), 0

    def endless(connection: Connection) -> None:
        nonlocal sent
        connection.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while sent < 100 * MAX_BYTES:
            sent += connection.send(b"1000\r\n" + b" " * 4_096 + b"\r\n")

    host.serve(did, endless)
    assert refused(host, did).code == "answer_too_large"
    assert sent < 100 * MAX_BYTES
    host.serve(did, document(did, ISSUER))
    assert resolved(host, did) == document(did, ISSUER)


def test_a_head_without_end(host: WebHost) -> None:
    did = host.did("head")
    host.serve(did, b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 10_000)
    assert refused(host, did).code == "invalid_answer"
    host.serve(did, document(did, ISSUER))
    assert resolved(host, did) == document(did, ISSUER)


DRIPS: dict[str, bytes] = {
    "nothing": b"",
    "a head": b"HTTP/1.1 200 OK\r\nx-slow: ",
    "a body": b"HTTP/1.1 200 OK\r\ncontent-length: 60000\r\n\r\n",
}


@pytest.mark.parametrize("what", DRIPS)
def test_an_answer_that_drips(host: WebHost, what: str) -> None:
    did, over = host.did("slow"), threading.Event()

    def drip(connection: Connection) -> None:
        connection.sendall(DRIPS[what])
        while not over.wait(0.02):
            connection.sendall(b" " if DRIPS[what] else b"")

    host.serve(did, drip)
    start = time.monotonic()
    error = refused(host, did, host.https(deadline=0.4))
    over.set()
    assert isinstance(error, Unavailable)
    assert error.code == "timeout"
    assert time.monotonic() - start < 5
    host.serve(did, document(did, ISSUER))
    assert resolved(host, did) == document(did, ISSUER)


def test_a_name_server_that_does_not_answer(host: WebHost) -> None:
    over = threading.Event()

    def silent(_host: str, _port: int) -> Sequence[str]:
        over.wait(10)
        return ["127.0.0.1"]

    https = PublicHttps(deadline=0.1, look_up=silent)
    assert refused(host, host.did("names"), https).code == "timeout"
    over.set()


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, identity"])
def test_a_compressed_answer(host: WebHost, encoding: str) -> None:
    did = host.did("compressed")
    bomb = gzip.compress(b" " * 10_000_000)
    host.serve(did, answer(bomb, headers={"content-encoding": encoding}))
    assert refused(host, did).code == "invalid_answer"
    host.serve(did, answer(document(did, ISSUER), headers={"content-encoding": "identity"}))
    assert resolved(host, did) == document(did, ISSUER)


def test_headers_that_split_the_answer(host: WebHost) -> None:
    did = host.did("smuggled")
    body = json.dumps(document(did, ISSUER)).encode()
    for headers in (
        b"content-length: 5\r\ncontent-length: 6\r\n",
        b"content-length: -1\r\n",
        b"transfer-encoding: gzip\r\n",
        b"bad header: x\r\n",
    ):
        host.serve(did, b"HTTP/1.1 200 OK\r\n" + headers + b"\r\n" + body)
        assert refused(host, did).code == "invalid_answer"
    host.serve(did, document(did, ISSUER))
    assert resolved(host, did) == document(did, ISSUER)


# -- documents -------------------------------------------------------------------------------

Altered = Callable[[dict[str, Any]], object]
ALTERED: dict[str, Altered] = {
    "the id of another host": lambda content: content.update(id="did:web:other.example"),
    "the id with another port": lambda content: content.update(id=f"did:web:{HOST}%3A1:id"),
    "the id in capitals": lambda content: content.update(id=content["id"].upper()),
    "the id with a fragment": lambda content: content.update(id=content["id"] + "#"),
    "no id": lambda content: content.pop("id"),
    "a did:key": lambda content: content.update(id=DEVICE.key_did.text),
    "a list of ids": lambda content: content.update(id=[content["id"]]),
}


@pytest.mark.parametrize("what", ALTERED)
def test_a_document_of_another_did(host: WebHost, what: str) -> None:
    did = host.did("id")
    content = document(did, ISSUER)
    ALTERED[what](content)
    host.serve(did, content)
    error = refused(host, did)
    assert isinstance(error, Invalid)
    assert error.code == "invalid_did_document"
    host.serve(did, document(did, ISSUER))
    assert resolved(host, did) == document(did, ISSUER)


def test_a_key_twice_in_json(host: WebHost) -> None:
    """Of two ``id`` or two lists of keys, one reader takes the first and another the last."""
    did = host.did("twice")
    plain = json.dumps(document(did, ISSUER))
    for name in ("id", "assertionMethod", "verificationMethod"):
        value = json.dumps(document(did, DEVICE)[name])
        host.serve(did, answer(f'{{"{name}": {value}, {plain[1:]}'.encode()))
        assert refused(host, did).code == "invalid_did_document"
    host.serve(did, answer(plain.encode()))
    assert resolved(host, did) == document(did, ISSUER)
