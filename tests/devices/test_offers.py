"""Offers by reference (OpenID4VCI 1.0, section 4.1.3), as a device takes them."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from onboarding import Services
from serving import serving
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devices.agent import Agent
from devices.inputs import read_offer
from devices.ledger_access import LedgerAccess
from devices.offers import check_reference, fetch_offer
from did.errors import Invalid, KeybornError, Refused
from did.openid4vci import Offer, OfferReference
from keyborn.client import connect


class Shelf:
    """Where an offer stands, or something else."""

    def __init__(self) -> None:
        self.url = ""
        self.answer: Response = Response(status_code=404)


@pytest.fixture(scope="module")
def shelf() -> Iterator[Shelf]:
    shelf = Shelf()

    async def answer(_: Any) -> Response:
        return shelf.answer

    with serving(Starlette(routes=[Route("/offers/{name}", answer)])) as url:
        shelf.url = url.rstrip("/")
        yield shelf


def test_a_device_enrols_with_one(agent: Agent, ledger: LedgerAccess, world: Services) -> None:
    (claim,) = world.claims(1)
    reference = read_offer(claim["offer_by_reference"])
    assert isinstance(reference, OfferReference)
    assert agent.enroll(reference, ledger).complete
    known = agent.store.progress()
    assert known is not None
    assert agent.enroll(read_offer(claim["offer"]), ledger) == known  # it is the same claim


def fetched(shelf: Shelf) -> Offer:
    reference = OfferReference(f"{shelf.url}/offers/x")
    with connect(shelf.url) as http:
        return fetch_offer(reference, http)


def test_it_is_an_offer_of_the_issuer_that_keeps_it(shelf: Shelf) -> None:
    mine = Offer(shelf.url, ("device-provisioning",), "code")
    shelf.answer = JSONResponse(mine.to_json())
    assert fetched(shelf) == mine
    other = Offer("https://other.example", ("device-provisioning",), "code")
    shelf.answer = JSONResponse(other.to_json())
    with pytest.raises(Refused) as caught:
        fetched(shelf)
    assert caught.value.code == "wrong_issuer"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Response(b"{}", media_type="application/json"), "invalid_offer"),
        (Response(b"eyJhbGciOiJub25lIn0.e30.", media_type="application/jwt"), "invalid_answer"),
        (Response(status_code=404), "http_error"),
        (Response(status_code=302, headers={"location": "http://127.0.0.1/x"}), "redirected"),
    ],
    ids=["no offer", "unsigned token", "gone", "redirected"],
)
def test_what_is_no_offer_is_refused(shelf: Shelf, answer: Response, code: str) -> None:
    shelf.answer = answer
    with pytest.raises(KeybornError) as caught:
        fetched(shelf)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("url", "issuer", "code"),
    [
        ("http://issuer.example/offers/x", None, "insecure_issuer"),
        ("https://user@issuer.example/offers/x", None, "invalid_issuer_url"),
        ("https://issuer.example/offers/x", "https://other.example", "wrong_issuer"),
    ],
)
def test_references_that_are_not_followed(url: str, issuer: str | None, code: str) -> None:
    with pytest.raises((Invalid, Refused)) as caught:
        check_reference(OfferReference(url), issuer=issuer)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("url", "issuer"),
    [
        ("https://issuer.example/offers/x?y=1", None),
        ("http://127.0.0.1:1/offers/x", None),
        ("http://issuer.example/offers/x", "http://issuer.example/tenant"),
    ],
)
def test_references_that_are(url: str, issuer: str | None) -> None:
    check_reference(OfferReference(url), issuer=issuer)


def test_a_device_takes_the_formats_it_asks_for(
    born: Callable[[], Agent], ledger: LedgerAccess, world: Services
) -> None:
    from did.vc.formats import Format, credential_in  # noqa: PLC0415

    for format_ in Format:
        agent = born()
        offer = read_offer(world.offer())
        agent.enroll(offer, ledger, format_=format_)
        for name in ("provisioning", "configuration"):
            document = agent.store.credential(name)
            assert document is not None
            assert credential_in(document).format is format_
        assert agent.configuration()
