"""A verifier that says what a test tells it to, right down to the signature."""

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl

from actors import NOW, Actor, actor
from onboarding import serving_named
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from did.identifier import Did, DidUrl
from did.jose import sign_jws
from did.openid4vp.client_id import client_id_of
from did.openid4vp.formats import SUPPORTED
from did.openid4vp.link import FetchMethod, RequestLink
from did.openid4vp.request import ANY_WALLET, REQUEST_TYP, REQUEST_TYPE
from did.vc.credential import PROVISIONING

VERIFIER: Final = actor("verifier")
QUERY: Final[dict[str, Any]] = {
    "credentials": [{"id": "device", "format": "ldp_vc", "meta": {"type_values": [[PROVISIONING]]}}]
}


@dataclass
class ScriptedVerifier:
    """What it serves at ``/request`` and ``/response``; ``changes`` are to the request's payload.

    ``payload`` members that are None are left out. ``object`` is served instead, if it is set.
    """

    url: str = ""
    by: Actor = VERIFIER
    did: Did | None = None
    changes: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    echo: bool = True
    object: str | None = None
    media_type: str = REQUEST_TYPE
    fetch_status: int = 200
    status: int = 200
    says: Any = field(default_factory=dict)
    at: datetime = NOW
    fetched: list[tuple[str, dict[str, str], dict[str, str]]] = field(default_factory=list)
    heard: "queue.Queue[dict[str, str]]" = field(default_factory=queue.Queue)

    @property
    def client(self) -> str:
        return client_id_of(self.did or self.by.key_did).text

    def link(self, **changes: Any) -> RequestLink:
        given: dict[str, Any] = {
            "client_id": self.client,
            "request_uri": f"{self.url}/request",
            "method": FetchMethod.POST,
            **changes,
        }
        return RequestLink(**given)

    def payload(self) -> dict[str, Any]:
        value: dict[str, Any] = {
            "aud": ANY_WALLET,
            "client_id": self.client,
            "response_type": "vp_token",
            "response_mode": "direct_post",
            "response_uri": f"{self.url}/response",
            "nonce": "bm9uY2UtbnVtYmVyLW9uZQ",
            "state": "a-state",
            "dcql_query": QUERY,
            "client_metadata": {"vp_formats_supported": dict(SUPPORTED)},
            "iat": int(self.at.timestamp()),
            "exp": int((self.at + timedelta(seconds=120)).timestamp()),
            **self.changes,
        }
        return {name: each for name, each in value.items() if each is not None}

    def signed(self, **more: Any) -> str:
        """The request object."""
        did = self.did or self.by.key_did
        kid = DidUrl(did, self.by.key.public_key().multibase).text
        header = {"typ": REQUEST_TYP, "kid": kid, **self.header}
        header = {name: each for name, each in header.items() if each is not None}
        return sign_jws(header, {**self.payload(), **more}, self.by.key)

    def answered(self) -> dict[str, str]:
        """The one answer that it got."""
        assert self.heard.qsize() == 1
        return self.heard.get_nowait()

    def app(self) -> Starlette:
        async def fetch(request: Request) -> Response:
            form = dict(parse_qsl((await request.body()).decode()))
            self.fetched.append((request.method, form, dict(request.headers)))
            more: dict[str, Any] = {}
            if self.echo and "wallet_nonce" in form:
                more["wallet_nonce"] = form["wallet_nonce"]
            token = self.object if self.object is not None else self.signed(**more)
            elsewhere = {"location": f"{self.url}/request"} if self.fetch_status == 302 else None
            return Response(token, self.fetch_status, elsewhere, media_type=self.media_type)

        async def answer(request: Request) -> Response:
            self.heard.put(dict(parse_qsl((await request.body()).decode())))
            return JSONResponse(self.says, self.status)

        return Starlette(
            routes=[
                Route("/request", fetch, methods=["GET", "POST"]),
                Route("/response", answer, methods=["POST"]),
            ]
        )

    def reset(self) -> None:
        """Forget what was scripted and heard, and stay where it is."""
        vars(self).update(vars(ScriptedVerifier(url=self.url)))


@contextmanager
def scripted_verifier() -> Iterator[ScriptedVerifier]:
    verifier = ScriptedVerifier()

    def make_app(url: str) -> Starlette:
        verifier.url = url
        return verifier.app()

    with serving_named(make_app):
        yield verifier
