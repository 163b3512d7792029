from datetime import timedelta

import pytest
from actors import NOW

from did.configurations import CONFIGURATIONS
from did.errors import Invalid, KeybornError, Refused
from issuer.tokens import LIFETIME, Access, mint, recognise

KEY = bytes(32)
CLAIM = "0123456789abcdef" * 2
MOMENT = timedelta(seconds=1)


def test_names_its_claim_until_it_expires() -> None:
    token = mint(KEY, CLAIM, at=NOW)
    assert recognise(KEY, token, at=NOW) == Access(CLAIM)
    assert recognise(KEY, token, at=NOW + LIFETIME - MOMENT) == Access(CLAIM)
    with pytest.raises(Refused) as caught:
        recognise(KEY, token, at=NOW + LIFETIME)
    assert caught.value.code == "token_expired"


@pytest.mark.parametrize("named", [("device-provisioning",), tuple(CONFIGURATIONS)])
def test_names_the_configurations_that_it_is_for(named: tuple[str, ...]) -> None:
    token = mint(KEY, CLAIM, configurations=named, at=NOW)
    assert recognise(KEY, token, at=NOW) == Access(CLAIM, named)
    with pytest.raises(Refused):
        recognise(KEY, token, at=NOW + LIFETIME)


@pytest.mark.parametrize("position", [0, 20, 40, -1])
def test_is_refused_once_altered(position: int) -> None:
    token = mint(KEY, CLAIM, at=NOW)
    letters = list(token)
    letters[position] = "A" if letters[position] != "A" else "Q"
    with pytest.raises(KeybornError) as caught:
        recognise(KEY, "".join(letters), at=NOW)
    assert caught.value.code == "invalid_token"


@pytest.mark.parametrize("text", ["", "é", "A" * 500, mint(bytes(31) + b"\1", CLAIM, at=NOW)])
def test_refuses_what_was_not_given_out_here(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        recognise(KEY, text, at=NOW)
    assert caught.value.code == "invalid_token"
    assert caught.value.step == "token"
