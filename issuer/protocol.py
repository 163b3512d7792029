"""The endpoints of OpenID for Verifiable Credential Issuance 1.0, pre-authorized code flow.

Errors have the form of RFC 6749, section 5.2, with a code that the step decides in which the
request failed; ``error_description`` says what went wrong, our own code for it, and what to do.
"""

import functools
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Annotated, Final, ParamSpec
from urllib.parse import parse_qsl

import orjson
from fastapi import APIRouter, Header, Response

from did.errors import Invalid, KeybornError, Unavailable, Undecided
from did.jcs import JsonObject
from did.jose import encrypt_jwe
from did.openid4vci import PRE_AUTHORIZED
from issuer import metadata, tokens
from issuer.grants import grant
from issuer.possession import check_possession, mint_nonce
from issuer.redemption import redeem
from issuer.requests import read_request
from issuer.service import Issuer
from keyborn import problem
from keyborn.http import RawBody

_JSON: Final = "application/json"
_FORM: Final = "application/x-www-form-urlencoded"
_MAX_FORM: Final = 8_192
_MAX_FIELDS: Final = 32

# OpenID4VCI 1.0, section 8.3.1.2, by the step that failed.
_CREDENTIAL_ERRORS: Final = {
    "request": "invalid_credential_request",
    "configuration": "unknown_credential_configuration",
    "identifier": "unknown_credential_identifier",
    "possession": "invalid_proof",
    "nonce": "invalid_nonce",
    "encryption": "invalid_encryption_parameters",
    "claim": "credential_request_denied",
    "device": "credential_request_denied",
}
# OpenID4VCI 1.0, section 6.3; RFC 6749, section 5.2.
_TOKEN_ERRORS: Final = {
    "request": "invalid_request",
    "grant type": "unsupported_grant_type",
    "code": "invalid_grant",
    "tx_code": "invalid_grant",
}


_P = ParamSpec("_P")


def _answers_oauth(
    codes: Mapping[str, str],
) -> Callable[[Callable[_P, Response]], Callable[_P, Response]]:
    """Have an endpoint answer its errors as OAuth does, with ``codes`` by the step that failed."""

    def decorate(endpoint: Callable[_P, Response]) -> Callable[_P, Response]:
        @functools.wraps(endpoint)
        def answer(*args: _P.args, **kwargs: _P.kwargs) -> Response:
            try:
                return endpoint(*args, **kwargs)
            except KeybornError as error:
                return _failure(error, codes)

        return answer

    return decorate


_ContentType = Annotated[str, Header(alias="content-type")]


def router(issuer: Issuer) -> APIRouter:
    """The protocol's routes, as the issuer's URL has them."""
    routes = APIRouter(prefix=metadata.base_path(issuer.url))

    @routes.post("/token", summary="Redeem a claim's code for an access token")
    @_answers_oauth(_TOKEN_ERRORS)
    def token(body: RawBody, content_type: _ContentType = "") -> Response:
        at = issuer.clock()
        form = _form(body, content_type)
        _check_grant_type(form)
        code = form.get("pre-authorized_code")
        if code is None:
            raise Invalid(
                "code_missing",
                "pre-authorized_code is missing",
                step="request",
                hint="take it from the offer",
            )
        claim = redeem(issuer.engine, code=code, tx_code=form.get("tx_code"), at=at)
        return _answer(
            {
                "access_token": tokens.mint(issuer.keys.token, claim, at=at),
                "token_type": "Bearer",
                "expires_in": int(tokens.LIFETIME.total_seconds()),
            }
        )

    @routes.post("/nonce", summary="A fresh nonce for a possession proof")
    def nonce() -> Response:
        minted = mint_nonce(issuer.keys.nonce, issuer=issuer.url, at=issuer.clock())
        return _answer({"c_nonce": minted.text})

    @routes.post("/credential", summary="A credential for the device that proves possession")
    @_answers_oauth(_CREDENTIAL_ERRORS)
    def credential(
        body: RawBody,
        content_type: _ContentType = "",
        authorization: Annotated[str, Header()] = "",
    ) -> Response:
        at = issuer.clock()
        scheme, _, text = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise Invalid(
                "token_missing",
                "there is no bearer token",
                step="token",
                hint="redeem the code at /token, and send Authorization: Bearer",
            )
        claim = tokens.recognise(issuer.keys.token, text.strip(), at=at)
        asked = read_request(body, _media_type(content_type), issuer.keys.encryption)
        possession = check_possession(
            asked.proof,
            issuer=issuer.url,
            nonce_key=issuer.keys.nonce,
            resolver=issuer.log,
            at=at,
        )
        granted = grant(
            issuer, claim=claim, configuration=asked.configuration, possession=possession, at=at
        )
        # Put together as text: what was signed is sent as it is stored.
        content = b'{"credentials":[{"credential":' + granted + b"}]}"
        if asked.reply_to is None:
            return _response(content, _JSON)
        return _response(encrypt_jwe(content, asked.reply_to).encode(), "application/jwt")

    return routes


def well_known_router(issuer: Issuer) -> APIRouter:
    """The metadata documents, whose names go between the host and the path of the issuer's URL."""
    routes = APIRouter()
    about_credentials = metadata.credential_issuer(issuer.url, issuer.keys.encryption)
    about_tokens = metadata.authorization_server(issuer.url)

    @routes.get(metadata.well_known("openid-credential-issuer", issuer.url))
    def credential_issuer() -> Response:
        return _answer(about_credentials)

    @routes.get(metadata.well_known("oauth-authorization-server", issuer.url))
    def authorization_server() -> Response:
        return _answer(about_tokens)

    return routes


def _failure(error: KeybornError, codes: Mapping[str, str]) -> Response:
    headers: dict[str, str] = {}
    code = codes.get(error.step or "")
    status = HTTPStatus.BAD_REQUEST
    if error.step == "token":
        code, status = "invalid_token", HTTPStatus.UNAUTHORIZED
        headers["www-authenticate"] = 'Bearer realm="keyborn", error="invalid_token"'
    elif code is None or isinstance(error, Undecided | Unavailable):
        # Nothing that the device sent is at fault: the log, the rotation, the database.
        code, status = "temporarily_unavailable", HTTPStatus.SERVICE_UNAVAILABLE
        headers["retry-after"] = str(error.retry_after or problem.RETRY_AFTER)
    content = {"error": code, "error_description": _description(error)}
    return _response(orjson.dumps(content), _JSON, status, headers)


def _description(error: KeybornError) -> str:
    """What went wrong, in the characters that RFC 6749 allows (section 5.2)."""
    text = f"{error.message} [{error.code}]"
    if error.hint:
        text += f"; {error.hint}"
    allowed = text.replace('"', "'").replace("\\", "/").encode("ascii", "replace").decode()
    return "".join(each if each.isprintable() else "?" for each in allowed)


def _form(body: bytes, content_type: str) -> dict[str, str]:
    """The fields of a form; one that comes twice is refused (RFC 6749, section 3.2)."""
    if _media_type(content_type) != _FORM:
        raise Invalid(
            "unsupported_media_type",
            f"a token request is {_FORM}",
            step="request",
            hint="encode it as a form",
        )
    if len(body) > _MAX_FORM:
        raise Invalid(
            "form_too_large",
            f"a form has up to {_MAX_FORM} bytes",
            step="request",
            hint="send less",
        )
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=_MAX_FIELDS,
        )
    except ValueError as error:
        raise Invalid(
            "invalid_form",
            "the request is no form",
            step="request",
            hint="encode it as application/x-www-form-urlencoded",
        ) from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Invalid(
            "duplicate_field",
            "the form has a field twice",
            step="request",
            hint="send each field once",
        )
    return fields


def _check_grant_type(form: Mapping[str, str]) -> None:
    grant_type = form.get("grant_type")
    if grant_type is None:
        raise Invalid(
            "grant_type_missing",
            "grant_type is missing",
            step="request",
            hint=f"send grant_type={PRE_AUTHORIZED}",
        )
    if grant_type != PRE_AUTHORIZED:
        raise Invalid(
            "unsupported_grant_type",
            "this grant type is not supported",
            step="grant type",
            hint=f"use {PRE_AUTHORIZED}",
        )


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _answer(value: JsonObject) -> Response:
    return _response(orjson.dumps(value), _JSON)


def _response(
    content: bytes,
    media_type: str,
    status: int = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> Response:
    return Response(
        content, status, {"cache-control": "no-store", **(headers or {})}, media_type=media_type
    )
