"""Credentials that were changed, stolen, issued by somebody else, or are not what is asked for."""

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from actors import DEVICE, OTHER_LOG_ID, STRANGER, Actor, actor
from gatehouse import AUDIENCE, Gatehouse, Issuer
from outcomes import invalid, refused

from did.identifier import KeyDid
from did.jcs import JsonObject, canonicalize
from did.multibase import multibase_encode
from did.vc.credential import CONFIGURATION, PROVISIONING
from did.vc.data_integrity import hash_data
from verifier.decision import Check, Trail

MAINTENANCE = "MaintenanceCredential"
OTHER = actor("another issuer")


def registered(house: Gatehouse, who: Actor, **options: Any) -> Issuer:
    issuer = Issuer(house, who, **options)
    house.append(issuer.life.create())
    return issuer


Change = Callable[[dict[str, Any]], object]
SIGNED = ("invalid_signature", Check.CREDENTIAL_SIGNATURE)

TAMPERED: dict[str, tuple[Change, str, Check]] = {
    "@context": (
        lambda c: (
            c["@context"].append("https://example.org/more"),
            c["proof"]["@context"].append("https://example.org/more"),
        ),
        *SIGNED,
    ),
    "@context beside the proof's": (
        lambda c: c.update({"@context": c["@context"][:1]}),
        "invalid_proof",
        Check.FORMAT,
    ),
    "id": (lambda c: c.update(id="urn:uuid:another"), *SIGNED),
    "type, more": (lambda c: c["type"].append(MAINTENANCE), "untrusted_type", Check.ISSUER),
    "type, the general one alone": (
        lambda c: c.update(type=["VerifiableCredential"]),
        "untrusted_type",
        Check.TYPE,
    ),
    "issuer": (lambda c: c.update(issuer=OTHER.short.text), "issuer_mismatch", Check.FORMAT),
    "issuer and its method": (
        lambda c: (
            c.update(issuer=OTHER.short.text),
            c["proof"].update(verificationMethod=OTHER.method.text),
        ),
        "untrusted_issuer",
        Check.ISSUER,
    ),
    "issuer's key": (
        lambda c: c["proof"].update(
            verificationMethod=c["proof"]["verificationMethod"].split("#")[0]
            + f"#{OTHER.key.public_key().multibase}"
        ),
        "unknown_verification_method",
        Check.ISSUER_KEY,
    ),
    "validFrom": (lambda c: c.update(validFrom="2026-01-31T12:00:01Z"), *SIGNED),
    "validFrom, gone": (lambda c: c.pop("validFrom"), "invalid_credential", Check.ISSUER),
    "validUntil": (lambda c: c.update(validUntil="2030-01-01T00:00:00Z"), *SIGNED),
    "validUntil, gone": (lambda c: c.pop("validUntil"), *SIGNED),
    "subject's DID": (lambda c: c["credentialSubject"].update(id=STRANGER.short.text), *SIGNED),
    "log": (lambda c: c["credentialSubject"].update(logId=OTHER_LOG_ID.hex()), *SIGNED),
    "model": (lambda c: c["credentialSubject"].update(model="door opener"), *SIGNED),
    "owner": (lambda c: c["credentialSubject"].update(owner="Somebody"), *SIGNED),
    "roles": (lambda c: c["credentialSubject"]["roles"].append("administrator"), *SIGNED),
    "a new claim": (lambda c: c["credentialSubject"].update(admin=True), *SIGNED),
    "credentialStatus, gone": (lambda c: c.pop("credentialStatus"), *SIGNED),
    "credentialStatus, index": (
        lambda c: c["credentialStatus"][0].update(statusListIndex="1"),
        *SIGNED,
    ),
    "credentialStatus, list": (
        lambda c: c["credentialStatus"][0].update(statusListCredential="https://evil.example/"),
        *SIGNED,
    ),
    "credentialStatus, purpose": (
        lambda c: c["credentialStatus"][0].update(statusPurpose="suspension"),
        *SIGNED,
    ),
    "proof's time": (lambda c: c["proof"].update(created="2026-01-31T12:00:01Z"), *SIGNED),
    "proof's expiry": (lambda c: c["proof"].update(expires="2030-01-31T12:00:01Z"), *SIGNED),
    "proof's value": (
        lambda c: c["proof"].update(proofValue=multibase_encode(bytes(64))),
        *SIGNED,
    ),
    "proof's purpose": (
        lambda c: c["proof"].update(proofPurpose="authentication"),
        "wrong_proof_purpose",
        Check.FORMAT,
    ),
    "proof, gone": (lambda c: c.pop("proof"), "invalid_proof", Check.FORMAT),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_a_credential_tampered_with(standing: Gatehouse, name: str) -> None:
    change, code, step = TAMPERED[name]
    device = standing.device(actor(name))
    credential = standing.issuer.issue(
        device.actor.short, valid_until=standing.now + timedelta(days=1)
    )
    tampered = copy.deepcopy(credential)
    change(tampered)

    kind = refused if code.startswith("untrusted") else invalid
    with kind(code, step):
        standing.admit(device, tampered)

    standing.admit(device, credential)


def test_every_field_of_a_credential_is_tampered_with_above(house: Gatehouse) -> None:
    credential = house.issuer.issue(DEVICE.short, valid_until=house.now)
    subject = credential.pop("credentialSubject")
    assert isinstance(subject, dict)
    named = {"id": "subject's DID", "logId": "log"}
    missing = [
        *({named.get(field, field) for field in subject} - TAMPERED.keys()),
        *({field for field in credential if not any(n.startswith(field) for n in TAMPERED)}),
    ]
    assert missing == []


def test_a_credential_of_an_issuer_that_is_not_on_the_trust_root(house: Gatehouse) -> None:
    device, other = house.device(DEVICE), registered(house, OTHER)
    theirs, trusted = other.issue(DEVICE.short), house.issuer.issue(DEVICE.short)

    with refused("untrusted_issuer", Check.ISSUER):
        house.admit(device, theirs)
    with refused("untrusted_issuer", Check.ISSUER):
        house.admit(device, trusted, theirs)

    house.admit(device, trusted)
    other.publish()
    house.admit(device, theirs, verifier=house.verifier(other.trusted()))


def test_a_stolen_credential(house: Gatehouse) -> None:
    device, thief = house.device(DEVICE), house.device(STRANGER)
    credential = house.issuer.issue(DEVICE.short)
    own = house.issuer.issue(STRANGER.short)

    with refused("holder_not_subject", Check.SUBJECT):
        house.admit(thief, credential)
    with refused("holder_not_subject", Check.SUBJECT):
        house.admit(thief, own, credential)

    house.admit(device, credential)
    house.admit(thief, own)


def test_a_credential_that_speaks_of_nobody(house: Gatehouse) -> None:
    device = house.device(DEVICE)

    nobody = house.issuer.issue(
        DEVICE.short,
        alter=lambda c: c["credentialSubject"].pop("id"),  # type: ignore[union-attr, call-overload]
    )
    with invalid("invalid_credential", Check.SUBJECT):
        house.admit(device, nobody)

    house.admit(device, house.issuer.issue(DEVICE.short))


def test_a_type_that_the_issuer_is_not_trusted_for(house: Gatehouse) -> None:
    device = house.device(DEVICE)
    provisioned = house.issuer.issue(DEVICE.short)
    maintained = house.issuer.issue(DEVICE.short, types=MAINTENANCE)

    with refused("untrusted_type", Check.ISSUER):
        house.admit(device, provisioned, maintained)

    wider = house.verifier(house.issuer.trusted(types=(PROVISIONING, MAINTENANCE)))
    admitted = house.admit(device, provisioned, maintained, verifier=wider)
    assert len(admitted.credentials) == 2


def test_a_trusted_type_with_another_beside_it(house: Gatehouse) -> None:
    device = house.device(DEVICE)

    both = house.issuer.issue(
        DEVICE.short,
        alter=lambda c: c.update(type=[*c["type"], MAINTENANCE]),  # type: ignore[misc]
    )
    with refused("untrusted_type", Check.ISSUER):
        house.admit(device, both)

    house.admit(
        device,
        both,
        verifier=house.verifier(house.issuer.trusted(types=(PROVISIONING, MAINTENANCE))),
    )


def test_claims_of_another_type_are_not_the_devices(house: Gatehouse) -> None:
    """An issuer that is trusted for maintenance alone must not hand out roles."""
    device = house.device(DEVICE)
    other = registered(house, OTHER, prefix="https://other.example/status/")
    other.publish()
    verifier = house.verifier(house.issuer.trusted(), other.trusted(types=(MAINTENANCE,)))
    maintained = other.issue(DEVICE.short, types=MAINTENANCE, claims={"roles": ["administrator"]})

    admitted = house.admit(device, maintained, house.issuer.issue(DEVICE.short), verifier=verifier)

    assert admitted.claims.roles == ("sensor",)
    assert admitted.issuer == house.issuer.did


def test_a_presentation_that_does_not_say_who_the_device_is(house: Gatehouse) -> None:
    device = house.device(DEVICE)
    trusted = house.issuer.trusted(types=(PROVISIONING, MAINTENANCE))
    verifier = house.verifier(trusted)
    maintained = house.issuer.issue(DEVICE.short, types=MAINTENANCE)
    provisioned = [house.issuer.issue(DEVICE.short) for _ in range(2)]

    with refused("one_provisioning_credential_needed", Check.DEVICE):
        house.admit(device, maintained, verifier=verifier)
    with refused("one_provisioning_credential_needed", Check.DEVICE):
        house.admit(device, *provisioned, verifier=verifier)

    house.admit(device, maintained, provisioned[0], verifier=verifier)


def test_a_configuration_credential_is_never_presented(house: Gatehouse) -> None:
    device, provisioned = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    secret = house.issuer.issue(DEVICE.short, types=CONFIGURATION)

    with refused("never_presented", Check.TYPE):
        house.admit(device, secret)
    with refused("never_presented", Check.TYPE):
        house.admit(device, provisioned, secret)
    with refused("never_presented", Check.TYPE):
        house.verifier().verify_credential(canonicalize(secret), at=house.now)

    house.admit(device, provisioned)


def test_outside_the_time_for_which_the_issuer_is_trusted(house: Gatehouse) -> None:
    device = house.device(DEVICE)
    since, until = house.now + timedelta(seconds=10), house.now + timedelta(seconds=20)
    verifier = house.verifier(house.issuer.trusted(since=since, until=until))
    early = house.issuer.issue(DEVICE.short)
    first = house.issuer.issue(DEVICE.short, valid_from=since)
    late = house.issuer.issue(DEVICE.short, valid_from=until)
    house.wait(60)
    house.issuer.publish()

    for outside in (early, late):
        with refused("untrusted_time", Check.ISSUER):
            house.admit(device, outside, verifier=verifier)

    house.admit(device, first, verifier=verifier)


def test_before_its_validity(house: Gatehouse) -> None:
    device, skew = house.device(DEVICE), house.policy.clock_skew
    future = house.issuer.issue(DEVICE.short, valid_from=house.now + skew + timedelta(seconds=1))
    near = house.issuer.issue(DEVICE.short, valid_from=house.now + skew)

    with refused("credential_not_yet_valid", Check.VALIDITY):
        house.admit(device, future)

    house.admit(device, near)


def test_after_its_validity(house: Gatehouse) -> None:
    device, skew = house.device(DEVICE), house.policy.clock_skew
    begun = house.now
    house.wait(3600)
    house.issuer.publish()
    end = house.now - skew
    ended = house.issuer.issue(DEVICE.short, valid_from=begun, valid_until=end)
    ending = house.issuer.issue(
        DEVICE.short, valid_from=begun, valid_until=end + timedelta(seconds=1)
    )

    with refused("credential_expired", Check.VALIDITY):
        house.admit(device, ended)

    house.admit(device, ending)


def test_the_end_of_the_calendar(house: Gatehouse) -> None:
    """The clocks' tolerance reaches beyond it; that was an OverflowError."""
    device = house.device(DEVICE)
    last = datetime.max.replace(microsecond=0, tzinfo=UTC)
    house.issuer.publish(valid_until=last)

    with refused("credential_not_yet_valid", Check.VALIDITY):
        house.admit(device, house.issuer.issue(DEVICE.short, valid_from=last, valid_until=last))

    house.admit(device, house.issuer.issue(DEVICE.short, valid_until=last))


def test_a_proof_that_has_ended(house: Gatehouse) -> None:
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)

    def ends(seconds: int) -> JsonObject:
        document = {name: value for name, value in credential.items() if name != "proof"}
        proof: dict[str, Any] = dict(credential["proof"])  # type: ignore[arg-type] # an object
        del proof["proofValue"]
        end = house.now + timedelta(seconds=seconds) - house.policy.clock_skew
        proof["expires"] = end.isoformat()
        signature = house.issuer.key.sign(hash_data(document, proof))
        return {**document, "proof": {**proof, "proofValue": multibase_encode(signature)}}

    with refused("credential_expired", Check.VALIDITY):
        house.admit(device, ends(0))

    house.admit(device, ends(1))


def test_a_credential_for_another_log(house: Gatehouse) -> None:
    device = house.device(DEVICE)

    with refused("wrong_log", Check.LOG):
        house.admit(device, house.issuer.issue(DEVICE.short, claims={"logId": OTHER_LOG_ID.hex()}))
    with refused("wrong_log", Check.LOG):
        house.admit(
            device,
            house.issuer.issue(
                DEVICE.short,
                alter=lambda c: c["credentialSubject"].pop("logId"),  # type: ignore[union-attr, call-overload]
            ),
        )

    house.admit(device, house.issuer.issue(DEVICE.short))


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"model": "door opener"}, "model_not_accepted"),
        ({"model": None}, "model_not_accepted"),
        ({"roles": ["sensor"]}, "role_missing"),
        ({"roles": []}, "role_missing"),
    ],
)
def test_a_device_that_the_policy_does_not_want(
    house: Gatehouse, claims: dict[str, Any], code: str
) -> None:
    device = house.device(DEVICE)
    house.policy = replace(house.policy, models=("thermometer", "meter"), roles=("sensor", "door"))
    wanted = {"model": "meter", "roles": ["door", "sensor", "more"]}

    def credential(said: dict[str, Any]) -> JsonObject:
        stated = {name: value for name, value in said.items() if value is not None}
        absent = [name for name, value in said.items() if value is None]
        return house.issuer.issue(
            DEVICE.short,
            claims=stated,
            alter=lambda c: [c["credentialSubject"].pop(name) for name in absent],  # type: ignore[union-attr, call-overload]
        )

    with refused(code, Check.POLICY):
        house.admit(device, credential({**wanted, **claims}))

    house.admit(device, credential(wanted))


@pytest.mark.parametrize(
    "claims", [{"model": 1}, {"owner": ["x"]}, {"roles": "administrator"}, {"roles": [1]}]
)
def test_claims_of_another_shape(house: Gatehouse, claims: JsonObject) -> None:
    device = house.device(DEVICE)

    with invalid("invalid_credential", Check.POLICY):
        house.admit(device, house.issuer.issue(DEVICE.short, claims=claims))

    house.admit(device, house.issuer.issue(DEVICE.short))


def test_a_did_key_issuer_counts_only_if_it_is_named(house: Gatehouse) -> None:
    device = house.device(DEVICE)
    issuer = Issuer(house, OTHER, did=KeyDid(OTHER.key.public_key()))
    issuer.publish()
    credential = issuer.issue(DEVICE.short)

    with refused("untrusted_issuer", Check.ISSUER):
        house.admit(device, credential)
    forged = copy.deepcopy(credential)
    forged["proof"]["verificationMethod"] = (  # type: ignore[index, call-overload]
        f"{issuer.did.text}#{STRANGER.key.public_key().multibase}"
    )
    with invalid("unknown_verification_method", Check.ISSUER_KEY):
        house.admit(device, forged, verifier=house.verifier(issuer.trusted()))

    house.admit(device, credential, verifier=house.verifier(issuer.trusted()))


def test_a_bare_credential_goes_through_the_same_steps(house: Gatehouse) -> None:
    house.device(DEVICE)
    credential = house.issuer.issue(DEVICE.short)
    verifier = house.verifier()
    text = json.dumps(credential).encode()
    tampered = text.replace(b"thermometer", b"door opener")
    trail = Trail()

    with invalid("invalid_signature", Check.CREDENTIAL_SIGNATURE):
        verifier.verify_credential(tampered, at=house.now, trail=trail)
    assert trail.steps[-1].to_json() == {
        "step": "6.4 credential signature",
        "outcome": "invalid",
        "credential": 0,
        "evidence": {"code": "invalid_signature"},
    }

    found = verifier.verify_credential(text, at=house.now)
    assert found.credential.document == credential
    assert Check.SUBJECT not in {step.check for step in found.decision.steps}
    assert verifier.audience == AUDIENCE
