"""The endpoints of OpenID for Verifiable Credential Issuance 1.0, pre-authorized code flow."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus

import orjson
from fastapi import APIRouter, Response
from fastapi.concurrency import run_in_threadpool

from did.errors import Invalid
from did.identifier import KeybornDid
from did.jcs import JsonObject
from did.jose import encrypt_jwe
from did.openid4vci import PRE_AUTHORIZED
from did.resolution import Resolution
from issuer import authorization_details, claims, descriptions, metadata, redemption, tokens
from issuer.credentials import as_json
from issuer.deferral import Deferred
from issuer.grants import Granted, collect, grant_all
from issuer.notifications import note, read_notification
from issuer.oauth import (
    CREDENTIAL_ERRORS,
    DEFERRED_ERRORS,
    JWT,
    NOTIFICATION_ERRORS,
    TOKEN_ERRORS,
    Authorization,
    ContentType,
    access_of,
    answer,
    answers_oauth,
    form_fields,
    media_type,
    response,
)
from issuer.possession import check_signed, mint_nonce, nonce_over
from issuer.redemption import Redeemable
from issuer.requests import read_deferred_request, read_request
from issuer.service import Issuer
from issuer.wishes import Wish
from keyborn.described import answers, in_json
from keyborn.groups import Groups
from keyborn.http import RawBody
from keyborn.oauth import JSON
from keyborn.shortcuts import Shortcuts


def router(issuer: Issuer, shortcuts: Shortcuts) -> APIRouter:
    """The protocol's routes, as the issuer's URL has them; ``shortcuts`` to those asked most."""
    routes = APIRouter(prefix=metadata.base_path(issuer.url))
    _add_offers(routes, issuer)
    _add_tokens(routes, issuer, shortcuts)
    _add_credentials(routes, issuer, shortcuts)
    _add_later(routes, issuer)
    return routes


def well_known_router(issuer: Issuer) -> APIRouter:
    """The metadata documents, whose names go between the host and the path of the issuer's URL."""
    routes = APIRouter()
    about_credentials = metadata.credential_issuer(issuer.url, issuer.keys.encryption)
    about_tokens = metadata.authorization_server(issuer.url)

    @routes.get(
        metadata.well_known("openid-credential-issuer", issuer.url),
        **answers({200: in_json(descriptions.ISSUER_METADATA)}),
    )
    def credential_issuer() -> Response:
        return answer(about_credentials)

    @routes.get(
        metadata.well_known("oauth-authorization-server", issuer.url),
        **answers({200: in_json(descriptions.SERVER_METADATA)}),
    )
    def authorization_server() -> Response:
        return answer(about_tokens)

    return routes


def _add_offers(routes: APIRouter, issuer: Issuer) -> None:
    @routes.get(
        "/offers/{name}",
        summary="An offer that was handed out by reference",
        **answers({200: in_json(descriptions.OFFER)}),
    )
    def offer(name: str) -> Response:
        found = claims.offer(
            issuer.engine, name, url=issuer.url, key=issuer.keys.offer, at=issuer.clock()
        )
        return answer(found.to_json())


def _add_tokens(routes: APIRouter, issuer: Issuer, shortcuts: Shortcuts) -> None:
    look_up = Groups[str, Redeemable](lambda codes: redemption.look_up(issuer.engine, codes))

    @shortcuts.post(
        routes,
        "/token",
        summary="Redeem a claim's code for an access token",
        **answers(
            {200: in_json(descriptions.TOKEN)},
            oauth=(400, 503),
            takes=descriptions.TOKEN_REQUEST,
        ),
    )
    @answers_oauth(TOKEN_ERRORS)
    async def token(body: RawBody, content_type: ContentType = "") -> Response:
        at = issuer.clock()
        form = form_fields(body, content_type)
        _check_grant_type(form)
        code, tx_code = form.get("pre-authorized_code"), form.get("tx_code")
        if code is None:
            raise Invalid(
                "code_missing",
                "pre-authorized_code is missing",
                step="request",
                hint="take it from the offer",
            )
        claim = await look_up.ask(code)
        redemption.check(claim, tx_code, at=at)
        if tx_code is not None:
            await run_in_threadpool(redemption.check_tx_code, issuer.engine, claim.id, tx_code)
        named: tuple[str, ...] = ()
        if (details := form.get("authorization_details")) is not None:
            shown = await run_in_threadpool(claims.show, issuer.engine, claim.id)
            offered = shown.terms.configurations()
            named = authorization_details.named(details, offered=offered, issuer=issuer.url)
        answered: JsonObject = {
            "access_token": tokens.mint(issuer.keys.token, claim.id, configurations=named, at=at),
            "token_type": "Bearer",
            "expires_in": int(tokens.LIFETIME.total_seconds()),
        }
        if named:
            answered["authorization_details"] = authorization_details.answer(named)
        return answer(answered)

    @shortcuts.post(
        routes,
        "/nonce",
        summary="A fresh nonce for possession proofs",
        **answers({200: in_json(descriptions.NONCE)}),
    )
    async def nonce() -> Response:
        era = issuer.eras.number()
        minted = mint_nonce(issuer.keys.nonce, issuer=issuer.url, at=issuer.clock(), era=era)
        return answer({"c_nonce": minted.text})


def _add_credentials(routes: APIRouter, issuer: Issuer, shortcuts: Shortcuts) -> None:
    resolve = Groups[KeybornDid, Resolution](issuer.log.resolve_all)
    grant = Groups[Wish, Granted | Deferred](lambda wishes: grant_all(issuer, wishes))

    @shortcuts.post(
        routes,
        "/credential",
        summary="Credentials for the devices that prove possession",
        **answers(
            {200: descriptions.CREDENTIALS, 202: descriptions.DEFERRED},
            oauth=(400, 401, 503),
            takes=descriptions.CREDENTIAL_REQUEST,
        ),
    )
    @answers_oauth(CREDENTIAL_ERRORS)
    async def credential(
        body: RawBody, content_type: ContentType = "", authorization: Authorization = ""
    ) -> Response:
        at = issuer.clock()
        access = access_of(authorization, issuer.keys.token, at=at)
        asked = read_request(
            body, media_type(content_type), issuer.keys.encryption, identified=access.configurations
        )
        signed = [
            check_signed(
                proof, asked.proof_type, issuer=issuer.url, nonce_key=issuer.keys.nonce, at=at
            )
            for proof in asked.proofs
        ]
        if issuer.chaos is not None and issuer.chaos.refuses_nonce():
            raise nonce_over()
        if len(signed) == 1:  # as nearly always: without a task of its own
            resolutions = [await resolve.ask(signed[0].did)]
        else:
            resolutions = await asyncio.gather(*(resolve.ask(each.did) for each in signed))
        possessions = [
            each.counting(resolution) for each, resolution in zip(signed, resolutions, strict=True)
        ]
        wish = Wish.proven(access.claim, asked.configuration, possessions, at=at)
        return _outcome(await grant.ask(wish), asked.reply_to, notify=True)


def _add_later(routes: APIRouter, issuer: Issuer) -> None:
    """What comes after the request for a credential: its answer, if deferred; what became of it."""

    @routes.post(
        "/deferred_credential",
        summary="Credentials that were asked for before",
        **answers(
            {200: descriptions.CREDENTIALS, 202: descriptions.DEFERRED},
            oauth=(400, 401, 503),
            takes=descriptions.DEFERRED_REQUEST,
        ),
    )
    @answers_oauth(DEFERRED_ERRORS)
    async def deferred_credential(
        body: RawBody, content_type: ContentType = "", authorization: Authorization = ""
    ) -> Response:
        at = issuer.clock()
        access = access_of(authorization, issuer.keys.token, at=at)
        asked = read_deferred_request(body, media_type(content_type), issuer.keys.encryption)
        sealed = asked.reply_to is not None
        outcome = await run_in_threadpool(
            collect,
            issuer,
            access=access,
            transaction=asked.transaction,
            encrypted=sealed,
            at=at,
        )
        # A notification id is optional here. The wallet library in widest use takes an answer for
        # malformed that has one, and cannot encrypt: what is encrypted is for others (ADR 20).
        return _outcome(outcome, asked.reply_to, notify=sealed)

    @routes.post(
        "/notification",
        summary="What became of credentials",
        **answers({204: {}}, oauth=(400, 401, 503), takes=descriptions.NOTIFICATION),
    )
    @answers_oauth(NOTIFICATION_ERRORS)
    async def notification(
        body: RawBody, content_type: ContentType = "", authorization: Authorization = ""
    ) -> Response:
        at = issuer.clock()
        access = access_of(authorization, issuer.keys.token, at=at)
        said = read_notification(body, media_type(content_type))
        await run_in_threadpool(note, issuer.engine, said, claim=access.claim, at=at)
        return response(b"", None, HTTPStatus.NO_CONTENT)


def _outcome(outcome: Granted | Deferred, reply_to: JsonObject | None, *, notify: bool) -> Response:
    status = HTTPStatus.OK
    if isinstance(outcome, Deferred):
        status = HTTPStatus.ACCEPTED
        content = orjson.dumps(
            {"transaction_id": outcome.transaction, "interval": outcome.interval}
        )
    else:
        # Put together as text: what was signed is sent as it is stored.
        format_ = outcome.configuration.format
        entries = [
            b'{"credential":' + as_json(each, format_) + b"}" for each in outcome.credentials
        ]
        content = b'{"credentials":[' + b",".join(entries) + b"]"
        if notify:
            content += b',"notification_id":' + orjson.dumps(outcome.notification)
        content += b"}"
    if reply_to is None:
        return response(content, JSON, status)
    return response(encrypt_jwe(content, reply_to).encode(), JWT, status)


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
