from typing import Any

import pytest
from actors import DEVICE, NOW

from did.challenge import Challenge
from did.errors import Invalid
from did.limits import LIMITS

OPEN = Challenge("a nonce", "https://verifier.example", NOW)
BOUND = Challenge("a nonce", "https://verifier.example", NOW, DEVICE.short)


def test_round_trip() -> None:
    assert OPEN.to_json() == {
        "challenge": "a nonce",
        "domain": "https://verifier.example",
        "expires": "2026-01-31T12:00:00Z",
    }
    assert BOUND.to_json()["did"] == DEVICE.short.text
    for challenge in (OPEN, BOUND):
        assert Challenge.from_json(challenge.to_json()) == challenge


def test_the_longest_nonce() -> None:
    text = "n" * LIMITS.challenge
    assert Challenge.from_json({**OPEN.to_json(), "challenge": text}).nonce == text


@pytest.mark.parametrize(
    "change",
    [
        {"challenge": None},
        {"challenge": 5},
        {"challenge": ""},
        {"challenge": "n" * (LIMITS.challenge + 1)},
        {"domain": None},
        {"domain": ["https://verifier.example"]},
        {"domain": ""},
        {"expires": None},
        {"expires": 5},
        {"expires": "soon"},
        {"did": "did:keyborn:x"},
        {"did": 5},
        {"did": None},
        {"did": [DEVICE.short.text]},
        {"did": ""},
    ],
    ids=str,
)
def test_malformed(change: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as raised:
        Challenge.from_json({**BOUND.to_json(), **change})
    assert raised.value.code == "invalid_challenge"


@pytest.mark.parametrize("name", ["challenge", "domain", "expires"])
def test_missing(name: str) -> None:
    value = OPEN.to_json()
    del value[name]
    with pytest.raises(Invalid) as raised:
        Challenge.from_json(value)
    assert raised.value.code == "invalid_challenge"
