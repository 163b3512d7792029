from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from actors import DEVICE, STRANGER

from did.configurations import CONFIGURATIONS
from did.errors import Invalid
from did.jcs import Json
from did.openid4vci import CONFIGURATION_CONFIGURATION, PROVISIONING_CONFIGURATION
from issuer.terms import MAX_CONFIGURATION, MAX_DEVICES, MAX_LIFETIME, Terms


def nested(depth: int) -> Json:
    return {"deeper": nested(depth - 1)} if depth else 1


def test_offers_the_configuration_only_where_there_is_one() -> None:
    assert Terms(model="m", owner="o").configurations() == (
        "device-provisioning",
        "device-provisioning-vc-jwt",
        "device-provisioning-vc-cose",
        "device-provisioning-jwt-vc-json",
    )
    both = Terms(model="m", owner="o", configuration={"port": 1})
    assert both.kinds() == (PROVISIONING_CONFIGURATION, CONFIGURATION_CONFIGURATION)
    assert both.configurations()[:2] == both.kinds()
    assert set(both.configurations()) == set(CONFIGURATIONS)


def test_counts_its_devices() -> None:
    assert Terms(model="m", owner="o").devices == 1
    assert Terms(model="m", owner="o", devices=MAX_DEVICES).devices == MAX_DEVICES
    named = Terms(model="m", owner="o", dids=(DEVICE.short, STRANGER.short))
    assert named.devices == 2
    assert replace(named, devices=2) == named


@pytest.mark.parametrize(
    "change",
    [
        {"devices": 0},
        {"devices": MAX_DEVICES + 1},
        {"devices": 3, "dids": (DEVICE.short, STRANGER.short)},
        {"dids": (DEVICE.short, DEVICE.did)},
    ],
    ids=["none", "too many", "not as named", "twice"],
)
def test_refuses_devices_that_do_not_add_up(change: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as caught:
        Terms(model="m", owner="o", **change)
    assert caught.value.code == "invalid_claim"


def test_shows_no_secret() -> None:
    assert "hush" not in repr(Terms(model="m", owner="o", configuration={"psk": "hush"}))


@pytest.mark.parametrize(
    "configuration",
    [
        {"text": "x" * MAX_CONFIGURATION},
        nested(9),
    ],
    ids=["large", "deep"],
)
def test_refuses_a_configuration_over_the_limits(configuration: dict[str, Json]) -> None:
    with pytest.raises(Invalid) as caught:
        Terms(model="m", owner="o", configuration=configuration)
    assert caught.value.code == "invalid_claim"


def test_takes_a_configuration_at_the_limits() -> None:
    deep = nested(8)
    assert isinstance(deep, dict)
    assert Terms(model="m", owner="o", configuration=deep).configuration == deep


@pytest.mark.parametrize("lifetime", [timedelta(0), MAX_LIFETIME + timedelta(seconds=1)])
def test_refuses_a_lifetime_out_of_range(lifetime: timedelta) -> None:
    with pytest.raises(Invalid, match="lives"):
        Terms(model="m", owner="o", lifetime=lifetime)
    assert Terms(model="m", owner="o", lifetime=MAX_LIFETIME).lifetime == MAX_LIFETIME
