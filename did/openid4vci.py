"""What issuer and device say to each other: OpenID for Verifiable Credential Issuance 1.0.

The credential offer (section 4.1) and the names that both sides use. Possession proofs are in
``did.possession``; the HTTP exchange itself is in ``issuer.protocol`` and
``devices.issuer_client``.
"""

import json
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, quote, urlsplit

from did.errors import Invalid
from did.jcs import Json, JsonObject
from did.limits import LIMITS
from did.strict_json import Numbers, parse_object

PRE_AUTHORIZED: Final = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
PROVISIONING_CONFIGURATION: Final = "device-provisioning"
CONFIGURATION_CONFIGURATION: Final = "device-configuration"

# What may become of credentials once the wallet has them (section 11.1).
CREDENTIAL_ACCEPTED: Final = "credential_accepted"
CREDENTIAL_FAILURE: Final = "credential_failure"
CREDENTIAL_DELETED: Final = "credential_deleted"
EVENTS: Final = (CREDENTIAL_ACCEPTED, CREDENTIAL_FAILURE, CREDENTIAL_DELETED)

NUMERIC: Final = "numeric"
TEXT: Final = "text"

_OFFER_SCHEME: Final = "openid-credential-offer"
_BY_VALUE: Final = "credential_offer"
_BY_REFERENCE: Final = "credential_offer_uri"
_MAX_DESCRIPTION: Final = 300  # characters (section 4.1.1)


@dataclass(frozen=True, slots=True)
class TxCode:
    """What a transaction code looks like; the code itself goes another way (section 4.1.1).

    Attributes:
        length: How many characters it has; 0 where that is not said.
        description: How to come by it.
        input_mode: ``numeric`` (digits) or ``text`` (any characters).
    """

    length: int
    description: str | None = None
    input_mode: str = NUMERIC

    def to_json(self) -> JsonObject:
        """The ``tx_code`` object of an offer."""
        value: JsonObject = {"input_mode": self.input_mode}
        if self.length:
            value["length"] = self.length
        if self.description is not None:
            value["description"] = self.description
        return value


@dataclass(frozen=True, slots=True)
class Offer:
    """A credential offer: a claim, as handed to a device.

    Attributes:
        issuer: The credential issuer identifier, a URL: as it stands, since identifiers are
            compared as texts, and not normalised (section 12.2.4).
        configurations: The credential configuration ids on offer, at least one.
        code: The pre-authorized code.
        tx_code: What a transaction code looks like, where one is needed.
    """

    issuer: str
    configurations: tuple[str, ...]
    code: str
    tx_code: TxCode | None = None

    def to_json(self) -> JsonObject:
        """The credential offer object."""
        grant: JsonObject = {"pre-authorized_code": self.code}
        if self.tx_code is not None:
            grant["tx_code"] = self.tx_code.to_json()
        return {
            "credential_issuer": self.issuer,
            "credential_configuration_ids": list(self.configurations),
            "grants": {PRE_AUTHORIZED: grant},
        }

    def to_uri(self) -> str:
        """The offer by value, ``openid-credential-offer://?credential_offer=…``."""
        text = json.dumps(self.to_json(), separators=(",", ":"))
        return f"{_OFFER_SCHEME}://?{_BY_VALUE}={quote(text, safe='')}"


@dataclass(frozen=True, slots=True)
class OfferReference:
    """An offer that stands at ``url``, for whoever knows that (section 4.1.3)."""

    url: str

    def to_uri(self) -> str:
        """The offer by reference, ``openid-credential-offer://?credential_offer_uri=…``."""
        return f"{_OFFER_SCHEME}://?{_BY_REFERENCE}={quote(self.url, safe='')}"


def parse_offer(text: str) -> Offer:
    """The offer that ``text`` is: a URI with the offer by value, or the JSON object itself.

    Raises:
        Invalid: ``invalid_offer``.
    """
    offer = parse_any_offer(text)
    if isinstance(offer, OfferReference):
        raise Invalid(
            "invalid_offer",
            "the offer is one by reference, and has to be fetched first",
            hint="take the offer by value, or enrol one device with it",
        )
    return offer


def parse_any_offer(text: str) -> Offer | OfferReference:
    """As ``parse_offer``, of an offer by value or by reference.

    Raises:
        Invalid: ``invalid_offer``.
    """
    if len(text) > LIMITS.offer:
        raise Invalid("invalid_offer", f"an offer is longer than {LIMITS.offer} characters")
    text = text.strip()
    if not text.startswith("{"):
        try:
            parts = urlsplit(text)
            query = parse_qs(parts.query, errors="strict")
        except ValueError as error:
            raise Invalid("invalid_offer", "an offer is not a URI") from error
        values = [
            (name, each) for name in (_BY_VALUE, _BY_REFERENCE) for each in query.get(name, [])
        ]
        if parts.scheme != _OFFER_SCHEME or len(values) != 1:
            raise Invalid(
                "invalid_offer",
                f"an offer is of the form {_OFFER_SCHEME}://?{_BY_VALUE}=… or"
                f" {_OFFER_SCHEME}://?{_BY_REFERENCE}=…, with one of these",
            )
        ((name, text),) = values
        if name == _BY_REFERENCE:
            if not _is_web_url(text):
                raise Invalid("invalid_offer", f"{_BY_REFERENCE} is not a URL", value=text)
            return OfferReference(text)
    try:
        value = parse_object(text.encode("utf-8", "surrogatepass"), numbers=Numbers.ANY)
    except Invalid as error:
        raise Invalid("invalid_offer", f"an offer is malformed: {error.message}") from error
    return offer_from_json(value)


def offer_from_json(value: JsonObject) -> Offer:
    """The offer that the credential offer object ``value`` is (section 4.1.1).

    Raises:
        Invalid: ``invalid_offer``; also for one without a pre-authorized code.
    """
    issuer, ids = value.get("credential_issuer"), value.get("credential_configuration_ids")
    if not isinstance(issuer, str) or not _is_web_url(issuer) or {"?", "#"} & set(issuer):
        raise Invalid(
            "invalid_offer",
            "an offer's credential_issuer is not a URL without query and fragment",
            value=issuer,
        )
    if not isinstance(ids, list) or not ids or not all(isinstance(id_, str) for id_ in ids):
        raise Invalid("invalid_offer", "an offer names no credential_configuration_ids")
    if len(set(map(str, ids))) < len(ids):
        raise Invalid("invalid_offer", "an offer names a credential_configuration_id twice")
    grants = value.get("grants")
    grant = grants.get(PRE_AUTHORIZED) if isinstance(grants, dict) else None
    code = grant.get("pre-authorized_code") if isinstance(grant, dict) else None
    if not isinstance(grant, dict) or not isinstance(code, str) or not code:
        raise Invalid("invalid_offer", "an offer has no pre-authorized code")
    if grant.get("authorization_server", issuer) != issuer:  # ours is its own
        raise Invalid(
            "invalid_offer",
            "an offer's code is to be redeemed at another authorization_server than its issuer",
            value=grant["authorization_server"],
            hint="have the issuer make an offer whose code it redeems itself",
        )
    return Offer(issuer, tuple(map(str, ids)), code, _tx_code(grant.get("tx_code")))


def _is_web_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    # urlsplit passes over white space that others do not.
    plain = text.isprintable() and " " not in text
    return plain and parts.scheme in ("https", "http") and bool(parts.hostname)


def _tx_code(value: Json) -> TxCode | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise Invalid("invalid_offer", "an offer's tx_code is not an object")
    length, description = value.get("length", 0), value.get("description")
    input_mode = value.get("input_mode", NUMERIC)
    if type(length) is not int or length < 0 or not isinstance(description, str | None):
        raise Invalid("invalid_offer", "an offer's tx_code is malformed")
    if input_mode not in (NUMERIC, TEXT):
        raise Invalid("invalid_offer", f"an offer's tx_code is neither {NUMERIC} nor {TEXT}")
    if len(description or "") > _MAX_DESCRIPTION:
        raise Invalid(
            "invalid_offer", f"a tx_code's description has more than {_MAX_DESCRIPTION} characters"
        )
    return TxCode(length, description, str(input_mode))
