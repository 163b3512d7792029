"""What a credential leaves out, or what stands around it, to get past the checks of the VC-API."""

import json
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from actors import DEVICE, NOW, STRANGER
from data_model_cases import MINIMAL
from gatehouse import Gatehouse, Issuer
from msgspec import structs
from outcomes import invalid
from proof_api import Api, code, serve
from tampered import sign, take, whole

from did.identifier import DidUrl, KeyDid
from did.jcs import Json, JsonObject
from did.limits import LIMITS
from did.vc.contexts import UNDEFINED_TERMS, V2
from did.vc.data_integrity import add_proof
from did.vc.data_model import check_credential
from did.vc.data_urls import wrap
from did.vc.enveloping import CREDENTIAL, PRESENTATION
from did.vc.formats import Format
from did.vc.proof_set import read_proofs
from did.vc.securing import ASSERTION
from did.vc.status_list import REVOCATION, SUSPENSION, StatusEntry, StatusMessage

STATUS = "https://www.w3.org/ns/credentials/status-list#"
TEXTS = tuple(StatusMessage(value, str(value)) for value in range(4))
MORE_STATUS = {"type": "BitstringStatusListEntry", "statusPurpose": REVOCATION}


class Own:
    """A device that says something of itself, in a presentation of its own."""

    def __init__(self, house: Gatehouse) -> None:
        self.house = house
        self.issuer = Issuer(house, DEVICE)
        house.append(self.issuer.life.create())
        self.issuer.publish()

    def word(self, **changes: Any) -> JsonObject:
        """A credential with no proof, whose issuer is the holder."""
        return self.issuer.unsigned(DEVICE.short, **changes)

    def show(self, api: Api, word: JsonObject, **options: Any) -> httpx.Response:
        challenge = self.house.verifier().challenge(at=self.house.now)
        shown = self.house.present(self.issuer.life, word, challenge=challenge)
        return api.verify_presentation(shown, **options)


@pytest.fixture
def own(house: Gatehouse) -> Own:
    return Own(house)


def test_whose_word_of_itself_is_taken(house: Gatehouse, own: Own) -> None:
    """A credential without a proof once got past the trust root, if its issuer was its holder."""
    trusted = own.issuer.trusted()
    later, earlier = house.now + timedelta(days=1), house.now - timedelta(days=1)
    compromised = (own.issuer.key.public_key(),)
    for entry, expected in (
        (house.issuer.trusted(), "untrusted_issuer"),
        (replace(trusted, types=("Other",)), "untrusted_type"),
        (replace(trusted, since=later), "untrusted_time"),
        (replace(trusted, until=earlier), "untrusted_time"),
        (replace(trusted, compromised_keys=compromised), "issuer_key_compromised"),
    ):
        for api in serve(house, entry):
            assert code(own.show(api, own.word())) == expected
            signed = own.issuer.issue(DEVICE.short)
            assert code(own.show(api, signed)) == expected
    for api in serve(house, trusted):
        assert own.show(api, own.word()).status_code == 200
        assert own.show(api, own.issuer.issue(DEVICE.short)).status_code == 200


def test_when_a_word_of_itself_is_valid(house: Gatehouse, own: Own) -> None:
    for api in serve(house, own.issuer.trusted()):
        ended = own.word(valid_from=house.now - timedelta(days=2), valid_until=house.now)
        house.wait(house.policy.clock_skew.total_seconds())
        own.issuer.publish()
        assert code(own.show(api, ended)) == "credential_expired"
        begins = own.word(valid_from=house.now + timedelta(days=1))
        assert code(own.show(api, begins)) == "credential_not_yet_valid"
        good = own.word(valid_from=house.now, valid_until=house.now + timedelta(seconds=1))
        assert own.show(api, good).status_code == 200


def test_the_status_of_a_word_of_itself(house: Gatehouse, own: Own) -> None:
    for api in serve(house, own.issuer.trusted()):
        for entry, expected in (
            ({**MORE_STATUS, "statusListIndex": "1"}, "invalid_status_entry"),
            ({"type": "OtherStatus"}, "invalid_status_entry"),
            (StatusEntry(REVOCATION, 1, "https://evil.example/1").to_json(), "status_not_trusted"),
        ):
            word = {**own.word(), "credentialStatus": entry}
            assert code(own.show(api, word)) == expected
            assert own.show(api, word, checks=["proof"]).status_code == 200
        own.issuer.set(REVOCATION)
        assert code(own.show(api, own.word())) == "revoked"
        own.issuer.set(REVOCATION, value=False)
        assert own.show(api, own.word()).status_code == 200


# -- what stands beside an envelope ----------------------------------------------------------------


@pytest.fixture
def api(house: Gatehouse) -> Iterator[Api]:
    yield from serve(house)


def beside(kind: str) -> dict[str, JsonObject]:
    """What nobody signed, around an envelope of ``kind``."""
    told: dict[str, Json] = {
        "@context": [V2, UNDEFINED_TERMS],
        "type": ["VerifiableCredential", kind],
        "issuer": DEVICE.short.text,
        "credentialSubject": {"id": DEVICE.short.text, "roles": ["admin"]},
        "proof": {"type": "DataIntegrityProof"},
    }
    return {
        "a whole credential": told,
        "another type": {"type": [kind, "VerifiableCredential"]},
        "a type that is none": {"type": [kind, 5]},
        "a context that is none": {"@context": [V2, 5]},
        "the type defined anew": {"@context": [V2, {kind: "https://evil.example/#Other"}]},
        "a context that nobody knows": {"@context": [V2, "https://evil.example/c"]},
        "a subject": {"credentialSubject": {"roles": ["admin"]}},
        "a holder": {"holder": DEVICE.short.text},
        "credentials": {"verifiableCredential": []},
        "a status": {"credentialStatus": []},
    }


@pytest.mark.parametrize("format_", [Format.VC_JWT, Format.VC_COSE])
def test_an_enveloped_credential_with_more(api: Api, format_: Format) -> None:
    house = api.house
    device = house.device(DEVICE)
    good = wrap(house.issuer.issue_as(format_, DEVICE.short), format_, CREDENTIAL)
    challenge = house.verifier().challenge(at=house.now)
    for change in beside(CREDENTIAL.enveloped).values():
        wrong = {**good, **change}
        assert code(api.verify(wrong)) == "invalid_envelope"
        shown = house.present(device, wrong, challenge=challenge)
        assert code(api.verify_presentation(shown)) == "invalid_envelope"
    assert api.verify(good).status_code == 200
    shown = house.present(device, good, challenge=challenge)
    assert api.verify_presentation(shown).status_code == 200


@pytest.mark.parametrize("format_", [Format.VC_JWT, Format.VC_COSE])
def test_an_enveloped_presentation_with_more(api: Api, format_: Format) -> None:
    house = api.house
    device = house.device(DEVICE)
    held = (house.issuer.issue_as(format_, DEVICE.short), format_)
    challenge = house.verifier().challenge(at=house.now)
    answer = house.present_as(format_, device, held, challenge=challenge)
    good = wrap(answer, format_, PRESENTATION)
    for change in beside(PRESENTATION.enveloped).values():
        assert code(ask(api, {**good, **change})) == "invalid_envelope"
    assert ask(api, good).status_code == 200


def ask(api: Api, presentation: JsonObject) -> httpx.Response:
    return api.client.post("/presentations/verify", json={"verifiablePresentation": presentation})


# -- bombs -----------------------------------------------------------------------------------------


def proven(*names: tuple[str, Any]) -> JsonObject:
    """A document with a proof of each of these ids, and of these ``previousProof``."""
    did = KeyDid(STRANGER.key.public_key())
    document = {**MINIMAL, "issuer": did.text}
    method = DidUrl(did, STRANGER.key.public_key().multibase)
    signed: Any = add_proof(document, STRANGER.key, method=method, purpose=ASSERTION, created=NOW)
    proofs = [{**signed["proof"], "id": id_, "previousProof": previous} for id_, previous in names]
    return {**document, "proof": [{**signed["proof"], "id": "urn:a"}, *proofs]}


@pytest.mark.parametrize("times", [2, 9, 9000])
def test_a_proof_that_builds_many_times_on_another(times: int) -> None:
    """Three proofs in 91 KB that named each other 9,000 times took 722 MB, before a signature."""
    bomb = proven(("urn:b", ["urn:a"] * times), ("urn:c", ["urn:b"] * times))
    tracemalloc.start()
    try:
        with invalid("invalid_proof"):
            read_proofs(bomb)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 4_000_000
    twin = proven(("urn:b", ["urn:a"]), ("urn:c", ["urn:b", "urn:a"]))
    assert len(read_proofs(twin)) == 3


def test_contexts_that_a_sender_makes_up_are_not_kept() -> None:
    """A thousand documents with contexts of their own once stayed in memory, whole."""

    def document(number: int) -> JsonObject:
        more = [f"https://a.example/{number}/{each}/{'x' * 500}" for each in range(20)]
        return {**MINIMAL, "@context": [V2, *more]}

    check_credential(document(0))
    tracemalloc.start()
    try:
        for number in range(1, 200):
            check_credential(document(number))
        left, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert left < 200_000  # of the two million that came


def test_too_many_contexts() -> None:
    for more in ([UNDEFINED_TERMS], ["https://a.example/c"], [{"ex": "https://a.example/#"}]):
        check_credential({**MINIMAL, "@context": [V2, *more * (LIMITS.contexts - 1)]})
        with invalid("invalid_credential"):
            check_credential({**MINIMAL, "@context": [V2, *more * LIMITS.contexts]})


# -- requests --------------------------------------------------------------------------------------


def test_a_body_that_is_not_said_to_be_json(api: Api) -> None:
    """So that no page of a browser can post here; the answer is the VC-API's own all the same."""
    credential = api.house.issuer.issue(DEVICE.short)
    body = json.dumps({"verifiableCredential": credential}).encode()

    def post(path: str, content_type: str | None) -> httpx.Response:
        headers = {} if content_type is None else {"content-type": content_type}
        return api.client.post(path, content=body, headers=headers)

    for told in (None, "text/plain", "application/x-www-form-urlencoded"):
        answer = post("/credentials/verify", told)
        assert code(answer) == "unsupported_media_type"
        (problem,) = answer.json()["problemDetails"]
        assert problem["type"] == "https://www.w3.org/TR/vc-data-model#PARSING_ERROR"
        assert code(post("/presentations/verify", told)) == "unsupported_media_type"
    assert post("/credentials/verify", "application/json").status_code == 200


WRONG_OPTIONS: dict[str, list[Json]] = {
    "checks": [["foo"], ["proof", "foo"], ["Proof"], [["proof"]], {}, ""],
    "domain": [[], "", [""], ["a", ""]],
    "challenge": [""],
    "expectedProofPurpose": [""],
    "returnCredential": ["yes"],
    "returnPresentation": [1],
}


def test_an_option_that_would_have_less_looked_at(api: Api) -> None:
    """Once ``checks`` of a name that is not known turned statuses off, without a word."""
    credential = api.house.issuer.issue(DEVICE.short)
    api.house.issuer.set(REVOCATION)
    for name, values in WRONG_OPTIONS.items():
        for value in values:
            answer = api.verify(credential, **{name: value})
            assert code(answer) == "invalid_vc_api_request"
            assert name in answer.json()["detail"]
    assert code(api.verify(credential, checks=[])) == "revoked"
    api.house.issuer.set(REVOCATION, value=False)
    assert api.verify(credential, checks=[], returnCredential=False).status_code == 200


# -- claims ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("format_", [Format.VC_JWT, Format.VC_COSE])
def test_a_jti_that_is_not_the_presentations_id(api: Api, format_: Format) -> None:
    house = api.house
    device = house.device(DEVICE)
    held = (house.issuer.issue_as(format_, DEVICE.short), format_)
    challenge = house.verifier().challenge(at=house.now)
    taken = take(house.present_as(format_, device, held, challenge=challenge), format_)

    def named(id_: str, jti: str) -> JsonObject:
        payload = {**taken.parts["payload"], "id": id_}
        if format_ is Format.VC_JWT:
            changed = taken.put(payload={**payload, "jti": jti})
        else:
            head = taken.parts["protected"]
            claims = {**head["15"], "7": jti}
            changed = taken.put(payload=payload, protected={**head, "15": claims})
        return wrap(whole(sign(changed, DEVICE.key)), format_, PRESENTATION)

    assert code(ask(api, named("urn:uuid:1", "urn:uuid:2"))) == "invalid_claims"
    answer = ask(api, named("urn:uuid:1", "urn:uuid:1"))
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("format_", [Format.VC_JWT, Format.VC_COSE])
def test_a_presentation_without_an_end(api: Api, format_: Format) -> None:
    """All that is asked here is whether its proof holds; no device is admitted with it."""
    house = api.house
    device, verifier = house.device(DEVICE), house.verifier()
    held = (house.issuer.issue_as(format_, DEVICE.short), format_)
    challenge = verifier.challenge(at=house.now)
    answer = house.present_as(format_, device, held, challenge=challenge)
    taken = take(answer, format_)
    if format_ is Format.VC_JWT:
        payload = {name: value for name, value in taken.parts["payload"].items() if name != "exp"}
        changed = taken.put(payload=payload)
    else:
        head = taken.parts["protected"]
        claims = {label: value for label, value in head["15"].items() if label != "4"}
        changed = taken.put(protected={**head, "15": claims})
    endless = whole(sign(changed, DEVICE.key))
    assert ask(api, wrap(endless, format_, PRESENTATION)).status_code == 200
    with invalid("invalid_presentation"):
        verifier.verify(endless, challenge=challenge, at=house.now)
    verifier.verify(answer, challenge=challenge, at=house.now)


# -- statuses --------------------------------------------------------------------------------------


def test_an_entry_that_its_list_contradicts(api: Api) -> None:
    """What the issuer signed into the credential is not healed by coming again."""
    house = api.house
    mine = house.issuer.entries()[0]
    for wrong, expected in (
        (structs.replace(mine, list_url=house.issuer.url(SUSPENSION)), "status_purpose_mismatch"),
        (structs.replace(mine, size=2, messages=TEXTS), "status_size_mismatch"),
    ):
        house.issuer.publish(size=1)
        answer = api.verify(house.issuer.issue(DEVICE.short, statuses=[wrong]))
        assert code(answer) == expected
        assert answer.json()["type"] == f"{STATUS}STATUS_VERIFICATION_ERROR"
        assert "retry-after" not in answer.headers
        good = house.issuer.issue(DEVICE.short, statuses=[mine])
        assert api.verify(good).status_code == 200
        house.statuses.served.clear()
        away = api.verify(good)
        assert code(away, 503)
        assert "retry-after" in away.headers
        house.issuer.publish()
