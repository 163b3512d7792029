from dataclasses import replace
from datetime import timedelta

import pytest
from actors import DEVICE, STRANGER, Actor
from issuing import SECRETS, TERMS, URL, World
from sqlalchemy import func, select

from did.configurations import CONFIGURATIONS
from did.errors import KeybornError, Unavailable
from did.nonce import Nonce
from did.openid4vci import CONFIGURATION_CONFIGURATION, PROVISIONING_CONFIGURATION
from did.resolution import Finality, asserting_version
from did.strict_json import parse_object
from did.vc.credential import parse_credential
from issuer import claims, inventory
from issuer.grants import Granted, grant
from issuer.possession import Possession, mint_nonce
from issuer.store import grants, status_indexes, used_nonces

BOTH = replace(TERMS, configuration=SECRETS)


def nonce(world: World) -> Nonce:
    return mint_nonce(world.issuer.keys.nonce, issuer=URL, at=world.clock())


def ask(
    world: World,
    claim: str,
    who: Actor = DEVICE,
    *,
    configuration: str = PROVISIONING_CONFIGURATION,
    spent: Nonce | None = None,
) -> bytes:
    possession = Possession(who.did, spent or nonce(world))
    granted = grant(
        world.issuer,
        claim=claim,
        configuration=CONFIGURATIONS[configuration],
        possessions=[possession],
        at=world.clock(),
    )
    assert isinstance(granted, Granted)
    (credential,) = granted.credentials
    return credential


def refusal(world: World, claim: str, who: Actor = DEVICE, **changes: object) -> tuple[str, str]:
    with pytest.raises(KeybornError) as caught:
        ask(world, claim, who, **changes)  # type: ignore[arg-type] # passed on
    return caught.value.code, str(caught.value.step)


def count(world: World, column: object) -> int:
    with world.issuer.engine.begin() as connection:
        return int(connection.execute(select(func.count(column))).scalar_one())  # type: ignore[arg-type] # a column


def test_grants_what_the_claim_says(world: World) -> None:
    credential = parse_credential(parse_object(ask(world, world.claim().id)))
    issuer = world.issuer.identity
    assert credential.types == ("VerifiableCredential", "DeviceProvisioningCredential")
    assert credential.subject == {
        "id": DEVICE.short.text,
        "logId": world.ledger.log_id.hex(),
        "model": "thermo-2",
        "owner": "plant-7",
        "roles": ["sensor"],
    }
    assert credential.issuer == issuer.did
    assert credential.valid_from == world.clock()
    assert [entry.purpose for entry in credential.statuses] == ["revocation", "suspension"]
    credential.proof.verify(issuer.key)
    version = asserting_version(
        issuer.resolution(),
        issuer.key,
        signed=world.clock(),
        finality=Finality.FINALIZED,
        step="test",
    )
    assert version.number == 0


def test_the_configuration_is_a_credential_of_its_own(world: World) -> None:
    claim = world.claim(BOTH)
    credential = parse_credential(
        parse_object(ask(world, claim.id, configuration=CONFIGURATION_CONFIGURATION))
    )
    assert credential.types[1] == "DeviceConfigurationCredential"
    assert credential.subject["configuration"] == SECRETS
    assert claims.show(world.issuer.engine, claim.id).completed is None
    assert inventory.show(world.issuer.engine, DEVICE.did).provisioned is None
    other = ask(world, claim.id)
    assert b"psk" not in other
    assert claims.show(world.issuer.engine, claim.id).completed == world.clock()
    assert inventory.show(world.issuer.engine, DEVICE.did).provisioned == world.clock()


def test_a_repeat_gives_the_same_bytes(world: World) -> None:
    claim = world.claim()
    first = ask(world, claim.id)
    world.clock.advance(60)
    assert ask(world, claim.id) == first
    assert count(world, grants.c.claim) == 1
    assert count(world, status_indexes.c.position) == 2
    assert ask(world, world.claim().id) != first


def test_a_nonce_is_used_once_even_to_repeat(world: World) -> None:
    claim, spent = world.claim(), nonce(world)
    ask(world, claim.id, spent=spent)
    assert refusal(world, claim.id, spent=spent) == ("nonce_used", "nonce")
    assert refusal(world, world.claim().id, STRANGER, spent=spent) == ("nonce_used", "nonce")
    ask(world, claim.id)


def test_a_nonce_is_not_used_up_by_a_refusal(world: World) -> None:
    claim, spent = world.claim(), nonce(world)
    ask(world, claim.id, STRANGER)
    assert refusal(world, claim.id, spent=spent) == ("claim_used", "claim")
    ask(world, world.claim().id, spent=spent)


def test_used_nonces_are_forgotten_well_after_they_expired(world: World) -> None:
    ask(world, world.claim().id)
    world.clock.advance(timedelta(minutes=50).total_seconds())
    ask(world, world.claim().id)
    assert count(world, used_nonces.c.digest) == 2
    world.clock.advance(timedelta(minutes=20).total_seconds())
    ask(world, world.claim().id)
    assert count(world, used_nonces.c.digest) == 2


def test_a_claim_is_taken_by_the_first_did(world: World) -> None:
    claim = world.claim(BOTH)
    ask(world, claim.id)
    for configuration in (PROVISIONING_CONFIGURATION, CONFIGURATION_CONFIGURATION):
        refused = refusal(world, claim.id, STRANGER, configuration=configuration)
        assert refused == ("claim_used", "claim")
    ask(world, claim.id, configuration=CONFIGURATION_CONFIGURATION)


def test_a_bound_claim_is_for_its_did(world: World) -> None:
    claim = world.claim(replace(TERMS, dids=(DEVICE.short,)))
    assert refusal(world, claim.id, STRANGER) == ("claim_bound", "claim")
    ask(world, claim.id)


def test_a_withdrawn_claim_gives_nothing(world: World) -> None:
    claim = world.claim()
    claims.cancel(world.issuer.engine, claim.id, at=world.clock())
    assert refusal(world, claim.id) == ("claim_cancelled", "claim")
    assert refusal(world, "0" * 32) == ("claim_cancelled", "claim")


def test_what_is_not_on_offer_is_not_given(world: World) -> None:
    claim = world.claim()
    refused = refusal(world, claim.id, configuration=CONFIGURATION_CONFIGURATION)
    assert refused == ("not_offered", "claim")
    ask(world, claim.id)


def test_a_stopped_device_gets_nothing_not_even_a_repeat(world: World) -> None:
    engine = world.issuer.engine
    claim = world.claim()
    first = ask(world, claim.id)
    inventory.suspend(engine, DEVICE.did, at=world.clock())
    assert refusal(world, claim.id) == ("device_suspended", "device")
    assert refusal(world, world.claim().id) == ("device_suspended", "device")
    inventory.reinstate(engine, DEVICE.did)
    assert ask(world, claim.id) == first
    inventory.revoke(engine, DEVICE.did, at=world.clock())
    assert refusal(world, claim.id) == ("device_revoked", "device")
    assert refusal(world, world.claim().id) == ("device_revoked", "device")
    ask(world, world.claim().id, STRANGER)


def test_a_new_claim_renews_what_is_known(world: World) -> None:
    ask(world, world.claim().id)
    ask(world, world.claim(replace(TERMS, model="thermo-3", tags={"hall": "4"})).id)
    device = inventory.show(world.issuer.engine, DEVICE.did)
    assert (device.model, device.tags) == ("thermo-3", {"hall": "4"})


def test_nothing_is_valid_from_before_the_key_was_on_the_log(world: World) -> None:
    world.clock.advance(-30)
    credential = parse_credential(parse_object(ask(world, world.claim().id)))
    assert credential.valid_from == world.issuer.identity.signing().since
    assert credential.valid_from == world.clock() + timedelta(seconds=30)


def test_a_rotation_that_began_meanwhile_stops_the_grant(world: World) -> None:
    """Between lending the key and using it, the identity may have begun to rotate."""
    lent = world.issuer.identity.signing()

    class Lender:
        def signing(self) -> object:
            return lent

    world.clock.ticking = True
    world.issuer.identity.rotate()
    late = replace(world.issuer, identity=Lender())  # type: ignore[arg-type] # all that is asked of it
    claim = world.claim().id
    with pytest.raises(Unavailable) as caught:
        grant(
            late,
            claim=claim,
            configuration=CONFIGURATIONS[PROVISIONING_CONFIGURATION],
            possessions=[Possession(DEVICE.did, nonce(world))],
            at=world.clock(),
        )
    assert caught.value.code == "rotation_pending"
    assert count(world, grants.c.claim) == 0
    assert claims.show(world.issuer.engine, claim).holders == ()
    ask(world, claim)
