"""Asked, fetched, answered, looked up: over real sockets."""

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
from actors import DEVICE
from asking import FORM, QUERY, TOKEN, Gate, asking, bearer, said
from formats import as_v1
from gatehouse import Gatehouse

from did.jcs import JsonObject, canonicalize
from did.jose import encrypt_jwe
from did.openid4vp.formats import SUPPORTED, to_entry
from did.openid4vp.link import FetchMethod, parse_link
from did.openid4vp.request import ResponseMode, open_request
from did.vc.credential import PROVISIONING
from did.vc.formats import Format, secure_credential, secure_presentation
from did.vc.status_list import SUSPENSION
from keyborn.problem import MEDIA_TYPE
from verifier.challenges import LIFETIME

MAINTENANCE = "MaintenanceCredential"


def test_asked_fetched_answered_and_looked_up(gate: Gate) -> None:
    asked = gate.ask()
    assert gate.outcome(asked) == {"id": asked["id"], "status": "pending"}
    request = gate.fetch(asked)
    credential = gate.house.issuer.issue(DEVICE.short)
    answer = gate.answer(request, credential)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {}
    found = gate.outcome(asked)
    assert found["status"] == "accepted"
    assert found["device"]["did"] == DEVICE.short.text
    assert found["decision"]["outcome"] == "accepted"
    assert found["credentials"] == {"device": [credential]}
    assert gate.outcome(asked) == found  # a lost answer can be had again


def test_what_who_asks_is_told(gate: Gate) -> None:
    asked = gate.ask()
    link = parse_link(asked["request"])
    assert link.client_id == asked["client_id"] == gate.client_id
    assert link.client_id.startswith("decentralized_identifier:did:key:z6Mk")
    assert link.request_uri == asked["request_uri"]
    assert link.method is FetchMethod.POST
    assert asked.keys() == {"id", "secret", "request", "client_id", "request_uri", "expires"}
    other = gate.ask()
    assert all(asked[name] != other[name] for name in ("id", "secret", "request_uri"))


def test_the_request_object(gate: Gate) -> None:
    asked = gate.ask()
    answer = gate.http.get(asked["request_uri"])
    assert answer.headers["content-type"] == "application/oauth-authz-req+jwt"
    assert answer.headers["cache-control"] == "no-store"
    signed = open_request(answer.text)
    assert signed.method == gate.exchange.identity.method
    request = gate.fetch(asked)
    assert request.client_id.text == gate.client_id
    assert request.mode is ResponseMode.DIRECT_POST
    assert request.query.document == QUERY
    assert request.formats == SUPPORTED
    assert request.issued == gate.house.now
    assert request.expires == gate.house.now + LIFETIME
    assert request.state is not None
    assert len(request.state) >= 22  # 128 bits, section 5.3
    assert request.wallet_nonce is None
    again = gate.fetch(asked)
    assert (again.nonce, again.state) == (request.nonce, request.state)
    other = gate.fetch(gate.ask())
    assert other.nonce != request.nonce
    assert other.state != request.state
    assert other.response_uri != request.response_uri


def test_a_request_object_for_the_holder_that_fetches_it(gate: Gate) -> None:
    asked = gate.ask()

    def fetched(**form: str) -> httpx.Response:
        return gate.http.post(asked["request_uri"], data=form)

    payload = open_request(fetched(wallet_nonce="a b+ü&", unknown="x").text).jws.payload
    assert payload["wallet_nonce"] == "a b+ü&"
    assert "wallet_nonce" not in open_request(fetched(x="y").text).jws.payload
    empty = gate.http.post(asked["request_uri"], headers=FORM)
    assert "wallet_nonce" not in open_request(empty.text).jws.payload
    metadata = {
        "vp_formats_supported": {},
        "x": [1, 1.5],
        "client_id_prefixes_supported": ["x", "decentralized_identifier"],
    }
    assert open_request(fetched(wallet_metadata=json.dumps(metadata)).text)

    for form, status, error, code in (
        ({"wallet_nonce": ""}, 400, "invalid_request", "invalid_wallet_nonce"),
        ({"wallet_nonce": "x" * 257}, 400, "invalid_request", "invalid_wallet_nonce"),
        ({"wallet_metadata": "x"}, 400, "invalid_request", "invalid_json"),
        ({"wallet_metadata": "[]"}, 400, "invalid_request", "invalid_json"),
        (
            {"wallet_metadata": '{"client_id_prefixes_supported": ["x509_hash"]}'},
            403,
            "access_denied",
            "wallet_not_supported",
        ),
        (
            {"wallet_metadata": '{"request_object_signing_alg_values_supported": ["ES256", 1]}'},
            403,
            "access_denied",
            "wallet_not_supported",
        ),
    ):
        assert said(fetched(**form)) == (status, error, code)
    no_form = gate.http.post(asked["request_uri"], json={"wallet_nonce": "x"})
    assert said(no_form) == (400, "invalid_request", "unsupported_media_type")
    twice = gate.http.post(
        asked["request_uri"], content="wallet_nonce=a&wallet_nonce=b", headers=FORM
    )
    assert said(twice) == (400, "invalid_request", "duplicate_field")


def test_an_encrypted_answer(gate: Gate) -> None:
    asked = gate.ask(response_mode="direct_post.jwt")
    request = gate.fetch(asked)
    assert request.mode is ResponseMode.DIRECT_POST_JWT
    assert request.encryption is not None
    other = gate.fetch(gate.ask(response_mode="direct_post.jwt"))
    assert other.encryption is not None
    assert other.encryption["x"] != request.encryption["x"]  # each request has a key of its own
    credential = gate.house.issuer.issue(DEVICE.short)
    content = {
        "vp_token": {"device": [gate.present(request, credential)]},
        "state": request.state,
        "iss": "anybody",
    }
    jwe = encrypt_jwe(canonicalize(content), request.encryption)
    answer = gate.post(request, response=jwe, state=None)
    assert (answer.status_code, answer.json()) == (200, {})
    assert gate.outcome(asked)["status"] == "accepted"
    assert gate.exchange.requests.find(asked["id"]).encryption is None  # type: ignore[union-attr] # it is there; the key is forgotten


def test_back_to_the_verifier(gate: Gate) -> None:
    for redirect, joined in (
        ("https://shop.example/cb", "https://shop.example/cb?response_code="),
        ("https://shop.example/cb?a=b", "https://shop.example/cb?a=b&response_code="),
    ):
        asked = gate.ask(redirect_uri=redirect)
        answer = gate.answer(gate.fetch(asked))
        next_ = answer.json()["redirect_uri"]
        assert next_.startswith(joined)
        code = next_.removeprefix(joined)
        assert len(code) >= 22
        for query in ({}, {"response_code": "x"}, {"response_code": code + "x"}):
            refusal = gate.http.get(
                f"/v1/openid4vp/requests/{asked['id']}",
                params=query,
                headers=bearer(asked["secret"]),
            )
            assert (refusal.status_code, refusal.json()["code"]) == (403, "wrong_response_code")
        assert gate.outcome(asked, response_code=code)["status"] == "accepted"


def test_a_holder_that_declines(gate: Gate) -> None:
    asked = gate.ask(redirect_uri="https://shop.example/cb")
    request = gate.fetch(asked)
    answer = gate.post(request, error="access_denied", error_description="not now")
    assert answer.status_code == 200
    code = answer.json()["redirect_uri"].partition("response_code=")[2]
    assert gate.outcome(asked, response_code=code) == {
        "id": asked["id"],
        "status": "declined",
        "error": "access_denied",
        "error_description": "not now",
    }
    assert said(gate.answer(request)) == (410, "invalid_request", "request_ended")
    in_the_clear = gate.ask(response_mode="direct_post.jwt")
    assert gate.post(gate.fetch(in_the_clear), error="invalid_request").status_code == 200
    assert gate.outcome(in_the_clear)["error"] == "invalid_request"


def test_a_request_ends_with_its_time(moving: Gate) -> None:
    asked = moving.ask()
    request = moving.fetch(asked)
    moving.house.wait(LIFETIME.total_seconds() - 1)
    moving.fetch(asked)
    moving.house.wait(1)
    assert moving.outcome(asked)["status"] == "expired"
    for answer in (moving.http.get(asked["request_uri"]), moving.answer(request)):
        assert said(answer) == (410, "invalid_request", "request_ended")
    moving.house.wait(timedelta(hours=1).total_seconds() + 1)
    moving.ask()  # by which the old ones are forgotten
    gone = moving.http.get(asked["request_uri"])
    assert said(gone) == (404, "invalid_request", "unknown_request")
    moving.fetch(moving.ask())


def test_what_is_refused_is_told_to_both(moving: Gate) -> None:
    moving.house.issuer.set(SUSPENSION)
    asked = moving.ask(redirect_uri="https://shop.example/cb")  # where it is not sent
    answer = moving.answer(moving.fetch(asked))
    assert said(answer) == (403, "access_denied", "suspended")
    found = moving.outcome(asked)
    assert found["status"] == "refused"
    assert (found["problem"]["code"], found["problem"]["step"]) == ("suspended", "6.8 status")
    assert "device" not in found


def test_what_is_undecided_after_the_nonce_was_used_has_ended(moving: Gate) -> None:
    moving.house.statuses.up = False
    asked = moving.ask()
    request = moving.fetch(asked)
    answer = moving.answer(request)
    assert said(answer) == (503, "temporarily_unavailable", "status_unavailable")
    assert "retry-after" not in answer.headers  # to repeat it would be answered 410
    assert "have the verifier make another request" in answer.json()["error_description"]
    found = moving.outcome(asked)
    assert found["status"] == "undecided"
    assert found["problem"]["hint"] == "have the verifier make another request"
    assert said(moving.answer(request)) == (410, "invalid_request", "request_ended")
    moving.house.statuses.up = True
    assert moving.answer(moving.fetch(moving.ask())).status_code == 200


def test_an_answer_that_proves_nothing_leaves_the_request_open(gate: Gate) -> None:
    asked = gate.ask()
    request = gate.fetch(asked)
    presentation = gate.present(request, gate.house.issuer.issue(DEVICE.short))
    assert gate.post(request, vp_token={"device": [{**presentation, "x": 1}]}).status_code == 400
    assert gate.outcome(asked)["status"] == "pending"
    assert gate.post(request, vp_token={"device": [presentation]}).status_code == 200


def test_several_credentials_of_one_device(house: Gatehouse) -> None:
    trusted = house.issuer.trusted(types=(PROVISIONING, MAINTENANCE))
    query = {
        "credentials": [
            QUERY["credentials"][0],
            {
                "id": "serviced",
                "format": "ldp_vc",
                "multiple": True,
                "meta": {"type_values": [[MAINTENANCE]]},
                "claims": [{"path": ["credentialSubject", "model"], "values": ["thermometer"]}],
            },
        ]
    }
    device, service = (
        house.issuer.issue(DEVICE.short),
        house.issuer.issue(DEVICE.short, types=MAINTENANCE),
    )
    with asking(house, house.verifier(trusted)) as gate:
        asked = gate.ask(dcql_query=query)
        request = gate.fetch(asked)
        shown = [gate.present(request, each) for each in (device, service, service)]
        token = {"serviced": shown[1:], "device": shown[:1]}
        assert gate.post(request, vp_token=token).status_code == 200
        found = gate.outcome(asked)
    assert found["credentials"] == {"serviced": [service, service], "device": [device]}
    assert found["device"]["model"] == "thermometer"


@pytest.mark.parametrize("format_", Format)
def test_each_format(gate: Gate, format_: Format) -> None:
    house, device = gate.house, gate.house.device(DEVICE)
    document: JsonObject = {
        name: each for name, each in house.issuer.issue(DEVICE.short).items() if name != "proof"
    }
    if format_ is Format.JWT_VC_JSON:
        document = as_v1(document)
    credential = secure_credential(
        document, house.issuer.key, issuer=house.issuer.did, created=house.now, format=format_
    )
    asked = gate.ask(dcql_query=None)
    request = gate.fetch(asked)
    presentation = secure_presentation(
        [(credential, format_)],
        device.key,
        holder=DEVICE.short,
        challenge=request.nonce,
        audience=request.client_id.text,
        created=house.now,
        format=format_,
    )
    (query,) = [each for each in request.query.credentials if each.format == format_]
    answer = gate.post(request, vp_token={query.id: [to_entry(presentation, format_)]})
    assert answer.status_code == 200, answer.text
    found = gate.outcome(asked)
    assert found["device"]["did"] == DEVICE.short.text
    assert found["credentials"][query.id][0]["credentialSubject"]["model"] == "thermometer"


def test_who_may_ask_and_who_may_see(gate: Gate) -> None:
    for headers in ({}, bearer("x"), bearer(TOKEN[:-1]), {"authorization": TOKEN}):
        answer = gate.http.post("/v1/openid4vp/requests", json={}, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["content-type"] == MEDIA_TYPE
        assert "openid4vp.token" in answer.json()["detail"]
    asked, other = gate.ask(), gate.ask()
    path = f"/v1/openid4vp/requests/{asked['id']}"
    for headers in ({}, bearer("x"), bearer(TOKEN), bearer(other["secret"]), bearer(asked["id"])):
        answer = gate.http.get(path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_request")
    basic = {"authorization": f"Basic {asked['secret']}"}
    assert gate.http.get(path, headers=basic).status_code == 404
    assert gate.outcome(asked)["status"] == "pending"


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"dcql_query": {}}, "invalid_dcql_query"),
        ({"dcql_query": []}, "invalid_request"),
        ({"x": 1}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_response_mode"),
        ({"response_mode": None}, "invalid_request"),
        ({"redirect_uri": "javascript:alert(1)"}, "invalid_redirect_uri"),
        ({"redirect_uri": "https://shop.example/#x"}, "invalid_redirect_uri"),
        ({"redirect_uri": "https://shop.example/#"}, "invalid_redirect_uri"),
        ({"redirect_uri": "/cb"}, "invalid_redirect_uri"),
        ({"redirect_uri": "https://[x"}, "invalid_redirect_uri"),
        ({"redirect_uri": "https://shop.example/\n"}, "invalid_redirect_uri"),
        ({"redirect_uri": "https://shop.example/" + "x" * 2_048}, "invalid_redirect_uri"),
        # Regression: what is no URI was taken (section 8.2; RFC 3986).
        ({"redirect_uri": "https://shop.example/a b"}, "invalid_redirect_uri"),
        ({"redirect_uri": "https://shop.example/<a>"}, "invalid_redirect_uri"),
        ({"redirect_uri": "https://shop.example/%zz"}, "invalid_redirect_uri"),
        ({"redirect_uri": "https://shop.example\\@thief.example/"}, "invalid_redirect_uri"),
        ({"redirect_uri": "https://shop.example:99999/"}, "invalid_redirect_uri"),
        ({"redirect_uri": "https://user:pw@shop.example/"}, "invalid_redirect_uri"),
        ({"redirect_uri": "HTTPS://shop.example/"}, "invalid_redirect_uri"),
    ],
)
def test_what_cannot_be_asked(gate: Gate, wish: dict[str, Any], code: str) -> None:
    answer = gate.http.post("/v1/openid4vp/requests", json=wish, headers=bearer(TOKEN))
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert answer.json()["hint"]


def test_unknown_query_parameters_are_refused_by_our_own_interface(gate: Gate) -> None:
    asked = gate.ask()
    answer = gate.http.get(
        f"/v1/openid4vp/requests/{asked['id']}?x=1", headers=bearer(asked["secret"])
    )
    assert answer.status_code == 400
    assert gate.http.get(f"{asked['request_uri']}?x=1").status_code == 200
