"""The issuer as an application."""

from http import HTTPStatus

from fastapi import FastAPI, Request, Response

from did.errors import KeybornError
from issuer import admin, protocol, status_route
from issuer.errors import NotFound
from issuer.service import Issuer
from keyborn.http import answer, install


def create_app(issuer: Issuer, *, admin_token: str) -> FastAPI:
    """The issuer's endpoints: OpenID4VCI, status lists and, behind a token, administration.

    Args:
        issuer: Built and started.
        admin_token: What administrators present (RFC 6750).
    """
    app = FastAPI(title="Keyborn issuer", docs_url=None, redoc_url=None, openapi_url=None)
    install(app)
    app.add_exception_handler(NotFound, _answer_not_found)

    app.include_router(status_route.router(issuer))
    app.include_router(protocol.well_known_router(issuer))
    app.include_router(protocol.router(issuer))
    app.include_router(admin.router(issuer, admin_token))
    return app


def _answer_not_found(_request: Request, error: Exception) -> Response:
    assert isinstance(error, KeybornError)
    return answer(error, HTTPStatus.NOT_FOUND)
