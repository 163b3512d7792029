"""The two credentials that come out of provisioning."""

from collections.abc import Sequence
from datetime import datetime

from did.identifier import KeybornDid
from did.jcs import JsonObject, canonicalize
from did.vc.credential import CONFIGURATION, PROVISIONING, build_credential, sign_credential
from did.vc.status_list import StatusEntry
from issuer.identity import Assertion
from issuer.terms import Terms


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
    subject: JsonObject,
    assertion: Assertion,
    *,
    statuses: Sequence[StatusEntry],
    at: datetime,
) -> tuple[bytes, datetime]:
    """A signed credential as canonical JSON, and its ``validFrom``.

    ``validFrom`` is the whole second of ``at``, or that in which the issuer's key came onto the log
    where the clock has not reached it yet.
    """
    kind = CONFIGURATION if "configuration" in subject else PROVISIONING
    valid_from = max(at.replace(microsecond=0), assertion.since)
    document = build_credential(
        kind,
        issuer=assertion.did,
        subject=subject,
        valid_from=valid_from,
        statuses=statuses,
    )
    signed = sign_credential(document, assertion.signer, issuer=assertion.did, created=valid_from)
    return canonicalize(signed), valid_from
