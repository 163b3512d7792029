import pytest
from onboarding import Services

from devices.agent import Agent
from devices.errand import Errand, carry_out
from devices.ledger_access import LedgerAccess
from did.errors import KeybornError, Unavailable
from did.openid4vci import parse_offer
from ledger.controller import Controller
from ledger.landing import Landing


def _carry(
    agent: Agent, ledger: LedgerAccess, errand: Errand | None = None
) -> tuple[list[str], object]:
    told: list[str] = []
    decided = carry_out(agent, ledger, errand or Errand(), told.append)
    return told, decided


def test_whatever_is_missing_is_done_in_order(
    agent: Agent, ledger: LedgerAccess, world: Services
) -> None:
    offer = parse_offer(world.offer())
    whole = Errand(offer, verifier=world.verifier_url)
    told, decided = _carry(agent, ledger, whole)
    assert told == ["enroll", "register", "present"]
    assert decided is not None
    told, decided = _carry(agent, ledger)
    assert (told, decided) == ([], None)
    told, _ = _carry(agent, ledger, Errand(verifier=world.verifier_url))
    assert told == ["present"]


def test_a_device_without_a_claim_is_registered_all_the_same(
    agent: Agent, ledger: LedgerAccess, world: Services
) -> None:
    told, _ = _carry(agent, ledger)
    assert told == ["register"]
    with pytest.raises(Unavailable) as caught:
        _carry(agent, ledger, Errand(verifier=world.verifier_url))
    assert caught.value.code == "not_enrolled"


def test_an_enrolment_that_was_begun_is_finished_without_its_offer(
    agent: Agent, ledger: LedgerAccess, world: Services
) -> None:
    (claim,) = world.claims(1, tx_code=True)
    offer, right = parse_offer(claim["offer"]), claim["tx_code"]
    wrong = "000000" if right != "000000" else "111111"
    with pytest.raises(KeybornError):
        _carry(agent, ledger, Errand(offer, wrong))
    told, _ = _carry(agent, ledger, Errand(offer, right))
    assert told == ["enroll", "register"]


@pytest.mark.parametrize("step", ["rotate", "deactivate"])
def test_an_update_that_was_begun_is_finished_first(
    agent: Agent,
    ledger: LedgerAccess,
    world: Services,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    _carry(agent, ledger, Errand(parse_offer(world.offer())))
    with monkeypatch.context() as patch:
        patch.setattr(Landing, "land", _lost)
        with pytest.raises(Unavailable):
            getattr(agent, step)(ledger)
    assert agent.controller.pending
    told, _ = _carry(agent, ledger)
    assert told == ["finish the update that was begun"]
    assert not agent.controller.pending
    newest = ledger.reader.resolve(agent.did.canonical).versions[-1]
    assert newest.number == 1
    assert (newest.key is None) is (step == "deactivate")
    assert Controller.open(agent.store.identity).pending is False


def _lost(*_: object, **__: object) -> object:
    raise Unavailable("unreachable", "the registrar is down")
