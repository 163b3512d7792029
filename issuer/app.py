"""The issuer as an application."""

from http import HTTPStatus

from fastapi import FastAPI, Request, Response

from did.errors import KeybornError
from issuer import admin, protocol, status_route, vc_api
from issuer.descriptions import HEALTH
from issuer.errors import NotFound
from issuer.metadata import base_path
from issuer.service import Issuer
from issuer.vc_api import CredentialSigner
from issuer.watch import collect, readiness
from keyborn import oauth, watching
from keyborn.described import answers, describe, in_json
from keyborn.http import answer, install
from keyborn.shortcuts import Shortcuts


def create_app(issuer: Issuer, *, admin_token: str, with_vc_api: bool = False) -> FastAPI:
    """The issuer's endpoints: OpenID4VCI, status lists and, behind a token, administration.

    Args:
        issuer: Built and started.
        admin_token: What administrators present (RFC 6750).
        with_vc_api: Whether it signs what it is given, too, for who presents the same token.
    """
    app = FastAPI(title="Keyborn issuer", docs_url=None, redoc_url=None, openapi_url=None)
    install(app)
    install_not_found(app)
    describe(app, prefix=base_path(issuer.url))

    app.include_router(status_route.router(issuer))
    app.include_router(protocol.well_known_router(issuer))
    shortcuts = Shortcuts()
    app.include_router(protocol.router(issuer, shortcuts))
    app.include_router(admin.router(issuer, admin_token))
    if with_vc_api:
        signer = CredentialSigner(
            url=issuer.url,
            engine=issuer.engine,
            identity=issuer.identity,
            statuses=issuer.statuses,
            clock=issuer.clock,
        )
        app.include_router(vc_api.router(signer, token=admin_token))
    watching.install(
        app,
        readiness(issuer),
        by_part={"store": watching.kept(lambda: collect(issuer))},
    )

    @app.get("/health", **answers({200: in_json(HEALTH)}))
    def health() -> Response:
        """That the process answers; whether it can issue is what ``/ready`` says."""
        return oauth.answer({"status": "ok"})

    shortcuts.install(app)
    return app


def install_not_found(app: FastAPI) -> None:
    """Have ``app`` answer what is not there with 404."""
    app.add_exception_handler(NotFound, _answer_not_found)


def _answer_not_found(_request: Request, error: Exception) -> Response:
    assert isinstance(error, KeybornError)
    return answer(error, HTTPStatus.NOT_FOUND)
