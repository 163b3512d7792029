from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from actors import DEVICE, NOW
from formats import credential as secured
from scripted_issuer import credential
from serving import serving
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from devices.presenting import Presented, answer, ask, check_audience, deliver
from did.challenge import Challenge
from did.errors import Invalid, KeybornError, Refused, Undecided
from did.openid4vci import CONFIGURATION_CONFIGURATION
from did.vc.formats import Format, as_json, read_presentation
from keyborn.client import connect

NAME = "https://gate.example"
CHALLENGE = Challenge("bm9uY2UtbnVtYmVy", NAME, NOW + timedelta(minutes=5))
NOTHING = Presented(b"{}", Format.LDP_VC)


class Gate:
    """A verifier that says what it is told to."""

    def __init__(self) -> None:
        self.status = 200
        self.says: Any = None
        self.heard: list[Any] = []
        self.types: list[str] = []

    def app(self) -> Starlette:
        async def hear(request: Request) -> JSONResponse:
            self.types.append(request.headers["content-type"])
            self.heard.append((request.url.path, await request.json()))
            return JSONResponse(self.says, self.status)

        return Starlette(routes=[Route("/{path:path}", hear, methods=["POST"])])


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Gate, httpx.Client]]:
    gate = Gate()
    with serving(gate.app()) as url, connect(url) as http:
        yield gate, http


@pytest.fixture
def gate(served: tuple[Gate, httpx.Client]) -> Gate:
    vars(served[0]).update(vars(Gate()))
    return served[0]


@pytest.fixture
def http(served: tuple[Gate, httpx.Client]) -> httpx.Client:
    return served[1]


def test_a_challenge_is_asked_for_ones_own_did(gate: Gate, http: httpx.Client) -> None:
    gate.says = CHALLENGE.to_json()
    assert ask(http, DEVICE.did, audience=f"{NAME}/") == CHALLENGE
    assert gate.heard == [("/v1/challenges", {"did": DEVICE.short.text})]


@pytest.mark.parametrize(
    ("says", "code"),
    [
        ({**CHALLENGE.to_json(), "domain": "https://other.example"}, "wrong_audience"),
        ({"challenge": "a-nonce"}, "invalid_challenge"),
        ({**CHALLENGE.to_json(), "expires": "soon"}, "invalid_challenge"),
        ([], "invalid_answer"),
    ],
)
def test_a_challenge_of_another_verifier_or_of_another_form_is_not_answered(
    gate: Gate, http: httpx.Client, says: Any, code: str
) -> None:
    gate.says = says
    with pytest.raises(KeybornError) as caught:
        ask(http, DEVICE.did, audience=NAME)
    assert (caught.value.code, caught.value.step) == (code, "challenge")


def test_an_audience_is_compared_whole() -> None:
    check_audience(CHALLENGE, NAME)
    for other in ("https://gate.example.org", "https://gate", "http://gate.example", ""):
        with pytest.raises(Refused):
            check_audience(CHALLENGE, other)


def test_the_answer_covers_challenge_audience_and_did() -> None:
    document = credential(DEVICE.did, at=NOW)
    made = answer(CHALLENGE, document, DEVICE.key, did=DEVICE.did, at=NOW)
    assert made.format is Format.LDP_VC
    parsed = read_presentation(made.data)
    parsed.proof.verify(DEVICE.key.public_key())
    assert (parsed.challenge, parsed.audience) == (CHALLENGE.nonce, NAME)
    assert (parsed.holder, parsed.proof.expires) == (DEVICE.short, CHALLENGE.expires)
    assert parsed.credentials[0].document == document


@pytest.mark.parametrize("held", list(Format))
def test_a_credential_is_shown_in_its_own_format_or_in_another(held: Format) -> None:
    document = as_json(secured(held), held)
    made = answer(CHALLENGE, document, DEVICE.key, did=DEVICE.did, at=NOW)
    assert made.format is held
    assert read_presentation(made.data, held).credentials[0].format is held
    other = answer(CHALLENGE, document, DEVICE.key, did=DEVICE.did, at=NOW, format=Format.VC_COSE)
    parsed = read_presentation(other.data, Format.VC_COSE)
    assert parsed.credentials[0].to_bytes() == secured(held)
    assert parsed.proof.expires == CHALLENGE.expires


def test_what_is_for_the_device_alone_is_never_presented() -> None:
    document = credential(DEVICE.did, CONFIGURATION_CONFIGURATION, at=NOW)
    also = {**document, "type": [*document["type"], "DeviceProvisioningCredential"]}  # type: ignore[misc] # a list
    for each in (document, also):
        with pytest.raises(Refused) as caught:
            answer(CHALLENGE, each, DEVICE.key, did=DEVICE.did, at=NOW)
        assert caught.value.code == "never_presented"


def test_what_is_no_credential_is_not_presented() -> None:
    with pytest.raises(Invalid):
        answer(CHALLENGE, {"type": "x"}, DEVICE.key, did=DEVICE.did, at=NOW)


def test_the_verifiers_decision_is_returned(gate: Gate, http: httpx.Client) -> None:
    gate.says = {"device": {"did": DEVICE.short.text}, "decision": {"steps": []}}
    assert deliver(http, Presented(b'{"a":1}', Format.LDP_VC)) == gate.says
    assert gate.heard == [("/v1/presentations", {"a": 1})]
    assert gate.types == ["application/vp"]


@pytest.mark.parametrize(
    ("status", "branch", "kind"),
    [(403, Refused, "refused"), (503, Undecided, "undecided"), (400, Invalid, "invalid")],
)
def test_a_verifier_that_does_not_admit_the_device_says_why(
    gate: Gate, http: httpx.Client, status: int, branch: type[KeybornError], kind: str
) -> None:
    gate.status = status
    gate.says = {
        "type": f"urn:keyborn:problem:{kind}",
        "detail": "because",
        "code": "some_code",
        "step": "7",
        "hint": "do this",
    }
    with pytest.raises(branch) as caught:
        deliver(http, NOTHING)
    error = caught.value
    assert (error.code, error.message, error.step, error.hint) == (
        "some_code",
        "because",
        "7",
        "do this",
    )


@pytest.mark.parametrize("says", [{}, {"device": {}}, {"device": "x", "decision": {}}])
def test_an_answer_that_admits_nobody_is_no_admission(
    gate: Gate, http: httpx.Client, says: Any
) -> None:
    gate.says = says
    with pytest.raises(Invalid) as caught:
        deliver(http, NOTHING)
    assert caught.value.code == "invalid_answer"
