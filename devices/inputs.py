"""What people hand to the commands: offers, claims, credentials, challenges."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import orjson

from did.errors import Invalid
from did.limits import LIMITS
from did.openid4vci import Offer, OfferReference, parse_any_offer, parse_offer
from did.openid4vp.link import RequestLink, parse_link
from did.strict_json import parse_object

_MAX_CLAIMS: Final = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Claim:
    """A right to be enrolled, as the operator hands it out."""

    offer: Offer = field(repr=False)
    tx_code: str | None = field(default=None, repr=False)


def read_offer(text: str) -> Offer | OfferReference:
    """The offer that ``text`` is: a URI, JSON, the name of a file with either, or - for stdin.

    A URI may hold the offer, or a reference to it.

    Raises:
        Invalid: ``invalid_offer``.
    """
    if text == "-":
        text = sys.stdin.read(LIMITS.offer + 1)
    elif not text.lstrip().startswith(("{", "openid-credential-offer:")):
        try:
            with Path(text).open(encoding="utf-8", errors="replace") as file:
                text = file.read(LIMITS.offer + 1)
        except OSError as error:
            why = (
                "there is no such file"
                if isinstance(error, FileNotFoundError)
                else f"such a file cannot be read: {error.strerror}"
            )
            raise Invalid(
                "invalid_offer",
                f"an offer is a URI, JSON, or a file with either, and {why}",
                hint="copy it whole, from openid-credential-offer: on",
            ) from error
    return parse_any_offer(text)


def read_request_link(text: str) -> RequestLink:
    """The link that ``text`` is; - for stdin.

    Raises:
        KeybornError: As ``did.openid4vp.link.parse_link``.
    """
    return parse_link(sys.stdin.read(LIMITS.request_link + 1) if text == "-" else text)


def read_claims(path: Path) -> list[Claim]:
    """The claims in the file at ``path``.

    Each line is an offer (a URI or its JSON) or a claim as the issuer prints it (JSON with
    ``offer`` and perhaps ``tx_code``); or the file is one JSON list of such, or an object that
    holds it as ``claims``.

    Raises:
        Invalid: ``invalid_offers``, naming the line.
    """
    with path.open("rb") as file:
        data = file.read(_MAX_CLAIMS + 1)
    if len(data) > _MAX_CLAIMS:
        raise Invalid(
            "invalid_offers",
            "the file of offers is too large",
            value=str(path),
            hint="name a file of offers: keyborn issuer claim create --csv TABLE > FILE",
        )
    claims = []
    for number, item in enumerate(_items(data), 1):
        try:
            claims.append(_claim(item))
        except Invalid as error:
            raise Invalid(
                "invalid_offers",
                f"claim {number} of the file: {error.message}",
                value=str(path),
                hint="name a file of offers: keyborn issuer claim create --csv TABLE > FILE",
            ) from error
    return claims


def _items(data: bytes) -> list[object]:
    try:
        whole = orjson.loads(data)
    except orjson.JSONDecodeError:
        return [line for line in data.decode("utf-8", "replace").splitlines() if line.strip()]
    if isinstance(whole, dict) and isinstance(whole.get("claims"), list):
        return list(whole["claims"])
    return whole if isinstance(whole, list) else [whole]


def _claim(item: object) -> Claim:
    if isinstance(item, str):
        if not item.lstrip().startswith("{"):
            return Claim(parse_offer(item))
        item = parse_object(item.encode("utf-8", "replace"))
    if isinstance(item, dict) and isinstance(item.get("offer"), str):
        tx_code = item.get("tx_code")
        return Claim(parse_offer(item["offer"]), tx_code if isinstance(tx_code, str) else None)
    try:
        text = orjson.dumps(item).decode()
    except orjson.JSONEncodeError as error:  # it reads deeper than it writes
        raise Invalid("invalid_offer", "an offer is malformed: it is nested too deep") from error
    return Claim(parse_offer(text))
