"""HTTPS: a service's certificate and its key.

Threat model: whoever reads the key can pose as the service; keep it 0600.
"""

import ipaddress
import ssl
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, NoReturn

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from did.errors import Invalid, Unavailable

# Of TLS 1.2, those with ephemeral keys and authenticated encryption (RFC 9325, section 4.2).
# TLS 1.3 has no others, and this does not change it.
CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"

_STEP: Final = "read the certificate"
_HINT: Final = "give a certificate chain and its key, not encrypted, as PEM files"


def server_context(certificate: Path, key: Path | None = None) -> ssl.SSLContext:
    """What a server needs to speak TLS 1.2 or newer with ``certificate``.

    Args:
        certificate: PEM: the server's own certificate, then those that lead to its authority.
        key: PEM, not encrypted; None if it is in the same file.

    Raises:
        Unavailable: ``tls_file_missing``: a file cannot be read.
        Invalid: ``invalid_tls_certificate``: no certificate, no key, or not of one another.
    """
    for path in filter(None, (certificate, key)):
        try:
            path.read_bytes()
        except OSError as error:
            raise Unavailable(
                "tls_file_missing",
                f"a file for HTTPS cannot be read: {error.strerror}",
                step=_STEP,
                value=str(path),
                hint="check the name, and that this user may read it",
            ) from error
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_ciphers(CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except (ssl.SSLError, ValueError) as error:
        why, where = _what_is_wrong(certificate, key) or (str(error), certificate)
        raise Invalid(
            "invalid_tls_certificate",
            f"the certificate and its key cannot be used: {why}",
            step=_STEP,
            value=str(where),
            hint=_HINT,
        ) from error
    return context


def _what_is_wrong(certificate: Path, key: Path | None) -> tuple[str, Path] | None:
    """In words, and the file; None where OpenSSL has to say it."""
    holder = key or certificate
    if b"-----BEGIN CERTIFICATE-----" not in certificate.read_bytes():
        return "there is no certificate in the file", certificate
    if b"PRIVATE KEY-----" not in holder.read_bytes():
        return "there is no key in the file; its own is named with --tls-key", holder
    try:
        leaf = x509.load_pem_x509_certificate(certificate.read_bytes())
        secret = serialization.load_pem_private_key(holder.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    if secret.public_key() != leaf.public_key():
        return "the key is not the certificate's", holder
    return None


def _no_password() -> NoReturn:
    """Asked for where the key is encrypted; a service has nobody to ask."""
    message = "the key is encrypted"
    raise ValueError(message)


def self_signed(names: Sequence[str], *, at: datetime, lifetime: timedelta) -> bytes:
    """A new certificate that vouches for itself, and its key (P-256), as one PEM text.

    Args:
        names: Host names and IP addresses that it is for, at least one.
        at: When it begins, less an hour for clocks that are behind.
        lifetime: How long it lasts.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - timedelta(hours=1))
        .not_valid_after(at + lifetime)
        .add_extension(x509.SubjectAlternativeName(list(map(_name, names))), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return certificate.public_bytes(serialization.Encoding.PEM) + private


def fingerprint(certificate: bytes) -> str:
    """SHA-256 of the first certificate of a PEM text, in hex with colons, as browsers show it."""
    return x509.load_pem_x509_certificate(certificate).fingerprint(hashes.SHA256()).hex(":").upper()


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
