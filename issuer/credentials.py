"""The two credentials that come out of provisioning, in each format."""

from collections.abc import Sequence
from datetime import datetime

import orjson

from did.configurations import CredentialConfiguration
from did.identifier import KeybornDid
from did.jcs import JsonObject
from did.multibase import base64url_encode
from did.openid4vci import PROVISIONING_CONFIGURATION
from did.vc.credential import CREDENTIALS_CONTEXT_1, TERMS, build_credential
from did.vc.formats import Format, secure_credential
from did.vc.status_list import StatusEntry
from issuer.identity import Assertion
from issuer.terms import Terms


def subject_of(kind: str, did: KeybornDid, log_id: bytes, terms: Terms) -> JsonObject:
    """What the credential of ``kind`` says of the device ``did``."""
    if kind == PROVISIONING_CONFIGURATION:
        return provisioning_subject(did, log_id, terms)
    assert terms.configuration is not None  # it would not be on offer
    return configuration_subject(did, log_id, terms.configuration)


def provisioning_subject(did: KeybornDid, log_id: bytes, terms: Terms) -> JsonObject:
    """Who the device is: what it presents to verifiers."""
    return {
        "id": did.canonical.text,
        "logId": log_id.hex(),
        "model": terms.model,
        "owner": terms.owner,
        "roles": list(terms.roles),
    }


def configuration_subject(did: KeybornDid, log_id: bytes, configuration: JsonObject) -> JsonObject:
    """How the device connects, with its secrets: for the device alone, never presented."""
    return {"id": did.canonical.text, "logId": log_id.hex(), "configuration": configuration}


def issue(
    configuration: CredentialConfiguration,
    subject: JsonObject,
    assertion: Assertion,
    *,
    statuses: Sequence[StatusEntry],
    at: datetime,
) -> tuple[bytes, datetime]:
    """A secured credential, as the bytes of its format, and its ``validFrom``.

    ``validFrom`` is the whole second of ``at``, or that in which the issuer's key came onto the log
    where the clock has not reached it yet.
    """
    valid_from = max(at.replace(microsecond=0), assertion.since)
    document = build_credential(
        configuration.type,
        issuer=assertion.did,
        subject=subject,
        valid_from=valid_from,
        statuses=statuses,
    )
    if configuration.format is Format.JWT_VC_JSON:
        document = _as_version_1(document)
    secured = secure_credential(
        document,
        assertion.signer,
        issuer=assertion.did,
        created=valid_from,
        format=configuration.format,
    )
    return secured, valid_from


def _as_version_1(document: JsonObject) -> JsonObject:
    """The same credential as one of VC Data Model 1.1."""
    rest = {name: value for name, value in document.items() if name != "validFrom"}
    return {
        **rest,
        "@context": [CREDENTIALS_CONTEXT_1, TERMS],
        "issuanceDate": document["validFrom"],
    }


def as_json(credential: bytes, format_: Format) -> bytes:
    """A secured credential as the JSON value of a credential response (section 8.3; appendix A).

    What was signed is sent as it is stored; only what is binary is encoded, as base64url.
    """
    if format_ is Format.LDP_VC:
        return credential
    if format_ is Format.VC_COSE:
        return orjson.dumps(base64url_encode(credential))
    return orjson.dumps(credential.decode("ascii"))
