"""``GET /v1/status/{name}``: status lists over HTTP, in the media type that is asked for.

Whoever caches one may do so for as long as its ``ttl`` says, and who has one already asks with its
``ETag`` whether it is still the newest. Nobody is asked who they are.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Final, Protocol

from fastapi import APIRouter, Request, Response
from sqlalchemy import Engine

from did.errors import Invalid
from did.vc.formats import Format, media_type
from issuer import descriptions
from issuer.identity import SigningIdentity
from issuer.metadata import base_path
from issuer.status import publication
from issuer.status_terms import StatusTerms
from keyborn.described import answers, parameter
from keyborn.http import StrictRoute, answer
from keyborn.negotiation import is_unchanged, preferred

# Data Integrity is JSON too, to who knows no better name for it (section 4 of the specification).
_JSON: Final = ("application/json", "application/ld+json")
_FORMATS: Final[Mapping[str, Format]] = {
    **{media_type(each): each for each in (Format.LDP_VC, Format.VC_JWT, Format.VC_COSE)},
    **dict.fromkeys(_JSON, Format.LDP_VC),
}
_SERVED: Final = tuple(_FORMATS)


class Publisher(Protocol):
    """Whoever publishes status lists; ``issuer.service.Issuer`` is one."""

    @property
    def url(self) -> str:
        """The issuer's."""
        ...

    @property
    def engine(self) -> Engine:
        """Its store."""
        ...

    @property
    def identity(self) -> SigningIdentity:
        """Who signs them."""
        ...

    @property
    def statuses(self) -> StatusTerms:
        """How lists are kept."""
        ...

    @property
    def clock(self) -> Callable[[], datetime]:
        """The time."""
        ...


def router(issuer: Publisher) -> APIRouter:
    """The route of ``issuer``'s status lists."""
    routes = APIRouter(prefix=f"{base_path(issuer.url)}/v1/status", route_class=StrictRoute)

    @routes.get(
        "/{name}",
        **answers(
            {200: descriptions.STATUS_LIST, 304: {}},
            403,
            406,
            parameters=(parameter("header", "If-None-Match"),),
        ),
    )
    def status_list(name: str, request: Request) -> Response:
        place = preferred(",".join(request.headers.getlist("accept")), _SERVED)
        if place is None:
            return answer(_not_acceptable(), HTTPStatus.NOT_ACCEPTABLE, {"vary": "accept"})
        wanted = _SERVED[place]
        at = issuer.clock()
        found = publication(
            issuer.engine,
            issuer.identity,
            name,
            terms=issuer.statuses,
            at=at,
            format=_FORMATS[wanted],
        )
        seconds = max(0, int((found.fresh_until - at).total_seconds()))
        headers = {
            "cache-control": f"public, max-age={seconds}",
            "etag": found.etag,
            "vary": "accept",
        }
        if is_unchanged(request.headers.getlist("if-none-match"), found.etag):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(found.content, media_type=wanted, headers=headers)

    return routes


def _not_acceptable() -> Invalid:
    return Invalid(
        "media_type_not_served",
        f"a status list is had as {', '.join(_FORMATS)}, and none of these is accepted",
        hint="ask for one of them, or send no Accept header",
    )
