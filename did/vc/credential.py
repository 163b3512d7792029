"""The credential model: built, parsed strictly, its proof taken apart (VC Data Model 2.0).

Parsing checks form alone. Who the issuer is, whether the key was theirs and what the status
says is the verifier's business (``verifier.verifier``); the proof's signature is checked with
``Credential.proof.verify(key)``.
"""

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from did.errors import Invalid
from did.identifier import Did, DidUrl, KeybornDid, parse_did
from did.jcs import Json, JsonObject
from did.keys import Signer
from did.timestamps import format_time, parse_time
from did.vc.data_integrity import ASSERTION, Proof, add_proof, parse_proof
from did.vc.status_list import StatusEntry

CREDENTIALS_CONTEXT: Final = "https://www.w3.org/ns/credentials/v2"
# Gives our own terms a name; published, so that no processor is left without it (docs/adr/0003).
TERMS: Final = "https://www.w3.org/ns/credentials/undefined-terms/v2"
PROVISIONING: Final = "DeviceProvisioningCredential"
CONFIGURATION: Final = "DeviceConfigurationCredential"

_LOG_ID = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Credential:
    """A parsed credential. Its proof has not been verified yet.

    Attributes:
        document: The whole credential as it was parsed, proof included.
        id: The credential's own URL, if it has one.
        types: As listed, ``VerifiableCredential`` included.
        issuer: The DID that issued it, in canonical form.
        valid_from: Start of validity, if stated.
        valid_until: End of validity, if stated.
        subject: The one subject, as it stands.
        log_id: The log that the subject's DID lives on, 32 bytes, if stated.
        statuses: The ``credentialStatus`` entries.
        proof: Its proof, whose verification method is the issuer's.
    """

    document: JsonObject
    id: str | None
    types: tuple[str, ...]
    issuer: Did
    valid_from: datetime | None
    valid_until: datetime | None
    subject: JsonObject
    log_id: bytes | None
    statuses: tuple[StatusEntry, ...]
    proof: Proof

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
    """The credential that parsed JSON ``document`` is.

    Raises:
        Invalid: ``invalid_credential`` with what is wrong, or as ``parse_proof``.
    """
    if not isinstance(document, dict):
        raise Invalid("invalid_credential", "a credential is not a JSON object")
    check_context(document, "invalid_credential")
    types = check_types(document, "VerifiableCredential", "invalid_credential")
    subject = document.get("credentialSubject")
    if isinstance(subject, list) and len(subject) == 1:
        subject = subject[0]
    if not isinstance(subject, dict):
        raise Invalid("invalid_credential", "a credential does not have one credentialSubject")
    issuer = document.get("issuer")
    if isinstance(issuer, dict):
        issuer = issuer.get("id")
    issuer_did = _did(issuer, "issuer")
    valid_from, valid_until = _time(document, "validFrom"), _time(document, "validUntil")
    if valid_from and valid_until and valid_until < valid_from:
        raise Invalid("invalid_credential", "validUntil is before validFrom")
    proof = parse_proof(document, purpose=ASSERTION)
    if proof.method.did != issuer_did:
        raise Invalid(
            "issuer_mismatch",
            "the proof's verification method is not the issuer's",
            value=proof.method.text,
        )
    return Credential(
        document=document,
        id=_url(document),
        types=types,
        issuer=issuer_did,
        valid_from=valid_from,
        valid_until=valid_until,
        subject=subject,
        log_id=_log_id(subject),
        statuses=_statuses(document),
        proof=proof,
    )


def check_context(document: JsonObject, code: str) -> None:
    """Return if ``@context`` begins with the VC 2.0 context; raises ``Invalid`` with ``code``."""
    context = document.get("@context")
    if not isinstance(context, list) or not context or context[0] != CREDENTIALS_CONTEXT:
        raise Invalid(code, f"@context does not begin with {CREDENTIALS_CONTEXT}")
    if not all(isinstance(entry, str | dict) for entry in context):
        raise Invalid(code, "an entry of @context is neither a URL nor an object")


def check_types(document: JsonObject, needed: str, code: str) -> tuple[str, ...]:
    """The ``type`` values, ``needed`` among them; raises ``Invalid`` with ``code``."""
    types = document.get("type")
    values = [types] if isinstance(types, str) else types
    if not isinstance(values, list) or needed not in values:
        raise Invalid(code, f"type does not hold {needed}")
    if not all(isinstance(value, str) and value for value in values):
        raise Invalid(code, "type is not a list of strings")
    return tuple(str(value) for value in values)


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
    if name not in document:
        return None
    try:
        return parse_time(document[name])
    except Invalid as error:
        raise Invalid(
            "invalid_credential", f"{name}: {error.message}", value=error.value
        ) from error


def _url(document: JsonObject) -> str | None:
    value = document.get("id")
    if value is None and "id" not in document:
        return None
    if not isinstance(value, str) or ":" not in value:
        raise Invalid("invalid_credential", "id is not a URL", value=value)
    return value


def _log_id(subject: JsonObject) -> bytes | None:
    if "logId" not in subject:
        return None
    value = subject["logId"]
    if not isinstance(value, str) or not _LOG_ID.fullmatch(value):
        raise Invalid(
            "invalid_credential", "logId is not 64 lower-case hexadecimal digits", value=value
        )
    return bytes.fromhex(value)


def _statuses(document: JsonObject) -> tuple[StatusEntry, ...]:
    if "credentialStatus" not in document:
        return ()
    value = document["credentialStatus"]
    entries = value if isinstance(value, list) else [value]
    if not entries:
        raise Invalid("invalid_credential", "credentialStatus is an empty list")
    return tuple(StatusEntry.from_json(entry) for entry in entries)
