"""A verifier that asks by OpenID4VP, and answers that should not count.

Each attack has its positive twin: the same request, then answered as it should be.
"""

import copy
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest
from actors import DEVICE, STRANGER, actor
from asking import FORM, QUERY, Gate, asking, said
from formats import as_v1
from gatehouse import Gatehouse

from did.jcs import JsonObject, canonicalize
from did.jose import EncryptionKey, encrypt_jwe
from did.keys import SigningKey
from did.openid4vp.formats import to_entry
from did.openid4vp.request import AuthorizationRequest
from did.vc.credential import CONFIGURATION, PROVISIONING
from did.vc.formats import Format, secure_credential, secure_presentation
from did.vc.status_list import REVOCATION
from verifier.openid4vp.identity import Identity

Attack = Callable[["Scene"], Any]
MAINTENANCE: Final = "MaintenanceCredential"


class Scene:
    """One request, and what a device would answer it with."""

    def __init__(self, gate: Gate, **wish: Any) -> None:
        self.gate = gate
        self.asked = gate.ask(**wish)
        self.request = gate.fetch(self.asked)
        self.credential = gate.house.issuer.issue(DEVICE.short)
        (self.query,) = (each.id for each in self.request.query.credentials)

    def present(self, *credentials: JsonObject, **changes: Any) -> JsonObject:
        return self.gate.present(self.request, *(credentials or (self.credential,)), **changes)

    def post(self, token: Any, **fields: Any) -> tuple[int, str, str]:
        return said(self.gate.post(self.request, vp_token=token, **fields))

    def status(self) -> str:
        return str(self.gate.outcome(self.asked)["status"])

    def check_twin(self) -> None:
        """The same request, answered as it should be, admits the device."""
        assert self.status() == "pending"
        assert self.post({self.query: [self.present()]}) == (200, "", "")
        assert self.status() == "accepted"


@pytest.fixture(scope="module")
def gate(standing: Gatehouse) -> Iterator[Gate]:
    trusted = standing.issuer.trusted(types=(PROVISIONING, MAINTENANCE))
    with asking(standing, standing.verifier(trusted)) as gate:
        yield gate


@pytest.fixture
def scene(gate: Gate) -> Scene:
    return Scene(gate)


def moved(scene: Scene) -> Any:
    """Under the id of a query that there is not."""
    return {"other": [scene.present()]}


def beside(scene: Scene) -> Any:
    """Beside an answer to what nobody asked."""
    return {scene.query: [scene.present()], "other": [scene.present()]}


def twice(scene: Scene) -> Any:
    """Two presentations where one is due."""
    return {scene.query: [scene.present(), scene.present()]}


def with_more_credentials(scene: Scene) -> Any:
    """A second credential rides along in the presentation."""
    more = scene.gate.house.issuer.issue(DEVICE.short, types=MAINTENANCE)
    return {scene.query: [scene.present(scene.credential, more)]}


def of_another_type(scene: Scene) -> Any:
    other = scene.gate.house.issuer.issue(DEVICE.short, types=MAINTENANCE)
    return {scene.query: [scene.present(other)]}


def as_text(scene: Scene) -> Any:
    return {scene.query: [json.dumps(scene.present())]}


def without_holder(scene: Scene) -> Any:
    """The credential alone, which proves nothing of who holds it."""
    return {scene.query: [scene.credential]}


def nested(scene: Scene) -> Any:
    """A presentation in a presentation (section 13.2)."""
    inner = scene.present()
    return {scene.query: [{**inner, "verifiableCredential": [inner]}]}


def enveloped(scene: Scene) -> Any:
    token = {
        "@context": "https://www.w3.org/ns/credentials/v2",
        "type": "EnvelopedVerifiablePresentation",
        "id": "data:application/vp+jwt,eyJ.eyJ.AAAA",
    }
    return {scene.query: [token]}


def empty(_scene: Scene) -> Any:
    return {}


def no_presentations(scene: Scene) -> Any:
    return {scene.query: []}


def a_list(scene: Scene) -> Any:
    return [scene.present()]


def bare(scene: Scene) -> Any:
    """As drafts before the final specification had it."""
    return {scene.query: scene.present()}


def altered(scene: Scene) -> Any:
    changed = copy.deepcopy(scene.present())
    changed["verifiableCredential"][0]["credentialSubject"]["model"] = "x"  # type: ignore[index, call-overload] # a dict
    return {scene.query: [changed]}


def replayed_from_another_request(scene: Scene) -> Any:
    """What the device presented for another request of this very verifier."""
    other = Scene(scene.gate)
    return {scene.query: [other.present()]}


def of_another_challenge(scene: Scene) -> Any:
    """A nonce of this verifier's own API, which is not a request's."""
    challenge = scene.gate.house.verifier().challenge(at=scene.gate.house.now)
    return {scene.query: [scene.present(challenge=challenge.nonce)]}


def for_another_verifier(scene: Scene) -> Any:
    """Made for a verifier that passed this one's nonce on as its own."""
    other = f"decentralized_identifier:{STRANGER.key_did}"
    return {scene.query: [scene.present(audience=other)]}


def for_the_did_without_prefix(scene: Scene) -> Any:
    """Section 14.8: only the full client id, prefix included, is this verifier."""
    did = scene.gate.exchange.identity.did
    return {scene.query: [scene.present(audience=did.text)]}


def for_the_response_uri(scene: Scene) -> Any:
    return {scene.query: [scene.present(audience=scene.request.response_uri)]}


def for_the_verifiers_name(scene: Scene) -> Any:
    return {scene.query: [scene.present(audience=scene.gate.house.verifier().audience)]}


def signed_by_another(scene: Scene) -> Any:
    return {scene.query: [scene.present(signer=SigningKey.generate())]}


def of_another_device(scene: Scene) -> Any:
    """A stranger shows the device's credential as its own."""
    stranger = scene.gate.house.device(STRANGER)
    return {scene.query: [scene.present(device=stranger)]}


def not_registered(scene: Scene) -> Any:
    house, newborn = scene.gate.house, actor("not registered yet")
    device = house.device(newborn, registered=False)
    own = house.issuer.issue(newborn.short)
    return {scene.query: [scene.present(own, device=device, signer=newborn.key)]}


OPEN: Final[dict[Attack, tuple[int, str]]] = {
    moved: (400, "invalid_vp_token"),
    beside: (400, "invalid_vp_token"),
    twice: (400, "invalid_vp_token"),
    with_more_credentials: (400, "invalid_vp_token"),
    of_another_type: (403, "query_not_satisfied"),
    as_text: (400, "invalid_vp_token"),
    without_holder: (400, "invalid_presentation"),
    nested: (400, "invalid_credential"),
    enveloped: (400, "invalid_presentation"),
    empty: (400, "invalid_vp_token"),
    no_presentations: (400, "invalid_vp_token"),
    a_list: (400, "invalid_json"),
    bare: (400, "invalid_vp_token"),
    altered: (400, "invalid_signature"),
    replayed_from_another_request: (403, "wrong_challenge"),
    of_another_challenge: (403, "wrong_challenge"),
    for_another_verifier: (403, "wrong_audience"),
    for_the_did_without_prefix: (403, "wrong_audience"),
    for_the_response_uri: (403, "wrong_audience"),
    for_the_verifiers_name: (403, "wrong_audience"),
    signed_by_another: (400, "unknown_verification_method"),
    not_registered: (403, "not_registered"),
}


@pytest.mark.parametrize("attack", OPEN, ids=lambda attack: str(attack.__name__))
def test_what_proves_nothing_leaves_the_request_to_who_it_is_for(
    scene: Scene, attack: Attack
) -> None:
    """Whoever saw the link could else use it up."""
    status, code = OPEN[attack]
    got = scene.post(attack(scene))
    assert (got[0], got[2]) == (status, code)
    scene.check_twin()


def test_a_credential_of_another_device_uses_the_request_up(gate: Gate, scene: Scene) -> None:
    """The stranger proved who it is; the challenge counts once, as everywhere."""
    assert scene.post(of_another_device(scene))[2] == "holder_not_subject"
    assert scene.status() == "refused"
    assert scene.post({scene.query: [scene.present()]})[2] == "request_ended"
    Scene(gate).check_twin()


@pytest.mark.parametrize(
    "state", [None, "", "x", lambda state: state[:-1], lambda state: state + "x", str.swapcase]
)
def test_a_state_that_is_guessed(gate: Gate, scene: Scene, state: Any) -> None:
    """Who knows the link's id alone can neither answer nor decline."""
    own = scene.request.state
    assert own is not None
    guess = state(own) if callable(state) else state
    token = {scene.query: [scene.present()]}
    assert scene.post(token, state=guess) == (400, "invalid_request", "wrong_state")
    declined = gate.post(scene.request, error="access_denied", state=guess)
    assert said(declined) == (400, "invalid_request", "wrong_state")
    scene.check_twin()


def test_the_state_of_another_request(gate: Gate, scene: Scene) -> None:
    other = Scene(gate)
    token = {scene.query: [scene.present()]}
    assert scene.post(token, state=other.request.state)[2] == "wrong_state"
    crossed = gate.http.post(
        other.request.response_uri,
        data={"vp_token": json.dumps(token), "state": scene.request.state},
    )
    assert said(crossed)[2] == "wrong_state"
    scene.check_twin()
    other.check_twin()


def test_an_answer_counts_once(gate: Gate, scene: Scene) -> None:
    token = {scene.query: [scene.present()]}
    assert scene.post(token) == (200, "", "")
    for _ in range(2):
        assert scene.post(token) == (410, "invalid_request", "request_ended")
    assert scene.status() == "accepted"
    declined = gate.post(scene.request, error="access_denied")
    assert said(declined) == (410, "invalid_request", "request_ended")
    assert scene.status() == "accepted"


def test_of_many_at_once_one_counts(scene: Scene) -> None:
    token = {scene.query: [scene.present()]}
    with ThreadPoolExecutor(8) as pool:
        got = [each.result() for each in [pool.submit(scene.post, token) for _ in range(8)]]
    assert [status for status, _, _ in got].count(200) == 1
    assert {code for status, _, code in got if status != 200} <= {"challenge_used", "request_ended"}
    assert scene.status() == "accepted"


def test_a_nonce_counts_once_even_where_its_request_was_not_ended(gate: Gate, scene: Scene) -> None:
    """As after a crash between the two: the challenge is used up for good."""
    parsed = canonicalize(scene.present())
    gate.exchange.verifier.admit(parsed, at=gate.house.now)
    again = Scene(gate)
    gate.exchange.verifier.admit(canonicalize(again.present()), at=gate.house.now)
    token = {scene.query: [scene.present()]}
    assert scene.post(token) == (410, "invalid_request", "request_ended")
    assert scene.status() == again.status() == "undecided"  # found by an answer, or by who looks
    fetched = gate.http.get(again.asked["request_uri"])
    assert said(fetched) == (410, "invalid_request", "request_ended")
    Scene(gate).check_twin()


def test_who_looks_while_an_answer_is_decided_on_does_not_end_it(gate: Gate, scene: Scene) -> None:
    """The nonce is used, and the process that used it is at work: nothing was interrupted."""
    token = {scene.query: [scene.present()]}
    request = gate.exchange.requests.find(scene.asked["id"])
    assert request is not None
    with gate.exchange.requests.deciding(request):
        gate.exchange.verifier.admit(canonicalize(scene.present()), at=gate.house.now)
        assert scene.status() == "pending"
        assert scene.post(token)[2] == "challenge_used"
    assert scene.status() == "undecided"
    Scene(gate).check_twin()


def test_what_was_presented_elsewhere_is_not_taken_by_the_verifiers_own_interface(
    gate: Gate, scene: Scene
) -> None:
    presentation = canonicalize(scene.present())
    own = {"content-type": "application/json"}
    answer = gate.http.post("/v1/presentations", content=presentation, headers=own)
    assert (answer.status_code, answer.json()["code"]) == (403, "wrong_audience")
    scene.check_twin()


def test_two_verifiers_with_one_store_and_two_identities(standing: Gatehouse, gate: Gate) -> None:
    """The nonce is bound to the client id, also in the MAC."""
    with asking(standing, identity=Identity(STRANGER.key_did, STRANGER.key)) as other:
        scene, elsewhere = Scene(gate), Scene(other)
        token = {scene.query: [other.present(elsewhere.request, elsewhere.credential)]}
        assert scene.post(token)[2] == "wrong_audience"
        renamed = elsewhere.present(audience=scene.request.client_id.text)
        assert scene.post({scene.query: [renamed]})[2] == "wrong_challenge"
        scene.check_twin()
        elsewhere.check_twin()


def test_a_configuration_is_never_taken(standing: Gatehouse) -> None:
    """Not even by a verifier that is told to ask for it, and trusts its issuer for it."""
    query = {"id": "x", "format": "ldp_vc", "meta": {"type_values": [[CONFIGURATION]]}}
    trusted = standing.issuer.trusted(types=(PROVISIONING, CONFIGURATION))
    with asking(standing, standing.verifier(trusted)) as gate:
        scene = Scene(gate, dcql_query={"credentials": [query]})
        secret = standing.issuer.issue(DEVICE.short, types=CONFIGURATION)
        assert scene.post({"x": [scene.present(secret)]})[2] == "never_presented"
        Scene(gate).check_twin()


def test_a_revoked_device(gate: Gate, scene: Scene) -> None:
    gate.house.issuer.set(REVOCATION)
    assert scene.post({scene.query: [scene.present()]}) == (403, "access_denied", "revoked")
    assert scene.status() == "refused"
    gate.house.issuer.set(REVOCATION, value=False)
    Scene(gate).check_twin()


def test_values_are_the_verifiers_to_check(gate: Gate) -> None:
    """Section 6.4.1: the wallet's word for them does not count."""
    claim = {"path": ["credentialSubject", "owner"], "values": ["Somebody Else"]}
    asked = copy.deepcopy(QUERY)
    asked["credentials"][0]["claims"] = [claim]
    scene = Scene(gate, dcql_query=asked)
    assert scene.post({scene.query: [scene.present()]})[2] == "query_not_satisfied"
    own = gate.house.issuer.issue(DEVICE.short, claims={"owner": "Somebody Else"})
    assert scene.post({scene.query: [scene.present(own)]}) == (200, "", "")


def as_another_format(scene: Scene, credential: Format, presentation: Format) -> Any:
    house, device = scene.gate.house, scene.gate.house.device(DEVICE)
    document = {name: each for name, each in scene.credential.items() if name != "proof"}
    if credential is Format.JWT_VC_JSON:
        document = as_v1(document)
    secured = secure_credential(
        document, house.issuer.key, issuer=house.issuer.did, created=house.now, format=credential
    )
    data = secure_presentation(
        [(secured, credential)],
        device.key,
        holder=DEVICE.short,
        challenge=scene.request.nonce,
        audience=scene.request.client_id.text,
        created=house.now,
        format=presentation,
    )
    return {scene.query: [to_entry(data, presentation)]}


@pytest.mark.parametrize("asked", Format)
def test_formats_are_not_mixed_up(gate: Gate, asked: Format) -> None:
    query = {"id": "x", "format": asked.value, "meta": {"type_values": [[PROVISIONING]]}}
    scene = Scene(gate, dcql_query={"credentials": [query]})
    for credential in Format:
        for presentation in Format:
            mixed_v1 = presentation is Format.JWT_VC_JSON and credential in (
                Format.VC_JWT,
                Format.VC_COSE,
            )
            if (credential, presentation) == (asked, asked) or mixed_v1:
                continue
            assert scene.post(as_another_format(scene, credential, presentation))[0] in (400, 403)
    assert scene.status() == "pending"
    assert scene.post(as_another_format(scene, asked, asked)) == (200, "", "")


def encrypted(request: AuthorizationRequest, token: Any, **changes: Any) -> str:
    key = changes.pop("key", request.encryption)
    content: Any = {"vp_token": token, "state": request.state, **changes}
    assert key is not None
    return encrypt_jwe(canonicalize(content), key)


def without_kid(request: AuthorizationRequest, token: Any) -> str:
    """Section 8.3: the kid of the JWK is that of the JWE; this one only happens to fit."""
    assert request.encryption is not None
    key = {name: each for name, each in request.encryption.items() if name != "kid"}
    return encrypt_jwe(canonicalize({"vp_token": token, "state": request.state}), key)


def test_answers_that_are_not_encrypted_as_asked(gate: Gate) -> None:
    scene, other = (Scene(gate, response_mode="direct_post.jwt") for _ in range(2))
    token = {scene.query: [scene.present()]}
    assert scene.post(token) == (403, "access_denied", "response_not_encrypted")
    assert other.request.encryption is not None
    mine = EncryptionKey.generate(scene.asked["id"]).public_jwk()
    good = encrypted(scene.request, token)
    for jwe, code in (
        (
            encrypt_jwe(canonicalize({"vp_token": token, "state": scene.request.state}), mine),
            "invalid_jwe",
        ),
        (encrypt_jwe(canonicalize({"vp_token": token}), other.request.encryption), "invalid_jwe"),
        (encrypted(scene.request, token, state="x"), "wrong_state"),
        (without_kid(scene.request, token), "invalid_jwe"),
        (encrypted(scene.request, [scene.present()]), "invalid_vp_token"),
        (encrypted(scene.request, json.dumps(token)), "invalid_vp_token"),
        (good[:-2] + ("AA" if good[-2:] != "AA" else "BB"), "invalid_jwe"),
        ("x.y.z", "invalid_jwe"),
        ("", "invalid_jwe"),
    ):
        answer = gate.post(scene.request, response=jwe, state=None)
        assert said(answer)[2] == code
    assert scene.status() == "pending"
    assert gate.post(scene.request, response=good, state=None).status_code == 200
    plain = Scene(gate)
    jwe = encrypt_jwe(b"{}", mine)
    answer = gate.post(plain.request, response=jwe, state=plain.request.state)
    assert said(answer) == (400, "invalid_request", "invalid_response")
    plain.check_twin()


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"x" * 300_000, FORM, 413),
        (b"vp_token=" + b"[" * 100_000, FORM, 400),
        (b"vp_token=" + b"%7B" * 50_000, FORM, 400),
        (b"&".join(b"a%d=b" % number for number in range(100)), FORM, 400),
        (b"vp_token=%ff&state=x", FORM, 400),
        (b"vp_token={}&vp_token={}", FORM, 400),
        (b"\xff\xfe", FORM, 400),
        (b"vp_token", FORM, 400),
        (b"", FORM, 400),
        (b'{"vp_token": {}}', {"content-type": "application/json"}, 400),
        (b"vp_token={}", {}, 400),
        (b"error=" + b"x" * 10_000, FORM, 400),
        (b"error=a%0ab", FORM, 400),
    ],
)
def test_bodies_that_are_too_much_or_no_answer(
    gate: Gate, scene: Scene, body: bytes, headers: dict[str, str], status: int
) -> None:
    answer = gate.http.post(scene.request.response_uri, content=body, headers=headers)
    assert answer.status_code == status, answer.text
    scene.check_twin()


def test_requests_that_there_are_not(gate: Gate, scene: Scene) -> None:
    token = {"vp_token": json.dumps({scene.query: [scene.present()]}), "state": "x"}
    for id_ in ("x", "..%2f..", "%00", "x" * 3_000, scene.asked["id"] + "x", scene.asked["secret"]):
        for answer in (
            gate.http.get(f"/openid4vp/requests/{id_}"),
            gate.http.post(f"/openid4vp/requests/{id_}", data={"wallet_nonce": "x"}),
            gate.http.post(f"/openid4vp/responses/{id_}", data=token),
        ):
            assert answer.status_code == 404, (id_, answer.text)
    scene.check_twin()
