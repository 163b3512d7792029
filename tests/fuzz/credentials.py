"""Credentials and presentations in every format, whole and put together from their parts."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import formats
from actors import DEVICE
from fuzz.envelopes import NAMES, message_of, token_of
from fuzz.target import SEPARATOR, Target, joined, only_invalid, refused, same

from did import cbor
from did.cose import parse_sign1
from did.jcs import canonicalize
from did.multibase import base64url_decode
from did.strict_json import parse_object
from did.vc.credential import Credential
from did.vc.data_integrity import parse_proof
from did.vc.data_urls import wrap
from did.vc.enveloping import CREDENTIAL, PRESENTATION, Kind
from did.vc.formats import (
    Format,
    read_credential,
    read_generally,
    read_presentation,
    read_presentation_generally,
)
from did.vc.presentation import Presentation
from did.vc.recognition import kind_of
from did.vc.securing import ASSERTION, Proof
from did.vc.status_list import StatusEntry

_MOST: Final = 8_192
_MEMBERS: Final = tuple(
    f'"{name}":'.encode()
    for name in (
        "@context",
        "id",
        "type",
        "issuer",
        "holder",
        "credentialSubject",
        "credentialStatus",
        "verifiableCredential",
        "proof",
        "validFrom",
        "validUntil",
        "issuanceDate",
        "expirationDate",
        "vc",
        "vp",
        "iss",
        "sub",
        "aud",
        "exp",
        "nbf",
        "iat",
        "jti",
        "nonce",
    )
)
_TOKENS: Final = (Format.VC_JWT, Format.JWT_VC_JSON)

Read = Callable[..., Any]


def _credential_law(data: bytes, credential: Credential) -> None:
    _law(data, credential, CREDENTIAL)
    only_invalid(credential.subject_did)
    only_invalid(lambda: credential.log_id)
    for entry in credential.statuses:
        same(StatusEntry.from_json(entry.to_json()), entry, "a status entry is read as written")


def _presentation_law(data: bytes, presentation: Presentation) -> None:
    _law(data, presentation, PRESENTATION)
    for credential in presentation.credentials:
        _credential_law(credential.to_bytes(), credential)


def _law(data: bytes, value: Credential | Presentation, kind: Kind) -> None:
    """Bytes are of one format and of one kind, and are kept as what was signed."""
    read, other = _readers(kind)
    kept = value.to_bytes()
    same(read(kept, value.format), value, "what is kept is read as the same")
    generally = read_generally if kind is CREDENTIAL else read_presentation_generally
    same(generally(kept, value.format), value, "the short way reads what the general way reads")
    if value.envelope is not None:
        same(kept in (data, value.envelope), True, "an envelope is kept as it came")
    for format_ in set(Format) - {value.format}:
        refused(read, kept, format_, law="bytes of one format parse as another")
    for any_format in (None, *Format):
        refused(other, kept, any_format, law="a credential is a presentation, or the reverse")
    same(kind_of(kept), kind, "bytes say of which kind they are")
    _proof_law(value.proof)


def _readers(kind: Kind) -> tuple[Read, Read]:
    readers = (read_credential, read_presentation)
    return readers if kind is CREDENTIAL else readers[::-1]


def _proof_law(proof: Proof) -> None:
    only_invalid(proof.method.key)
    only_invalid(proof.verify, DEVICE.key.public_key())


def _data_integrity_law(data: bytes, proof: Proof) -> None:
    document = parse_object(data)
    again = parse_proof(parse_object(canonicalize(document)), purpose=ASSERTION)
    same(again, proof, "the proof of the canonical document is the same")
    _proof_law(proof)


def _whole(make: Callable[[Format], bytes], kind: Kind) -> Mapping[str, bytes]:
    made = {format_.value: make(format_) for format_ in Format}
    enveloped = {
        f"{format_.value}, enveloped": canonicalize(wrap(made[format_.value], format_, kind))
        for format_ in Format
        if format_ is not Format.LDP_VC
    }
    return {**made, **enveloped}


def _credentials() -> Mapping[str, bytes]:
    return _whole(formats.credential, CREDENTIAL)


def _presentations() -> Mapping[str, bytes]:
    held = [(formats.credential(format_), format_) for format_ in Format]
    mixed = {
        f"{format_.value}, of all": formats.presentation(format_, held)
        for format_ in (Format.LDP_VC, Format.VC_JWT, Format.VC_COSE)
    }
    return {**_whole(formats.presentation, PRESENTATION), **mixed}


def _documents() -> Mapping[str, bytes]:
    return {
        "credential": formats.credential(Format.LDP_VC),
        "list of one": canonicalize(_proof_in_list()),
    }


def _proof_in_list() -> dict[str, Any]:
    document: dict[str, Any] = parse_object(formats.credential(Format.LDP_VC))
    return {**document, "proof": [document["proof"]]}


def _taken_apart(data: bytes, format_: Format, typ: str = "") -> bytes:
    if format_ in _TOKENS:
        return joined(*(base64url_decode(part) for part in data.decode("ascii").split(".")[:2]))
    message = parse_sign1(data, typ=typ)
    return joined(cbor.encode(message.protected), message.payload)


def _parts(format_: Format, kind: Kind) -> Target:
    """``format_`` put together: the fuzzer changes headers and claims, not their encoding."""
    put_together: Callable[[bytes], Any]
    if format_ in _TOKENS:
        put_together = lambda data: token_of(data).encode("ascii")  # noqa: E731
    else:
        put_together = message_of
    read, _ = _readers(kind)
    law = _credential_law if kind is CREDENTIAL else _presentation_law
    make = formats.credential if kind is CREDENTIAL else formats.presentation
    return Target(
        lambda data: read(put_together(data), format_),
        lambda data, value: law(put_together(data), value),
        lambda: {"whole": _taken_apart(make(format_), format_, f"application/{kind.name}+cose")},
        max_bytes=_MOST,
        words=(*NAMES, *_MEMBERS, SEPARATOR),
    )


TARGETS: Final = {
    "credential": Target(
        read_credential, _credential_law, _credentials, max_bytes=_MOST, words=_MEMBERS
    ),
    "presentation": Target(
        read_presentation, _presentation_law, _presentations, max_bytes=2 * _MOST, words=_MEMBERS
    ),
    "data-integrity": Target(
        lambda data: parse_proof(parse_object(data), purpose=ASSERTION),
        _data_integrity_law,
        _documents,
        max_bytes=_MOST,
        words=(b'"proof":', b'"previousProof":', b'"@context":', b'"expires":', b'"domain":'),
    ),
    **{
        f"{kind.enveloped.removeprefix('EnvelopedVerifiable').lower()}-{name}": _parts(
            format_, kind
        )
        for kind in (CREDENTIAL, PRESENTATION)
        for name, format_ in (
            ("jwt", Format.VC_JWT),
            ("cose", Format.VC_COSE),
            ("jwt-1.1", Format.JWT_VC_JSON),
        )
    },
}
