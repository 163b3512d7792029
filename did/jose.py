"""Compact JWS with Ed25519 (RFC 7515, RFC 8037, RFC 9864) and JWE with X25519 (RFC 7516).

Signatures are verified by libsodium, as everywhere here; encryption is joserfc's: ECDH-ES
(direct) on X25519 with A256GCM, no compression, nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from nacl import bindings
from nacl.utils import random as random_bytes

from did.errors import Invalid
from did.jcs import Json, JsonObject, canonicalize
from did.keys import KEY_BYTES, PublicKey, Signer
from did.limits import LIMITS
from did.multibase import base64url_decode, base64url_encode
from did.strict_json import Numbers, parse_object

# Two registered names of one algorithm for an Ed25519 key (RFC 8037, section 3.1; RFC 9864, 2.2).
ALGORITHMS = ("EdDSA", "Ed25519")
KEY_AGREEMENT = "ECDH-ES"
CONTENT_ENCRYPTION = "A256GCM"

_JWS_PARTS = 3
_JWE_PARTS = 5
_JWE_ALGORITHMS = [KEY_AGREEMENT, CONTENT_ENCRYPTION]


class _Registry(jwe.JWERegistry):
    """joserfc's, but for the size of a message: that is ours to limit (``jwe_header``)."""

    max_ciphertext_length = LIMITS.jwe


_REGISTRY = _Registry(algorithms=_JWE_ALGORITHMS)


@dataclass(frozen=True, slots=True)
class Jws:
    """A parsed token whose signature has not been verified yet."""

    header: JsonObject
    payload: JsonObject
    signing_input: bytes
    signature: bytes

    def verify(self, key: PublicKey) -> None:
        """Return if the signature is ``key``'s; raises ``Invalid`` (``invalid_signature``)."""
        key.verify(self.signature, self.signing_input)


def sign_jws(header: Mapping[str, str], payload: JsonObject, signer: Signer) -> str:
    """A compact JWS over ``payload``; ``alg`` EdDSA is added to ``header``."""
    protected = canonicalize({**header, "alg": ALGORITHMS[0]})
    signing_input = f"{base64url_encode(protected)}.{base64url_encode(canonicalize(payload))}"
    return f"{signing_input}.{base64url_encode(signer.sign(signing_input.encode('ascii')))}"


def parse_jws(
    token: str,
    *,
    typ: str | tuple[str | None, ...],
    limit: int = LIMITS.jwt,
    numbers: Numbers = Numbers.INTEGERS,
) -> Jws:
    """Take a compact JWS apart.

    Args:
        token: The text.
        typ: The header's ``typ`` that it must have, in any case of its letters, with or without
            ``application/`` before it (RFC 7515, section 4.1.9); or those of which it must have
            one, where None allows for none.
        limit: The most characters that are looked at.
        numbers: As ``did.strict_json.parse`` has it, for the payload.

    Raises:
        Invalid: ``invalid_jwt``: form, JSON, ``alg``, ``typ`` or an unknown ``crit``.
    """
    if len(token) > limit:
        raise Invalid("invalid_jwt", f"a token is longer than {limit} characters")
    parts = token.split(".")
    if len(parts) != _JWS_PARTS:
        raise Invalid("invalid_jwt", "a token does not have three parts")
    try:
        header = parse_object(base64url_decode(parts[0]))
        payload = parse_object(
            base64url_decode(parts[1], limit=limit), max_bytes=limit, numbers=numbers
        )
        signature = base64url_decode(parts[2])
    except Invalid as error:
        raise Invalid("invalid_jwt", f"a token is malformed: {error.message}") from error
    if header.get("alg") not in ALGORITHMS:
        raise Invalid("invalid_jwt", "a token's alg is not EdDSA", value=header.get("alg"))
    allowed = (typ,) if isinstance(typ, str) else typ
    if not _is_of_type(header, allowed):
        raise Invalid("invalid_jwt", f"a token's typ is not {allowed[0]}", value=header.get("typ"))
    if "crit" in header or "b64" in header:
        raise Invalid("invalid_jwt", "a token has critical extensions, and none is known here")
    return Jws(header, payload, f"{parts[0]}.{parts[1]}".encode("ascii"), signature)


def is_media_type(value: Json, name: str) -> bool:
    """Whether a header's ``typ`` or ``cty`` names the type ``application/<name>``.

    Letters are of no case, and what has no slash lacks ``application/`` (RFC 7515, sections 4.1.9
    and 4.1.10).
    """
    return (
        isinstance(value, str)
        and value.isascii()
        and value.lower().removeprefix("application/") == name.lower()
    )


def _is_of_type(header: JsonObject, allowed: tuple[str | None, ...]) -> bool:
    if "typ" not in header:
        return None in allowed
    return any(name is not None and is_media_type(header["typ"], name) for name in allowed)


def token_is_of_type(token: str, typ: str) -> bool:
    """Whether a compact JWS says that it is of ``typ``, to tell by which rules to parse it.

    Raises:
        Invalid: ``invalid_jwt``.
    """
    return is_media_type(_part(token, 0).get("typ"), typ)


def token_payload(token: str) -> JsonObject:
    """What a compact JWS says, unverified, to tell by which rules to parse it.

    Raises:
        Invalid: ``invalid_jwt``.
    """
    return _part(token, 1)


def _part(token: str, number: int) -> JsonObject:
    parts = token.split(".", _JWS_PARTS)
    try:
        data = (
            base64url_decode(parts[number], limit=LIMITS.envelope) if number < len(parts) else b""
        )
        # Whatever numbers: which are allowed is said by the rules that this tells.
        return parse_object(data, max_bytes=LIMITS.envelope, numbers=Numbers.ANY)
    except Invalid as error:
        raise Invalid("invalid_jwt", f"a token is malformed: {error.message}") from error


@dataclass(frozen=True, slots=True)
class EncryptionKey:
    """An X25519 key pair that messages are encrypted to. ``private`` is 32 bytes."""

    private: bytes
    kid: str

    def __post_init__(self) -> None:
        if len(self.private) != KEY_BYTES:
            raise Invalid("invalid_private_key", "an X25519 private key has 32 bytes")

    def __repr__(self) -> str:
        """Name the key without its secret."""
        return f"EncryptionKey({self.kid!r})"

    @classmethod
    def generate(cls, kid: str) -> "EncryptionKey":
        """Make a new key from the system's randomness."""
        return cls(random_bytes(KEY_BYTES), kid)

    def public_jwk(self) -> JsonObject:
        """The public half as a JWK for ECDH-ES (RFC 8037, section 2)."""
        x = base64url_encode(bindings.crypto_scalarmult_base(self.private))
        return {
            "kty": "OKP",
            "crv": "X25519",
            "x": x,
            "kid": self.kid,
            "use": "enc",
            "alg": KEY_AGREEMENT,
        }

    def decrypt(self, message: str) -> bytes:
        """The content of compact JWE ``message``, encrypted to this key.

        Raises:
            Invalid: ``invalid_jwe``: form, algorithms, another key, or the content was altered.
        """
        header = jwe_header(message)
        if header.get("kid") not in (None, self.kid):
            raise Invalid("invalid_jwe", "the message is encrypted to another key")
        jwk = OKPKey.import_key({**_core(self.public_jwk()), "d": base64url_encode(self.private)})
        try:
            content = jwe.decrypt_compact(message, jwk, registry=_REGISTRY)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise Invalid("invalid_jwe", "the message cannot be decrypted with this key") from error
        return content.plaintext or b""


def encrypt_jwe(content: bytes, jwk: JsonObject) -> str:
    """``content`` as a compact JWE to the X25519 public key ``jwk``.

    Raises:
        Invalid: ``invalid_encryption_key``: another kind of key, or one of small order.
    """
    _check_encryption_key(jwk)
    header = {"alg": KEY_AGREEMENT, "enc": CONTENT_ENCRYPTION}
    if "kid" in jwk:
        header["kid"] = str(jwk["kid"])
    try:
        key = OKPKey.import_key(_core(jwk))
        return jwe.encrypt_compact(header, content, key, algorithms=_JWE_ALGORITHMS)
    except (Invalid, JoseError, ValueError, TypeError) as error:
        raise Invalid(
            "invalid_encryption_key", "an encryption key is not a usable X25519 key"
        ) from error


def is_encryption_key(jwk: JsonObject) -> bool:
    """Whether ``jwk`` says of itself that one can encrypt to it as is done here."""
    try:
        _check_encryption_key(jwk)
    except Invalid:
        return False
    return True


def _check_encryption_key(jwk: JsonObject) -> None:
    if jwk.get("kty") != "OKP" or jwk.get("crv") != "X25519":
        raise Invalid("invalid_encryption_key", "an encryption key is not OKP X25519")
    if not isinstance(jwk.get("x"), str):
        raise Invalid("invalid_encryption_key", "an encryption key has no x")
    if jwk.get("use", "enc") != "enc":
        raise Invalid("invalid_encryption_key", "an encryption key is for another use")
    if jwk.get("alg", KEY_AGREEMENT) != KEY_AGREEMENT or "d" in jwk:
        raise Invalid("invalid_encryption_key", "an encryption key is not public, for ECDH-ES")
    if not isinstance(jwk.get("kid", ""), str):
        raise Invalid("invalid_encryption_key", "an encryption key's kid is not a text")


def jwe_header(message: str) -> JsonObject:
    """The protected header of compact JWE ``message``, checked to be of the one kind used here.

    Raises:
        Invalid: ``invalid_jwe``.
    """
    if len(message) > LIMITS.jwe:
        raise Invalid("invalid_jwe", f"an encrypted message is longer than {LIMITS.jwe} characters")
    parts = message.split(".")
    if len(parts) != _JWE_PARTS:
        raise Invalid("invalid_jwe", "an encrypted message does not have five parts")
    try:
        header = parse_object(base64url_decode(parts[0]))
    except Invalid as error:
        raise Invalid(
            "invalid_jwe", f"an encrypted message is malformed: {error.message}"
        ) from error
    if header.get("alg") != KEY_AGREEMENT or header.get("enc") != CONTENT_ENCRYPTION:
        raise Invalid(
            "invalid_jwe", f"an encrypted message is not {KEY_AGREEMENT} with {CONTENT_ENCRYPTION}"
        )
    if "zip" in header or "crit" in header:
        raise Invalid(
            "invalid_jwe", "an encrypted message is compressed or has critical extensions"
        )
    return header


def _core(jwk: JsonObject) -> dict[str, str | list[str]]:
    return {"kty": "OKP", "crv": "X25519", "x": str(jwk["x"])}
