"""When a status list is fetched, and when one that was kept decides. Bad lists: the attacks."""

from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from actors import DEVICE
from gatehouse import Gatehouse
from outcomes import refused, undecided

from did.vc.status_list import REVOCATION, SUSPENSION
from verifier.decision import Check
from verifier.status_standing import Standing
from verifier.statuses import Statuses
from verifier.store import KeptList, open_store
from verifier.verifier import AuthenticatedDevice


@pytest.fixture
def patient(house: Gatehouse) -> Gatehouse:
    """Takes lists of up to 100 s; the issuer lets them be kept for 60."""
    house.policy = replace(house.policy, max_status_age=timedelta(seconds=100))
    house.issuer.publish(ttl=60_000)
    return house


def ages(device: AuthenticatedDevice) -> list[int | None]:
    return [step.age for step in device.decision.steps if step.check is Check.STATUS]


def test_a_list_is_fetched_once_within_its_ttl(patient: Gatehouse) -> None:
    house, device = patient, patient.device(DEVICE)
    credential = house.issuer.issue(DEVICE.short)
    verifier = house.verifier()

    assert ages(house.admit(device, credential, verifier=verifier)) == [0, 0]
    house.wait(59)
    assert ages(house.admit(device, credential, verifier=verifier)) == [59, 59]
    assert sorted(house.statuses.fetched) == sorted(
        house.issuer.url(purpose) for purpose in (REVOCATION, SUSPENSION)
    )

    house.wait(1)
    house.issuer.publish()
    assert ages(house.admit(device, credential, verifier=verifier)) == [0, 0]
    assert len(house.statuses.fetched) == 4


def test_it_is_kept_over_a_restart(patient: Gatehouse) -> None:
    house, device = patient, patient.device(DEVICE)
    credential = house.issuer.issue(DEVICE.short)
    house.admit(device, credential)
    house.store.close()
    house.statuses.up = False
    house.wait(30)

    store = open_store(house.directory / "verifier")
    verifier = house.verifier(store=store)
    assert ages(house.admit(device, credential, verifier=verifier)) == [30, 30]
    store.close()


def test_the_policy_may_be_shorter_than_the_ttl(patient: Gatehouse) -> None:
    house, device = patient, patient.device(DEVICE)
    credential = house.issuer.issue(DEVICE.short)
    house.policy = replace(house.policy, max_status_age=timedelta(seconds=10))
    verifier = house.verifier()
    house.admit(device, credential, verifier=verifier)

    house.wait(10)
    house.issuer.set(SUSPENSION)
    with refused("suspended", Check.STATUS):
        house.admit(device, credential, verifier=verifier)


def test_none_is_kept_where_the_policy_asks_each_time(house: Gatehouse) -> None:
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    verifier = house.verifier()
    for _ in range(2):
        house.admit(device, credential, verifier=verifier)
    assert len(house.statuses.fetched) == 4


def test_an_issuer_that_is_away_for_a_while(patient: Gatehouse) -> None:
    house, device = patient, patient.device(DEVICE)
    credential = house.issuer.issue(DEVICE.short)
    verifier = house.verifier()
    house.admit(device, credential, verifier=verifier)
    house.statuses.up = False

    house.wait(99)
    assert ages(house.admit(device, credential, verifier=verifier)) == [99, 99]
    house.wait(1)
    with undecided("status_stale", Check.STATUS):
        house.admit(device, credential, verifier=verifier)

    house.statuses.up = True
    house.issuer.publish()
    house.admit(device, credential, verifier=verifier)


def test_a_kept_list_that_has_ended_does_not_decide(patient: Gatehouse) -> None:
    house, device = patient, patient.device(DEVICE)
    credential = house.issuer.issue(DEVICE.short)
    verifier = house.verifier()
    house.issuer.publish(valid_until=house.now + timedelta(seconds=10))
    house.admit(device, credential, verifier=verifier)
    house.statuses.up = False

    house.wait(10 + 59)
    house.admit(device, credential, verifier=verifier)
    house.wait(1)
    with undecided("status_stale", Check.STATUS):
        house.admit(device, credential, verifier=verifier)


def test_a_list_that_was_kept_by_a_clock_ahead(patient: Gatehouse) -> None:
    house, device = patient, patient.device(DEVICE)
    credential = house.issuer.issue(DEVICE.short)
    house.admit(device, credential)
    kept = house.store.status_list(house.issuer.url(REVOCATION))
    assert kept is not None

    def ahead(seconds: int) -> KeptList:
        return replace(kept, fetched=house.now + timedelta(seconds=seconds))

    resolution = house.reader.resolve(house.issuer.did)
    standing = Standing(house.issuer.trusted(), resolution, house.policy, house.now)
    assert standing.serves(kept)
    assert standing.serves(ahead(60)), "within the skew of clocks"
    assert not standing.serves(ahead(61))


def test_an_issuer_that_rotates_between_is_asked_again(patient: Gatehouse) -> None:
    house, device = patient, patient.device(DEVICE)
    credential = house.issuer.issue(DEVICE.short)
    verifier = house.verifier()
    house.admit(device, credential, verifier=verifier)
    house.wait(1)
    house.append(house.issuer.life.rotate())
    house.issuer.publish()

    assert ages(house.admit(device, credential, verifier=verifier)) == [0, 0]
    assert len(house.statuses.fetched) == 4


def test_its_connections_are_closed(house: Gatehouse) -> None:
    clients: list[httpx.Client] = []

    def connect(prefix: str) -> httpx.Client:
        clients.append(house.statuses.connect(prefix))
        return clients[-1]

    statuses = Statuses(store=house.store, connect=connect)
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    verifier = house.verifier(statuses=statuses)
    house.admit(device, credential, verifier=verifier)
    house.admit(device, credential, verifier=verifier)

    statuses.close()

    assert [client.is_closed for client in clients] == [True], "one for each prefix"
