"""How the protocol's endpoints take requests and answer: as OAuth does (RFC 6749, RFC 6750).

Errors have the form of RFC 6749, section 5.2, with a code that the step decides in which the
request failed; ``error_description`` says what went wrong, our own code for it, and what to do.
"""

import functools
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Final, ParamSpec

import orjson
from fastapi import Header, Response

from did.errors import Invalid, KeybornError, Unavailable, Undecided
from did.jcs import JsonObject
from issuer import tokens
from keyborn import problem
from keyborn.oauth import JSON, failure, read_form
from keyborn.tokens import bearer_of

JWT: Final = "application/jwt"

# OpenID4VCI 1.0, section 8.3.1.2, by the step that failed.
CREDENTIAL_ERRORS: Final = {
    "request": "invalid_credential_request",
    "configuration": "unknown_credential_configuration",
    "identifier": "unknown_credential_identifier",
    "possession": "invalid_proof",
    "nonce": "invalid_nonce",
    "encryption": "invalid_encryption_parameters",
    "claim": "credential_request_denied",
    "device": "credential_request_denied",
}
# Section 9.3.
DEFERRED_ERRORS: Final = {
    "request": "invalid_credential_request",
    "encryption": "invalid_encryption_parameters",
    "claim": "credential_request_denied",
    "device": "credential_request_denied",
    "transaction": "invalid_transaction_id",
}
# Section 11.3.
NOTIFICATION_ERRORS: Final = {
    "request": "invalid_notification_request",
    "notification": "invalid_notification_id",
}
# Section 6.3; RFC 6749, section 5.2; RFC 9396, section 5.
TOKEN_ERRORS: Final = {
    "request": "invalid_request",
    "grant type": "unsupported_grant_type",
    "code": "invalid_grant",
    "tx_code": "invalid_grant",
    "authorization details": "invalid_authorization_details",
}

ContentType = Annotated[str, Header(alias="content-type")]
Authorization = Annotated[str, Header()]

_MAX_FORM: Final = 8_192
_TOKEN: Final = "token"  # noqa: S105 - a step
_P = ParamSpec("_P")


def answers_oauth(
    codes: Mapping[str, str],
) -> Callable[[Callable[_P, Awaitable[Response]]], Callable[_P, Awaitable[Response]]]:
    """Have an endpoint answer its errors as OAuth does, with ``codes`` by the step that failed."""

    def decorate(endpoint: Callable[_P, Awaitable[Response]]) -> Callable[_P, Awaitable[Response]]:
        @functools.wraps(endpoint)
        async def answer_(*args: _P.args, **kwargs: _P.kwargs) -> Response:
            try:
                return await endpoint(*args, **kwargs)
            except KeybornError as error:
                return _failure(error, codes)

        return answer_

    return decorate


def access_of(authorization: str, key: bytes, *, at: datetime) -> tokens.Access:
    """What a request's access token is for.

    Args:
        authorization: The header, as it came.
        key: That of the issuer's tokens.
        at: Now.

    Raises:
        Invalid: ``token_missing``, ``invalid_token`` (step ``token``).
        Refused: ``token_expired``.
    """
    text = bearer_of(authorization)
    if text is None:
        raise Invalid(
            "token_missing",
            "there is no bearer token",
            step=_TOKEN,
            hint="redeem the code at /token, and send Authorization: Bearer",
        )
    return tokens.recognise(key, text, at=at)


def form_fields(body: bytes, content_type: str) -> dict[str, str]:
    """The fields of a form; one that comes twice is refused (RFC 6749, section 3.2).

    Raises:
        Invalid: Step ``request``.
    """
    if len(body) > _MAX_FORM:
        raise Invalid(
            "form_too_large",
            f"a form has up to {_MAX_FORM} bytes",
            step="request",
            hint="send less",
        )
    return read_form(body, content_type, step="request")


def media_type(content_type: str) -> str:
    """The media type that a ``Content-Type`` names, without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def answer(value: JsonObject) -> Response:
    """A JSON answer that nobody keeps."""
    return response(orjson.dumps(value), JSON)


def response(
    content: bytes,
    type_: str | None,
    status: int = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An answer that nobody keeps."""
    return Response(
        content, status, {"cache-control": "no-store", **(headers or {})}, media_type=type_
    )


def _failure(error: KeybornError, codes: Mapping[str, str]) -> Response:
    headers: dict[str, str] = {}
    code = codes.get(error.step or "")
    status = HTTPStatus.BAD_REQUEST
    if error.step == _TOKEN:
        code, status = "invalid_token", HTTPStatus.UNAUTHORIZED
        headers["www-authenticate"] = 'Bearer realm="keyborn"'
        if error.code != "token_missing":  # who sent none is told no error (RFC 6750, section 3.1)
            headers["www-authenticate"] += ', error="invalid_token"'
    elif code is None or isinstance(error, Undecided | Unavailable):
        # Nothing that the device sent is at fault: the log, the rotation, the database.
        code, status = "temporarily_unavailable", HTTPStatus.SERVICE_UNAVAILABLE
        headers["retry-after"] = str(error.retry_after or problem.RETRY_AFTER)
    return failure(error, code, status, {"cache-control": "no-store", **headers})
