"""Offers by reference (OpenID4VCI 1.0, section 4.1.3)."""

from dataclasses import replace
from urllib.parse import urlsplit

import httpx
from actors import DEVICE
from issuing import TERMS, World

from did.openid4vci import OfferReference, offer_from_json, parse_any_offer
from issuer import claims
from issuer.claim import NewClaim


def fetch(world: World, claim: NewClaim) -> httpx.Response:
    reference = parse_any_offer(str(claim.to_json()["offer_by_reference"]))
    assert reference == claim.reference
    assert isinstance(reference, OfferReference)
    assert reference.url.startswith(world.issuer.url)
    return world.http.get(urlsplit(reference.url).path)


def test_stands_where_the_reference_says(standing: World) -> None:
    for claim in (standing.claim(), standing.claim(replace(TERMS, tx_code=True))):
        answer = fetch(standing, claim)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["cache-control"] == "no-store"
        assert offer_from_json(answer.json()) == claim.offer


def test_says_how_to_come_by_the_transaction_code(standing: World) -> None:
    grants = fetch(standing, standing.claim(replace(TERMS, tx_code=True))).json()["grants"]
    (grant,) = grants.values()
    assert set(grant["tx_code"]) == {"input_mode", "length", "description"}
    assert grant["tx_code"]["input_mode"] == "numeric"


def test_goes_when_it_is_of_no_use(world: World) -> None:
    cancelled, expired, completed = world.claim(), world.claim(), world.claim()
    claims.cancel(world.issuer.engine, cancelled.id, at=world.clock())
    answer = fetch(world, cancelled)
    assert answer.status_code == 404
    assert answer.json()["code"] == "offer_not_found"
    world.enrol(DEVICE, completed)
    assert fetch(world, completed).status_code == 200  # for as long as the answer may be lost
    assert fetch(world, expired).status_code == 200
    world.clock.advance(TERMS.lifetime.total_seconds())
    assert fetch(world, expired).status_code == 404


def test_is_for_nobody_who_does_not_know_its_name(standing: World) -> None:
    claim = standing.claim()
    name = claim.reference.url.rpartition("/")[2]
    assert len(name) >= 43  # 32 bytes
    for other in (claim.id, claim.offer.code, name[:-1], name + "x", "x" * 5_000):
        assert standing.http.get(f"/offers/{other}").status_code == 404
    assert claim.offer.code not in claim.reference.url
