"""Media types, and what is enveloped as an object: a ``data:`` URL of such a type.

VC Data Model 2.0, sections 4.13.1 and 4.13.2: ``EnvelopedVerifiableCredential`` and
``EnvelopedVerifiablePresentation``. A token stands in its URL (RFC 2397) as it is, a COSE message
in base64 (Securing VCs using JOSE and COSE, section 3.3.1). There is one spelling of each: no
parameters, no percent-encoding.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Final

from did.errors import Invalid
from did.jcs import JsonObject
from did.vc.credential import CREDENTIALS_CONTEXT
from did.vc.data_model import check_envelope
from did.vc.enveloping import CREDENTIAL, Kind
from did.vc.securing import Format

_MEDIA_TYPES: Final[Mapping[Format, str]] = {
    Format.LDP_VC: "application/{}",
    Format.VC_JWT: "application/{}+jwt",
    Format.VC_COSE: "application/{}+cose",
    Format.JWT_VC_JSON: "application/jwt",
}
_SCHEME: Final = "data:"
_BASE64: Final = ";base64"


def media_type(format: Format, kind: Kind = CREDENTIAL) -> str:  # noqa: A002 - the field's name
    """The media type of a credential, or of a presentation, in ``format``."""
    return _MEDIA_TYPES[format].format(kind.name)


def format_of_media_type(text: str, kind: Kind = CREDENTIAL) -> Format | None:
    """The format that media type ``text`` names, whatever its parameters; None for any other."""
    named = text.partition(";")[0].strip().lower()
    return next((format_ for format_ in Format if media_type(format_, kind) == named), None)


def wrap(data: bytes, format: Format, kind: Kind) -> JsonObject:  # noqa: A002 - the field's name
    """The object that a token or message stands as where JSON is due."""
    return {
        "@context": CREDENTIALS_CONTEXT,
        "id": _data_url(data, format, kind),
        "type": kind.enveloped,
    }


def unwrap(document: JsonObject, kind: Kind) -> tuple[bytes, Format]:
    """The token or message that such an object holds, and its format.

    Raises:
        Invalid: ``invalid_envelope``; also as ``did.vc.data_model.check_envelope``.
    """
    url = check_envelope(document, kind.enveloped)
    head, _, text = url.removeprefix(_SCHEME).partition(",")
    found = format_of_media_type(head, kind)
    if found is None or found is Format.LDP_VC:
        raise Invalid(
            "invalid_envelope", "an envelope is of a format that is not known here", value=head
        )
    try:
        data = _decode(text) if found is Format.VC_COSE else text.encode("ascii")
    except (binascii.Error, ValueError) as error:
        raise Invalid("invalid_envelope", "a data: URL is malformed", value=url) from error
    if _data_url(data, found, kind) != url:
        raise Invalid("invalid_envelope", "a data: URL is not in its one form", value=url)
    return data, found


def _data_url(data: bytes, format: Format, kind: Kind) -> str:  # noqa: A002 - the field's name
    head = _SCHEME + media_type(format, kind)
    if format is Format.VC_COSE:
        return f"{head}{_BASE64},{base64.b64encode(data).decode('ascii')}"
    return f"{head},{data.decode('ascii')}"


def _decode(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
