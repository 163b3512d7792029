from dataclasses import replace

import httpx
import pytest
from actors import DEVICE, STRANGER, actor
from issuing import SECRETS, TERMS, World

from did.openid4vci import parse_offer

BODY = {
    "model": "thermo-2",
    "owner": "plant-7",
    "roles": ["sensor"],
    "tags": {"hall": "3"},
    "configuration": SECRETS,
    "did": DEVICE.did.text,
    "tx_code": True,
    "expires_in": 3600,
}


def problem(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return str(answer.json()["code"])


def create(world: World, *claims: object) -> httpx.Response:
    return world.admin.post("/claims", json={"claims": list(claims)})


@pytest.mark.parametrize("token", [None, "x" * 43, "t" * 42])
@pytest.mark.parametrize("path", ["/claims", "/devices", "/issuer", "/claims/x", "/nothing"])
def test_is_closed_without_its_token(standing: World, path: str, token: str | None) -> None:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    answer = standing.http.get(f"/v1/admin{path}", headers=headers)
    assert answer.status_code == (404 if path == "/nothing" else 401)
    assert standing.http.post("/v1/admin/rotate", headers=headers).status_code == 401


def test_makes_claims(world: World) -> None:
    assert create(world, BODY).status_code == 201  # what is refused above in one point
    answer = create(world, BODY, {"model": "m", "owner": "o"})
    assert answer.status_code == 201
    full, least = answer.json()["claims"]
    assert parse_offer(full["offer"]).tx_code is not None
    assert set(least) == {"id", "offer", "offer_by_reference", "expires"}
    shown = world.admin.get(f"/claims/{full['id']}").json()
    assert shown["state"] == "open"
    assert shown["dids"] == [DEVICE.short.text]
    assert shown["devices"] == 1
    assert shown["configurations"][:2] == ["device-provisioning", "device-configuration"]
    assert shown["notifications"] == []
    assert shown["tx_code_needed"] is True
    assert "psk" not in str(shown)
    page = world.admin.get("/claims", params={"limit": 1, "cursor": 1}).json()
    assert [claim["id"] for claim in page["claims"]] == [full["id"]]
    page = world.admin.get("/claims", params={"cursor": page["next"]}).json()
    assert [claim["id"] for claim in page["claims"]] == [least["id"]]
    assert page["next"] is None


@pytest.mark.parametrize(
    "change",
    [
        {"colour": "red"},
        {"model": None},
        {"model": ""},
        {"model": " \u2028"},
        {"model": "x" * 129},
        {"model": "line\nbreak"},
        {"roles": "sensor"},
        {"roles": ["r"] * 33},
        {"tags": {"hall": 3}},
        {"tx_code": 1},
        {"expires_in": "60"},
        {"expires_in": 0},
        {"expires_in": 10**9},
        {"did": "did:keyborn:x"},
        {"did": STRANGER.key_did.text},
        {"configuration": []},
        {"configuration": {"large": "x" * 65_536}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_refuses_claims_that_are_not_as_described(
    standing: World, change: dict[str, object]
) -> None:
    answer = create(standing, {**BODY, **change})
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert standing.admin.get("/claims").json()["claims"] == []


@pytest.mark.parametrize("body", ['{"claims": []}', '{"claims": [], "claims": []}', "{", "[]"])
def test_refuses_bodies_that_are_not_as_described(standing: World, body: str) -> None:
    headers = {"content-type": "application/json"}
    answer = standing.admin.post("/claims", content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_error_repeats_no_secret(world: World) -> None:
    hidden = {**BODY, "configuration": {"psk": "hush hush", "deep": 1.5}}
    answer = create(world, hidden)
    assert answer.status_code == 400
    assert "hush" not in answer.text


def test_cancels_claims(world: World) -> None:
    claim = world.claim()
    assert world.admin.post(f"/claims/{claim.id}/cancel").json()["state"] == "cancelled"
    assert world.admin.post(f"/claims/{claim.id}/cancel").json()["state"] == "cancelled"
    world.enrol(DEVICE, used := world.claim())
    assert problem(world.admin.post(f"/claims/{used.id}/cancel"), 409) == "claim_completed"
    assert problem(world.admin.post("/claims/none/cancel"), 404) == "claim_not_found"
    assert problem(world.admin.get("/claims/none"), 404) == "claim_not_found"


def test_tells_devices_apart(world: World) -> None:
    """Bound but never seen; provisioned; provisioned and registered; and then deactivated."""
    expected, provisioned, active, ended = (actor(name) for name in "abcd")
    world.claim(replace(TERMS, dids=(expected.short,)))
    world.register(expected)
    for each in (provisioned, active, ended):
        world.enrol(each)
    for each in (active, ended):
        world.register(each)
    world.deactivate(ended)
    listed = world.admin.get("/devices").json()
    assert listed["next"] is None
    names = ("provisioned", "registered", "active", "deactivated")
    shown = {d["did"]: [d[name] for name in names] for d in listed["devices"]}
    assert shown == {
        expected.short.text: [False, True, False, False],
        provisioned.short.text: [True, False, False, False],
        active.short.text: [True, True, True, False],
        ended.short.text: [True, True, False, True],
    }
    assert world.admin.get(f"/devices/{active.did.text}").json() == listed["devices"][2]


def test_lists_devices_by_filter_and_page(world: World) -> None:
    for n in range(3):
        terms = replace(TERMS, model=f"m{n % 2}", tags={"hall": str(n)})
        world.enrol(actor(f"device {n}"), world.claim(terms))

    def models(**params: object) -> list[str]:
        answer = world.admin.get("/devices", params=params)  # type: ignore[arg-type] # of any kind
        return [device["model"] for device in answer.json()["devices"]]

    assert models() == ["m0", "m1", "m0"]
    assert models(model="m1") == ["m1"]
    assert models(tag=["hall=2"]) == ["m0"]
    assert models(tag=["hall=2", "hall=1"]) == ["m1"]
    first = world.admin.get("/devices", params={"limit": 2}).json()
    assert models(cursor=first["next"]) == ["m0"]
    for bad in ({"limit": 0}, {"limit": 501}, {"cursor": -1}, {"tag": "hall"}, {"tag": "=3"}):
        assert world.admin.get("/devices", params=bad).status_code == 400
    for path in ("/devices", "/claims"):  # more than the database counts to
        assert world.admin.get(path, params={"cursor": 2**63}).status_code == 400
        assert world.admin.get(path, params={"cursor": 2**53 - 1}).json()["next"] is None


@pytest.mark.parametrize(
    "path", ["/devices", "/claims", f"/devices/{DEVICE.short.text}", "/issuer"]
)
def test_a_query_with_an_unknown_parameter_is_refused(world: World, path: str) -> None:
    """Else a filter with a typing error shows everything, as if everything matched."""
    world.enrol(DEVICE)
    assert problem(world.admin.get(path, params={"modle": "m1"}), 400) == "invalid_request"
    assert world.admin.get(path).status_code == 200


def test_the_inventory_is_there_when_the_ledger_is_not(world: World) -> None:
    world.enrol(DEVICE)
    world.ledger.close()
    (world.directory / "ledger" / "log.sqlite").write_bytes(b"damaged" * 1000)
    (device,) = world.admin.get("/devices").json()["devices"]
    assert device["provisioned"] is True
    assert [device[name] for name in ("registered", "active", "deactivated")] == [None] * 3
    assert world.admin.get("/issuer").json()["registered"] is None


def test_stops_devices(world: World) -> None:
    world.register(DEVICE)
    world.enrol(DEVICE)
    path = f"/devices/{DEVICE.short.text}"
    assert world.admin.get(path).json()["active"] is True
    suspended = world.admin.post(f"{path}/suspend").json()
    assert (suspended["suspended"], suspended["active"]) == (True, False)
    reinstated = world.admin.post(f"{path}/reinstate").json()
    assert (reinstated["suspended"], reinstated["active"]) == (False, True)
    revoked = world.admin.post(f"{path}/revoke").json()
    assert (revoked["revoked"], revoked["active"]) == (True, False)
    assert problem(world.admin.post(f"{path}/reinstate"), 409) == "device_revoked"
    assert problem(world.admin.post(f"{path}/suspend"), 409) == "device_revoked"
    assert problem(create(world, BODY), 409) == "device_revoked"
    other = f"/devices/{STRANGER.short.text}"
    assert problem(world.admin.get(other), 404) == "device_not_found"
    assert problem(world.admin.post(f"{other}/revoke"), 404) == "device_not_found"
    assert problem(world.admin.get("/devices/did:example:1"), 400) == "method_not_supported"


def test_shows_and_rotates_the_issuer(world: World) -> None:
    before = world.admin.get("/issuer").json()
    assert before["did"] == world.issuer.identity.did.text
    assert before["log_id"] == world.ledger.log_id.hex()
    assert (before["registered"], before["rotating"]) == (True, False)
    assert before["version_id"].startswith("0-")
    world.clock.ticking = True
    after = world.admin.post("/rotate", json={}).json()
    assert after["did"] == before["did"]
    assert after["key"] != before["key"]
    assert after["version_id"].startswith("1-")
    assert world.admin.post("/rotate", json={"replacing": before["key"]}).json() == after
    assert world.admin.post("/rotate", json={"force": True}).status_code == 400


def test_publishes_status_lists(world: World) -> None:
    entry = world.enrol(DEVICE).statuses[0]
    answer = world.http.get("/v1/status/revocation-1")
    assert answer.json()["id"] == entry.list_url
    assert answer.headers["content-type"] == "application/vc"
    assert answer.headers["cache-control"] == "public, max-age=300"
    world.clock.advance(100)
    answer = world.http.get("/v1/status/revocation-1")
    assert answer.headers["cache-control"] == "public, max-age=200"
    assert problem(world.http.get("/v1/status/none"), 404) == "status_list_not_found"
