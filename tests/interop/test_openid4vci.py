"""The npm client of OpenID4VCI 1.0, unchanged, enrols devices with our issuer.

It cannot encrypt, so it gets the provisioning credential and not the configuration.
"""

from typing import Any

import pytest
from actors import STRANGER, Actor, actor
from onboarding import Services
from peer import Peer, PeerError

from did.identifier import Did, DidUrl, parse_did
from did.openid4vci import CONFIGURATION_CONFIGURATION, PROVISIONING_CONFIGURATION
from did.vc.credential import PROVISIONING, Credential, parse_credential

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
