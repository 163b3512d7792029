"""What issuer and device say to each other: OpenID for Verifiable Credential Issuance 1.0.

The credential offer (section 4.1), the possession proof (appendix F.1) and the names that both
sides use. The HTTP exchange itself is in ``issuer.protocol`` and ``devices.issuer_client``.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qs, quote, urlsplit

from did.errors import Invalid
from did.identifier import Did, DidUrl, parse_did_url
from did.jcs import Json, JsonObject
from did.jose import Jws, parse_jws, sign_jws
from did.keys import Signer
from did.limits import LIMITS
from did.strict_json import parse_object

PRE_AUTHORIZED: Final = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
PROOF_TYP: Final = "openid4vci-proof+jwt"
FORMAT: Final = "ldp_vc"
PROVISIONING_CONFIGURATION: Final = "device-provisioning"
CONFIGURATION_CONFIGURATION: Final = "device-configuration"

_OFFER_SCHEME: Final = "openid-credential-offer"


@dataclass(frozen=True, slots=True)
class TxCode:
    """What a transaction code looks like; the code itself goes another way (section 4.1.1)."""

    length: int
    description: str | None = None

    def to_json(self) -> JsonObject:
        """The ``tx_code`` object of an offer; codes are numeric."""
        value: JsonObject = {"input_mode": "numeric", "length": self.length}
        if self.description is not None:
            value["description"] = self.description
        return value


@dataclass(frozen=True, slots=True)
class Offer:
    """A credential offer: a claim, as handed to a device.

    Attributes:
        issuer: The credential issuer identifier, a URL with no trailing slash.
        configurations: The credential configuration ids on offer, at least one.
        code: The pre-authorized code.
        tx_code: What a transaction code looks like, where one is needed.
    """

    issuer: str
    configurations: tuple[str, ...]
    code: str
    tx_code: TxCode | None = None

    def to_json(self) -> JsonObject:
        """The credential offer object."""
        grant: JsonObject = {"pre-authorized_code": self.code}
        if self.tx_code is not None:
            grant["tx_code"] = self.tx_code.to_json()
        return {
            "credential_issuer": self.issuer,
            "credential_configuration_ids": list(self.configurations),
            "grants": {PRE_AUTHORIZED: grant},
        }

    def to_uri(self) -> str:
        """The offer by value, ``openid-credential-offer://?credential_offer=…``."""
        text = json.dumps(self.to_json(), separators=(",", ":"))
        return f"{_OFFER_SCHEME}://?credential_offer={quote(text, safe='')}"


def parse_offer(text: str) -> Offer:
    """The offer that ``text`` is: a URI with the offer by value, or the JSON object itself.

    Raises:
        Invalid: ``invalid_offer``.
    """
    if len(text) > LIMITS.offer:
        raise Invalid("invalid_offer", f"an offer is longer than {LIMITS.offer} characters")
    text = text.strip()
    if not text.startswith("{"):
        try:
            parts = urlsplit(text)
            values = parse_qs(parts.query, errors="strict").get("credential_offer", [])
        except ValueError as error:
            raise Invalid("invalid_offer", "an offer is not a URI") from error
        if parts.scheme != _OFFER_SCHEME or len(values) != 1:
            raise Invalid(
                "invalid_offer",
                f"an offer is not of the form {_OFFER_SCHEME}://?credential_offer=…",
                hint="offers by reference (credential_offer_uri) are not supported",
            )
        text = values[0]
    try:
        value = parse_object(text.encode("utf-8", "surrogatepass"))
    except Invalid as error:
        raise Invalid("invalid_offer", f"an offer is malformed: {error.message}") from error
    return _offer(value)


def _offer(value: JsonObject) -> Offer:
    issuer, ids = value.get("credential_issuer"), value.get("credential_configuration_ids")
    if not isinstance(issuer, str) or not _is_web_url(issuer):
        raise Invalid("invalid_offer", "an offer's credential_issuer is not a URL", value=issuer)
    if not isinstance(ids, list) or not ids or not all(isinstance(id_, str) for id_ in ids):
        raise Invalid("invalid_offer", "an offer names no credential_configuration_ids")
    grants = value.get("grants")
    grant = grants.get(PRE_AUTHORIZED) if isinstance(grants, dict) else None
    if not isinstance(grant, dict) or not isinstance(grant.get("pre-authorized_code"), str):
        raise Invalid("invalid_offer", "an offer has no pre-authorized code")
    return Offer(
        issuer.rstrip("/"),
        tuple(str(id_) for id_ in ids),
        str(grant["pre-authorized_code"]),
        _tx_code(grant.get("tx_code")),
    )


def _is_web_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("https", "http") and bool(parts.hostname)


def _tx_code(value: Json) -> TxCode | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise Invalid("invalid_offer", "an offer's tx_code is not an object")
    length, description = value.get("length", 0), value.get("description")
    if type(length) is not int or not isinstance(description, str | None):
        raise Invalid("invalid_offer", "an offer's tx_code is malformed")
    return TxCode(length, description)


@dataclass(frozen=True, slots=True)
class PossessionProof:
    """A parsed possession proof whose signature has not been verified yet.

    Attributes:
        method: The DID URL of the key; its DID is the one that wants the credential. Being in the
            signed header, the full DID is covered.
        audience: The credential issuer it is for.
        nonce: The issuer's ``c_nonce``.
        issued: When it says that it was made.
        jws: The token; ``jws.verify(key)`` checks the signature.
    """

    method: DidUrl
    audience: str
    nonce: str
    issued: datetime
    jws: Jws


def sign_possession(
    did: Did, signer: Signer, *, audience: str, nonce: str, issued: datetime
) -> str:
    """A possession proof of ``did`` (long form unless registered) by its current key."""
    header = {"typ": PROOF_TYP, "kid": DidUrl(did, signer.public_key().multibase).text}
    payload: JsonObject = {"aud": audience, "nonce": nonce, "iat": int(issued.timestamp())}
    return sign_jws(header, payload, signer)


def parse_possession(token: str) -> PossessionProof:
    """Take a possession proof apart.

    Raises:
        Invalid: ``invalid_possession_proof``, ``invalid_jwt``, or as ``parse_did_url``.
    """
    jws = parse_jws(token, typ=PROOF_TYP)
    if "jwk" in jws.header or "x5c" in jws.header:
        raise Invalid(
            "invalid_possession_proof",
            "the proof names a bare key (jwk or x5c), which says nothing of a DID",
            hint="set kid to the device's DID URL: <long-form did:keyborn>#<key>",
        )
    kid, audience = jws.header.get("kid"), jws.payload.get("aud")
    nonce, issued = jws.payload.get("nonce"), jws.payload.get("iat")
    if not isinstance(kid, str):
        raise Invalid("invalid_possession_proof", "the proof has no kid")
    if not isinstance(audience, str) or not isinstance(nonce, str) or type(issued) is not int:
        raise Invalid("invalid_possession_proof", "the proof lacks aud, nonce or iat")
    try:
        time = datetime.fromtimestamp(issued, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise Invalid("invalid_possession_proof", "iat is no time", value=issued) from error
    return PossessionProof(parse_did_url(kid), audience, nonce, time, jws)
