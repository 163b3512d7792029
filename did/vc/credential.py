"""The credential model: built, parsed strictly, its proof taken apart (VC Data Model 2.0 and 1.1).

The model is one for all formats (``did.vc.formats``). In Data Integrity, the proof stands in the
credential, and ``parse_credential`` reads it. Parsing checks form alone. Who the issuer is, whether
the key was theirs and what the status says is the verifier's business (``verifier.verifier``); the
proof's signature is checked with ``Credential.proof.verify(key)``.
"""

import re
import uuid
from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import Final

import orjson
from msgspec import Struct
from msgspec.structs import astuple

from did.errors import Invalid
from did.identifier import Did, DidUrl, KeybornDid, parse_did
from did.jcs import Json, JsonObject, canonicalize
from did.keys import Signer
from did.timestamps import format_time, parse_time
from did.vc.data_integrity import add_proof, parse_proof
from did.vc.data_model import check_credential
from did.vc.securing import ASSERTION, Format, Proof
from did.vc.status_list import StatusEntry

CREDENTIALS_CONTEXT: Final = "https://www.w3.org/ns/credentials/v2"
CREDENTIALS_CONTEXT_1: Final = "https://www.w3.org/2018/credentials/v1"
# Gives our own terms a name; published, so that no processor is left without it (docs/adr/0003).
TERMS: Final = "https://www.w3.org/ns/credentials/undefined-terms/v2"
PROVISIONING: Final = "DeviceProvisioningCredential"
CONFIGURATION: Final = "DeviceConfigurationCredential"

_CONTEXTS = (CREDENTIALS_CONTEXT, CREDENTIALS_CONTEXT_1)
_VALIDITY = {
    CREDENTIALS_CONTEXT: ("validFrom", "validUntil"),
    CREDENTIALS_CONTEXT_1: ("issuanceDate", "expirationDate"),
}
LOG_ID = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Credential(Struct, frozen=True, dict=True):
    """A parsed credential. Its proof has not been verified yet.

    Attributes:
        content: What ``document`` is, or the canonical JSON that it is written in.
        id: The credential's own URL, if it has one.
        types: As listed, ``VerifiableCredential`` included.
        issuer: The DID that issued it, in canonical form.
        valid_from: Start of validity, if stated (``issuanceDate`` in VC 1.1).
        valid_until: End of validity, if stated (``expirationDate`` in VC 1.1).
        subjects: The subjects, as they stand; at least one.
        statuses: The ``credentialStatus`` entries.
        proof: Its proof, whose verification method is the issuer's.
        format: How it is secured.
        envelope: The token or message that it came in; None where the proof is in the document.
    """

    content: JsonObject | bytes
    id: str | None
    types: tuple[str, ...]
    issuer: Did
    valid_from: datetime | None
    valid_until: datetime | None
    subjects: tuple[JsonObject, ...]
    statuses: tuple[StatusEntry, ...]
    proof: Proof
    format: Format
    envelope: bytes | None

    def __eq__(self, other: object) -> bool:
        """Whether all but ``content`` is the same, which whatever secures it holds too."""
        if not isinstance(other, Credential):
            return NotImplemented
        return astuple(self)[1:] == astuple(other)[1:]

    def __hash__(self) -> int:
        """Of its proof, which is of all the rest."""
        return hash(self.proof)

    @cached_property
    def document(self) -> JsonObject:
        """The whole credential as it was parsed: its proof included, where that is in it.

        Of VC 1.1 in a JWT, with the claims that stand for members put in their place.
        """
        if not isinstance(self.content, bytes):
            return self.content
        document: JsonObject = orjson.loads(self.content)  # which was parsed before, strictly
        return document

    @property
    def subject(self) -> JsonObject:
        """The one subject; raises ``Invalid`` (``invalid_credential``) if there are several."""
        if len(self.subjects) != 1:
            raise Invalid("invalid_credential", "a credential does not have one credentialSubject")
        return self.subjects[0]

    @property
    def log_id(self) -> bytes | None:
        """The log of the one subject's DID, 32 bytes, if stated; raises as ``subject``."""
        return _log_id(self.subject)

    def to_bytes(self) -> bytes:
        """The secured credential: as it came, or in canonical JSON where the proof is in it."""
        return canonicalize(self.document) if self.envelope is None else self.envelope

    def subject_did(self) -> Did:
        """The DID that the credential speaks of, in canonical form.

        Raises:
            Invalid: ``invalid_credential``: its subject is named by no DID.
        """
        return _did(self.subject.get("id"), "credentialSubject.id")


def build_credential(
    credential_type: str,
    *,
    issuer: Did,
    subject: JsonObject,
    valid_from: datetime,
    valid_until: datetime | None = None,
    statuses: Sequence[StatusEntry] = (),
    url: str | None = None,
) -> JsonObject:
    """An unsecured credential with one subject.

    Args:
        credential_type: The type beside ``VerifiableCredential``.
        issuer: Whose DID it names, in canonical form.
        subject: The claims; ``id`` is the subject's DID.
        valid_from: Start of validity.
        valid_until: End of validity; none for a credential that ends by revocation alone.
        statuses: Where its status stands.
        url: Its ``id``; a random ``urn:uuid:`` by default.
    """
    value: JsonObject = {
        "@context": [CREDENTIALS_CONTEXT, TERMS],
        "id": url or f"urn:uuid:{uuid.uuid4()}",
        "type": ["VerifiableCredential", credential_type],
        "issuer": issuer.canonical.text,
        "validFrom": format_time(valid_from),
        "credentialSubject": subject,
    }
    if valid_until is not None:
        value["validUntil"] = format_time(valid_until)
    if statuses:
        value["credentialStatus"] = [entry.to_json() for entry in statuses]
    return value


def sign_credential(
    document: JsonObject, signer: Signer, *, issuer: Did, created: datetime
) -> JsonObject:
    """``document`` with the proof of its issuer, whose current key is ``signer``."""
    method = DidUrl(issuer.canonical, signer.public_key().multibase)
    return add_proof(document, signer, method=method, purpose=ASSERTION, created=created)


def parse_credential(document: Json) -> Credential:
    """The credential that parsed JSON ``document`` is, with its Data Integrity proof.

    Raises:
        Invalid: ``invalid_credential`` with what is wrong, or as ``parse_proof``.
    """
    if not isinstance(document, dict):
        raise Invalid("invalid_credential", "a credential is not a JSON object")
    context = check_context(document, "invalid_credential")
    check_types(document, "VerifiableCredential", "invalid_credential")
    return credential_of(
        document,
        parse_proof(document, purpose=ASSERTION),
        context=context,
        format=Format.LDP_VC,
        envelope=None,
    )


def credential_of(
    document: JsonObject,
    proof: Proof,
    *,
    context: str,
    format: Format,  # noqa: A002 - as the field
    envelope: bytes | None,
) -> Credential:
    """The credential that ``document``, secured by ``proof``, is.

    Args:
        document: Parsed.
        proof: Taken apart.
        context: The context that it must begin with, which tells the data model's version.
        format: How it is secured.
        envelope: What it came in.

    Raises:
        Invalid: ``invalid_credential`` with what is wrong; ``issuer_mismatch``.
    """
    if check_context(document, "invalid_credential") != context:
        raise Invalid("invalid_credential", f"@context does not begin with {context}")
    check_credential(document)
    issuer = document["issuer"]
    issuer_did = _did(issuer["id"] if isinstance(issuer, dict) else issuer, "issuer")
    starts, ends = _VALIDITY[context]
    if proof.method.did != issuer_did:
        raise Invalid(
            "issuer_mismatch",
            "the proof's verification method is not the issuer's",
            value=proof.method.text,
        )
    subjects = _objects_in(document, "credentialSubject")
    for subject in subjects:
        _log_id(subject)
    return Credential(
        content=document,
        id=None if "id" not in document else str(document["id"]),
        types=check_types(document, "VerifiableCredential", "invalid_credential"),
        issuer=issuer_did,
        valid_from=_time(document, starts),
        valid_until=_time(document, ends),
        subjects=subjects,
        statuses=tuple(map(StatusEntry.from_json, _objects_in(document, "credentialStatus"))),
        proof=proof,
        format=format,
        envelope=envelope,
    )


def check_context(document: JsonObject, code: str) -> str:
    """The context that ``@context`` begins with: that of VC 2.0 or of VC 1.1.

    Raises:
        Invalid: ``code``.
    """
    context = document.get("@context")
    if not isinstance(context, list) or not context or context[0] not in _CONTEXTS:
        raise Invalid(code, f"@context does not begin with {CREDENTIALS_CONTEXT}")
    if not all(isinstance(entry, str | dict) for entry in context):
        raise Invalid(code, "an entry of @context is neither a URL nor an object")
    return str(context[0])


def check_types(document: JsonObject, needed: str, code: str) -> tuple[str, ...]:
    """The ``type`` values, ``needed`` among them; raises ``Invalid`` with ``code``."""
    types = document.get("type")
    values = [types] if isinstance(types, str) else types
    if not isinstance(values, list) or needed not in values:
        raise Invalid(code, f"type does not hold {needed}")
    if not all(isinstance(value, str) and value for value in values):
        raise Invalid(code, "type is not a list of strings")
    return tuple(str(value) for value in values)


def _objects_in(document: JsonObject, name: str) -> tuple[JsonObject, ...]:
    """The objects of a member that has been checked: none, one, or a list."""
    value = document.get(name, [])
    entries = value if isinstance(value, list) else [value]
    return tuple(entry for entry in entries if isinstance(entry, dict))


def _did(value: Json, name: str) -> Did:
    if not isinstance(value, str):
        raise Invalid("invalid_credential", f"{name} is not a DID")
    try:
        did = parse_did(value)
    except Invalid as error:
        raise Invalid("invalid_credential", f"{name}: {error.message}", value=value) from error
    if isinstance(did, KeybornDid) and did.genesis is not None:
        raise Invalid("invalid_credential", f"{name} is a DID in its long form", value=value)
    return did


def _time(document: JsonObject, name: str) -> datetime | None:
    return parse_time(document[name]) if name in document else None


def _log_id(subject: JsonObject) -> bytes | None:
    if "logId" not in subject:
        return None
    value = subject["logId"]
    if not isinstance(value, str) or not LOG_ID.fullmatch(value):
        raise Invalid(
            "invalid_credential", "logId is not 64 lower-case hexadecimal digits", value=value
        )
    return bytes.fromhex(value)
