"""Presentations of the one form that our devices give them, read in one pass.

As ``did.vc.usual_form`` for credentials, and for the same reasons (docs/adr/0024): what is
recognised is what the general reader makes of the same bytes, which
``tests/properties/test_usual_presentation.py`` holds; for all others the answer is None, and the
general reader, which alone refuses anything, takes its time.

* JSON is decoded into a type that has each member of the form and no other, the credentials left as
  the bytes that they are, and encoded again. Only where that gives the same bytes, and each of the
  credentials is of its own usual form, is it of this one: canonical JSON (RFC 8785), without an
  escape and in ASCII. So every quotation mark begins or ends a text, and what is signed can be cut
  out.
* Its one context, its type and its members are those that the rules of the data model allow.
"""

import hashlib
from typing import Final, Literal

from msgspec import UNSET, MsgspecError, Raw, Struct, UnsetType
from msgspec.json import Decoder, Encoder

from did.errors import Invalid
from did.identifier import KeybornDid, parse_did_url
from did.keys import SIGNATURE_BYTES
from did.limits import LIMITS
from did.multibase import multibase_decode
from did.timestamps import parse_time
from did.vc.credential import Credential
from did.vc.presentation import Presentation
from did.vc.securing import AUTHENTICATION, Format, Proof
from did.vc.usual_form import read_usual

_Contexts = tuple[Literal["https://www.w3.org/ns/credentials/v2"]]

_PROOF: Final = b',"proof":'


class _Proof(
    Struct,
    frozen=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    kw_only=True,
    rename={
        "context": "@context",
        "purpose": "proofPurpose",
        "value": "proofValue",
        "method": "verificationMethod",
    },
):
    context: _Contexts
    challenge: str
    created: str
    cryptosuite: Literal["eddsa-jcs-2022"]
    domain: str
    expires: str | UnsetType = UNSET
    purpose: Literal["authentication"]
    value: str
    type: Literal["DataIntegrityProof"]
    method: str


class _Shown(
    Struct,
    frozen=True,
    forbid_unknown_fields=True,
    rename={"context": "@context", "credentials": "verifiableCredential"},
):
    context: _Contexts
    holder: str
    proof: _Proof
    type: tuple[Literal["VerifiablePresentation"]]
    credentials: list[Raw]


_ENCODER: Final = Encoder(order="sorted")
_DECODER: Final = Decoder(_Shown)


def read_usual_presentation(data: bytes) -> Presentation | None:
    """The presentation that ``data`` is, if it is of this form; None to read it the general way."""
    if len(data) > LIMITS.json_bytes or not data.isascii() or b"\\" in data:
        return None
    try:
        shown = _DECODER.decode(data)
        if _ENCODER.encode(shown) != data:
            return None
        credentials = _credentials(shown.credentials)
        return None if credentials is None else _presentation(shown, credentials, data)
    except (Invalid, MsgspecError):  # whoever reads on says what is wrong, if anything is
        return None


def _credentials(listed: list[Raw]) -> tuple[Credential, ...] | None:
    if not 1 <= len(listed) <= LIMITS.credentials_in_presentation:
        return None
    found: list[Credential] = []
    for each in listed:
        credential = read_usual(bytes(each), Format.LDP_VC)
        if credential is None:
            return None
        found.append(credential)
    return tuple(found)


def _presentation(
    shown: _Shown, credentials: tuple[Credential, ...], data: bytes
) -> Presentation | None:
    proof = shown.proof
    method = parse_did_url(proof.method)
    holder = method.did
    if holder.text != shown.holder or (isinstance(holder, KeybornDid) and holder.genesis):
        return None
    return Presentation(
        content=data,
        holder=holder,
        credentials=credentials,
        proof=Proof(
            method=method,
            purpose=AUTHENTICATION,
            created=parse_time(proof.created),
            not_before=None,
            expires=None if proof.expires is UNSET else parse_time(proof.expires),
            challenge=proof.challenge,
            domain=proof.domain,
            signed=_signed(proof, data),
            signature=multibase_decode(proof.value, length=SIGNATURE_BYTES),
        ),
        challenge=proof.challenge,
        audience=proof.domain,
        format=Format.LDP_VC,
        envelope=None,
    )


def _signed(proof: _Proof, data: bytes) -> bytes:
    """What is signed: the proof but for its value, and the presentation but for its proof.

    Before the proof there are texts alone, so the first of what looks like its beginning is that.
    """
    written = _ENCODER.encode(proof)
    value = b'"proofValue":"%b",' % proof.value.encode()
    start = data.index(_PROOF)
    rest = data[:start] + data[start + len(_PROOF) + len(written) :]
    return hashlib.sha256(written.replace(value, b"", 1)).digest() + hashlib.sha256(rest).digest()
