"""``GET /1.0/identifiers/{did}``: the HTTP(S) binding of W3C DID Resolution 1.0, section 12.1.

Query parameters: ``versionId``, ``versionTime``. ``Accept``: ``application/did-resolution`` for the
whole result (the default), ``application/did`` for the document alone. A DID that is deactivated
is answered with 410 and its document. Errors have the specification's form, and statuses::

    INVALID_DID, INVALID_OPTIONS, INVALID_PUBLIC_KEY     400
    NOT_FOUND                                            404
    REPRESENTATION_NOT_SUPPORTED                         406
    METHOD_NOT_SUPPORTED                                 501
    INTERNAL_ERROR                                       503, the log cannot be read; may pass

It is a convenience and the Universal Resolver's driver interface: who depends on an answer asks a
reader of its own.
"""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Final

import orjson
from fastapi import APIRouter, Request, Response

from did.errors import Invalid, KeybornError, Refused
from did.identifier import parse_did
from did.jcs import JsonObject
from did.resolution import Resolution, Resolver
from did.timestamps import parse_time
from keyborn.problem import retry_after

RESULT: Final = "application/did-resolution"
DOCUMENT: Final = "application/did"

_PREFIX: Final = "/1.0/identifiers/"
_TYPE: Final = "https://www.w3.org/ns/did#"
_OPTIONS: Final = ("versionId", "versionTime")
# What a client that accepts one of these is served as; the first one is the default.
_SERVED: Final[Mapping[str, str]] = {
    RESULT: RESULT,
    "*/*": RESULT,
    "application/*": RESULT,
    "application/json": RESULT,
    DOCUMENT: DOCUMENT,
    "application/did+json": DOCUMENT,
    "application/did+ld+json": DOCUMENT,
}

_NOT_FOUND: Final = ("NOT_FOUND", HTTPStatus.NOT_FOUND)
_ERRORS: Final[Mapping[str, tuple[str, HTTPStatus]]] = {
    "invalid_public_key": ("INVALID_PUBLIC_KEY", HTTPStatus.BAD_REQUEST),
    "invalid_public_key_type": ("INVALID_PUBLIC_KEY", HTTPStatus.BAD_REQUEST),
    "invalid_public_key_length": ("INVALID_PUBLIC_KEY", HTTPStatus.BAD_REQUEST),
    "invalid_did": ("INVALID_DID", HTTPStatus.BAD_REQUEST),
    "invalid_options": ("INVALID_OPTIONS", HTTPStatus.BAD_REQUEST),
    "invalid_time": ("INVALID_OPTIONS", HTTPStatus.BAD_REQUEST),
    "method_not_supported": ("METHOD_NOT_SUPPORTED", HTTPStatus.NOT_IMPLEMENTED),
    "not_registered": _NOT_FOUND,
    "version_not_found": _NOT_FOUND,
    "representation_not_supported": (
        "REPRESENTATION_NOT_SUPPORTED",
        HTTPStatus.NOT_ACCEPTABLE,
    ),
}
_UNDECIDED: Final = ("INTERNAL_ERROR", HTTPStatus.SERVICE_UNAVAILABLE)


def routes(resolver: Resolver) -> APIRouter:
    """The endpoint, answered by ``resolver``."""
    router = APIRouter(tags=["resolution"])

    # A path, so that what is no DID because of a slash is told so too.
    @router.get(f"{_PREFIX}{{did:path}}", response_model=None)
    def resolve(request: Request) -> Response:
        """Resolve a DID."""
        # Not the route's parameter: matching it drops a line feed at the end.
        did = request.scope["path"].partition(_PREFIX)[2]
        try:
            media_type = _negotiated(request.headers.getlist("accept"))
            at = _version(request)
            resolution = resolver.resolve(parse_did(did), at=at)
            document = resolution.document()
        except KeybornError as error:
            return _failure(error)
        return _success(resolution, document, media_type)

    return router


def _negotiated(accepts: list[str]) -> str:
    """The media type to answer with (RFC 9110, section 12.5.1)."""
    wishes: list[tuple[float, int, str]] = []
    for place, item in enumerate(",".join(accepts).split(",")):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        quality = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        try:
            weight = float(quality)
        except ValueError:
            weight = 0.0
        if name in _SERVED and weight > 0:
            wishes.append((-weight, place, _SERVED[name]))
    if wishes:
        return min(wishes)[2]
    if not any(accepts):
        return RESULT
    raise Invalid(
        "representation_not_supported",
        f"none of the media types that are accepted is {RESULT} or {DOCUMENT}",
    )


def _version(request: Request) -> str | datetime | None:
    """The version that is asked for; what other parameters there are is no concern of ours."""
    given = [(name, v) for name, v in request.query_params.multi_items() if name in _OPTIONS]
    if not given:
        return None
    if len(given) > 1:
        raise Invalid("invalid_options", "versionId and versionTime are two ways to name one thing")
    ((name, value),) = given
    return value if name == "versionId" else parse_time(value)


def _success(resolution: Resolution, document: JsonObject, media_type: str) -> Response:
    metadata = resolution.metadata()
    status = HTTPStatus.GONE if metadata.get("deactivated") else HTTPStatus.OK
    body = document if media_type == DOCUMENT else resolution.to_json()
    return Response(orjson.dumps(body), status, media_type=media_type)


def _failure(error: KeybornError) -> Response:
    """As DID Resolution 1.0, section 11: problem details as ``error`` in the result."""
    known = _ERRORS.get(error.code) if isinstance(error, Invalid | Refused) else None
    name, status = known or _UNDECIDED
    problem: JsonObject = {
        "type": _TYPE + name,
        "title": name.replace("_", " ").capitalize().replace(" did", " DID"),
        "detail": error.message if error.hint is None else f"{error.message}; {error.hint}",
    }
    body: JsonObject = {
        "didDocument": None,
        "didResolutionMetadata": {"error": problem},
        "didDocumentMetadata": {},
    }
    after = retry_after(error, status)
    headers = {} if after is None else {"retry-after": str(after)}
    return Response(orjson.dumps(body), status, headers, media_type=RESULT)
