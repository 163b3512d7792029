"""VC 1.1 as the claims of a JWT: decoding and encoding (VC Data Model 1.1, section 6.3.1).

``iss``, ``sub``, ``nbf``, ``exp`` and ``jti`` stand for ``issuer``, ``credentialSubject.id``,
``issuanceDate``, ``expirationDate`` and ``id``; the rest is in the claim ``vc``, or ``vp``. What
stands in both places must say the same in both.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from did.errors import Invalid
from did.identifier import DidUrl, KeyDid, parse_did, parse_did_url
from did.jcs import Json, JsonObject
from did.jose import Jws, parse_jws, sign_jws
from did.keys import Signer
from did.limits import LIMITS
from did.strict_json import Numbers
from did.timestamps import format_time, parse_time
from did.vc.claims import Claims, claims_of_jwt
from did.vc.enveloping import CREDENTIAL, Kind, Opened, proof_of, token_text

# The header's typ is JWT where there is one (section 6.3.1): that it is a VC, its claims tell.
_TYPES: Final = ("JWT", None)


def seal(
    document: JsonObject, signer: Signer, kind: Kind, *, method: DidUrl, claims: Claims
) -> bytes:
    """``document``, of VC 1.1, as a compact JWS, in ASCII; it stays whole in its claim."""
    header = {"typ": "JWT", "kid": method.text}
    payload: JsonObject = {**claims.to_json(), kind.name: document}
    return sign_jws(header, payload, signer).encode("ascii")


def claims_of(document: JsonObject, *, issued: datetime) -> Claims:
    """The claims that stand for members of the VC 1.1 credential ``document``.

    Raises:
        Invalid: ``invalid_credential``: one that is needed is missing or malformed.
    """
    issuer, subject = document.get("issuer"), document.get("credentialSubject")
    if isinstance(issuer, dict):
        issuer = issuer.get("id")
    if not isinstance(issuer, str) or "issuanceDate" not in document:
        raise Invalid(
            "invalid_credential", "a credential of VC 1.1 lacks its issuer or issuanceDate"
        )
    ends, url = document.get("expirationDate"), document.get("id")
    about = subject.get("id") if isinstance(subject, dict) else None
    return Claims(
        issuer=issuer,
        subject=about if isinstance(about, str) else None,
        not_before=parse_time(document["issuanceDate"]),
        expires=None if ends is None else parse_time(ends),
        issued=issued,
        id=url if isinstance(url, str) else None,
    )


def open_jwt(data: bytes, kind: Kind, *, limit: int = LIMITS.envelope) -> Opened:
    """The VC 1.1 document in the compact JWS ``data``, its claims put in their places.

    Raises:
        Invalid: ``invalid_envelope``, ``invalid_claims``, or as ``did.jose.parse_jws`` and
            ``did.identifier.parse_did_url``.
    """
    jws = parse_jws(token_text(data), typ=_TYPES, limit=limit, numbers=Numbers.WHOLE)
    other = "vp" if kind.name == "vc" else "vc"
    inner = jws.payload.get(kind.name)
    if not isinstance(inner, dict) or other in jws.payload:
        raise Invalid(
            "invalid_envelope", f"a token has no {kind.name} claim, or a {other} claim too"
        )
    if "proof" in inner:
        raise Invalid("invalid_envelope", "what is in a token has no proof of its own")
    claims = claims_of_jwt(jws.payload)
    if claims.issuer is None:
        raise Invalid("invalid_claims", "a token has no iss")
    method = _method(jws, claims.issuer)
    if method.did.text != claims.issuer:
        raise Invalid(
            "invalid_claims", "iss is not the DID of the key that kid names", value=claims.issuer
        )
    place = _place_credential if kind is CREDENTIAL else _place_presentation
    document = place(dict(inner), claims)
    return Opened(
        document,
        claims,
        proof_of(claims, kind.purpose, method, jws.signing_input, jws.signature),
    )


def _method(jws: Jws, issuer: str) -> DidUrl:
    kid = jws.header.get("kid")
    if isinstance(kid, str):
        return parse_did_url(kid)
    did = parse_did(issuer)
    if kid is not None or "kid" in jws.header or not isinstance(did, KeyDid):
        raise Invalid("invalid_jwt", "a token has no kid, the DID URL of its key")
    return DidUrl(did, did.key.multibase)  # a did:key has the one key


def _place_credential(document: JsonObject, claims: Claims) -> JsonObject:
    _place_in(document, "issuer", claims.issuer)
    _place(document, "id", claims.id)
    _place(document, "issuanceDate", _stamp(claims.not_before), same=_same_second)
    _place(document, "expirationDate", _stamp(claims.expires), same=_same_second)
    if claims.subject is not None:
        subject = document.get("credentialSubject", {})
        if isinstance(subject, list) and len(subject) == 1:
            subject = subject[0]
        if not isinstance(subject, dict):
            raise Invalid("invalid_claims", "sub names one subject, and there is not one")
        subject = dict(subject)
        _place(subject, "id", claims.subject)
        document["credentialSubject"] = subject
    return document


def _place_presentation(document: JsonObject, claims: Claims) -> JsonObject:
    _place_in(document, "holder", claims.issuer)
    _place(document, "id", claims.id)
    return document


def _same(stated: Json, claimed: str) -> bool:
    return stated == claimed


def _same_second(stated: Json, claimed: str) -> bool:
    return int(parse_time(stated).timestamp()) == int(parse_time(claimed).timestamp())


def _place(
    document: JsonObject,
    name: str,
    claimed: str | None,
    *,
    same: Callable[[Json, str], bool] = _same,
) -> None:
    if claimed is None:
        return
    if name not in document:
        document[name] = claimed
    elif not same(document[name], claimed):
        raise Invalid("invalid_claims", f"{name} says other than the token's claim", value=claimed)


def _place_in(document: JsonObject, name: str, claimed: str | None) -> None:
    """As ``_place``, where the member may be an object with an ``id``."""
    value = document.get(name)
    if isinstance(value, dict):
        value = dict(value)
        _place(value, "id", claimed)
        document[name] = value
    else:
        _place(document, name, claimed)


def _stamp(time: datetime | None) -> str | None:
    return None if time is None else format_time(time)
