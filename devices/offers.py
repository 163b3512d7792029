"""Offers by reference: fetched from where they stand (OpenID4VCI 1.0, section 4.1.3).

A reference is no more to be trusted than an offer. It is fetched only where a device may enrol, and
what it yields must be an offer of that very origin.
"""

from typing import Final

import httpx

from devices.issuer_client import check_issuer_url
from devices.issuer_metadata import origin_of
from did.errors import Refused
from did.openid4vci import Offer, OfferReference, offer_from_json
from keyborn.client import request_json

_STEP: Final = "offer"


def check_reference(reference: OfferReference, *, issuer: str | None) -> None:
    """Return if the offer may be fetched.

    Args:
        reference: Where it stands.
        issuer: The issuer that a person named.

    Raises:
        Invalid: ``invalid_issuer_url``.
        Refused: ``insecure_issuer``; ``wrong_issuer``: it is not where the named issuer is.
    """
    if issuer is not None and origin_of(issuer) != origin_of(reference.url):
        raise Refused(
            "wrong_issuer",
            f"the offer is not of {issuer}",
            step=_STEP,
            value=reference.url,
            hint="ask the operator where the offer came from",
        )
    check_issuer_url(reference.url.partition("?")[0], explicit=issuer is not None)


def fetch_offer(reference: OfferReference, http: httpx.Client) -> Offer:
    """The offer that stands where ``reference`` says, by a client for that URL.

    Raises:
        Invalid: ``invalid_offer``.
        Refused: ``wrong_issuer``: it is an offer of somebody else's.
        KeybornError: as ``keyborn.client.request``.
    """
    offer = offer_from_json(request_json(http, "GET", reference.url, step=_STEP))
    if origin_of(offer.issuer) != origin_of(reference.url):
        raise Refused(
            "wrong_issuer",
            "the offer is of another issuer than the one that keeps it",
            step=_STEP,
            value=offer.issuer,
            hint="ask the operator where the offer came from",
        )
    return offer
