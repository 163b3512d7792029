"""A certificate for the time of a test: it vouches for itself; only this machine has its names."""

import ssl
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from did.jcs import JsonObject
from keyborn.files import write_private, write_public
from keyborn.tls import fingerprint, self_signed, server_context

_NAMES: Final = ("localhost", "127.0.0.1", "::1")
_LIFETIME: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Certificate:
    """One that was made.

    Attributes:
        path: The certificate alone, PEM, for who is to trust it.
        fingerprint: Its SHA-256.
        server: For the server.
        client: For clients that trust it and nothing else.
    """

    path: Path
    fingerprint: str
    server: ssl.SSLContext
    client: ssl.SSLContext

    def to_json(self) -> JsonObject:
        """What people need of it."""
        return {"certificate": str(self.path), "sha256": self.fingerprint}


def make_certificate(directory: Path, *, at: datetime) -> Certificate:
    """A new certificate, in ``directory``, beside its key."""
    pem = self_signed(_NAMES, at=at, lifetime=_LIFETIME)
    key, certificate = directory / "tls-key.pem", directory / "tls-cert.pem"
    write_private(key, pem)
    write_public(certificate, pem[: pem.index(b"-----BEGIN PRIVATE KEY")])
    client = ssl.create_default_context(cafile=str(certificate))
    return Certificate(certificate, fingerprint(pem), server_context(key), client)
