"""Presentations as they travel in a VP token, by format (OpenID4VP 1.0, appendix B.1).

===============  =============================  ================================================
query's format   an entry of the VP token       what it is
===============  =============================  ================================================
``ldp_vc``       object                         VP 2.0 with a Data Integrity proof
``vc+jwt``       string, the token              ``vp+jwt``; private name
``vc+cose``      string, base64url              ``vp+cose``; private name
``jwt_vc_json``  string, the token              VP 1.1 in a JWT
===============  =============================  ================================================

Presentation and credential are both of that format. OpenID4VP names only the first and the last.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from did import cose, jose
from did.errors import Invalid
from did.jcs import Json, JsonObject, canonicalize
from did.limits import LIMITS
from did.multibase import base64url_decode, base64url_encode
from did.openid4vp.selection import Candidate, w3c_types
from did.strict_json import parse_object
from did.vc.credential import Credential
from did.vc.formats import Format

_TOKEN: Final[JsonObject] = {"alg_values": list(jose.ALGORITHMS)}

SUPPORTED: Final[Mapping[str, JsonObject]] = MappingProxyType(
    {
        Format.LDP_VC.value: {
            "proof_type_values": ["DataIntegrityProof"],
            "cryptosuite_values": ["eddsa-jcs-2022"],
        },
        Format.VC_JWT.value: _TOKEN,
        Format.VC_COSE.value: {"alg_values": list(cose.ALGORITHMS)},
        Format.JWT_VC_JSON.value: _TOKEN,
    }
)
"""What verifier and holder can do here, as ``vp_formats_supported`` says it (section 11.1)."""


def accepts(formats: Mapping[str, JsonObject] | None, format_: str) -> bool:
    """Whether who says ``formats`` of itself takes what is made here, in ``format_``.

    A list that is absent sets no bounds; one that is there must have what is made here, under the
    name that it has then: of two names of one algorithm, the first of those in ``SUPPORTED``.
    """
    if formats is None:
        return True
    if format_ not in formats or format_ not in SUPPORTED:
        return False
    theirs = formats[format_]
    return all(
        name not in theirs or _has_first(theirs[name], ours)
        for name, ours in SUPPORTED[format_].items()
    )


def candidate(name: str, credential: Credential) -> Candidate:
    """``credential`` as what may answer a query; ``name`` is its holder's name for it."""
    document = credential.document
    return Candidate(name, credential.format.value, w3c_types(document), document)


def to_entry(presentation: bytes, format_: Format) -> JsonObject | str:
    """A secured presentation, or credential, as an entry of a VP token."""
    if format_ is Format.LDP_VC:
        return parse_object(presentation)
    if format_ is Format.VC_COSE:
        return base64url_encode(presentation)
    return presentation.decode("ascii")


def from_entry(entry: JsonObject | str, format_: str) -> tuple[bytes, Format]:
    """The bytes of the secured presentation that an entry of a VP token is, and its format.

    Raises:
        Invalid: ``invalid_vp_token``; ``invalid_base64url``.
    """
    if format_ in SUPPORTED and isinstance(entry, dict) is (format_ == Format.LDP_VC):
        known = Format(format_)
        if isinstance(entry, dict):
            return canonicalize(entry), known
        if known is Format.VC_COSE:
            return base64url_decode(entry, limit=LIMITS.envelope), known
        if entry.isascii():
            return entry.encode("ascii"), known
    raise Invalid(
        "invalid_vp_token",
        "a presentation does not have the form that its format has in a vp_token",
        value=format_,
    )


def _has_first(theirs: Json, ours: Json) -> bool:
    return isinstance(theirs, list) and isinstance(ours, list) and ours[0] in theirs
