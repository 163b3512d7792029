"""The formats of credentials and presentations: each read and made by one pair of functions.

===============  ========================  ===================================================
``Format``       media types               form
===============  ========================  ===================================================
``ldp_vc``       ``application/vc``        JSON with an ``eddsa-jcs-2022`` proof in it
``vc+jwt``       ``application/vc+jwt``    compact JWS whose payload is a VC 2.0
``vc+cose``      ``application/vc+cose``   COSE_Sign1 whose payload is a VC 2.0 in JSON
``jwt_vc_json``  ``application/jwt``       compact JWS, a VC 1.1 in its claim ``vc``
===============  ========================  ===================================================

Presentations have the same, with ``vp`` for ``vc``.
Bytes of one format never parse as those of another, and a credential never as a presentation: JSON
begins with a brace, a COSE_Sign1 with its tag or an array, and in both a token and a message, the
type in the signed header must be the format's own. A presentation may hold credentials of other
formats than its own: enveloped, as ``data:`` URLs (VC Data Model 2.0, sections 4.13.1 and 4.13.2).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from did.errors import Invalid
from did.identifier import Did, DidUrl
from did.jcs import Json, JsonObject, canonicalize
from did.keys import Signer
from did.limits import LIMITS
from did.strict_json import parse_object
from did.vc import jwt_vc
from did.vc.claims import Claims
from did.vc.credential import (
    CREDENTIALS_CONTEXT,
    CREDENTIALS_CONTEXT_1,
    Credential,
    check_context,
    credential_of,
    parse_credential,
    sign_credential,
)
from did.vc.data_integrity import parse_proof
from did.vc.data_model import is_envelope
from did.vc.data_urls import format_of_media_type, media_type, unwrap, wrap
from did.vc.enveloping import (
    CREDENTIAL,
    PRESENTATION,
    Opened,
    open_cose,
    open_jwt,
    seal_cose,
    seal_jwt,
    token_text,
)
from did.vc.presentation import (
    Presentation,
    listed_credentials,
    presentation_of,
    sign_presentation,
    unsecured_presentation,
)
from did.vc.recognition import format_of
from did.vc.securing import AUTHENTICATION, Format
from did.vc.usual_form import read_usual
from did.vc.usual_presentation import read_usual_presentation

__all__ = [
    "PRESENTATION_LIFETIME",
    "Format",
    "as_json",
    "credential_in",
    "format_of_media_type",
    "media_type",
    "read_credential",
    "read_presentation",
    "secure_credential",
    "secure_presentation",
]

PRESENTATION_LIFETIME: Final = timedelta(minutes=5)  # where its maker does not say when it ends

_Seal = Callable[..., bytes]
_Open = Callable[..., Opened]
_ENVELOPES: Final[Mapping[Format, tuple[_Seal, _Open, str]]] = {
    Format.VC_JWT: (seal_jwt, open_jwt, CREDENTIALS_CONTEXT),
    Format.VC_COSE: (seal_cose, open_cose, CREDENTIALS_CONTEXT),
    Format.JWT_VC_JSON: (jwt_vc.seal, jwt_vc.open_jwt, CREDENTIALS_CONTEXT_1),
}
_HEADROOM: Final = LIMITS.envelope - LIMITS.json_bytes * 4 // 3  # for headers and a signature


def secure_credential(
    document: JsonObject,
    signer: Signer,
    *,
    issuer: Did,
    created: datetime,
    format: Format,  # noqa: A002 - the field's name
) -> bytes:
    """``document`` secured by its issuer, whose current key is ``signer``.

    Args:
        document: The unsecured credential: of VC 1.1 for ``jwt_vc_json``, of VC 2.0 for the other
            envelopes.
        signer: The key.
        issuer: Whose DID it names.
        created: When it is made.
        format: How to secure it.

    Returns:
        JSON text, a compact JWS in ASCII, or CBOR.

    Raises:
        Invalid: ``invalid_credential``, ``invalid_proof``: it is of another version, or secured
            already.
    """
    if format is Format.LDP_VC:
        return canonicalize(sign_credential(document, signer, issuer=issuer, created=created))
    seal, _, context = _ENVELOPES[format]
    _check_version(document, context, "invalid_credential")
    is_v1 = format is Format.JWT_VC_JSON
    claims = jwt_vc.claims_of(document, issued=created) if is_v1 else Claims(issued=created)
    method = DidUrl(issuer.canonical, signer.public_key().multibase)
    return seal(document, signer, CREDENTIAL, method=method, claims=claims)


def read_credential(
    data: bytes,
    format: Format | None = None,  # noqa: A002 - the field's name
    *,
    max_bytes: int = LIMITS.json_bytes,
) -> Credential:
    """The credential that ``data`` is.

    Args:
        data: As it came: JSON text, a token, or a COSE message.
        format: The format that it must have. None to tell it from the bytes; then it may be an
            ``EnvelopedVerifiableCredential`` too, and is what that holds.
        max_bytes: The most bytes of JSON, enveloped or not, that are looked at.

    Raises:
        Invalid: ``unknown_format``; ``invalid_credential``, ``issuer_mismatch`` and what is wrong;
            or as the parsers of its format.
    """
    told = format_of(data, CREDENTIAL) if format is None else format
    usual = read_usual(data, told) if len(data) <= max_bytes else None
    return read_generally(data, format, max_bytes=max_bytes) if usual is None else usual


def read_generally(
    data: bytes,
    format: Format | None = None,  # noqa: A002 - the field's name
    *,
    max_bytes: int = LIMITS.json_bytes,
) -> Credential:
    """As ``read_credential``, without its short way for those of our own form."""
    told = format_of(data, CREDENTIAL) if format is None else format
    if told is not Format.LDP_VC:
        return _open_credential(data, told, max_bytes=max_bytes)
    document = parse_object(data, max_bytes=max_bytes)
    return parse_credential(document) if format is Format.LDP_VC else credential_in(document)


def credential_in(entry: Json) -> Credential:
    """The credential that parsed JSON ``entry`` is: with its proof in it, or enveloped.

    So credentials stand in presentations, and wherever JSON is due; the other way is ``as_json``.

    Raises:
        Invalid: as ``read_credential``.
    """
    if isinstance(entry, dict) and is_envelope(entry):
        return _open_credential(*unwrap(entry, CREDENTIAL))
    return parse_credential(entry)


def as_json(data: bytes, format: Format) -> JsonObject:  # noqa: A002 - the field's name
    """A secured credential as it stands where JSON is due: itself, or enveloped."""
    return parse_object(data) if format is Format.LDP_VC else wrap(data, format, CREDENTIAL)


def secure_presentation(
    credentials: Sequence[tuple[bytes, Format]],
    signer: Signer,
    *,
    holder: Did,
    challenge: str,
    audience: str,
    created: datetime,
    format: Format,  # noqa: A002 - the field's name
    expires: datetime | None = None,
) -> bytes:
    """A presentation of secured ``credentials`` by ``holder``, whose current key is ``signer``.

    Args:
        credentials: Each as it was issued, with its format.
        signer: The key.
        holder: Who presents.
        challenge: What the verifier asked with; in ``vc+cose``, base64url of 8 to 64 bytes.
        audience: The verifier.
        created: When it is made.
        format: How to secure it.
        expires: When it ends; in ``PRESENTATION_LIFETIME`` by default, or in JSON, where a
            challenge is enough, not by itself.

    Returns:
        JSON text, a compact JWS in ASCII, or CBOR.

    Raises:
        Invalid: ``invalid_presentation``: credentials that it cannot hold; ``invalid_nonce``.
    """
    if format is Format.LDP_VC:
        shown = [as_json(data, its) for data, its in credentials]
        return canonicalize(
            sign_presentation(
                shown,
                signer,
                holder=holder,
                challenge=challenge,
                audience=audience,
                created=created,
                expires=expires,
            )
        )
    seal, _, context = _ENVELOPES[format]
    list_: Callable[[bytes, Format], Json] = _listed_v1 if format is Format.JWT_VC_JSON else as_json
    listed = [list_(data, its) for data, its in credentials]
    claims = Claims(
        issuer=holder.canonical.text if format is Format.JWT_VC_JSON else None,
        audience=audience,
        nonce=challenge,
        issued=created,
        expires=expires or created + PRESENTATION_LIFETIME,
    )
    document = unsecured_presentation(listed, holder, context=context)
    method = DidUrl(holder.canonical, signer.public_key().multibase)
    return seal(document, signer, PRESENTATION, method=method, claims=claims)


def read_presentation(
    data: bytes,
    format: Format | None = None,  # noqa: A002 - the field's name
) -> Presentation:
    """The presentation that ``data`` is; arguments and errors as ``read_credential``.

    Raises:
        Invalid: also ``invalid_presentation``, ``holder_mismatch``.
    """
    told = format_of(data, PRESENTATION) if format is None else format
    usual = read_usual_presentation(data) if told is Format.LDP_VC else None
    return read_presentation_generally(data, format) if usual is None else usual


def read_presentation_generally(
    data: bytes,
    format: Format | None = None,  # noqa: A002 - the field's name
) -> Presentation:
    """As ``read_presentation``, without its short way for those of our own form."""
    told = format_of(data, PRESENTATION) if format is None else format
    if told is not Format.LDP_VC:
        return _open_presentation(data, told)
    document = parse_object(data)
    if format is None and is_envelope(document):
        return _open_presentation(*unwrap(document, PRESENTATION))
    check_context(document, "invalid_presentation")
    listed = listed_credentials(document)
    proof = parse_proof(document, purpose=AUTHENTICATION)
    found = [credential_in(entry) for entry in listed]
    return presentation_of(document, found, proof, format=told, envelope=None)


def _open_credential(
    data: bytes,
    format: Format,  # noqa: A002 - the field's name
    *,
    max_bytes: int = LIMITS.json_bytes,
) -> Credential:
    _, open_, context = _ENVELOPES[format]
    opened = open_(data, CREDENTIAL, limit=max_bytes * 4 // 3 + _HEADROOM)
    credential = credential_of(
        opened.document, opened.proof, context=context, format=format, envelope=data
    )
    _check_claims(opened.claims, credential)
    return credential


def _check_claims(claims: Claims, credential: Credential) -> None:
    if claims.audience is not None:
        # RFC 7519, section 4.1.3: for whom is nothing that can be decided here.
        raise Invalid("invalid_claims", "a credential has an audience", value=claims.audience)
    if claims.nonce is not None:
        raise Invalid("invalid_claims", "a credential has a nonce", value=claims.nonce)
    if claims.subject is not None and credential.subject.get("id") not in (None, claims.subject):
        raise Invalid("invalid_claims", "sub is not the subject's id", value=claims.subject)


def _open_presentation(data: bytes, format: Format) -> Presentation:  # noqa: A002 - as above
    _, open_, context = _ENVELOPES[format]
    opened = open_(data, PRESENTATION)
    _check_version(opened.document, context, "invalid_presentation")
    find = _credential_in_v1 if format is Format.JWT_VC_JSON else credential_in
    found = [find(entry) for entry in listed_credentials(opened.document)]
    return presentation_of(opened.document, found, opened.proof, format=format, envelope=data)


def _check_version(document: JsonObject, context: str, code: str) -> None:
    if check_context(document, code) != context:
        raise Invalid(code, f"@context does not begin with {context}")


def _listed_v1(data: bytes, format: Format) -> Json:  # noqa: A002 - the field's name
    if format is Format.LDP_VC:
        return parse_object(data)
    if format is not Format.JWT_VC_JSON:
        raise Invalid(
            "invalid_presentation",
            "a presentation of VC 1.1 holds no credentials in envelopes of VC 2.0",
            value=format.value,
            hint="present it in its own format",
        )
    return token_text(data)


def _credential_in_v1(entry: Json) -> Credential:
    """The credential that an entry of a presentation of VC 1.1 is: a token stands as itself."""
    if isinstance(entry, str):
        return _open_credential(entry.encode(), Format.JWT_VC_JSON)
    return parse_credential(entry)
