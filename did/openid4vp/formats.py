"""Credentials and presentations as they travel in a VP token, by format (OpenID4VP 1.0, B.1).

``ldp_vc``: the presentation as an object, secured with Data Integrity.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from did.errors import Invalid
from did.jcs import Json, JsonObject, canonicalize
from did.openid4vp.selection import Candidate, w3c_types
from did.strict_json import parse_object
from did.vc.credential import Credential

LDP_VC: Final = "ldp_vc"

SUPPORTED: Final[Mapping[str, JsonObject]] = MappingProxyType(
    {
        LDP_VC: {
            "proof_type_values": ["DataIntegrityProof"],
            "cryptosuite_values": ["eddsa-jcs-2022"],
        }
    }
)
"""What verifier and holder can do here, as ``vp_formats_supported`` says it (section 11.1)."""


def accepts(formats: Mapping[str, JsonObject] | None, format_: str) -> bool:
    """Whether who says ``formats`` of itself takes what is secured as here, in ``format_``.

    A list that is absent sets no bounds; of one that is there, something here must be in it.
    """
    if formats is None:
        return True
    if format_ not in formats or format_ not in SUPPORTED:
        return False
    theirs = formats[format_]
    return all(
        name not in theirs or _overlap(ours, theirs[name])
        for name, ours in SUPPORTED[format_].items()
    )


def candidate(name: str, credential: Credential, format_: str) -> Candidate:
    """``credential`` as what may answer a query; ``name`` is its holder's name for it."""
    document = credential.document
    return Candidate(name, format_, w3c_types(document), document)


def to_entry(presentation: bytes, format_: str) -> JsonObject | str:
    """A secured presentation, or credential, as an entry of a VP token."""
    assert format_ == LDP_VC  # what is not supported was not selected
    return parse_object(presentation)


def from_entry(entry: JsonObject | str, format_: str) -> bytes:
    """The bytes of the secured presentation that an entry of a VP token is.

    Raises:
        Invalid: ``invalid_vp_token``.
    """
    if format_ != LDP_VC or not isinstance(entry, dict):
        raise Invalid(
            "invalid_vp_token",
            "a presentation does not have the form that its format has in a vp_token",
            value=format_,
        )
    return canonicalize(entry)


def _overlap(ours: Json, theirs: Json) -> bool:
    return isinstance(theirs, list) and isinstance(ours, list) and any(x in theirs for x in ours)
