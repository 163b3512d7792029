import pytest

from devices.connections import Connections
from did.errors import Invalid


def test_a_service_has_one_client_which_is_closed_in_the_end() -> None:
    with Connections() as connections:
        one = connections.to("https://issuer.example")
        assert connections.to("https://issuer.example") is one
        other = connections.to("https://gate.example")
        assert other is not one
        assert not one.is_closed
    assert one.is_closed
    assert other.is_closed


def test_what_is_no_url_of_a_service_is_refused() -> None:
    with Connections() as connections, pytest.raises(Invalid) as caught:
        connections.to("gate.example")
    assert caught.value.code == "invalid_url"
