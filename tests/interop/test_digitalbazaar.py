"""Ours and Digital Bazaar's: what one makes the other verifies, and both refuse what was altered.

Their document loader knows the DID documents that we give it, as our resolution yields them, and
its packages' own contexts; it fetches nothing.
"""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from actors import DEVICE, ISSUER, LOG_ID, NOW, Actor
from peer import Peer
from published import contexts
from tampering import values

from did.document import MULTIKEY_CONTEXT, RELATIONSHIPS, document, key_document
from did.errors import Invalid
from did.identifier import Did, KeyDid
from did.jcs import JsonObject
from did.resolution import Finality, Registration, Resolution, Version
from did.vc.bitstring import bitstring, encode_list
from did.vc.credential import PROVISIONING, build_credential, parse_credential, sign_credential
from did.vc.formats import read_presentation
from did.vc.presentation import sign_presentation
from did.vc.status_list import REVOCATION, SUSPENSION, StatusEntry

pytestmark = pytest.mark.npm

AUDIENCE = "https://verifier.example"
CHALLENGE = "a nonce"
LATER = "2026-01-31T12:30:00Z"


@dataclass(frozen=True)
class Party:
    """An actor under one of its DIDs."""

    actor: Actor
    did: Did

    @property
    def documents(self) -> dict[str, Any]:
        """What a loader is asked for: the DID's document, and each of its methods."""
        resolved = self.resolution().document()
        found: dict[str, Any] = {self.did.text: resolved}
        methods = resolved["verificationMethod"]
        assert isinstance(methods, list)
        for method in methods:
            assert isinstance(method, dict)
            found[str(method["id"])] = {"@context": MULTIKEY_CONTEXT, **method}
        return found

    def resolution(self) -> Resolution:
        if isinstance(self.did, KeyDid):
            return Resolution(self.did, Registration.NOT_APPLICABLE)
        key = self.actor.key.public_key().raw
        first = Version(0, self.did.id, key, int(NOW.timestamp()), 1, Finality.FINALIZED)
        return Resolution(self.did, Registration.YES, (first,), LOG_ID, NOW)

    @property
    def secret(self) -> dict[str, str]:
        return {"seed": self.actor.key.seed.hex(), "did": self.did.text}


ISSUERS = {"keyborn": Party(ISSUER, ISSUER.short), "key": Party(ISSUER, ISSUER.key_did)}
HOLDERS = {"keyborn": Party(DEVICE, DEVICE.short), "key": Party(DEVICE, DEVICE.key_did)}
each_issuer = pytest.mark.parametrize("issuer", ISSUERS.values(), ids=ISSUERS.keys())
each_holder = pytest.mark.parametrize("holder", HOLDERS.values(), ids=HOLDERS.keys())


def unsigned(issuer: Party) -> JsonObject:
    list_url = "https://issuer.example/v1/status/1"
    return build_credential(
        PROVISIONING,
        issuer=issuer.did,
        subject={
            "id": DEVICE.short.text,
            "logId": LOG_ID.hex(),
            "model": "Lamp é 3",
            "owner": {"name": "Acme", "floor": 3, "leased": False},
            "roles": ["sensor", "gateway"],
        },
        valid_from=NOW,
        valid_until=NOW + timedelta(days=365),
        statuses=[StatusEntry(purpose, 5, list_url) for purpose in (REVOCATION, SUSPENSION)],
    )


def ours(issuer: Party) -> JsonObject:
    return sign_credential(unsigned(issuer), issuer.actor.key, issuer=issuer.did, created=NOW)


def our_presentation(issuer: Party, holder: Party) -> JsonObject:
    return sign_presentation(
        [ours(issuer)],
        holder.actor.key,
        holder=holder.did,
        challenge=CHALLENGE,
        audience=AUDIENCE,
        created=NOW,
    )


def theirs(peer: Peer, issuer: Party) -> Any:
    return peer.ask(
        "issue",
        credential=unsigned(issuer),
        created=NOW.isoformat(),
        documents=issuer.documents,
        now=LATER,
        **issuer.secret,
    )


def they_verify(peer: Peer, credential: Any, issuer: Party) -> bool:
    answer = peer.ask(
        "verifyCredential", credential=credential, documents=issuer.documents, now=LATER
    )
    return bool(answer["verified"])


def they_admit(peer: Peer, presentation: Any, *parties: Party, **asked: str) -> bool:
    documents = {url: value for party in parties for url, value in party.documents.items()}
    question = {"challenge": CHALLENGE, "domain": AUDIENCE, **asked}
    answer = peer.ask(
        "verifyPresentation", presentation=presentation, documents=documents, now=LATER, **question
    )
    return bool(answer["verified"])


def we_verify(credential: Any, issuer: Party) -> None:
    proof = parse_credential(credential).proof
    key = proof.method.key()
    assert key == issuer.actor.key.public_key()
    proof.verify(key)


def we_admit(presentation: Any, holder: Party, issuer: Party) -> None:
    parsed = read_presentation(json.dumps(presentation).encode())
    key = parsed.proof.method.key()
    assert key == holder.actor.key.public_key()
    parsed.proof.verify(key)
    for credential in parsed.credentials:
        we_verify(credential.document, issuer)
    assert (parsed.holder, parsed.challenge, parsed.audience) == (holder.did, CHALLENGE, AUDIENCE)


# -- ours, verified by them ------------------------------------------------------------------


@each_issuer
def test_they_verify_our_credential(digitalbazaar: Peer, issuer: Party) -> None:
    assert they_verify(digitalbazaar, ours(issuer), issuer)


@each_issuer
@each_holder
def test_they_admit_our_presentation(digitalbazaar: Peer, issuer: Party, holder: Party) -> None:
    presentation = our_presentation(issuer, holder)
    assert they_admit(digitalbazaar, presentation, issuer, holder)
    assert not they_admit(digitalbazaar, presentation, issuer, holder, challenge="another")
    assert not they_admit(digitalbazaar, presentation, issuer, holder, domain="https://b.example")


# -- theirs, verified by us ------------------------------------------------------------------


@each_issuer
def test_we_verify_their_credential(digitalbazaar: Peer, issuer: Party) -> None:
    credential = theirs(digitalbazaar, issuer)
    we_verify(credential, issuer)
    assert credential["proof"]["verificationMethod"].startswith(issuer.did.text)


@each_issuer
def test_both_make_the_very_same_proof(digitalbazaar: Peer, issuer: Party) -> None:
    # Ed25519 is deterministic: equal contents are equal bytes.
    document = unsigned(issuer)
    mine = sign_credential(document, issuer.actor.key, issuer=issuer.did, created=NOW)
    other = digitalbazaar.ask(
        "issue",
        credential=document,
        created=NOW.isoformat(),
        documents=issuer.documents,
        now=LATER,
        **issuer.secret,
    )
    assert other["proof"] == mine["proof"]


@each_issuer
@each_holder
def test_we_admit_their_presentation(digitalbazaar: Peer, issuer: Party, holder: Party) -> None:
    documents = {**issuer.documents, **holder.documents}
    presentation = digitalbazaar.ask(
        "present",
        credentials=[theirs(digitalbazaar, issuer)],
        challenge=CHALLENGE,
        domain=AUDIENCE,
        created=NOW.isoformat(),
        documents=documents,
        now=LATER,
        **holder.secret,
    )
    we_admit(presentation, holder, issuer)


# -- altered, refused by both ----------------------------------------------------------------


KEYBORN = ISSUERS["keyborn"]
HOLDER = HOLDERS["keyborn"]
ALTERED_CREDENTIALS = dict(values(ours(KEYBORN)))
ALTERED_PRESENTATIONS = dict(values(our_presentation(KEYBORN, HOLDER)))


@pytest.mark.parametrize("field", ALTERED_CREDENTIALS)
def test_a_credential_with_one_altered_value(digitalbazaar: Peer, field: str) -> None:
    altered = ALTERED_CREDENTIALS[field]
    with pytest.raises(Invalid):
        we_verify(altered, KEYBORN)
    assert not they_verify(digitalbazaar, altered, KEYBORN)


@pytest.mark.parametrize("field", ALTERED_PRESENTATIONS)
def test_a_presentation_with_one_altered_value(digitalbazaar: Peer, field: str) -> None:
    altered = ALTERED_PRESENTATIONS[field]
    with pytest.raises(Invalid):
        we_admit(altered, HOLDER, KEYBORN)
    assert not they_admit(digitalbazaar, altered, KEYBORN, HOLDER)


def test_one_flipped_byte_of_theirs(digitalbazaar: Peer) -> None:
    for field, altered in values(theirs(digitalbazaar, KEYBORN)):
        with pytest.raises(Invalid):
            we_verify(altered, KEYBORN)
        assert not they_verify(digitalbazaar, altered, KEYBORN), field


# -- documents, lists, JSON-LD ---------------------------------------------------------------


@pytest.mark.parametrize("actor", [ISSUER, DEVICE])
def test_both_resolve_a_did_key_to_the_same_methods(digitalbazaar: Peer, actor: Actor) -> None:
    resolved = digitalbazaar.ask("resolve", did=actor.key_did.text)
    mine: Any = key_document(actor.key_did)
    assert resolved["id"] == mine["id"]
    assert resolved["verificationMethod"] == mine["verificationMethod"][:1]
    for relationship in (*RELATIONSHIPS, "capabilityDelegation"):
        assert resolved[relationship] == mine[relationship]


def test_they_read_our_status_list(digitalbazaar: Peer) -> None:
    bits = bitstring([(n, 1) for n in (0, 7, 8, 94_567, 131_071)], entries=131_072)
    read = digitalbazaar.ask(
        "decodeList", encodedList=encode_list(bits), indexes=[0, 1, 7, 8, 94_567, 131_070, 131_071]
    )
    assert read == {"length": 131_072, "set": [True, False, True, True, True, False, True]}


SUBJECT = "https://www.w3.org/2018/credentials#credentialSubject"
OUR_TERM = "https://www.w3.org/ns/credentials/undefined-term#"


def test_json_ld_expands_ours_in_safe_mode(digitalbazaar: Peer) -> None:
    (presentation,) = digitalbazaar.ask("expand", document=our_presentation(KEYBORN, HOLDER))
    credentials = "https://www.w3.org/2018/credentials#verifiableCredential"
    (credential,) = presentation[credentials][0]["@graph"]
    (subject,) = credential[SUBJECT]
    assert subject["@id"] == DEVICE.short.text
    assert subject[f"{OUR_TERM}logId"] == [{"@value": LOG_ID.hex()}]
    assert f"{OUR_TERM}{PROVISIONING}" in credential["@type"]


def test_json_ld_expands_our_documents_in_safe_mode(digitalbazaar: Peer) -> None:
    for value in (document(ISSUER.short, ISSUER.key.public_key()), key_document(ISSUER.key_did)):
        (expanded,) = digitalbazaar.ask("expand", document=value, documents=contexts())
        methods = expanded["https://w3id.org/security#verificationMethod"]
        assert [method["@id"] for method in methods] == [
            method["id"]
            for method in value["verificationMethod"]  # type: ignore[union-attr, index]
        ]
