"""A device's whole life, with a real ledger, issuer and verifier."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from actors import DEVICE, OTHER_LOG_ID
from onboarding import SECRETS, Paid, Services, ledger_service

from devices.agent import Agent, OnLog
from devices.connections import Connections
from devices.ledger_access import LedgerAccess, ledger_access
from devices.store import Store
from did.errors import Conflict, KeybornError, Refused, Unavailable, Undecided
from did.openid4vci import parse_offer
from did.possession import parse_possession
from ledger.embedded.heads import EmbeddedPin
from ledger.network import Network


def _code(act: Callable[[], object]) -> str:
    with pytest.raises(KeybornError) as caught:
        act()
    return caught.value.code


def test_from_birth_to_the_end(agent: Agent, ledger: LedgerAccess, world: Services) -> None:
    present = lambda: agent.present(world.verifier_url)  # noqa: E731
    assert agent.enroll(parse_offer(world.offer()), ledger).complete
    assert agent.configuration() == SECRETS
    assert _code(present) == "not_registered"

    registered = agent.register(ledger).to_json()
    assert registered["did"] == agent.did.canonical.text
    assert registered["finality"] == "finalized"
    assert agent.is_registered(ledger)
    admitted = present()
    assert admitted["device"]["did"] == agent.did.canonical.text  # type: ignore[call-overload, index] # checked by presenting

    before = agent.controller.signer.public_key()
    rotated = agent.rotate(ledger).to_json()
    assert str(rotated["versionId"]).startswith("1-")
    assert agent.controller.signer.public_key() != before
    assert "device" in present()

    ended = agent.deactivate(ledger).to_json()
    assert ended["deactivated"] is True
    assert _code(present) == "deactivated"
    known = world.inventory(agent.did.canonical.text)
    assert known["provisioned"]


def test_registering_first_is_as_good(agent: Agent, ledger: LedgerAccess, world: Services) -> None:
    agent.register(ledger)
    agent.rotate(ledger)
    agent.enroll(parse_offer(world.offer()), ledger)  # the long form, and a key that is not in it
    assert "device" in agent.present(world.verifier_url)


def test_each_step_can_be_repeated(agent: Agent, ledger: LedgerAccess, world: Services) -> None:
    offer = parse_offer(world.offer())
    first = agent.enroll(offer, ledger)
    credential = agent.credential()
    assert agent.enroll(offer, ledger) == first
    assert agent.enroll(None, ledger) == first
    assert agent.credential() == credential
    once, again = (agent.register(ledger).to_json() for _ in range(2))
    assert {**once, "asOf": None} == {**again, "asOf": None}  # a second may pass between the two
    agent.deactivate(ledger)
    assert agent.deactivate(ledger).to_json()["deactivated"] is True


def test_a_device_is_born_once(tmp_path: Path) -> None:
    with Connections() as connections:
        first = Agent.born(tmp_path / "device", connections)
        again = Agent.born(tmp_path / "device", connections)
    assert again.did == first.did


def test_the_next_key_can_be_kept_elsewhere(
    tmp_path: Path, ledger: LedgerAccess, world: Services
) -> None:
    safe = tmp_path / "next.key"
    with Connections() as connections:
        agent = Agent.born(tmp_path / "device", connections, next_out=safe)
        agent.enroll(parse_offer(world.offer()), ledger)
        agent.register(ledger)
        assert _code(lambda: agent.rotate(ledger)) == "next_key_needed"
        agent.rotate(ledger, next_key=safe)
        assert "device" in agent.present(world.verifier_url)
        agent.deactivate(ledger, next_key=safe)


def test_a_copy_made_before_a_rotation_no_longer_speaks_for_the_did(
    agent: Agent, ledger: LedgerAccess, world: Services, tmp_path: Path
) -> None:
    agent.enroll(parse_offer(world.offer()), ledger)
    agent.register(ledger)
    shutil.copytree(agent.store.directory, tmp_path / "thief")
    agent.rotate(ledger)
    with Connections() as connections:
        thief = Agent(Store.open(tmp_path / "thief"), connections)
        assert _code(lambda: thief.present(world.verifier_url)) == "key_superseded"
        assert _code(lambda: thief.rotate(ledger)) == "store_outdated"
    assert "device" in agent.present(world.verifier_url)


def test_another_devices_credential_is_refused_and_ones_own_is_not(
    born: Callable[[], Agent], ledger: LedgerAccess, world: Services
) -> None:
    mine, other = born(), born()
    for each in (mine, other):
        each.enroll(parse_offer(world.offer()), ledger)
        each.register(ledger)
    url = world.verifier_url
    assert _code(lambda: mine.present(url, credential=other.credential())) == "holder_not_subject"
    assert "device" in mine.present(url, credential=mine.credential())


def test_the_configuration_is_never_presented(
    agent: Agent, ledger: LedgerAccess, world: Services
) -> None:
    agent.enroll(parse_offer(world.offer()), ledger)
    secret = agent.store.credential("configuration")
    assert _code(lambda: agent.present(world.verifier_url, credential=secret)) == "never_presented"


def test_a_verifier_by_another_name_is_not_answered(
    agent: Agent, ledger: LedgerAccess, world: Services
) -> None:
    agent.enroll(parse_offer(world.offer()), ledger)
    agent.register(ledger)
    other = world.verifier_url.replace("127.0.0.1", "localhost")
    assert _code(lambda: agent.present(other)) == "wrong_audience"
    assert "device" in agent.present(other, audience=world.verifier_url)


def test_a_claim_serves_one_device(
    born: Callable[[], Agent], ledger: LedgerAccess, world: Services
) -> None:
    offer = parse_offer(world.offer())
    first, second = born(), born()
    first.enroll(offer, ledger)
    assert _code(lambda: second.enroll(offer, ledger)) == "claim_used"
    assert second.store.credential("provisioning") is None
    second.enroll(parse_offer(world.offer()), ledger)


def test_a_claim_can_be_for_one_device_alone(
    born: Callable[[], Agent], ledger: LedgerAccess, world: Services
) -> None:
    right, wrong = born(), born()
    offer = parse_offer(world.offer(did=right.did.text))
    assert _code(lambda: wrong.enroll(offer, ledger)) == "claim_bound"
    assert right.enroll(offer, ledger).complete


def test_a_code_that_nobody_gave_out_is_refused(
    agent: Agent, ledger: LedgerAccess, world: Services
) -> None:
    offer = parse_offer(world.offer())
    assert _code(lambda: agent.enroll(replace(offer, code="x" * 43), ledger)) == "unknown_code"
    assert agent.enroll(offer, ledger).complete


def test_a_transaction_code_is_needed_where_the_claim_says_so(
    agent: Agent, ledger: LedgerAccess, world: Services
) -> None:
    (claim,) = world.claims(1, tx_code=True)
    offer, right = parse_offer(claim["offer"]), claim["tx_code"]
    wrong = "000000" if right != "000000" else "111111"
    assert _code(lambda: agent.enroll(offer, ledger)) == "tx_code_needed"
    assert _code(lambda: agent.enroll(offer, ledger, tx_code=wrong)) == "wrong_tx_code"
    assert agent.enroll(offer, ledger, tx_code=right).complete


def test_an_issuer_that_is_on_another_log_is_refused(
    agent: Agent, world: Services, tmp_path: Path
) -> None:
    other = Network(EmbeddedPin(OTHER_LOG_ID, DEVICE.key.public_key()), world.network.url)
    with ledger_access(other, tmp_path / "other.sqlite") as ledger:
        assert _code(lambda: agent.enroll(parse_offer(world.offer()), ledger)) == "wrong_log"


def test_the_log_is_named_once(agent: Agent, world: Services) -> None:
    with pytest.raises(Unavailable) as unknown:
        agent.network()
    assert unknown.value.code == "network_unknown"
    assert agent.network(world.network) == world.network
    assert agent.network() == world.network
    other = Network(EmbeddedPin(OTHER_LOG_ID, DEVICE.key.public_key()), world.network.url)
    with pytest.raises(Conflict):
        agent.network(other)


def test_what_a_device_does_not_have_is_named(agent: Agent, ledger: LedgerAccess) -> None:
    assert _code(lambda: agent.enroll(None, ledger)) == "no_claim"
    assert _code(agent.credential) == "not_enrolled"
    assert _code(agent.configuration) == "not_configured"


def test_a_claim_without_configuration_configures_nothing(
    agent: Agent, ledger: LedgerAccess, world: Services
) -> None:
    agent.enroll(parse_offer(world.offer(configuration=None)), ledger)
    assert _code(agent.configuration) == "not_configured"
    assert agent.credential()


def test_a_ledger_that_is_down_leaves_the_enrolment_to_be_taken_up(
    agent: Agent, ledger: LedgerAccess, world: Services, tmp_path: Path
) -> None:
    nowhere = Network(world.network.pin, "http://127.0.0.1:9")
    offer = parse_offer(world.offer())
    with ledger_access(nowhere, tmp_path / "nowhere.sqlite") as down:
        assert _code(lambda: agent.enroll(offer, down)) == "ledger_unreachable"
        assert _code(lambda: agent.register(down)) == "ledger_unreachable"
    assert agent.store.credential("provisioning") is None
    assert agent.enroll(None, ledger).complete


def test_a_possession_proof_can_be_had_alone(agent: Agent) -> None:
    proof = parse_possession(agent.prove(audience="https://issuer.example", nonce="n"))
    proof.verify(proof.method.key())
    assert proof.method.did == agent.did
    assert (proof.audience, proof.nonce) == ("https://issuer.example", "n")


def test_a_device_without_a_deactivation_under_way_has_nothing_to_resume(
    agent: Agent, ledger: LedgerAccess
) -> None:
    with pytest.raises(Refused) as caught:
        agent.resume(ledger)
    assert caught.value.code == "not_registered"


def test_registering_waits_until_it_is_final(
    agent: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, index = tmp_path / "slow", tmp_path / "slow.sqlite"
    with (
        ledger_service(folder, finality_depth=2, block_seconds=3600) as network,
        ledger_access(network, index) as ledger,
        monkeypatch.context() as patch,
    ):
        patch.setattr("devices.agent._PATIENCE", 0.2)
        with pytest.raises(Undecided) as caught:
            agent.register(ledger)
        assert (caught.value.code, caught.value.retry_after) == ("not_final", 5)
        assert agent.is_registered(ledger)
    with (
        ledger_service(folder, finality_depth=2, block_seconds=0.05) as network,
        ledger_access(network, index) as ledger,
    ):
        assert agent.register(ledger).to_json()["finality"] == "finalized"


def test_what_it_cost_is_told(agent: Agent, ledger: LedgerAccess) -> None:
    paid = replace(ledger, registrar=Paid(ledger.registrar))
    told = agent.register(paid).to_json()
    assert (told["transaction"], told["gas"]) == (Paid.TRANSACTION, 36_443)


def test_a_rotation_is_the_same_until_it_is_final_and_has_been_told(
    agent: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, index = tmp_path / "slow", tmp_path / "slow.sqlite"
    with (
        ledger_service(folder, finality_depth=2, block_seconds=3600) as network,
        ledger_access(network, index) as ledger,
        monkeypatch.context() as patch,
    ):
        patch.setattr("devices.agent._PATIENCE", 0.2)
        acts = (agent.register, agent.rotate, agent.rotate)
        for act in acts:
            assert _code(lambda act=act: act(ledger)) == "not_final"
    told: list[OnLog] = []
    with (
        ledger_service(folder, finality_depth=2, block_seconds=0.05) as network,
        ledger_access(network, index) as ledger,
    ):
        rotated = [agent.rotate(ledger, tell=told.append) for _ in range(2)]
    assert told == rotated
    assert [str(each.to_json()["versionId"])[:2] for each in rotated] == ["1-", "2-"]
