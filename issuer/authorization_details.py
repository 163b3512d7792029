"""``authorization_details`` in token requests, and what they are answered with.

RFC 9396; OpenID4VCI 1.0, sections 5.1.1, 6.1.1 and 6.2. A wallet may name the configurations that
it is after; it is given a credential identifier for each, to ask at the credential endpoint with.
A claim has one set of data for each configuration, so the identifier says no more than which; the
token that it comes with is for these configurations alone (``issuer.tokens``).
"""

from collections.abc import Sequence
from typing import Final

from did.configurations import CONFIGURATIONS, CredentialConfiguration
from did.errors import Invalid
from did.jcs import Json, JsonObject
from did.strict_json import Numbers, parse

_TYPE: Final = "openid_credential"
_PREFIX: Final = "claim:"
_MAX_BYTES: Final = 8_192
_STEP: Final = "authorization details"


def identifier(configuration: str) -> str:
    """The credential identifier for the configuration with this id."""
    return _PREFIX + configuration


def configuration_of(text: str, identified: Sequence[str]) -> CredentialConfiguration:
    """The configuration that a credential identifier is for, one of ``identified``.

    Raises:
        Invalid: ``unknown_credential_identifier`` (step ``identifier``).
    """
    found = next((each for each in identified if identifier(each) == text), None)
    if found is None:
        raise Invalid(
            "unknown_credential_identifier",
            "no such credential identifier was given out with the token",
            step="identifier",
            hint="take one from the answer that the token came in; if there is none, name a"
            " credential_configuration_id",
        )
    return CONFIGURATIONS[found]


def named(text: str, *, offered: Sequence[str], issuer: str) -> tuple[str, ...]:
    """The configurations that the ``authorization_details`` of a request name: at least one.

    Args:
        text: The parameter: a JSON array.
        offered: The configuration ids that the claim offers.
        issuer: The credential issuer identifier.

    Raises:
        Invalid: ``invalid_authorization_details`` (step ``authorization details``).
    """
    try:
        details = parse(
            text.encode("utf-8", "surrogatepass"), max_bytes=_MAX_BYTES, numbers=Numbers.ANY
        )
    except Invalid as error:
        raise _invalid(error.message) from error
    if not isinstance(details, list) or not details:
        raise _invalid("it is no list")
    return tuple(dict.fromkeys(_named(each, offered, issuer) for each in details))


def answer(configurations: Sequence[str]) -> list[Json]:
    """What the token response says to ``authorization_details`` that name ``configurations``."""
    answered: list[Json] = []
    for configuration in configurations:
        identifiers: list[Json] = [identifier(configuration)]
        detail: JsonObject = {
            "type": _TYPE,
            "credential_configuration_id": configuration,
            "credential_identifiers": identifiers,
        }
        answered.append(detail)
    return answered


def _named(detail: Json, offered: Sequence[str], issuer: str) -> str:
    if not isinstance(detail, dict) or detail.get("type") != _TYPE:
        raise _invalid(f"the only type here is {_TYPE}")
    configuration = detail.get("credential_configuration_id")
    if not isinstance(configuration, str) or configuration not in offered:
        raise _invalid("a credential_configuration_id is not on offer")
    locations = detail.get("locations", [issuer])
    if not isinstance(locations, list) or issuer not in locations:
        raise _invalid(f"locations do not name {issuer}")
    claims = detail.get("claims")
    if claims is not None and (not isinstance(claims, list) or not claims):
        raise _invalid("claims is no list of claims")
    return configuration


def _invalid(message: str) -> Invalid:
    return Invalid(
        "invalid_authorization_details",
        f"authorization_details: {message}",
        step=_STEP,
        hint="name credential configurations that are on offer, or leave it out",
    )
