"""A certificate for the time of tests: it vouches for itself; only this machine has its names."""

import ssl
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509

from did.errors import Invalid, Unavailable
from did.jcs import JsonObject
from keyborn.files import read_private, write_private, write_public
from keyborn.tls import fingerprint, self_signed, server_context

_NAMES: Final = ("localhost", "127.0.0.1", "::1")
_LIFETIME: Final = timedelta(days=30)
_REST: Final = timedelta(days=1)  # what is left of one that is used again
_MAX_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True)
class Certificate:
    """One that was made, now or before.

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


def certificate_in(directory: Path, *, at: datetime) -> Certificate:
    """The certificate in ``directory``, with its key; made anew unless it lasts a day from ``at``.

    The directory is this process's alone meanwhile (``keyborn.files.locked``).

    Raises:
        Refused: ``store_readable_by_others``, ``store_not_a_file``.
    """
    key, certificate = directory / "tls-key.pem", directory / "tls-cert.pem"
    pem = _usable(key, at)
    if pem is None:
        pem = self_signed(_NAMES, at=at, lifetime=_LIFETIME)
        write_private(key, pem)
    write_public(certificate, pem[: pem.index(b"-----BEGIN PRIVATE KEY")])
    client = ssl.create_default_context(cafile=str(certificate))
    return Certificate(certificate, fingerprint(pem), server_context(key), client)


def _usable(key: Path, at: datetime) -> bytes | None:
    """The certificate and key that are there, if they can be used for a while."""
    with suppress(Unavailable, Invalid, ValueError):
        pem = read_private(key, _MAX_BYTES)
        server_context(key)
        found = x509.load_pem_x509_certificate(pem)
        if found.not_valid_before_utc <= at <= found.not_valid_after_utc - _REST:
            return pem
    return None
