"""What a session is: its token, its end, its headers."""

from dataclasses import replace
from datetime import timedelta

import pytest
from actors import DEVICE, NOW
from gatehouse import Gatehouse
from msgspec import structs
from outcomes import refused

from verifier.conclusion import AuthenticatedDevice
from verifier.credentials import DeviceClaims
from verifier.rechecks import shown_by
from verifier.sessions.session import (
    LIFETIME,
    MAX_HEADER,
    Session,
    check_current,
    digest_of,
    ends,
    headers_of,
    new_token,
    presented,
)

SECOND = timedelta(seconds=1)


@pytest.fixture
def device(house: Gatehouse) -> AuthenticatedDevice:
    return house.admit(house.device(DEVICE), house.issuer.issue(DEVICE.short))


def test_a_token_is_random_and_its_digest_is_found_in_a_header() -> None:
    token = new_token()
    assert len(token) == 43
    assert token != new_token()
    assert len(digest_of(token)) == 32
    for header in (f"Bearer {token}", f"bearer {token}", f"BEARER  {token} "):
        assert presented(header) == digest_of(token)


@pytest.mark.parametrize("header", ["", "Basic eDp5", "Bearer", "Bearer\tx", "Token x"])
def test_no_token(header: str) -> None:
    with refused("unknown_session" if header == "Bearer" else "session_needed"):
        presented(header)


@pytest.mark.parametrize("token", ["", "x", "x" * 42, "x" * 44, "x" * 42 + "é", "x" * 42 + "="])
def test_what_cannot_be_a_token(token: str) -> None:
    with refused("unknown_session"):
        presented(f"Bearer {token}")


def test_it_ends_after_its_lifetime_or_with_the_first_credential(
    device: AuthenticatedDevice,
) -> None:
    assert ends(device, LIFETIME, at=NOW) == NOW + LIFETIME
    (credential,) = device.credentials
    soon = structs.replace(credential, valid_until=NOW + 5 * SECOND)
    later = structs.replace(credential, valid_until=NOW + timedelta(days=1))
    both = replace(device, credentials=(later, soon))
    assert ends(both, LIFETIME, at=NOW) == NOW + 5 * SECOND
    odd = NOW + timedelta(milliseconds=300)
    assert ends(device, LIFETIME, at=odd) == NOW + LIFETIME  # never longer than it says
    proof = structs.replace(credential.proof, expires=NOW + 3 * SECOND)
    assert ends(
        replace(device, credentials=(structs.replace(soon, proof=proof),)), LIFETIME, at=NOW
    ) == (NOW + 3 * SECOND)
    for end in (NOW - 30 * SECOND, NOW, NOW + timedelta(milliseconds=900)):
        over = replace(device, credentials=(structs.replace(credential, valid_until=end),))
        with refused("credential_expired"):
            ends(over, LIFETIME, at=NOW)


def test_it_is_of_its_verifier_and_current(device: AuthenticatedDevice) -> None:
    session = Session(b"x" * 32, "https://gate.example", shown_by(device), NOW + SECOND)
    assert check_current(session, "https://gate.example", at=NOW) == session
    with refused("session_expired"):
        check_current(session, "https://gate.example", at=NOW + SECOND)
    with refused("unknown_session"):
        check_current(session, "https://other.example", at=NOW)
    with refused("unknown_session"):
        check_current(None, "https://gate.example", at=NOW)


def test_headers_hold_words_alone(device: AuthenticatedDevice) -> None:
    assert headers_of(device) == {
        "x-keyborn-device": DEVICE.short.text,
        "x-keyborn-issuer": device.issuer.text,
        "x-keyborn-types": "DeviceProvisioningCredential",
        "x-keyborn-roles": "sensor",
    }
    odd = ("a", "b, admin", "c\r\nx: y", "", "d é", "e" * 129, "f", "g,h", 'i"', "j")
    claims = DeviceClaims(None, None, odd)
    assert headers_of(replace(device, claims=claims))["x-keyborn-roles"] == "a, f, j"
    many = DeviceClaims(None, None, tuple(f"role-{number:03}" for number in range(500)))
    listed = headers_of(replace(device, claims=many))["x-keyborn-roles"]
    assert MAX_HEADER - 10 <= len(listed) <= MAX_HEADER
    assert set(listed.split(", ")) < set(many.roles)
