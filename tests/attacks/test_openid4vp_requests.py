"""A device that is asked by OpenID4VP, and requests that it should not answer.

Each attack has its positive twin: the same verifier, asking as it should, is answered.
"""

import base64
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, Final

import pytest
from actors import NOW, STRANGER
from holding import MODEL, answered, holding
from scripted_issuer import KnownLog, credential
from scripted_verifier import VERIFIER, ScriptedVerifier, scripted_verifier
from web_hosts import HOST, WebHost, document, web_host

from devices.agent import Agent
from devices.connections import Connections
from did.errors import KeybornError
from did.identifier import DidUrl, parse_did
from did.multibase import base64url_encode
from did.openid4vci import CONFIGURATION_CONFIGURATION
from did.openid4vp.client_id import client_id_of
from did.openid4vp.link import FetchMethod, RequestLink
from did.vc.credential import CONFIGURATION, PROVISIONING
from ledger.resolving.web import WebResolver

MALFORMED: Final = "invalid_authorization_request"
INVALID: Final = "invalid_request"
TOO_EARLY: Final = int((NOW - timedelta(seconds=61)).timestamp())
TOO_LATE: Final = int((NOW + timedelta(seconds=61)).timestamp())
OTHER_FORMATS: Final = {"vp_formats_supported": {"mso_mdoc": {}}}

Attack = Callable[[ScriptedVerifier], RequestLink | None]


@pytest.fixture(scope="module")
def served() -> Iterator[ScriptedVerifier]:
    with scripted_verifier() as verifier:
        yield verifier


@pytest.fixture
def verifier(served: ScriptedVerifier) -> ScriptedVerifier:
    served.reset()
    return served


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebHost]:
    with web_host(tmp_path_factory.mktemp("host")) as host:
        yield host


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    with Connections() as connections:
        yield holding(tmp_path_factory.mktemp("device") / "device", connections)


def refusal(agent: Agent, verifier: ScriptedVerifier, link: RequestLink | None, **how: Any) -> str:
    with pytest.raises(KeybornError) as caught:
        answered(agent, verifier, link, **how)
    assert caught.value.step
    assert caught.value.hint
    return caught.value.code


def check_twin(agent: Agent, verifier: ScriptedVerifier, **how: Any) -> None:
    """The same verifier, asking as it should, is answered."""
    verifier.reset()
    answered(agent, verifier, **how)
    assert set(verifier.answered()) == {"vp_token", "state"}


def part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def signed_by_somebody_else(verifier: ScriptedVerifier) -> None:
    """A key that is not the DID's, under the DID's name."""
    verifier.did, verifier.by = VERIFIER.key_did, STRANGER
    verifier.header = {"kid": DidUrl(VERIFIER.key_did, VERIFIER.key.public_key().multibase).text}


def another_key_named(verifier: ScriptedVerifier) -> None:
    """The key that signed, named as if it were the DID's."""
    verifier.did, verifier.by = VERIFIER.key_did, STRANGER


def the_key_of_another_did(verifier: ScriptedVerifier) -> RequestLink:
    link = verifier.link()
    verifier.by = STRANGER
    verifier.changes = {"client_id": link.client_id}
    return link


def a_did_web(verifier: ScriptedVerifier) -> None:
    """A device asks no host unbidden which keys it has."""
    verifier.did = parse_did("did:web:gate.example")


def no_kid(verifier: ScriptedVerifier) -> None:
    verifier.header = {"kid": None}


def a_key_that_it_brings_along(verifier: ScriptedVerifier) -> None:
    """A jwk in the header is nobody's word for it (section 5.1: nor are those in the metadata)."""
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": part({})}
    verifier.header = {"kid": None, "jwk": json.dumps(jwk)}


def a_key_in_its_metadata(verifier: ScriptedVerifier) -> None:
    """Section 5.1: keys there are to encrypt to, and sign nothing."""
    verifier.did, verifier.by = VERIFIER.key_did, STRANGER
    own = STRANGER.key.public_key()
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": base64url_encode(own.raw), "kid": own.multibase}
    verifier.changes = {"client_metadata": {"jwks": {"keys": [jwk]}}}


def alg_none(verifier: ScriptedVerifier) -> None:
    head = {"alg": "none", "typ": "oauth-authz-req+jwt", "kid": "x"}
    verifier.object = f"{part(head)}.{part(verifier.payload())}."


def alg_hmac(verifier: ScriptedVerifier) -> None:
    head = {"alg": "HS256", "typ": "oauth-authz-req+jwt", "kid": "x"}
    verifier.object = f"{part(head)}.{part(verifier.payload())}.{part({})}"


def not_signed_at_all(verifier: ScriptedVerifier) -> None:
    verifier.object = json.dumps(verifier.payload())


def of_another_type(verifier: ScriptedVerifier) -> None:
    """Something else that the verifier signed."""
    verifier.header = {"typ": "JWT"}


def altered_on_the_way(verifier: ScriptedVerifier) -> None:
    """The answer would go to somebody else."""
    head, _, signature = verifier.signed().split(".")
    changed = {**verifier.payload(), "response_uri": "https://thief.example/"}
    verifier.object = f"{head}.{part(changed)}.{signature}"
    verifier.echo = False


def of_another_verifier_than_the_link_says(verifier: ScriptedVerifier) -> RequestLink:
    return verifier.link(client_id=client_id_of(STRANGER.key_did).text)


def anothers_request_behind_ones_own_link(verifier: ScriptedVerifier) -> RequestLink:
    """A relay: the link is the thief's, the request object the true verifier's."""
    thief = client_id_of(STRANGER.key_did).text
    verifier.object = verifier.signed()
    return verifier.link(client_id=thief, method=FetchMethod.GET)


def without_prefix(verifier: ScriptedVerifier) -> RequestLink:
    did = VERIFIER.key_did.text
    verifier.changes = {"client_id": did}
    return verifier.link(client_id=did)


def with_another_prefix(verifier: ScriptedVerifier) -> RequestLink:
    named = f"redirect_uri:{verifier.url}/response"
    verifier.changes = {"client_id": named}
    return verifier.link(client_id=named)


def an_old_one(verifier: ScriptedVerifier) -> None:
    """Recorded, and played again: without this device's nonce."""
    verifier.object = verifier.signed()


def made_for_another_device(verifier: ScriptedVerifier) -> None:
    verifier.object = verifier.signed(wallet_nonce="another-nonce")


def in_the_clear(verifier: ScriptedVerifier) -> RequestLink:
    return verifier.link(request_uri="http://gate.example/request")


def too_large(verifier: ScriptedVerifier) -> None:
    verifier.object = "e" * 1_000_000


def of_another_media_type(verifier: ScriptedVerifier) -> None:
    verifier.media_type = "text/html"


def an_error(verifier: ScriptedVerifier) -> None:
    """Section 5.10.2: any HTTP error ends it, whatever comes with it."""
    verifier.fetch_status = 500


def a_redirect(verifier: ScriptedVerifier) -> None:
    verifier.fetch_status = 302


SILENT: Final[dict[Attack, str]] = {
    signed_by_somebody_else: "invalid_signature",
    another_key_named: "unknown_verification_method",
    the_key_of_another_did: "invalid_authorization_request",
    a_did_web: "method_not_supported",
    no_kid: "invalid_authorization_request",
    a_key_that_it_brings_along: "invalid_authorization_request",
    a_key_in_its_metadata: "unknown_verification_method",
    alg_none: "invalid_jwt",
    alg_hmac: "invalid_jwt",
    not_signed_at_all: "invalid_jwt",
    of_another_type: "invalid_jwt",
    altered_on_the_way: "invalid_signature",
    of_another_verifier_than_the_link_says: "client_id_mismatch",
    anothers_request_behind_ones_own_link: "client_id_mismatch",
    without_prefix: "client_id_prefix_not_supported",
    with_another_prefix: "client_id_prefix_not_supported",
    an_old_one: "wallet_nonce_mismatch",
    made_for_another_device: "wallet_nonce_mismatch",
    in_the_clear: "insecure_verifier",
    too_large: "answer_too_large",
    of_another_media_type: "invalid_answer",
    an_error: "http_error",
    a_redirect: "redirected",
}


@pytest.mark.parametrize("attack", SILENT, ids=lambda attack: str(attack.__name__))
def test_who_did_not_prove_to_be_who_asks_gets_nothing(
    agent: Agent, verifier: ScriptedVerifier, attack: Attack
) -> None:
    """Not even an error: it would say that there is a device."""
    assert refusal(agent, verifier, attack(verifier)) == SILENT[attack]
    assert verifier.heard.empty()
    check_twin(agent, verifier)


def test_a_did_web_is_refused_before_anything_is_fetched(
    agent: Agent, verifier: ScriptedVerifier
) -> None:
    verifier.did = parse_did("did:web:gate.example")
    assert refusal(agent, verifier, None) == "method_not_supported"
    assert verifier.fetched == []
    check_twin(agent, verifier)


OF_A_HOST: Final[dict[str, tuple[dict[str, Any] | None, str, str | None]]] = {
    "its key": ({}, "#key-1", None),
    "its key, not for assertions": ({"assertionMethod": []}, "#key-1", None),
    "another key of it": ({}, "#key-2", "invalid_signature"),
    "its key, not for authentication": ({"authentication": []}, "#key-1", "key_not_authorized"),
    "no key of it": ({}, "#key-3", "unknown_verification_method"),
    "another's document": ({"id": "did:web:a.example"}, "#key-1", "invalid_did_document"),
    "no document": (None, "#key-1", "did_not_found"),
    "another DID of the host": ({}, ":elsewhere#key-1", MALFORMED),
}


@pytest.mark.parametrize("case", OF_A_HOST)
def test_a_did_web_whose_host_is_believed(
    agent: Agent, verifier: ScriptedVerifier, host: WebHost, case: str
) -> None:
    """It is what its host says now; the host's word is taken where the operator says so alone."""
    changes, kid, code = OF_A_HOST[case]
    did = host.did("gate")
    host.pages.clear()
    if changes is not None:
        host.serve(did, document(did, VERIFIER, STRANGER, **changes))
    verifier.did, verifier.header = did, {"kid": f"{did}{kid}"}
    believed = WebResolver(host.https(), max_age=timedelta(0)).document
    if code is None:
        answered(agent, verifier, web=believed)
        assert set(verifier.answered()) == {"vp_token", "state"}
    else:
        assert refusal(agent, verifier, None, web=believed) == code
        assert verifier.heard.empty()
    assert refusal(agent, verifier, None) == "method_not_supported"


def test_a_did_web_that_leads_into_the_network(
    agent: Agent, verifier: ScriptedVerifier, host: WebHost
) -> None:
    did = host.did("gate")
    verifier.did, verifier.header = did, {"kid": f"{did}#key-1"}
    inside = WebResolver(host.https({HOST: ["10.0.0.1"]})).document
    assert refusal(agent, verifier, None, web=inside) == "address_not_public"
    host.serve(did, document(did, VERIFIER))
    answered(agent, verifier, web=WebResolver(host.https()).document)


@pytest.mark.parametrize(
    ("changes", "code", "told"),
    [
        ({"aud": "https://wallet.example"}, MALFORMED, INVALID),
        ({"aud": None}, MALFORMED, INVALID),
        ({"exp": TOO_EARLY}, "request_expired", INVALID),
        ({"nbf": TOO_LATE}, "request_not_yet_valid", INVALID),
        ({"iat": TOO_LATE}, "request_not_yet_valid", INVALID),
        ({"nonce": None}, MALFORMED, INVALID),
        ({"dcql_query": {"credentials": []}}, "invalid_dcql_query", INVALID),
        ({"dcql_query": None}, MALFORMED, INVALID),
        ({"scope": "x"}, "invalid_scope", "invalid_scope"),
        ({"transaction_data": ["e30"]}, "invalid_transaction_data", "invalid_transaction_data"),
        ({"response_type": "code"}, "unsupported_response_type", "unsupported_response_type"),
        ({"redirect_uri": "https://gate.example"}, MALFORMED, INVALID),
        ({"response_mode": "direct_post.jwt"}, "response_encryption_not_supported", INVALID),
        ({"client_metadata": OTHER_FORMATS}, "formats_not_accepted", "vp_formats_not_supported"),
    ],
)
def test_a_verifier_that_asks_what_cannot_be_answered_is_told(
    agent: Agent, verifier: ScriptedVerifier, changes: dict[str, Any], code: str, told: str
) -> None:
    verifier.changes = changes
    assert refusal(agent, verifier, None) == code
    heard = verifier.answered()
    assert (heard["error"], heard["state"]) == (told, "a-state")
    assert "vp_token" not in heard
    check_twin(agent, verifier)


@pytest.mark.parametrize(
    "response_uri", ["http://gate.example/x", "https://user@gate.example", "file:///x", 1, None]
)
def test_an_answer_is_not_sent_where_others_could_read_it(
    agent: Agent, verifier: ScriptedVerifier, response_uri: Any
) -> None:
    verifier.changes = {"response_uri": response_uri}
    assert refusal(agent, verifier, None) in ("insecure_verifier", "invalid_authorization_request")
    assert verifier.heard.empty()
    check_twin(agent, verifier)


@pytest.fixture
def within() -> Iterator[ScriptedVerifier]:
    """Another service of this machine, which nobody meant to be written to."""
    with scripted_verifier() as inner:
        yield inner


@pytest.mark.parametrize("wrong", [{}, {"scope": "x"}, {"nonce": None}], ids=str)
@pytest.mark.parametrize("by_value", [False, True], ids=["fetched", "by value"])
def test_nothing_is_sent_to_a_place_that_only_this_machine_reaches(
    agent: Agent,
    verifier: ScriptedVerifier,
    within: ScriptedVerifier,
    wrong: dict[str, Any],
    *,
    by_value: bool,
) -> None:
    """Neither an answer nor an error: whoever has a DID can sign any response_uri."""
    asked: list[object] = []
    verifier.changes = {"response_uri": f"{within.url}/response", **wrong}
    link = verifier.link()
    if by_value:
        link = RequestLink(link.client_id, None, verifier.signed())
    code = refusal(agent, verifier, link, agree=lambda said: bool(asked.append(said)))
    assert code == ("response_uri_elsewhere" if not wrong else code)
    assert within.heard.empty()
    assert asked == []
    check_twin(agent, verifier)


def test_a_request_by_value_of_the_verifier_that_is_meant(
    agent: Agent, verifier: ScriptedVerifier
) -> None:
    """On this machine too: its operator named it."""
    link = RequestLink(verifier.client, None, verifier.signed())
    assert refusal(agent, verifier, link) == "response_uri_elsewhere"
    answered(agent, verifier, link, pinned=VERIFIER.key_did)
    assert "vp_token" in verifier.answered()


def test_a_pinned_verifier_is_the_only_one(agent: Agent, verifier: ScriptedVerifier) -> None:
    assert refusal(agent, verifier, None, pinned=STRANGER.key_did) == "other_verifier"
    assert verifier.fetched == []  # not even asked what it wants
    check_twin(agent, verifier, pinned=VERIFIER.key_did)


def test_a_verifier_on_the_log_is_its_current_key(agent: Agent, verifier: ScriptedVerifier) -> None:
    log = KnownLog(VERIFIER)
    verifier.did = VERIFIER.short
    answered(agent, verifier, resolver=lambda: log)
    assert "vp_token" in verifier.answered()
    log.add(VERIFIER.did.id, VERIFIER.next_key.public_key().raw)
    assert refusal(agent, verifier, None, resolver=lambda: log) == "key_superseded"
    log.add(VERIFIER.did.id, None)
    assert refusal(agent, verifier, None, resolver=lambda: log) == "deactivated"
    nobody = KnownLog()
    assert refusal(agent, verifier, None, resolver=lambda: nobody) == "not_registered"
    assert verifier.heard.empty()
    check_twin(agent, verifier)


def test_what_is_for_the_device_alone_is_never_presented(
    agent: Agent, verifier: ScriptedVerifier
) -> None:
    """Whoever asks, and however it is asked for."""
    secret = credential(agent.did, CONFIGURATION_CONFIGURATION, at=NOW)
    agent.store.save_credential("configuration", secret)
    network = ["credentialSubject", "configuration"]
    for asked in (
        {"meta": {"type_values": [[CONFIGURATION]]}},
        {"meta": {"type_values": [["VerifiableCredential"]]}, "claims": [{"path": network}]},
        {"meta": {}, "claims": [{"path": [*network, "psk"]}]},
    ):
        query = {"id": "x", "format": "ldp_vc", "multiple": True, **asked}
        verifier.changes = {"dcql_query": {"credentials": [query]}}
        assert refusal(agent, verifier, None) == "no_matching_credential"
        assert verifier.answered() == {"error": "access_denied", "state": "a-state"}
    everything = {"id": "x", "format": "ldp_vc", "meta": {}, "multiple": True}
    verifier.changes = {"dcql_query": {"credentials": [everything]}}
    answered(agent, verifier)
    (shown,) = json.loads(verifier.answered()["vp_token"])["x"]
    assert PROVISIONING in shown["verifiableCredential"][0]["type"]
    assert CONFIGURATION not in json.dumps(shown)


def test_what_lies_in_the_wrong_place_is_not_presented_either(
    agent: Agent, verifier: ScriptedVerifier
) -> None:
    own = agent.credential()
    types = [*own["type"], CONFIGURATION]  # type: ignore[misc] # a list
    agent.store.save_credential("provisioning", {**own, "type": types})
    try:
        assert refusal(agent, verifier, None) == "no_matching_credential"
    finally:
        agent.store.save_credential("provisioning", own)
    check_twin(agent, verifier)


def test_what_differs_is_not_told(agent: Agent, verifier: ScriptedVerifier) -> None:
    """Sections 6.4.1 and 15.4.1: a missing credential, other values and a No look the same."""
    heard = []
    for values, agree in ((["other"], True), (["thermo-2"], False)):
        claim = {"path": ["credentialSubject", "model"], "values": values}
        query = {"id": "x", "format": "ldp_vc", "meta": {}, "claims": [claim]}
        verifier.changes = {"dcql_query": {"credentials": [query]}}
        refusal(agent, verifier, None, agree=lambda _shown, agree=agree: agree)
        heard.append(verifier.answered())
    query = {"id": "x", "format": "ldp_vc", "meta": {"type_values": [["Other"]]}}
    verifier.changes = {"dcql_query": {"credentials": [query]}}
    refusal(agent, verifier, None)
    heard.append(verifier.answered())
    assert heard == [{"error": "access_denied", "state": "a-state"}] * 3
    check_twin(agent, verifier)


@pytest.mark.parametrize("says", [True, False])
@pytest.mark.parametrize(
    "changes",
    [
        {"values": ["other"]},
        {"values": [MODEL]},
        {"client_metadata": OTHER_FORMATS},
        {"scope": "x"},
    ],
    ids=str,
)
def test_nothing_is_heard_before_somebody_was_asked(
    agent: Agent, verifier: ScriptedVerifier, changes: dict[str, Any], *, says: bool
) -> None:
    """Section 15.4.1: an error that came at once said that a value differs; one waits now."""
    values = changes.get("values", [MODEL])
    claim = {"path": ["credentialSubject", "model"], "values": values}
    query = {"id": "x", "format": "ldp_vc", "meta": {}, "claims": [claim]}
    verifier.changes = {"dcql_query": {"credentials": [query]}, **changes}
    verifier.changes.pop("values", None)
    shown: list[Any] = []

    def agree(said: Any) -> bool:
        assert verifier.heard.empty()
        shown.append(said)
        return says

    matches = changes == {"values": [MODEL]}
    if matches and says:
        answered(agent, verifier, agree=agree)
        assert "vp_token" in verifier.answered()
    else:
        refusal(agent, verifier, None, agree=agree)
        heard = verifier.answered()
        assert "vp_token" not in heard
        if "values" in changes:  # a No, and a value that differs, whatever is said of it
            assert heard == {"error": "access_denied", "state": "a-state"}
    (one,) = shown
    assert one["verifier"] == VERIFIER.key_did.text
    assert bool(one["presents"]) is matches
    assert ("because" in one) is not matches


def test_who_asks_does_not_learn_what_software_this_is(
    agent: Agent, verifier: ScriptedVerifier
) -> None:
    answered(agent, verifier)
    ((method, form, headers),) = verifier.fetched
    assert method == "POST"
    assert form.keys() == {"wallet_nonce"}
    assert len(form["wallet_nonce"]) >= 22
    assert headers["accept"] == "application/oauth-authz-req+jwt"
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert "user-agent" not in headers
    answered(agent, verifier)
    assert verifier.fetched[1][1] != form  # a fresh one each time
