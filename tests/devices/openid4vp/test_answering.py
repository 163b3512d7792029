"""What is presented, and how it travels."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from actors import NOW
from formats import credential
from holding import MODEL, answered, holding
from scripted_verifier import VERIFIER, ScriptedVerifier, scripted_verifier

from devices.agent import Agent
from devices.connections import Connections
from devices.openid4vp.answering import Holdings, answer, choose
from devices.openid4vp.requests import UnanswerableError
from did.errors import Invalid, KeybornError, Refused, Unavailable
from did.jcs import canonicalize
from did.jose import EncryptionKey
from did.openid4vp.formats import from_entry
from did.openid4vp.link import FetchMethod
from did.openid4vp.request import AuthorizationRequest, read_request
from did.vc.credential import PROVISIONING
from did.vc.formats import Format, read_credential, read_presentation


@pytest.fixture(scope="module")
def served() -> Iterator[ScriptedVerifier]:
    with scripted_verifier() as verifier:
        yield verifier


@pytest.fixture
def verifier(served: ScriptedVerifier) -> ScriptedVerifier:
    served.reset()
    return served


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    with Connections() as connections:
        yield holding(tmp_path_factory.mktemp("device") / "device", connections)


def test_one_presentation_for_the_full_client_id_and_the_nonce(
    agent: Agent, verifier: ScriptedVerifier
) -> None:
    said = answered(agent, verifier)
    heard = verifier.answered()
    assert heard["state"] == "a-state"
    (shown,) = json.loads(heard["vp_token"])["device"]
    parsed = read_presentation(canonicalize(shown), Format.LDP_VC)
    parsed.proof.verify(agent.controller.signer.public_key())
    assert parsed.holder == agent.did.canonical
    assert parsed.audience == f"decentralized_identifier:{VERIFIER.key_did}"
    assert parsed.challenge == verifier.payload()["nonce"]
    assert [each.document for each in parsed.credentials] == [agent.credential()]
    assert said == {
        "verifier": VERIFIER.key_did.text,
        "response_uri": f"{verifier.url}/response",
        "presents": [
            {
                "query": "device",
                "credential": "provisioning",
                "format": "ldp_vc",
                "asked_for": [],
            }
        ],
    }


def test_by_get_by_value_and_without_state(agent: Agent, verifier: ScriptedVerifier) -> None:
    answered(agent, verifier, verifier.link(method=FetchMethod.GET))
    assert verifier.fetched[0][0] == "GET"
    assert "vp_token" in verifier.answered()
    answered(
        agent,
        verifier,
        verifier.link(request_uri=None, request=verifier.signed(), method=FetchMethod.GET),
        pinned=VERIFIER.key_did,
    )
    assert len(verifier.fetched) == 1
    assert "vp_token" in verifier.answered()
    verifier.changes = {"state": None}
    answered(agent, verifier)
    assert set(verifier.answered()) == {"vp_token"}


def test_encrypted(agent: Agent, verifier: ScriptedVerifier) -> None:
    key = EncryptionKey.generate("k1")
    verifier.changes = {
        "response_mode": "direct_post.jwt",
        "client_metadata": {
            "jwks": {"keys": [key.public_jwk()]},
            "encrypted_response_enc_values_supported": ["A256GCM"],
        },
    }
    answered(agent, verifier)
    heard = verifier.answered()
    assert set(heard) == {"response"}
    content = json.loads(key.decrypt(heard["response"]))
    assert content["state"] == "a-state"
    assert content["vp_token"]["device"]


def test_what_is_shown_before_it_is_presented(agent: Agent, verifier: ScriptedVerifier) -> None:
    query: dict[str, Any] = {
        "id": "q",
        "format": "ldp_vc",
        "meta": {"type_values": [[PROVISIONING]]},
        "claims": [
            {"path": ["credentialSubject", "model"], "values": [MODEL]},
            {"path": ["credentialSubject", "roles", None]},
            {"path": ["credentialSubject", "roles", 1]},
        ],
    }
    verifier.changes = {"dcql_query": {"credentials": [query]}}
    shown: list[Any] = []
    with pytest.raises(Refused) as caught:
        answered(agent, verifier, agree=lambda said: bool(shown.append(said)))
    assert caught.value.code == "not_confirmed"
    assert verifier.answered()["error"] == "access_denied"
    (one,) = shown[0]["presents"]
    assert one["asked_for"] == [
        "credentialSubject.model",
        "credentialSubject.roles.*",
        "credentialSubject.roles.1",
    ]
    assert answered(agent, verifier, agree=lambda said: said == shown[0]) == shown[0]


def test_no_proof_of_holding_where_none_is_asked_for(
    agent: Agent, verifier: ScriptedVerifier
) -> None:
    query = {
        "id": "q",
        "format": "ldp_vc",
        "meta": {},
        "require_cryptographic_holder_binding": False,
    }
    verifier.changes = {"dcql_query": {"credentials": [query]}}
    answered(agent, verifier)
    assert json.loads(verifier.answered()["vp_token"]) == {"q": [agent.credential()]}


def test_what_is_not_required_is_kept_unless_told(agent: Agent, verifier: ScriptedVerifier) -> None:
    query = {"id": "q", "format": "ldp_vc", "meta": {}}
    sets = [{"options": [["q"]], "required": False}]
    verifier.changes = {"dcql_query": {"credentials": [query], "credential_sets": sets}}
    with pytest.raises(Refused) as caught:
        answered(agent, verifier)
    assert "--optional" in str(caught.value.hint)
    assert verifier.answered()["error"] == "access_denied"
    answered(agent, verifier, optional=True)
    assert "vp_token" in verifier.answered()


def test_where_the_verifier_sends_one_next_is_reported(
    agent: Agent, verifier: ScriptedVerifier
) -> None:
    verifier.says = {"redirect_uri": "https://shop.example/cb?response_code=x", "unknown": 1}
    said = answered(agent, verifier)
    assert said["continue_at"] == "https://shop.example/cb?response_code=x"


@pytest.mark.parametrize(
    "where",
    [
        1,
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https:",
        "//shop.example",
        "https://shop.example/\n",
        "https://[::1",
    ],
)
def test_what_is_no_page_is_not_where_to_continue(
    agent: Agent, verifier: ScriptedVerifier, where: object
) -> None:
    verifier.says = {"redirect_uri": where}
    assert "continue_at" not in answered(agent, verifier)


@pytest.mark.parametrize(
    ("status", "says", "error"),
    [
        (
            403,
            {"error": "access_denied", "error_description": "it is suspended [suspended]; ask"},
            Refused("suspended", "it is suspended", hint="ask"),
        ),
        (400, {"error": "invalid_request"}, Invalid("invalid_request", "")),
        (503, {"error": "temporarily_unavailable"}, Unavailable("temporarily_unavailable", "")),
        (200, [], Invalid("invalid_answer", "")),
    ],
)
def test_a_verifier_that_does_not_take_the_answer(
    agent: Agent, verifier: ScriptedVerifier, status: int, says: Any, error: KeybornError
) -> None:
    verifier.status, verifier.says = status, says
    with pytest.raises(type(error)) as caught:
        answered(agent, verifier)
    assert (caught.value.code, caught.value.step) == (error.code, "present")
    assert error.message in caught.value.message
    assert error.hint in (None, caught.value.hint)
    assert caught.value.hint


def test_a_verifier_that_cannot_be_told_is_no_reason_to_hide_what_went_wrong(
    agent: Agent, verifier: ScriptedVerifier
) -> None:
    verifier.changes, verifier.status = {"scope": "x"}, 500
    with pytest.raises(Invalid) as caught:
        answered(agent, verifier)
    assert caught.value.code == "invalid_scope"


def test_the_answer_of_a_device_that_has_nothing(tmp_path: Any, verifier: ScriptedVerifier) -> None:
    with Connections() as connections:
        newborn = Agent.born(tmp_path / "device", connections)
        with pytest.raises(KeybornError) as caught:
            answered(newborn, verifier)
    assert caught.value.code == "not_enrolled"
    assert verifier.fetched == []


def asking(query: dict[str, Any], **changes: Any) -> AuthorizationRequest:
    made = ScriptedVerifier(url="https://gate.example")
    made.changes = {"dcql_query": {"credentials": [query]}, **changes}
    return read_request(made.payload())


def holdings(agent: Agent, *formats: Format) -> Holdings:
    held = {each.value: read_credential(credential(each), each) for each in formats}
    return Holdings(agent.did, agent.controller.signer, held)


@pytest.mark.parametrize("format_", Format)
def test_each_format(agent: Agent, format_: Format) -> None:
    request = asking({"id": "q", "format": format_.value, "meta": {}})
    held = holdings(agent, *Format)
    (entry,) = answer(request, choose(request, held, optional=False), held, at=NOW).vp_token["q"]
    data, told = from_entry(entry, format_.value)
    parsed = read_presentation(data, told)
    parsed.proof.verify(agent.controller.signer.public_key())
    assert parsed.credentials[0].format is format_
    assert (parsed.challenge, parsed.audience) == (request.nonce, request.client_id.text)
    if format_ is not Format.LDP_VC:
        assert parsed.proof.expires == request.expires


def test_a_nonce_that_a_format_cannot_carry(agent: Agent) -> None:
    request = asking({"id": "q", "format": "vc+cose", "meta": {}}, nonce="~not.base64url~")
    held = holdings(agent, Format.VC_COSE)
    with pytest.raises(UnanswerableError) as caught:
        answer(request, choose(request, held, optional=False), held, at=NOW)
    assert caught.value.cause.code == "invalid_nonce"


def test_formats_that_the_verifier_does_not_take_are_not_presented(agent: Agent) -> None:
    query = {"id": "q", "format": "vc+jwt", "meta": {}}
    other = {"vp_formats_supported": {"vc+jwt": {"alg_values": ["ES256"]}, "ldp_vc": {}}}
    request = asking(query, client_metadata=other)
    with pytest.raises(UnanswerableError) as caught:
        choose(request, holdings(agent, Format.VC_JWT), optional=False)
    assert caught.value.cause.code == "formats_not_accepted"
    with pytest.raises(UnanswerableError) as missing:
        choose(request, holdings(agent, Format.VC_JWT, Format.LDP_VC), optional=False)
    assert missing.value.cause.code == "no_matching_credential"
    unsaid = asking(query, client_metadata=None)
    assert choose(unsaid, holdings(agent, Format.VC_JWT), optional=False)
