"""Errors of resolving, by the names of the specifications, and their HTTP statuses.

The current specification (DID Resolution 1.0, sections 11 and 12.1) has problem objects, with a URL
for the name; the older one and did:key have the same names as plain strings in camel case. What the
specification has no status for is what the client sent, so it is a 400.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from did.errors import Invalid, KeybornError, Refused
from did.jcs import JsonObject

_DID: Final = "https://www.w3.org/ns/did#"
_SECURITY: Final = "https://w3id.org/security#"  # of Controlled Identifiers 1.0, section 3.5

_NOT_FOUND: Final = ("NOT_FOUND", HTTPStatus.NOT_FOUND)
_OPTIONS: Final = ("INVALID_OPTIONS", HTTPStatus.BAD_REQUEST)
ERRORS: Final[Mapping[str, tuple[str, HTTPStatus]]] = {
    "invalid_did": ("INVALID_DID", HTTPStatus.BAD_REQUEST),
    "invalid_did_url": ("INVALID_DID_URL", HTTPStatus.BAD_REQUEST),
    "invalid_options": _OPTIONS,
    "invalid_time": _OPTIONS,
    "invalid_public_key": ("INVALID_PUBLIC_KEY", HTTPStatus.BAD_REQUEST),
    "invalid_public_key_type": ("INVALID_PUBLIC_KEY_TYPE", HTTPStatus.BAD_REQUEST),
    "invalid_public_key_length": ("INVALID_PUBLIC_KEY_LENGTH", HTTPStatus.BAD_REQUEST),
    "unsupported_public_key_type": ("UNSUPPORTED_PUBLIC_KEY_TYPE", HTTPStatus.BAD_REQUEST),
    "invalid_verification_method": ("INVALID_VERIFICATION_METHOD", HTTPStatus.BAD_REQUEST),
    "relationship_not_authorized": (
        "INVALID_RELATIONSHIP_FOR_VERIFICATION_METHOD",
        HTTPStatus.BAD_REQUEST,
    ),
    "not_registered": _NOT_FOUND,
    "version_not_found": _NOT_FOUND,
    "did_not_found": _NOT_FOUND,
    "resource_not_found": _NOT_FOUND,
    "representation_not_supported": (
        "REPRESENTATION_NOT_SUPPORTED",
        HTTPStatus.NOT_ACCEPTABLE,
    ),
    "invalid_did_document": ("INVALID_DID_DOCUMENT", HTTPStatus.INTERNAL_SERVER_ERROR),
    "method_not_supported": ("METHOD_NOT_SUPPORTED", HTTPStatus.NOT_IMPLEMENTED),
    "feature_not_supported": ("FEATURE_NOT_SUPPORTED", HTTPStatus.NOT_IMPLEMENTED),
}
# Not the specification's 500: the log or a host cannot be read now, and that may pass.
UNDECIDED: Final = ("INTERNAL_ERROR", HTTPStatus.SERVICE_UNAVAILABLE)
# Whoever asks is not to learn which names there are in the service's own network: a name that leads
# to addresses which are not public is answered as one that leads to none.
_UNSEEN: Final = frozenset({"address_not_public", "host_not_found"})
_NO_HOST: Final = (
    "the host's name leads to no public address; see that it is spelled right, and repeat it later"
)
_OF_CONTROLLED_IDENTIFIERS: Final = frozenset(
    {"INVALID_VERIFICATION_METHOD", "INVALID_RELATIONSHIP_FOR_VERIFICATION_METHOD"}
)


def named(error: KeybornError) -> tuple[str, HTTPStatus]:
    """The specification's name of ``error``, and its status."""
    known = ERRORS.get(error.code) if isinstance(error, Invalid | Refused) else None
    return known or UNDECIDED


def problem(error: KeybornError) -> JsonObject:
    """``error`` as the current specification has it (RFC 9457)."""
    name, _ = named(error)
    base = _SECURITY if name in _OF_CONTROLLED_IDENTIFIERS else _DID
    title = name.replace("_", " ").capitalize()
    return {
        "type": base + name,
        "title": title.replace(" did", " DID").replace(" url", " URL"),
        "detail": _detail(error),
    }


def plain(error: KeybornError) -> JsonObject:
    """``error`` as the older specification has it."""
    first, *rest = named(error)[0].split("_")
    name = first.lower() + "".join(word.capitalize() for word in rest)
    return {"error": name, "errorMessage": _detail(error)}


def _detail(error: KeybornError) -> str:
    if error.code in _UNSEEN:
        return _NO_HOST
    return error.message if error.hint is None else f"{error.message}; {error.hint}"
