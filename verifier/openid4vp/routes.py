"""The exchange over HTTP: our own API for who asks, the protocol's endpoints for who is asked.

=====  ============================  ============================================================
POST   /v1/openid4vp/requests        with the token: 201, a request, its link and its secret
GET    /v1/openid4vp/requests/{id}   with the request's secret: where it stands, what came of it
GET    /openid4vp/requests/{id}      the signed request object (RFC 9101)
POST   /openid4vp/requests/{id}      the same, with the holder's ``wallet_nonce`` in it
POST   /openid4vp/responses/{id}     the answer, a form: 200
=====  ============================  ============================================================

The protocol's endpoints tolerate what is not known and answer errors as OAuth does.
"""

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, FastAPI, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, JsonValue

from did.errors import Invalid, KeybornError, Refused, Unavailable, Undecided
from did.jose import ALGORITHMS, jwe_header
from did.limits import LIMITS
from did.openid4vp.client_id import Prefix
from did.openid4vp.link import is_web_url
from did.openid4vp.request import REQUEST_TYPE, ResponseMode
from did.openid4vp.response import ErrorResponse, VpResponse, parse_form, parse_response
from did.strict_json import Numbers, parse_object
from did.timestamps import format_time
from keyborn import oauth, problem
from keyborn.described import answers, in_json
from keyborn.http import RawBody, StrictRoute, answer
from keyborn.tokens import bearer, bearer_of
from keyborn.watching import also_needed
from verifier import descriptions
from verifier.openid4vp.exchange import (
    REQUESTS_PATH,
    RESPONSES_PATH,
    EndedRequest,
    Exchange,
    SpentRequest,
    UnknownRequest,
)
from verifier.openid4vp.queries import askable_query, default_query
from verifier.openid4vp.requests import Request as Asked

_FETCH: Final = "request"
_ANSWER: Final = "answer"
_MAX_URI: Final = 2_048
_ERRORS: Final = (400, 403, 404, 410, 503)  # as ``_failure`` answers them

_ContentType = Annotated[str, Header(alias="content-type")]
_Authorization = Annotated[str, Header()]


class Wish(BaseModel):
    """What to ask: a DCQL query (unless given, for what the policy wants), and how to answer."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    dcql_query: dict[str, JsonValue] | None = None
    response_mode: str = ResponseMode.DIRECT_POST.value
    redirect_uri: str | None = None


def install(app: FastAPI, exchange: Exchange, *, token: str, now: Callable[[], datetime]) -> None:
    """Add the routes to ``app``, which ``verifier.app`` made.

    ``token`` is what who may ask presents (RFC 6750).
    """
    also_needed(app, "requests", exchange.requests.check)
    app.add_exception_handler(UnknownRequest, _answer_unknown)
    app.include_router(_asking(exchange, token, now))
    app.include_router(_protocol(exchange, now))


def _asking(exchange: Exchange, token: str, now: Callable[[], datetime]) -> APIRouter:
    routes = APIRouter(prefix="/v1/openid4vp", route_class=StrictRoute)

    @routes.post(
        "/requests",
        dependencies=[Depends(bearer(token, of="openid4vp.token"))],
        **answers({201: in_json(descriptions.ASKED)}, 403),
    )
    def begin(wish: Wish) -> Response:
        at = now()
        if wish.dcql_query is None:
            query = default_query(exchange.verifier.trust_root.policy)
        else:
            query = askable_query(wish.dcql_query)
        request, secret = exchange.begin(
            query, at=at, mode=_mode(wish.response_mode), redirect_uri=_redirect(wish.redirect_uri)
        )
        link = exchange.link(request)
        return oauth.answer(
            {
                "id": request.id,
                "secret": secret,
                "request": link.to_uri(),
                "client_id": link.client_id,
                "request_uri": link.request_uri,
                "expires": format_time(request.challenge.expires),
            },
            HTTPStatus.CREATED,
        )

    @routes.get("/requests/{id_}", **answers({200: in_json(descriptions.OUTCOME)}, 403))
    def outcome(
        id_: str,
        authorization: _Authorization = "",
        response_code: Annotated[str | None, Query(max_length=LIMITS.challenge)] = None,
    ) -> Response:
        secret = bearer_of(authorization) or ""
        found = exchange.outcome(id_, secret, response_code=response_code, at=now())
        return oauth.answer(found)

    return routes


def _protocol(exchange: Exchange, now: Callable[[], datetime]) -> APIRouter:
    routes = APIRouter()

    @routes.get(
        f"{REQUESTS_PATH}/{{id_}}",
        **answers({200: descriptions.REQUEST_OBJECT}, oauth=(400, 404, 410, 503)),
    )
    def request_object(id_: str) -> Response:
        return _fetched(exchange, id_, {}, now())

    @routes.post(
        f"{REQUESTS_PATH}/{{id_}}",
        **answers(
            {200: descriptions.REQUEST_OBJECT},
            oauth=_ERRORS,
            takes=descriptions.WALLET,
        ),
    )
    def request_object_for(id_: str, body: RawBody, content_type: _ContentType = "") -> Response:
        try:
            fields = oauth.read_form(body, content_type, step=_FETCH)
        except KeybornError as error:
            return _failure(error)
        return _fetched(exchange, id_, fields, now())

    @routes.post(
        f"{RESPONSES_PATH}/{{id_}}",
        **answers({200: in_json(descriptions.TAKEN)}, oauth=_ERRORS, takes=descriptions.ANSWER),
    )
    def response(id_: str, body: RawBody, content_type: _ContentType = "") -> Response:
        def read(asked: Asked) -> VpResponse | ErrorResponse:
            return _read(asked, oauth.read_form(body, content_type, step=_ANSWER))

        try:
            next_ = exchange.answer(id_, read, at=now())
        except KeybornError as error:
            return _failure(error)
        return oauth.answer({} if next_ is None else {"redirect_uri": next_})

    return routes


def _fetched(exchange: Exchange, id_: str, fields: dict[str, str], at: datetime) -> Response:
    try:
        _check_wallet(fields.get("wallet_metadata"))
        nonce = fields.get("wallet_nonce")
        if nonce is not None and not 0 < len(nonce) <= LIMITS.challenge:
            raise Invalid(
                "invalid_wallet_nonce",
                f"wallet_nonce is empty, or longer than {LIMITS.challenge} characters",
                step=_FETCH,
                hint="send fresh random bytes in base64url, or none",
            )
        token = exchange.request_object(id_, wallet_nonce=nonce, at=at)
    except KeybornError as error:
        return _failure(error)
    return Response(token, media_type=REQUEST_TYPE)


def _check_wallet(metadata: str | None) -> None:
    """Refuse a wallet that says of itself that it cannot use what it would be sent (5.10, 10.1)."""
    if metadata is None:
        return
    try:
        wallet = parse_object(metadata.encode("utf-8", "surrogatepass"), numbers=Numbers.ANY)
    except Invalid as error:
        raise error.at(_FETCH) from error
    for name, ours in (
        ("request_object_signing_alg_values_supported", ALGORITHMS),
        ("client_id_prefixes_supported", (Prefix.DID.value,)),
    ):
        theirs = wallet.get(name)
        if theirs is not None and not (
            isinstance(theirs, list) and set(ours) & set(map(str, theirs))
        ):
            raise Refused(
                "wallet_not_supported",
                f"the wallet's {name} has none of what requests here have",
                step=_FETCH,
                hint=f"use a wallet that supports {' or '.join(ours)}",
            )


def _read(asked: Asked, fields: dict[str, str]) -> VpResponse | ErrorResponse:
    """The answer, as it was asked for; an error may come in the clear all the same (8.3.1)."""
    try:
        if "response" not in fields:
            response = parse_form(fields)
            if asked.encryption is None or isinstance(response, ErrorResponse):
                return response
            raise Refused(
                "response_not_encrypted",
                "the answer came in the clear, and was asked for encrypted",
                hint="encrypt it to the key in client_metadata, as direct_post.jwt has it",
            )
        if asked.encryption is None:
            raise Invalid(
                "invalid_response",
                "the answer came encrypted, and was not asked for so",
                hint="send vp_token and state as fields, as direct_post has it",
            )
        if jwe_header(fields["response"]).get("kid") != asked.encryption.kid:
            raise Invalid(
                "invalid_jwe",
                "the answer does not name the key that it was asked to be encrypted to",
                hint="put the kid of the JWK in client_metadata into the JWE's header",
            )
        return parse_response(parse_object(asked.encryption.decrypt(fields["response"])))
    except KeybornError as error:
        raise error.at(_ANSWER) from error


def _failure(error: KeybornError) -> Response:
    """The error, with the status and the code that who is asked can go by."""
    headers: dict[str, str] = {}
    code, status = "invalid_request", HTTPStatus.BAD_REQUEST
    if isinstance(error, UnknownRequest):
        status = HTTPStatus.NOT_FOUND
    elif isinstance(error, EndedRequest):
        status = HTTPStatus.GONE
    elif isinstance(error, Undecided | Unavailable):
        code, status = "temporarily_unavailable", HTTPStatus.SERVICE_UNAVAILABLE
        if not isinstance(error, SpentRequest):
            headers["retry-after"] = str(error.retry_after or problem.RETRY_AFTER)
    elif isinstance(error, Refused):
        code, status = "access_denied", HTTPStatus.FORBIDDEN
    return oauth.failure(error, code, status, headers)


async def _answer_unknown(_request: Request, error: Exception) -> Response:
    assert isinstance(error, KeybornError)
    return answer(error, HTTPStatus.NOT_FOUND)


def _mode(text: str) -> ResponseMode:
    if text not in list(ResponseMode):
        raise Invalid(
            "invalid_response_mode",
            "an answer is had by direct_post or direct_post.jwt",
            value=text,
            hint="name one of the two as response_mode, or leave it out",
        )
    return ResponseMode(text)


def _redirect(text: str | None) -> str | None:
    """Where a holder may be sent: an absolute URL, to which the response code is added."""
    if text is not None and (len(text) > _MAX_URI or "#" in text or not is_web_url(text)):
        raise Invalid(
            "invalid_redirect_uri",
            f"a redirect_uri is an http or https URL of up to {_MAX_URI} characters, without a"
            " user and a fragment",
            value=text,
            hint="correct it; response_code is added to its query",
        )
    return text
