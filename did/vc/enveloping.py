"""VC 2.0 in an envelope: JSON as the payload of a compact JWS or of a COSE_Sign1.

W3C Securing Verifiable Credentials using JOSE and COSE, sections 3.1 and 3.3. The envelope's type
(``typ``) says what is in it, a credential or a presentation, and its ``kid``, a DID URL, names the
key. All headers are signed. What a presentation answers stands in the claims ``nonce`` and ``aud``:
in the payload of a JWT, and in the header ``CWT Claims`` (RFC 9597) of a COSE_Sign1.
"""

from dataclasses import dataclass
from typing import Final

from did import cose
from did.errors import Invalid
from did.identifier import DidUrl, parse_did_url
from did.jcs import Json, JsonObject, canonicalize
from did.jose import is_media_type, parse_jws, sign_jws
from did.keys import Signer
from did.limits import LIMITS
from did.strict_json import parse_object
from did.vc.claims import REGISTERED, Claims, claims_of_cwt, claims_of_jwt
from did.vc.securing import ASSERTION, AUTHENTICATION, Proof


@dataclass(frozen=True, slots=True)
class Kind:
    """What is in an envelope.

    Attributes:
        name: ``vc`` or ``vp``: the media types are ``application/<name>``, ``<name>+jwt`` and
            ``<name>+cose``.
        enveloped: The type of an object that holds one in an envelope.
        purpose: What a signature over it is for.
    """

    name: str
    enveloped: str
    purpose: str


CREDENTIAL: Final = Kind("vc", "EnvelopedVerifiableCredential", ASSERTION)
PRESENTATION: Final = Kind("vp", "EnvelopedVerifiablePresentation", AUTHENTICATION)


@dataclass(frozen=True, slots=True)
class Opened:
    """What was in an envelope, and what secures it. The signature has not been verified yet.

    Attributes:
        document: The credential or presentation.
        claims: The registered claims beside it.
        proof: Whose verification method is the ``kid``.
    """

    document: JsonObject
    claims: Claims
    proof: Proof


def seal_jwt(
    document: JsonObject, signer: Signer, kind: Kind, *, method: DidUrl, claims: Claims
) -> bytes:
    """``document`` as a compact JWS, in ASCII.

    Raises:
        Invalid: ``invalid_claims``: a member of ``document`` is a claim, and contradicts it.
    """
    _check_bare(document)
    _check_claims(document, claims, method)
    header = {"typ": f"{kind.name}+jwt", "cty": kind.name, "kid": method.text}
    return sign_jws(header, {**document, **claims.to_json()}, signer).encode("ascii")


def open_jwt(data: bytes, kind: Kind, *, limit: int = LIMITS.envelope) -> Opened:
    """What is in the compact JWS ``data``, of at most ``limit`` characters.

    Raises:
        Invalid: ``invalid_envelope``, ``invalid_claims``, or as ``did.jose.parse_jws`` and
            ``did.identifier.parse_did_url``.
    """
    jws = parse_jws(token_text(data), typ=f"{kind.name}+jwt", limit=limit)
    if not is_media_type(jws.header.get("cty", kind.name), kind.name):
        raise Invalid("invalid_jwt", f"a token's cty is not {kind.name}", value=jws.header["cty"])
    kid = jws.header.get("kid")
    if not isinstance(kid, str):
        raise Invalid("invalid_jwt", "a token has no kid, the DID URL of its key")
    _check_bare(jws.payload)
    claims = claims_of_jwt(jws.payload)
    method = parse_did_url(kid)
    _check_issuer(jws.header.get("iss"), method)
    _check_issuer(claims.issuer, method)
    _check_id(claims.id, jws.payload)
    proof = proof_of(claims, kind.purpose, method, jws.signing_input, jws.signature)
    return Opened(jws.payload, claims, proof)


def seal_cose(
    document: JsonObject, signer: Signer, kind: Kind, *, method: DidUrl, claims: Claims
) -> bytes:
    """``document`` as a COSE_Sign1, with tag 18.

    Raises:
        Invalid: ``invalid_nonce``: see ``did.vc.claims``; ``invalid_claims``, as ``seal_jwt``.
    """
    _check_bare(document)
    _check_claims(document, claims, method)
    headers: cose.Headers = {
        cose.TYP: f"application/{kind.name}+cose",
        cose.CONTENT_TYPE: f"application/{kind.name}",
        cose.KID: method.text.encode(),
        cose.CWT_CLAIMS: claims.to_cwt(),
    }
    return cose.sign_sign1(headers, canonicalize(document), signer)


def open_cose(data: bytes, kind: Kind, *, limit: int = LIMITS.envelope) -> Opened:
    """What is in the COSE_Sign1 ``data``, of at most ``limit`` bytes.

    Raises:
        Invalid: ``invalid_cose``, ``invalid_envelope``, ``invalid_claims``, or as
            ``did.cose.parse_sign1``, ``did.strict_json.parse``, ``did.identifier.parse_did_url``.
    """
    typ, content = f"application/{kind.name}+cose", f"application/{kind.name}"
    message = cose.parse_sign1(data, typ=typ, max_bytes=limit)
    if message.unprotected:
        raise Invalid("invalid_cose", "a credential's or presentation's headers are all signed")
    headers = message.protected
    if headers.get(cose.CONTENT_TYPE, content) != content:
        raise Invalid(
            "invalid_cose",
            f"a COSE_Sign1's content type is not {content}",
            value=headers[cose.CONTENT_TYPE],
        )
    kid = headers.get(cose.KID)
    if not isinstance(kid, bytes) or not kid.isascii():
        raise Invalid("invalid_cose", "a COSE_Sign1 has no kid, the DID URL of its key")
    document = parse_object(message.payload, max_bytes=limit)
    _check_bare(document)
    claims = claims_of_cwt(headers.get(cose.CWT_CLAIMS, {}))
    method = parse_did_url(kid.decode("ascii"))
    _check_issuer(claims.issuer, method)
    _check_id(claims.id, document)
    proof = proof_of(claims, kind.purpose, method, message.signed, message.signature)
    return Opened(document, claims, proof)


def proof_of(
    claims: Claims, purpose: str, method: DidUrl, signed: bytes, signature: bytes
) -> Proof:
    """The proof that an envelope is."""
    return Proof(
        method=method,
        purpose=purpose,
        created=claims.issued,
        not_before=claims.not_before,
        expires=claims.expires,
        challenge=claims.nonce,
        domain=claims.audience,
        signed=signed,
        signature=signature,
    )


def token_text(data: bytes) -> str:
    """The text of a token; raises ``Invalid`` (``invalid_jwt``)."""
    if not data.isascii():
        raise Invalid("invalid_jwt", "a token is not ASCII")
    return data.decode("ascii")


def _check_bare(document: JsonObject) -> None:
    """Refuse what would be taken for secured twice, or for a VC 1.1 (section 1.1.2.1)."""
    for name in ("vc", "vp", "proof"):
        if name in document:
            raise Invalid("invalid_envelope", f"what is in an envelope has no {name} of its own")


def _check_claims(document: JsonObject, claims: Claims, method: DidUrl) -> None:
    """Refuse to envelop members that would be read as claims of the signature, and are not its own.

    The base context of VC 2.0 defines their names. In a JWT they stand where the claims do; in a
    COSE message, which has its claims in a header, the same document is refused: what is issued
    does not depend on the format.
    """
    subject = document.get("credentialSubject")
    due: JsonObject = {
        "iss": method.did.text,
        "sub": subject.get("id") if isinstance(subject, dict) else None,
        "jti": document.get("id"),
        **claims.to_json(),
    }
    for name in sorted(REGISTERED & document.keys()):
        if document[name] is None or document[name] != due.get(name):
            raise Invalid(
                "invalid_claims",
                f"{name} is a claim of the signature, and says other than what is signed",
                value=document[name],
                hint="leave it out: the signature states its own claims",
            )


def _check_issuer(iss: Json, method: DidUrl) -> None:
    if iss is not None and iss != method.did.text:
        raise Invalid("invalid_claims", "iss is not the DID of the key that kid names", value=iss)


def _check_id(jti: str | None, document: JsonObject) -> None:
    if jti is not None and document.get("id", jti) != jti:
        raise Invalid("invalid_claims", "jti is not the document's id", value=jti)
