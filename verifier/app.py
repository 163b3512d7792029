"""The verifier as a service: it asks, it is answered, it decides.

=====  =====================  ===================================================================
POST   /v1/challenges         ``{}`` or ``{"did": ...}``: 201, a challenge (``did.challenge``)
POST   /v1/presentations      a presentation that answers one: 200 with ``device`` and ``decision``
GET    /health                200 with the audience and the pinned log, while it answers at all
GET    /ready, /metrics       ``keyborn.watching``
=====  =====================  ===================================================================

Beside these, sessions (``verifier.sessions.routes``) and the VC-API (``verifier.vc_api``).

A presentation is in any format that a ``Content-Type`` of its own names, ``application/vp`` (JSON),
``application/vp+jwt``, ``application/vp+cose`` or ``application/jwt`` (VC 1.1); with any other, the
format is told from the bytes.

Whatever is not accepted is problem details (``keyborn.problem``): 400 for invalid, 403 for refused,
503 for undecided, with ``code``, ``step`` and ``hint``.
"""

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

import orjson
from fastapi import FastAPI, Header, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict

from did.identifier import parse_did
from did.jcs import JsonObject
from did.vc.enveloping import PRESENTATION
from did.vc.formats import Format, format_of_media_type
from keyborn import clock, watching
from keyborn.described import answers, describe, in_json
from keyborn.groups import Groups
from keyborn.http import RawBody, install
from keyborn.shortcuts import Shortcuts
from verifier import descriptions, vc_api
from verifier.conclusion import AuthenticatedDevice
from verifier.sessions.admission import Sessions
from verifier.sessions.routes import install as install_sessions
from verifier.verifier import Proven, Verifier
from verifier.watch import Watch

ContentType = Annotated[str, Header()]


class ChallengeRequest(BaseModel):
    """Whom a challenge is for: with ``did``, that DID alone can answer it."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    did: str | None = None


def create_app(
    verifier: Verifier,
    *,
    now: Callable[[], datetime] = clock.now,
    vc_api_token: str | None = None,
    sessions: Sessions | None = None,
) -> FastAPI:
    """The application of ``verifier``.

    Args:
        verifier: What decides.
        now: Read once for each request.
        vc_api_token: What callers of the VC-API present (RFC 6750); None for no VC-API.
        sessions: Those of ``verifier``; None for none.
    """
    app = FastAPI(title="Keyborn verifier", openapi_url=None, docs_url=None, redoc_url=None)
    install(app)
    describe(app)

    shortcuts = Shortcuts()
    groups = Groups[tuple[bytes, Format | None], AuthenticatedDevice | Proven](
        lambda presentations: verifier.admit_all(presentations, at=now())
    )

    async def admit(body: bytes, content_type: str) -> AuthenticatedDevice:
        named = format_of_media_type(content_type, PRESENTATION)
        device = await groups.ask((body, named))
        if isinstance(device, Proven):
            device = await run_in_threadpool(verifier.finish, device)
        return device

    @shortcuts.post(app.router, "/v1/challenges", **answers({201: in_json(descriptions.CHALLENGE)}))
    async def challenges(body: ChallengeRequest) -> Response:
        did = None if body.did is None else parse_did(body.did)
        return _json(verifier.challenge(at=now(), did=did).to_json(), HTTPStatus.CREATED)

    @shortcuts.post(
        app.router,
        "/v1/presentations",
        **answers({200: in_json(descriptions.ADMITTED)}, 403, takes=descriptions.PRESENTATIONS),
    )
    async def presentations(body: RawBody, content_type: ContentType = "") -> Response:
        device = await admit(body, content_type)
        return _json({"device": device.to_json(), "decision": device.decision.to_json()})

    if sessions is not None:
        install_sessions(app, shortcuts, sessions, admit=admit, now=now)

    if vc_api_token is not None:
        app.include_router(vc_api.router(verifier.proofs(), token=vc_api_token, now=now))

    watch = Watch(verifier, now)
    watching.install(app, watch.readiness, watch.decided, by_part={"store": watch.kept})

    @app.get("/health", **answers({200: in_json(descriptions.HEALTH)}))
    def health() -> Response:
        log_id = verifier.trust_root.log_id.hex()
        return _json({"status": "ok", "audience": verifier.audience, "logId": log_id})

    shortcuts.install(app)
    return app


def _json(value: JsonObject, status: int = HTTPStatus.OK) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")
