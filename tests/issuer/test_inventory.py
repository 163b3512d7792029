from dataclasses import replace
from datetime import timedelta

import pytest
from actors import DEVICE, NOW, STRANGER, actor
from issuing import TERMS, World

from did.errors import Conflict
from issuer import inventory
from issuer.device import Device
from issuer.errors import NotFound


def pages(world: World, limit: int, **filters: object) -> list[list[str]]:
    found: list[list[str]] = []
    after: int | None = 0
    while after is not None:
        page, after = inventory.page(
            world.issuer.engine,
            after=after,
            limit=limit,
            model=filters.get("model"),  # type: ignore[arg-type] # of the test's choice
            tags=filters.get("tags", {}),  # type: ignore[arg-type] # of the test's choice
        )
        found.append([device.did.text for device in page])
    return found


def test_lists_in_pages_that_filters_narrow(world: World) -> None:
    actors = [actor(f"device {n}") for n in range(5)]
    for n, each in enumerate(actors):
        terms = replace(TERMS, model=f"m{n % 2}", tags={"hall": str(n % 3), "row": "1"})
        world.enrol(each, world.claim(terms))
    dids = [each.short.text for each in actors]
    assert pages(world, 2) == [dids[:2], dids[2:4], dids[4:]]
    assert pages(world, 5) == [dids]
    assert pages(world, 2, model="m0") == [[dids[0], dids[2]], [dids[4]]]
    assert pages(world, 9, tags={"hall": "0"}) == [[dids[0], dids[3]]]
    assert pages(world, 9, tags={"hall": "0", "row": "1"}, model="m1") == [[dids[3]]]
    assert pages(world, 9, tags={"hall": "1", "row": "2"}) == [[]]


def test_suspends_and_reinstates(world: World) -> None:
    world.enrol(DEVICE)
    engine = world.issuer.engine
    assert inventory.suspend(engine, DEVICE.did, at=NOW)[0].suspended == NOW
    later = NOW + timedelta(hours=1)
    assert inventory.suspend(engine, DEVICE.short, at=later)[0].suspended == NOW
    assert inventory.reinstate(engine, DEVICE.did)[0].suspended is None
    assert inventory.reinstate(engine, DEVICE.did)[0].suspended is None
    assert inventory.suspend(engine, DEVICE.did, at=later)[0].suspended == later


def test_revocation_is_final(world: World) -> None:
    world.enrol(DEVICE)
    engine = world.issuer.engine
    inventory.suspend(engine, DEVICE.did, at=NOW)
    assert inventory.revoke(engine, DEVICE.did, at=NOW)[0].revoked == NOW
    assert inventory.revoke(engine, DEVICE.did, at=NOW + timedelta(1))[0].revoked == NOW
    for act in (
        lambda: inventory.reinstate(engine, DEVICE.did),
        lambda: inventory.suspend(engine, DEVICE.did, at=NOW),
    ):
        with pytest.raises(Conflict) as caught:
            act()
        assert caught.value.code == "device_revoked"
    world.enrol(STRANGER)
    inventory.suspend(engine, STRANGER.did, at=NOW)
    assert inventory.reinstate(engine, STRANGER.did)[0].revoked is None


def test_knows_its_devices(world: World) -> None:
    engine = world.issuer.engine
    for act in (
        lambda: inventory.show(engine, DEVICE.did),
        lambda: inventory.suspend(engine, DEVICE.did, at=NOW),
        lambda: inventory.reinstate(engine, DEVICE.did),
        lambda: inventory.revoke(engine, DEVICE.did, at=NOW),
    ):
        with pytest.raises(NotFound) as caught:
            act()
        assert caught.value.code == "device_not_found"


BORN = Device(DEVICE.short, "m", "o", (), {}, NOW, None, None, None, None)
PROVISIONED = replace(BORN, provisioned=NOW)


@pytest.mark.parametrize(
    ("device", "registered", "deactivated", "active"),
    [
        (BORN, False, False, False),
        (BORN, True, False, False),
        (BORN, None, None, False),
        (PROVISIONED, False, False, False),
        (PROVISIONED, None, None, None),
        (PROVISIONED, True, False, True),
        (PROVISIONED, True, True, False),
        (replace(PROVISIONED, suspended=NOW), True, False, False),
        (replace(PROVISIONED, suspended=NOW), None, None, False),
        (replace(PROVISIONED, revoked=NOW), True, False, False),
    ],
)
def test_tells_provisioned_registered_and_active_apart(
    device: Device, *, registered: bool | None, deactivated: bool | None, active: bool | None
) -> None:
    shown = device.to_json(registered=registered, deactivated=deactivated)
    assert shown["provisioned"] == (device.provisioned is not None)
    assert shown["registered"] is registered
    assert shown["active"] is active
