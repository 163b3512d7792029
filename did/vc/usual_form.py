"""Credentials of the one form that our issuers give them, read in one pass.

Nearly all that a verifier reads was made by ``did.vc.credential.build_credential`` and one of the
securings here. Such bytes are recognised; for all others the answer is None, and the general reader
(``did.vc.formats``), which alone refuses anything, takes its time. What is recognised is what the
general reader makes of the same bytes, field by field: ``tests/properties/test_usual_form.py``.

Why a few comparisons are enough (docs/adr/0024):

* JSON is decoded into a type that has each member of the form and no other, and encoded again, with
  sorted keys. Only where that gives the same bytes is it of this form: so no key is there twice, no
  number is a float, and nothing is written in two ways.
* There is no escape in it and nothing but ASCII, so this is its canonical form (RFC 8785), every
  quotation mark in it begins or ends a text, and what is signed can be cut out of it.
* Its contexts are the two that give every term a name, so of the rules of the data model those are
  left that are checked here: URLs, times, types and that something is said of the subject.
* What is around it, the headers of token and message, is compared with what our securings write.
"""

from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Final, Literal, TypeVar

from msgspec import UNSET, MsgspecError, Struct, UnsetType
from msgspec.json import Decoder, Encoder

from did import base58, cbor, cose
from did.errors import Invalid
from did.identifier import DidUrl, parse_did_url
from did.jcs import MAX_INTEGER, JsonObject
from did.keys import SIGNATURE_BYTES
from did.multibase import base64url_decode
from did.timestamps import parse_time
from did.vc.contexts import ASCII_URL, is_url
from did.vc.credential import CREDENTIALS_CONTEXT, LOG_ID, TERMS, Credential
from did.vc.data_model import ENVELOPES
from did.vc.securing import ASSERTION, Format, Proof
from did.vc.status_list import INDEX_DIGITS, StatusEntry, is_list_url

# Written out, since a type is built of them.
_Contexts = tuple[
    Literal["https://www.w3.org/ns/credentials/v2"],
    Literal["https://www.w3.org/ns/credentials/undefined-terms/v2"],
]

_KEPT_URL: Final = 512  # characters of URLs that are remembered
_ESCAPE: Final = ord("\\")
_PROOF: Final = b',"proof":{'


class _Entry(
    Struct,
    frozen=True,
    forbid_unknown_fields=True,
    rename={
        "list": "statusListCredential",
        "index": "statusListIndex",
        "purpose": "statusPurpose",
    },
):
    id: str
    list: str
    index: str
    purpose: str
    type: Literal["BitstringStatusListEntry"]


class _Proof(
    Struct,
    frozen=True,
    forbid_unknown_fields=True,
    rename={
        "context": "@context",
        "purpose": "proofPurpose",
        "value": "proofValue",
        "method": "verificationMethod",
    },
):
    context: _Contexts
    created: str
    cryptosuite: Literal["eddsa-jcs-2022"]
    purpose: Literal["assertionMethod"]
    value: str
    type: Literal["DataIntegrityProof"]
    method: str


class _Said(
    Struct,
    frozen=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    kw_only=True,
    rename={
        "context": "@context",
        "subject": "credentialSubject",
        "valid_from": "validFrom",
        "valid_until": "validUntil",
        "statuses": "credentialStatus",
    },
):
    """What a credential says: with a proof in JSON, and with ``iat`` in a token."""

    context: _Contexts
    statuses: tuple[_Entry, ...] = ()
    subject: dict[str, str | list[str]]
    iat: int | UnsetType = UNSET
    id: str
    issuer: str
    proof: _Proof | UnsetType = UNSET
    type: tuple[Literal["VerifiableCredential"], str]
    valid_from: str
    valid_until: str | UnsetType = UNSET


class _Header(Struct, frozen=True, forbid_unknown_fields=True):
    alg: Literal["EdDSA"]
    cty: Literal["vc"]
    kid: str
    typ: Literal["vc+jwt"]


_Kind = TypeVar("_Kind", bound=Struct)

_ENCODER: Final = Encoder(order="deterministic")  # sorts the subject; the types above are sorted
_SAID: Final = Decoder(_Said)

# A proof of ours without the three texts that differ: where they stand is told by their lengths.
_FRAME: Final = _ENCODER.encode(
    _Proof(
        (CREDENTIALS_CONTEXT, TERMS), "", "eddsa-jcs-2022", ASSERTION, "", "DataIntegrityProof", ""
    )
)
_VALUE: Final = _FRAME.index(b'"proofValue":"')
_DIGITS: Final = len(b'"proofValue":"z')
_HEADER: Final = Decoder(_Header)

# The protected header of a message of ours, whose one claim is ``iat``, in seconds of four bytes.
_HEAD_BEFORE_KID: Final = b"".join(
    (
        b"\xa5",
        cbor.encode(cose.ALG) + cbor.encode(cose.ALGORITHMS[0]),
        cbor.encode(cose.CONTENT_TYPE) + cbor.encode("application/vc"),
        cbor.encode(cose.KID),
    )
)
_HEAD_CLAIMS: Final = cbor.encode(cose.CWT_CLAIMS) + b"\xa1\x06\x1a"
_HEAD_AFTER: Final = cbor.encode(cose.TYP) + cbor.encode("application/vc+cose")
_SECONDS: Final = 4
_LEAST_SECONDS: Final = 1 << 16  # of which the one encoding has four bytes


def read_usual(data: bytes, format: Format) -> Credential | None:  # noqa: A002 - the field's name
    """The credential that ``data`` is, if it is of this form; None to read it the general way."""
    try:
        if format is Format.LDP_VC:
            return _read_json(data)
        if format is Format.VC_COSE:
            return _read_message(data)
        return _read_token(data) if format is Format.VC_JWT else None
    except (Invalid, MsgspecError):  # whoever reads on says what is wrong, if anything is
        return None


def _read_json(data: bytes) -> Credential | None:
    said = _decode(_SAID, data)
    if said is None or said.proof is UNSET or said.iat is not UNSET:
        return None
    proof = said.proof
    # No text has a quotation mark in it, so what begins with one is found where it stands alone.
    start = data.rindex(_PROOF)
    begin = start + len(_PROOF) - 1
    end = begin + len(_FRAME) + len(proof.created) + len(proof.value) + len(proof.method)
    value = begin + _VALUE + len(proof.created)
    after = value + _DIGITS + len(proof.value) - 1
    signature = base58.decode(data[value + _DIGITS : after])
    if signature is None or len(signature) != SIGNATURE_BYTES or not proof.value.startswith("z"):
        return None
    configuration = data[begin:value] + data[after + len(b'",') : end]
    signed = sha256(configuration).digest() + sha256(data[:start] + data[end:]).digest()
    begins = parse_time(said.valid_from)
    # Both are stated by the credential; our issuers state the same.
    created = begins if proof.created == said.valid_from else parse_time(proof.created)
    return _credential(
        said,
        data,
        format=Format.LDP_VC,
        begins=begins,
        signer=_signer(proof.method),
        created=created,
        signed=signed,
        signature=signature,
        envelope=None,
    )


def _read_token(data: bytes) -> Credential | None:
    if not data.isascii():
        return None
    signed, _, signature = data.rpartition(b".")
    head, _, payload = signed.partition(b".")
    signer = _signer_of_header(head) if len(head) <= _KEPT_URL * 2 else None
    if signer is None or b"." in payload:
        return None
    content = base64url_decode(payload.decode("ascii"))
    said = _decode(_SAID, content)
    if said is None or said.iat is UNSET or said.proof is not UNSET:
        return None
    if not 0 <= said.iat <= MAX_INTEGER:
        return None
    raw = base64url_decode(signature.decode("ascii"))
    begins, created = parse_time(said.valid_from), _time(said.iat)
    return _credential(
        said,
        content,
        format=Format.VC_JWT,
        begins=begins,
        signer=signer,
        created=created,
        signed=signed,
        signature=raw,
        envelope=data,
    )


def _read_message(data: bytes) -> Credential | None:
    parts = cose.bare_parts(data)
    if parts is None:
        return None
    head, payload, signature = parts
    place = len(head) - len(_HEAD_AFTER) - _SECONDS
    claims = place - len(_HEAD_CLAIMS)
    if (
        claims < len(_HEAD_BEFORE_KID)
        or not head.startswith(_HEAD_BEFORE_KID)
        or not head.startswith(_HEAD_CLAIMS, claims)
        or not head.endswith(_HEAD_AFTER)
    ):
        return None
    kid = head[len(_HEAD_BEFORE_KID) : claims]
    signer = _signer_of_kid(kid) if len(kid) <= _KEPT_URL else None
    seconds = int.from_bytes(head[place : place + _SECONDS])
    said = _decode(_SAID, payload)
    if signer is None or said is None or seconds < _LEAST_SECONDS:
        return None
    if said.iat is not UNSET or said.proof is not UNSET:
        return None
    begins, created = parse_time(said.valid_from), _time(seconds)
    signed = cose.to_sign(head, payload)
    return _credential(
        said,
        payload,
        format=Format.VC_COSE,
        begins=begins,
        signer=signer,
        created=created,
        signed=signed,
        signature=signature,
        envelope=data,
    )


def _decode(decoder: Decoder[_Kind], data: bytes) -> _Kind | None:
    """The value of canonical JSON ``data``, if it has the form of ``decoder``."""
    if not data.isascii() or _ESCAPE in data:
        return None
    value = decoder.decode(data)
    return value if _ENCODER.encode(value) == data else None


def _credential(
    said: _Said,
    content: bytes,
    *,
    format: Format,  # noqa: A002 - the field's name
    begins: datetime,
    signer: "_Signer | None",
    created: datetime,
    signed: bytes,
    signature: bytes,
    envelope: bytes | None,
) -> Credential | None:
    """What ``did.vc.credential.credential_of`` makes of the same; None where it may refuse it."""
    subject: JsonObject = said.subject  # type: ignore[assignment] # texts are Json
    about, log_id = subject.get("id"), subject.get("logId")
    ends = None if said.valid_until is UNSET else parse_time(said.valid_until)
    if (
        signer is None
        or signer.issuer != said.issuer
        or not said.type[1]
        or said.type[1] in ENVELOPES  # it would be opened
        or not subject
        or not ASCII_URL.fullmatch(said.id)
        or (about is not None and not (isinstance(about, str) and ASCII_URL.fullmatch(about)))
        or (log_id is not None and not (isinstance(log_id, str) and LOG_ID.fullmatch(log_id)))
        or (ends is not None and ends < begins)
    ):
        return None
    statuses = []
    for entry in said.statuses:
        index, url = entry.index, entry.list
        if (
            not entry.purpose
            or not index.isdigit()
            or len(index) > INDEX_DIGITS
            or entry.id != f"{url}#{index}"
            or len(url) > _KEPT_URL
            or not _is_kept_url(url)
        ):
            return None
        statuses.append(StatusEntry(entry.purpose, int(index), url))
    proof = Proof(
        method=signer.method,
        purpose=ASSERTION,
        created=created,
        not_before=None,
        expires=None,
        challenge=None,
        domain=None,
        signed=signed,
        signature=signature,
    )
    return Credential(
        content=content,
        id=said.id,
        types=said.type,
        issuer=signer.method.did,
        valid_from=begins,
        valid_until=ends,
        subjects=(subject,),
        statuses=tuple(statuses),
        proof=proof,
        format=format,
        envelope=envelope,
    )


def _time(seconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise Invalid("invalid_claims", "iat is no time") from error


@lru_cache(maxsize=1024)  # an issuer's few lists are named by all that it issues
def _is_kept_url(url: str) -> bool:
    return is_url(url) and is_list_url(url)


class _Signer(Struct, frozen=True):
    """An issuer's key, by its name, and the issuer, by its DID in short form."""

    method: DidUrl
    issuer: str


@lru_cache(maxsize=1024)  # an issuer's key comes again with all that it signed
def _signer(text: str) -> _Signer | None:
    method = parse_did_url(text)
    did = method.did
    return _Signer(method, did.text) if did == did.canonical else None


@lru_cache(maxsize=1024)  # of one key, one header
def _signer_of_header(part: bytes) -> _Signer | None:
    header = _decode(_HEADER, base64url_decode(part.decode("ascii")))
    return None if header is None else _signer(header.kid)


@lru_cache(maxsize=1024)
def _signer_of_kid(kid: bytes) -> _Signer | None:
    text = cbor.decode(kid, max_bytes=_KEPT_URL)
    if not isinstance(text, bytes) or not text.isascii():
        return None
    return _signer(text.decode("ascii"))
