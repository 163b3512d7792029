"""The registered claims of a JWT, and the same of a CWT, beside a credential or a presentation.

RFC 7519, section 4.1; RFC 8392, section 3.1; RFC 9711, section 4.1 (the nonce). They speak of the
signature: ``iat`` and ``exp`` are its own times, not the credential's (Securing VCs using JOSE and
COSE, section 3.1.3).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from did.cbor import Cbor
from did.cose import Headers
from did.errors import Invalid
from did.jcs import Json, JsonObject
from did.multibase import base64url_decode, base64url_encode

_LABELS: Final[Mapping[int, str]] = {
    1: "iss",
    2: "sub",
    3: "aud",
    4: "exp",
    5: "nbf",
    6: "iat",
    7: "jti",
    10: "nonce",
}
_NUMBERS: Final = {name: label for label, name in _LABELS.items()}
_NONCE: Final = 10
_CTI: Final = 7
_NONCE_BYTES: Final = range(8, 65)  # RFC 9711, section 4.1


@dataclass(frozen=True, slots=True)
class Claims:
    """What is claimed of a signature; None for what is not.

    Attributes:
        issuer: Who signed (``iss``).
        subject: Of whom (``sub``).
        audience: For whom (``aud``).
        expires: Its end (``exp``).
        not_before: Its beginning (``nbf``).
        issued: When it was made (``iat``).
        id: The content's own identifier (``jti``).
        nonce: What it answers.
    """

    issuer: str | None = None
    subject: str | None = None
    audience: str | None = None
    expires: datetime | None = None
    not_before: datetime | None = None
    issued: datetime | None = None
    id: str | None = None
    nonce: str | None = None

    def to_json(self) -> JsonObject:
        """As members of a JWT claims set."""
        values: dict[str, Json] = {
            "iss": self.issuer,
            "sub": self.subject,
            "aud": self.audience,
            "exp": _seconds(self.expires),
            "nbf": _seconds(self.not_before),
            "iat": _seconds(self.issued),
            "jti": self.id,
            "nonce": self.nonce,
        }
        return {name: value for name, value in values.items() if value is not None}

    def to_cwt(self) -> Headers:
        """As a CWT claims set.

        Raises:
            Invalid: ``invalid_nonce``: the nonce is not base64url of 8 to 64 bytes.
        """
        values: dict[str | int, Cbor] = {
            _NUMBERS[name]: value  # type: ignore[misc] # texts and integers
            for name, value in self.to_json().items()
        }
        if self.nonce is not None:
            values[_NONCE] = _nonce_bytes(self.nonce)
        if self.id is not None:
            values[_CTI] = self.id.encode()
        return values


def claims_of_jwt(payload: JsonObject) -> Claims:
    """The registered claims in ``payload``; raises ``Invalid`` (``invalid_claims``)."""
    found = {
        field: read(payload, name) for name, (field, read) in _READERS.items() if name in payload
    }
    return Claims(**found)


def claims_of_cwt(claims: Cbor) -> Claims:
    """The registered claims in a CWT claims set; raises ``Invalid`` (``invalid_claims``)."""
    if not isinstance(claims, dict):
        raise Invalid("invalid_claims", "the CWT claims are not a map")
    values: JsonObject = {
        _LABELS[label]: value  # what is of another type is refused below
        for label, value in claims.items()
        if label in _LABELS
    }
    if _NONCE in claims:
        nonce = claims[_NONCE]
        if not isinstance(nonce, bytes) or len(nonce) not in _NONCE_BYTES:
            raise Invalid("invalid_claims", "the nonce is not a byte string of 8 to 64 bytes")
        values["nonce"] = base64url_encode(nonce)
    if _CTI in claims:
        values["jti"] = _cti(claims[_CTI])
    return claims_of_jwt(values)


def _text(payload: JsonObject, name: str) -> str:
    value = payload[name]
    if not isinstance(value, str) or not value:
        raise Invalid("invalid_claims", f"{name} is not a string", value=value)
    return value


def _audience(payload: JsonObject, name: str) -> str:
    value = payload[name]
    if isinstance(value, list) and len(value) == 1:
        return _text({name: value[0]}, name)
    return _text(payload, name)


def _time(payload: JsonObject, name: str) -> datetime:
    value = payload[name]
    if type(value) is not int:
        raise Invalid("invalid_claims", f"{name} is not a whole number of seconds", value=value)
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise Invalid("invalid_claims", f"{name} is no time", value=value) from error


def _seconds(time: datetime | None) -> int | None:
    return None if time is None else int(time.timestamp())


def _nonce_bytes(nonce: str) -> bytes:
    try:
        data = base64url_decode(nonce)
    except Invalid:
        data = b""
    if len(data) not in _NONCE_BYTES:
        raise Invalid(
            "invalid_nonce",
            "a COSE message holds a nonce of 8 to 64 bytes, written in base64url",
            value=nonce,
            hint="present in another format, or have the verifier use such a nonce",
        )
    return data


def _cti(value: Cbor) -> str:
    if not isinstance(value, bytes) or not value.isascii():
        raise Invalid("invalid_claims", "cti is not ASCII text in a byte string")
    return value.decode("ascii")


_READERS: Final[Mapping[str, tuple[str, Callable[[JsonObject, str], Any]]]] = {
    "iss": ("issuer", _text),
    "sub": ("subject", _text),
    "aud": ("audience", _audience),
    "exp": ("expires", _time),
    "nbf": ("not_before", _time),
    "iat": ("issued", _time),
    "jti": ("id", _text),
    "nonce": ("nonce", _text),
}

# The names of the claims that are read here.
REGISTERED: Final = frozenset(_READERS)
