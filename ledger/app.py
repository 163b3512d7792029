"""The ledger service over HTTP: the registrar, resolution, and an embedded ledger's log.

::

    POST /v1/operations, GET /v1/operations/{hash}     ledger.registrar.routes
    GET, POST /1.0/identifiers/{did}                   ledger.resolution_api
    GET  /v1/log/heads, /v1/log/entries                ledger.embedded.routes
    GET  /health                                       200 while operations get onto the log
    GET  /ready, /metrics                              keyborn.watching
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

from fastapi import FastAPI, Response

from did.errors import KeybornError
from did.resolution import Resolver
from keyborn import http, oauth, watching
from keyborn.described import answers, describe, in_json
from keyborn.readiness import Readiness
from ledger import descriptions, resolution_api
from ledger.embedded import routes as embedded_routes
from ledger.embedded.store import EmbeddedLedger
from ledger.registrar import metrics
from ledger.registrar import routes as registrar_routes
from ledger.registrar.registrar import Registrar
from ledger.resolving.methods import MethodResolver
from ledger.resolving.web import WebResolver


def create_app(
    *,
    registrar: Registrar,
    resolver: Resolver,
    embedded: EmbeddedLedger | None = None,
    web: WebResolver | None = None,
) -> FastAPI:
    """The application. The registrar's thread runs as long as it does.

    Args:
        registrar: Not started.
        resolver: Of the log.
        embedded: The log to serve, if it is not on a ledger of its own.
        web: For did:web, if that is to be resolved.
    """

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        registrar.start()
        yield
        registrar.stop()

    app = FastAPI(
        title="Keyborn ledger", lifespan=running, docs_url=None, redoc_url=None, openapi_url=None
    )
    http.install(app)
    describe(app)
    app.include_router(registrar_routes.routes(registrar))
    app.include_router(resolution_api.routes(MethodResolver(resolver, web)))
    if embedded is not None:
        app.include_router(embedded_routes.routes(embedded))

    @app.get("/health", **answers({200: in_json(descriptions.HEALTH)}))
    def health() -> Response:
        """Whether operations get onto the log; a problem where they do not."""
        try:
            registrar.check()
        except KeybornError as error:  # of any branch: nothing is wrong with what was sent
            return http.answer(error, HTTPStatus.SERVICE_UNAVAILABLE)
        return oauth.answer({"status": "ok"})

    watching.install(
        app,
        Readiness(
            {
                "store": registrar.check_store,
                "log": registrar.check_log,
                "registrar": registrar.check,
            }
        ),
        by_part={"store": lambda: metrics.collect(registrar.readings())},
    )
    return app
