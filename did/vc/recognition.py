"""What bytes say that they are, to tell by which rules to read them; nothing is verified here.

Whoever has a media type, or knows what is due, reads by that (``did.vc.formats``).
"""

from typing import Final

from did.cose import message_typ
from did.errors import Invalid
from did.jose import token_is_of_type, token_payload
from did.strict_json import parse_object
from did.vc.enveloping import CREDENTIAL, PRESENTATION, Kind, token_text
from did.vc.securing import Format

_WHITESPACE: Final = b" \t\r\n"
_COSE_STARTS: Final = (b"\xd2", b"\x84")  # tag 18; an array of four


def format_of(data: bytes, kind: Kind) -> Format:
    """The format of ``data``, if it is of ``kind``.

    Raises:
        Invalid: ``unknown_format``, ``invalid_jwt``.
    """
    if data.lstrip(_WHITESPACE)[:1] == b"{":
        return Format.LDP_VC
    if data[:1] in _COSE_STARTS:
        return Format.VC_COSE
    if b"." not in data:
        raise Invalid("unknown_format", "bytes are not of a format that is known here")
    is_v2 = token_is_of_type(token_text(data), f"{kind.name}+jwt")
    return Format.VC_JWT if is_v2 else Format.JWT_VC_JSON


def kind_of(data: bytes) -> Kind:
    """Whether ``data`` is a presentation or, if anything, a credential.

    Raises:
        Invalid: as ``format_of`` and the parsers of its format.
    """
    told = format_of(data, PRESENTATION)
    if told is Format.LDP_VC:
        document = parse_object(data)
        types = document.get("type")
        named = types if isinstance(types, list) else [types]
        is_presentation = "VerifiablePresentation" in named or PRESENTATION.enveloped in named
    elif told is Format.VC_COSE:
        is_presentation = message_typ(data) == "application/vp+cose"
    elif told is Format.VC_JWT:
        is_presentation = True
    else:
        is_presentation = "vp" in token_payload(token_text(data))
    return PRESENTATION if is_presentation else CREDENTIAL
