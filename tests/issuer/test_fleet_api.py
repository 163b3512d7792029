"""``/v1/admin/fleet``: one change to many devices."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from actors import STRANGER, actor
from issuing import World, issuing

from issuer.fleet_api import MAX_FLEET
from issuer.status_terms import StatusTerms

FLEET = [actor(f"device {n}") for n in range(3)]
DIDS = [each.short.text for each in FLEET]


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[World]:
    with issuing(tmp_path, statuses=StatusTerms(messages=("fine", "worn"))) as world:
        for each in FLEET:
            world.enrol(each)
        yield world


def post(world: World, verb: str, dids: list[str], **more: object) -> httpx.Response:
    return world.admin.post(f"/fleet/{verb}", json={"dids": dids, **more})


def stand(world: World, name: str) -> list[object]:
    return [world.admin.get(f"/devices/{did}").json()[name] for did in DIDS]


def test_all_of_them_at_once(fleet: World) -> None:
    assert post(fleet, "suspend", DIDS).json() == {"devices": 3}
    assert stand(fleet, "suspended") == [True, True, True]
    assert post(fleet, "reinstate", DIDS[:2]).json() == {"devices": 2}
    assert stand(fleet, "suspended") == [False, False, True]
    assert post(fleet, "tell", DIDS, message="worn").json() == {"devices": 3}
    assert stand(fleet, "message") == ["worn", "worn", "worn"]
    assert post(fleet, "revoke", [*DIDS, FLEET[0].did.text]).json() == {"devices": 3}
    assert stand(fleet, "revoked") == [True, True, True]


@pytest.mark.parametrize("verb", ["suspend", "reinstate", "revoke", "tell"])
def test_or_none_of_them(fleet: World, verb: str) -> None:
    more = {"message": "worn"} if verb == "tell" else {}
    before = [fleet.admin.get(f"/devices/{did}").json() for did in DIDS]
    answer = post(fleet, verb, [*DIDS, STRANGER.short.text], **more)
    assert (answer.status_code, answer.json()["code"]) == (404, "device_not_found")
    assert [fleet.admin.get(f"/devices/{did}").json() for did in DIDS] == before
    assert post(fleet, verb, DIDS, **more).status_code == 200


def test_one_that_is_revoked_is_not_suspended_and_neither_are_the_others(fleet: World) -> None:
    post(fleet, "revoke", DIDS[:1])
    answer = post(fleet, "suspend", DIDS)
    assert (answer.status_code, answer.json()["code"]) == (409, "device_revoked")
    assert stand(fleet, "suspended") == [False, False, False]


@pytest.mark.parametrize("dids", [[], ["did:keyborn:x"], [5], DIDS[:1] * (MAX_FLEET + 1)])
def test_what_is_no_fleet(fleet: World, dids: list[str]) -> None:
    assert post(fleet, "suspend", dids).status_code == 400
    assert post(fleet, "suspend", DIDS[:1] * MAX_FLEET).status_code == 200


def test_is_closed_without_the_token(fleet: World) -> None:
    assert fleet.http.post("/v1/admin/fleet/revoke", json={"dids": DIDS}).status_code == 401
    assert stand(fleet, "revoked") == [False, False, False]
