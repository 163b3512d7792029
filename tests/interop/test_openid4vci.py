"""The npm client of OpenID4VCI 1.0, unchanged, enrols devices with our issuer.

It cannot encrypt, so it gets the provisioning credential and not the configuration.
"""

from typing import Any

import pytest
from actors import STRANGER, Actor, actor
from onboarding import Services
from peer import Peer, PeerError

from did.configurations import CONFIGURATIONS
from did.identifier import Did, DidUrl, parse_did
from did.openid4vci import CONFIGURATION_CONFIGURATION, PROVISIONING_CONFIGURATION
from did.possession import sign_possession_presentation
from did.vc.credential import PROVISIONING, Credential, parse_credential
from did.vc.formats import Format, read_credential
from keyborn import clock

pytestmark = pytest.mark.npm


def enrol(wallet: Peer, holder: Actor, offer: str, **changes: Any) -> Credential:
    """The credential that the wallet comes back with; the proof's key is the long-form DID's."""
    question = {
        "offer": offer,
        "seed": holder.key.seed.hex(),
        "kid": method(holder.did, holder),
        "configuration": PROVISIONING_CONFIGURATION,
        **changes,
    }
    answer = wallet.ask("enrol", **question)
    assert answer["version"] == "V1"
    assert PROVISIONING_CONFIGURATION in answer["offered"]
    (entry,) = answer["credentials"]
    return parse_credential(entry["credential"])


def question(holder: Actor, offer: str, **more: Any) -> dict[str, Any]:
    return {
        "offer": offer,
        "seed": holder.key.seed.hex(),
        "configuration": PROVISIONING_CONFIGURATION,
        **more,
    }


def method(did: Did, holder: Actor) -> str:
    return DidUrl(did, holder.key.public_key().multibase).text


def test_a_device_is_enrolled(wallet: Peer, world: Services) -> None:
    device = actor("enrolled by npm")
    credential = enrol(wallet, device, world.offer())
    assert PROVISIONING in credential.types
    assert credential.issuer == parse_did(world.issuer_did)
    assert credential.subject_did() == device.short
    assert credential.log_id == world.network.log_id
    assert credential.subject["model"] == "thermo-2"
    credential.proof.verify(credential.proof.method.key())
    assert world.inventory(device.short.text)["provisioned"]


def test_with_a_transaction_code(wallet: Peer, world: Services) -> None:
    device = actor("enrolled by npm with a code")
    (claim,) = world.claims(1, tx_code=True)
    wrong = claim["tx_code"][::-1] + "0"
    with pytest.raises(PeerError, match="invalid_grant"):
        enrol(wallet, device, claim["offer"], txCode=wrong)
    credential = enrol(wallet, device, claim["offer"], txCode=claim["tx_code"])
    assert credential.subject_did() == device.short


def test_enrolling_again_gives_the_same_credential(wallet: Peer, world: Services) -> None:
    device, offer = actor("enrolled by npm twice"), world.offer()
    first, second = (enrol(wallet, device, offer) for _ in range(2))
    assert first.document == second.document


def test_a_claim_that_another_device_took(wallet: Peer, world: Services) -> None:
    offer = world.offer()
    enrol(wallet, actor("first by npm"), offer)
    with pytest.raises(PeerError, match=r"credential_request_denied.*claim_used"):
        enrol(wallet, actor("second by npm"), offer)


def test_a_claim_that_is_bound_to_another_device(wallet: Peer, world: Services) -> None:
    device = actor("bound by npm")
    offer = world.offer(did=device.short.text)
    with pytest.raises(PeerError, match="credential_request_denied"):
        enrol(wallet, STRANGER, offer)
    assert enrol(wallet, device, offer).subject_did() == device.short


def test_a_proof_by_a_key_that_is_not_the_did_s(wallet: Peer, world: Services) -> None:
    device, offer = actor("stolen by npm"), world.offer()
    with pytest.raises(PeerError, match="invalid_proof"):
        enrol(wallet, device, offer, seed=STRANGER.key.seed.hex())
    with pytest.raises(PeerError, match="invalid_proof"):
        enrol(wallet, STRANGER, offer, kid=method(device.did, STRANGER))
    enrol(wallet, device, offer)


def test_a_short_form_that_is_not_registered(wallet: Peer, world: Services) -> None:
    device, offer = actor("short by npm"), world.offer()
    with pytest.raises(PeerError, match="invalid_proof"):
        enrol(wallet, device, offer, kid=method(device.short, device))
    enrol(wallet, device, offer)


def test_the_configuration_is_not_sent_in_the_clear(wallet: Peer, world: Services) -> None:
    device, offer = actor("in the clear by npm"), world.offer()
    with pytest.raises(PeerError, match="invalid_encryption_parameters"):
        enrol(wallet, device, offer, configuration=CONFIGURATION_CONFIGURATION)
    enrol(wallet, device, offer)


def test_an_offer_by_reference(wallet: Peer, world: Services) -> None:
    device = actor("referred to by npm")
    (claim,) = world.claims(1)
    assert enrol(wallet, device, claim["offer_by_reference"]).subject_did() == device.short


def test_jwt_vc_json(wallet: Peer, world: Services) -> None:
    """The one other format of ours that the client knows; of the others it says so itself."""
    device, offer = actor("as a token by npm"), world.offer()
    kid = method(device.did, device)
    asked = question(device, offer, kid=kid, configuration="device-provisioning-jwt-vc-json")
    (entry,) = wallet.ask("enrol", **asked)["credentials"]
    credential = read_credential(entry["credential"].encode(), Format.JWT_VC_JSON)
    assert credential.subject_did() == device.short
    credential.proof.verify(credential.proof.method.key())


def test_several_devices_at_once(wallet: Peer, world: Services) -> None:
    devices = [actor(f"together by npm {n}") for n in range(3)]
    holders = [{"seed": each.key.seed.hex(), "kid": method(each.did, each)} for each in devices]
    asked = {"holders": holders, "configuration": PROVISIONING_CONFIGURATION}
    answer = wallet.ask("enrolTogether", offer=world.offer(devices=3), **asked)
    subjects = [
        parse_credential(each["credential"]).subject_did() for each in answer["credentials"]
    ]
    assert subjects == [each.short for each in devices]
    with pytest.raises(PeerError, match=r"credential_request_denied.*claim_too_small"):
        wallet.ask("enrolTogether", offer=world.offer(), **asked)


def test_a_presentation_as_the_proof(wallet: Peer, world: Services) -> None:
    device, offer = actor("presenting by npm"), world.offer()
    nonce = wallet.ask("nonce", **question(device, offer))
    shown = sign_possession_presentation(
        device.did, device.key, audience=world.issuer_url, nonce=nonce, issued=clock.now()
    )
    asked = question(device, offer, presentation=shown)
    (entry,) = wallet.ask("enrolWithPresentation", **asked)["credentials"]
    assert parse_credential(entry["credential"]).subject_did() == device.short
    with pytest.raises(PeerError, match="invalid_nonce"):
        wallet.ask("enrolWithPresentation", **asked)


def test_a_credential_that_has_to_be_approved(wallet: Peer, world: Services) -> None:
    device = actor("approved by npm")
    (claim,) = world.claims(1, approval=True)
    asked = question(device, claim["offer"], kid=method(device.did, device))
    deferred = wallet.ask("enrol", **asked)
    assert deferred["interval"] > 0
    back = {**asked, "transaction": deferred["transaction"]}
    assert wallet.ask("comeBack", **back) == {
        "transaction_id": deferred["transaction"],
        "interval": deferred["interval"],
    }
    assert world.admin.post(f"/claims/{claim['id']}/approve", json={}).is_success
    (entry,) = wallet.ask("comeBack", **back)["credentials"]
    assert parse_credential(entry["credential"]).subject_did() == device.short
    with pytest.raises(PeerError, match="invalid_transaction_id"):
        wallet.ask("comeBack", **back)
    again = wallet.ask("enrol", **asked)
    assert again["credentials"] == [entry]


def test_a_device_that_is_denied(wallet: Peer, world: Services) -> None:
    device = actor("denied by npm")
    (claim,) = world.claims(1, approval=True)
    asked = question(device, claim["offer"], kid=method(device.did, device))
    transaction = wallet.ask("enrol", **asked)["transaction"]
    assert world.admin.post(f"/claims/{claim['id']}/deny", json={}).is_success
    with pytest.raises(PeerError, match=r"credential_request_denied.*claim_denied"):
        wallet.ask("comeBack", **asked, transaction=transaction)


def test_notifications(wallet: Peer, world: Services) -> None:
    device = actor("notifying by npm")
    (claim,) = world.claims(1)
    asked = question(device, claim["offer"], kid=method(device.did, device))
    notification = wallet.ask("enrol", **asked)["notification"]
    said = {**asked, "notification": notification, "event": "credential_accepted"}
    wallet.ask("notify", **said)
    wallet.ask("notify", **said)
    wallet.ask("notify", **{**said, "event": "credential_deleted"}, description="made room")
    told = world.admin.get(f"/claims/{claim['id']}").json()["notifications"]
    assert [(each["event"], each["description"]) for each in told] == [
        ("credential_accepted", None),
        ("credential_deleted", "made room"),
    ]
    with pytest.raises(PeerError):
        wallet.ask("notify", **{**said, "notification": "x"})


def test_metadata_is_understood(wallet: Peer, world: Services) -> None:
    told = wallet.ask("metadata", **question(actor("asking by npm"), world.offer()))
    issuer = told["credentialIssuer"]
    assert told["originalDraftVersion"] == "V1"
    assert set(issuer["credential_configurations_supported"]) == set(CONFIGURATIONS)
    assert {"device-provisioning", "device-provisioning-jwt-vc-json"} <= set(
        told["knownCredentialConfigurations"]
    )
    assert issuer["batch_credential_issuance"]["batch_size"] > 1
    assert issuer["credential_response_encryption"]["encryption_required"] is False
