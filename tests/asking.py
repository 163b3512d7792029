"""A verifier that asks by OpenID4VP, at work in a gatehouse, and a holder that answers by hand."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx
from actors import DEVICE
from fastapi import FastAPI
from gatehouse import Gatehouse
from onboarding import serving_named
from operations import Life

from did.jcs import JsonObject
from did.openid4vp.request import AuthorizationRequest, open_request, read_request
from did.vc.credential import PROVISIONING
from did.vc.presentation import sign_presentation
from keyborn.access import AccessLog
from verifier.app import create_app
from verifier.openid4vp.exchange import Exchange
from verifier.openid4vp.identity import Identity, own_identity
from verifier.openid4vp.requests import open_requests
from verifier.openid4vp.routes import install
from verifier.verifier import Verifier

TOKEN: Final = "t" * 43
QUERY: Final[dict[str, Any]] = {
    "credentials": [{"id": "device", "format": "ldp_vc", "meta": {"type_values": [[PROVISIONING]]}}]
}
FORM: Final = {"content-type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Gate:
    """A verifier's service, and a client that may ask."""

    house: Gatehouse
    exchange: Exchange
    http: httpx.Client

    @property
    def client_id(self) -> str:
        return self.exchange.identity.client_id.text

    def ask(self, **wish: Any) -> dict[str, Any]:
        """A request, as who asks is told of it."""
        wish = {"dcql_query": QUERY, **wish}
        answer = self.http.post("/v1/openid4vp/requests", json=wish, headers=bearer(TOKEN))
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def fetch(self, asked: dict[str, Any]) -> AuthorizationRequest:
        """The request object behind it, its signature verified."""
        answer = self.http.get(asked["request_uri"])
        assert answer.status_code == 200, answer.text
        signed = open_request(answer.text)
        signed.jws.verify(signed.method.key())
        return read_request(signed.jws.payload)

    def outcome(self, asked: dict[str, Any], **query: str) -> dict[str, Any]:
        """Where the request stands."""
        answer = self.http.get(
            f"/v1/openid4vp/requests/{asked['id']}", params=query, headers=bearer(asked["secret"])
        )
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def present(
        self,
        request: AuthorizationRequest,
        *credentials: JsonObject,
        device: Life | None = None,
        **changes: Any,
    ) -> JsonObject:
        """A presentation for ``request``, by the device unless ``changes`` say otherwise."""
        if device is None:
            device = self.house.device(DEVICE)
        given: dict[str, Any] = {
            "holder": device.actor.short,
            "challenge": request.nonce,
            "audience": request.client_id.text,
            "created": self.house.now,
            **changes,
        }
        signer = given.pop("signer", None) or device.key
        return sign_presentation(credentials, signer, **given)

    def post(self, request: AuthorizationRequest, **fields: Any) -> httpx.Response:
        """Bring an answer; what is no text travels as JSON, and None is left out."""
        form = {"state": request.state, **fields}
        told = {
            name: each if isinstance(each, str) else json.dumps(each)
            for name, each in form.items()
            if each is not None
        }
        return self.http.post(request.response_uri, data=told)

    def answer(self, request: AuthorizationRequest, *credentials: JsonObject) -> httpx.Response:
        """Answer the one query of ``request`` as it should be."""
        own = credentials or (self.house.issuer.issue(DEVICE.short),)
        (query,) = request.query.credentials
        return self.post(request, vp_token={query.id: [self.present(request, *own)]})


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def said(answer: httpx.Response) -> tuple[int, str, str]:
    """Status and error of a protocol endpoint, with our own code for it."""
    body = answer.json()
    described = body.get("error_description", "")
    return answer.status_code, body.get("error", ""), described.partition("[")[2].partition("]")[0]


@contextmanager
def asking(
    house: Gatehouse,
    verifier: Verifier | None = None,
    *,
    identity: Identity | None = None,
    access: AccessLog = AccessLog.PROBLEMS,
) -> Iterator[Gate]:
    """The service, on a real socket; its clock is the house's."""
    verifier = verifier or house.verifier()
    with ExitStack() as stack:
        requests = stack.enter_context(open_requests(house.directory / "verifier"))
        identity = identity or own_identity(house.directory / "verifier")
        named = verifier.called(identity.client_id.text)
        made: list[Exchange] = []

        def make_app(url: str) -> FastAPI:
            app = create_app(verifier, now=lambda: house.now)
            made.append(Exchange(named, identity, requests, url))
            install(app, made[0], token=TOKEN, now=lambda: house.now)
            return app

        url = stack.enter_context(serving_named(make_app, access=access))
        http = stack.enter_context(closing(httpx.Client(base_url=url)))
        yield Gate(house, made[0], http)
