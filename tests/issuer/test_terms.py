from datetime import timedelta

import pytest

from did.errors import Invalid
from did.jcs import Json
from did.openid4vci import CONFIGURATION_CONFIGURATION, PROVISIONING_CONFIGURATION
from issuer.terms import MAX_CONFIGURATION, MAX_LIFETIME, Terms


def nested(depth: int) -> Json:
    return {"deeper": nested(depth - 1)} if depth else 1


def test_offers_the_configuration_only_where_there_is_one() -> None:
    assert Terms(model="m", owner="o").configurations() == (PROVISIONING_CONFIGURATION,)
    both = Terms(model="m", owner="o", configuration={"port": 1}).configurations()
    assert both == (PROVISIONING_CONFIGURATION, CONFIGURATION_CONFIGURATION)


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
