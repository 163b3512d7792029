"""Sessions over HTTP: a device opens one, a proxy asks of each request whether it may pass.

======  =============  ==========================================================================
POST    /v1/sessions   as ``POST /v1/presentations``: 201 with ``device``, ``decision``, ``token``
DELETE  /v1/sessions   with the session's token: 204, and it is closed
GET     /auth          with the session's token: 204, and who it is in ``X-Keyborn-...`` headers
======  =============  ==========================================================================

``/auth`` is what nginx's ``auth_request`` and its like ask. It answers what these tell apart: 204,
the request may pass; 401, no session; 403, the device is refused now, whatever is the matter with
it; 503, undecided, with ``Retry-After``. Anything but 2xx keeps the request out.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Final

import orjson
from fastapi import FastAPI, Header, Response
from fastapi.concurrency import run_in_threadpool

from did.errors import Invalid, KeybornError, Refused
from did.timestamps import format_time
from keyborn.described import answers, in_json
from keyborn.groups import Groups
from keyborn.http import RawBody, answer
from keyborn.shortcuts import Shortcuts
from verifier import descriptions
from verifier.conclusion import AuthenticatedDevice
from verifier.sessions.admission import Sessions, Unfinished
from verifier.sessions.session import STEP, headers_of, presented

Admit = Callable[[bytes, str], Awaitable[AuthenticatedDevice]]
"""Admits who presents, by the body and its ``Content-Type``."""

_Authorization = Annotated[str, Header()]
_ContentType = Annotated[str, Header()]
_CHALLENGE: Final = 'Bearer realm="keyborn"'


def install(
    app: FastAPI,
    shortcuts: Shortcuts,
    sessions: Sessions,
    *,
    admit: Admit,
    now: Callable[[], datetime],
) -> None:
    """Add the routes to ``app``; ``now`` is read once for each decision."""
    look = Groups[bytes, AuthenticatedDevice | Unfinished](
        lambda digests: sessions.look_all(digests, at=now())
    )

    @shortcuts.post(
        app.router,
        "/v1/sessions",
        **answers({201: in_json(descriptions.SESSION)}, 403, takes=descriptions.PRESENTATIONS),
    )
    async def begin(body: RawBody, content_type: _ContentType = "") -> Response:
        device = await admit(body, content_type)
        token, expires = await run_in_threadpool(sessions.open, device, at=now())
        said = {
            "device": device.to_json(),
            "decision": device.decision.to_json(),
            "token": token,
            "expires": format_time(expires),
        }
        return Response(orjson.dumps(said), HTTPStatus.CREATED, media_type="application/json")

    @app.get("/auth", **answers({204: {}}, 401, 403))
    async def auth(authorization: _Authorization = "") -> Response:
        try:
            found = await look.ask(presented(authorization))
            if isinstance(found, Unfinished):
                found = await run_in_threadpool(sessions.finish, found, at=now())
        except (Invalid, Refused) as error:
            return _kept_out(error)
        return Response(None, HTTPStatus.NO_CONTENT, headers_of(found))

    @app.delete("/v1/sessions", **answers({204: {}}, 401))
    def end(authorization: _Authorization = "") -> Response:
        try:
            sessions.close(presented(authorization))
        except Refused as error:
            return _kept_out(error)
        return Response(None, HTTPStatus.NO_CONTENT)


def _kept_out(error: KeybornError) -> Response:
    """401 where it is the token, in the form of RFC 6750, section 3; 403 where it is the device."""
    if error.step != STEP:
        return answer(error, HTTPStatus.FORBIDDEN)
    challenge = _CHALLENGE
    if error.code != "session_needed":
        challenge += ', error="invalid_token"'
    return answer(error, HTTPStatus.UNAUTHORIZED, {"www-authenticate": challenge})
