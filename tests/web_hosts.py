"""A real HTTPS server on loopback that hosts did:web documents, honestly or not.

Its certificate is of an authority of the tests' own, for the names below; what those lead to is
said by ``look_up`` in place of DNS. ``WebHost.https`` is the fetcher that believes both.
"""

import datetime as dt
import json
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from actors import Actor
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from did.web_identifier import WebDid
from keyborn.public_https import LookUp, PublicHttps, UnsafeAllowLoopback

HOST: Final = "issuer.example"
NAMES: Final = ("localhost", HOST, "other.example")
LOOPBACK: Final = ("127.0.0.1",)

Connection = ssl.SSLSocket
Page = bytes | Callable[[Connection], None]


def answer(
    body: bytes | Mapping[str, Any],
    status: str = "200 OK",
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """A whole HTTP answer, as bytes on the wire."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {
        "content-type": "application/did",
        "content-length": str(len(data)),
        **(headers or {}),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + data


def document(did: WebDid, *actors: Actor, **members: Any) -> dict[str, Any]:
    """The document of ``did`` with the keys of ``actors``, for authentication and assertions."""
    methods = [
        {
            "id": f"{did.text}#key-{number}",
            "type": "Multikey",
            "controller": did.text,
            "publicKeyMultibase": actor.key.public_key().multibase,
        }
        for number, actor in enumerate(actors, 1)
    ]
    names = [method["id"] for method in methods]
    return {
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
        "id": did.text,
        "verificationMethod": methods,
        "authentication": names,
        "assertionMethod": names,
        **members,
    }


@dataclass
class WebHost:
    """The server, while it runs.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        authority: Who certified it, PEM.
        pages: What it answers, by path; 404 for others. A function gets the connection.
        asked: The heads of the requests that arrived.
    """

    port: int
    authority: str
    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    _context: ssl.SSLContext | None = None

    def did(self, *path: str, host: str = HOST) -> WebDid:
        return WebDid(host, self.port, path)

    def serve(self, did: WebDid, page: Page | Mapping[str, Any]) -> None:
        """Answer with ``page`` where the document of ``did`` lies."""
        path = "/" + did.url.split("/", 3)[3]
        self.pages[path] = answer(page) if isinstance(page, Mapping) else page

    def https(
        self, names: Mapping[str, Sequence[str]] | None = None, *, deadline: float = 10.0
    ) -> PublicHttps:
        """A fetcher that may fetch from here, with ``names`` beside the host's own."""
        fetcher = PublicHttps(
            deadline=deadline,
            look_up=look_up(names or {}),
            unsafe_allow_loopback=UnsafeAllowLoopback(self.authority),
        )
        # All authorities are read once, not for each of some hundred tests.
        self._context = fetcher._context = self._context or fetcher._tls()
        return fetcher


def look_up(names: Mapping[str, Sequence[str]]) -> LookUp:
    """Instead of DNS: the tests' own names lead to loopback unless ``names`` says otherwise."""
    known = {**dict.fromkeys(NAMES, LOOPBACK), **names}

    def found(host: str, _port: int) -> Sequence[str]:
        if host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return known[host]

    return found


@contextmanager
def web_host(directory: Path, *, ciphers: str | None = None) -> Iterator[WebHost]:
    """A host for the time of a ``with`` block; ``directory`` gets its certificate.

    With ``ciphers`` it speaks TLS 1.2 alone, with these.
    """
    authority = _certify(directory)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "host.pem")
    if ciphers is not None:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(ciphers)
    host = WebHost(0, authority)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError), context.wrap_socket(self.request, server_side=True) as secure:
                self._answer(secure)

        def _answer(self, secure: Connection) -> None:
            secure.settimeout(10)
            head = b""
            while b"\r\n\r\n" not in head:
                head += secure.recv(4096)
            host.asked.append(head.decode())
            page = host.pages.get(head.split()[1].decode(), answer(b"nothing", "404 Not Found"))
            if isinstance(page, bytes):
                secure.sendall(page)
            else:
                page(secure)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        host.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield host
        finally:
            server.shutdown()
            thread.join(timeout=10)


def _certify(directory: Path) -> str:
    """Write ``host.pem``, key and certificate, and return its authority's certificate."""
    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tests")])
    subjects = (issuer, x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)]))
    certificates = []
    for is_authority, key, subject in zip((True, False), keys, subjects, strict=True):
        builder = (
            x509.CertificateBuilder()
            .issuer_name(issuer)
            .subject_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + dt.timedelta(days=36_500))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(keys[0].public_key()),
                critical=False,
            )
        )
        if is_authority:
            usage = x509.KeyUsage(
                digital_signature=False,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=True,
                crl_sign=True,
                encipher_only=False,
                decipher_only=False,
            )
            builder = builder.add_extension(usage, critical=True)
        else:
            names = x509.SubjectAlternativeName([x509.DNSName(name) for name in NAMES])
            builder = builder.add_extension(names, critical=False)
        certificates.append(builder.sign(keys[0], hashes.SHA256()))
    pem = serialization.Encoding.PEM
    secret = keys[1].private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (directory / "host.pem").write_bytes(secret + certificates[1].public_bytes(pem))
    return certificates[0].public_bytes(pem).decode()
