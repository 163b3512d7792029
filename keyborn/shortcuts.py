"""A few routes that are asked most, answered without what a framework does for each request.

They are declared like all others, so that descriptions have them and whatever is out of the
ordinary goes the ordinary way: another method, a query. A plain POST to one of them is handed to
the same endpoint directly. What the framework takes for that, matching of routes, solving of
dependencies, a thread, is several times what the work itself takes.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Response
from fastapi.exceptions import RequestValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

from did.errors import KeybornError
from keyborn import http

Endpoint = Callable[..., Awaitable[Response]]

_BODY: Final = "body"


class Shortcuts:
    """The endpoints of one application that are reached directly, by their whole path."""

    def __init__(self) -> None:
        self._endpoints: dict[str, tuple[Endpoint, Mapping[bytes, str], bool]] = {}

    def post(
        self,
        routes: APIRouter,
        path: str,
        **described: Any,  # noqa: ANN401 - as FastAPI has them
    ) -> Callable[[Endpoint], Endpoint]:
        """Declare an endpoint on ``routes``, and have plain requests go to it directly.

        Its parameters are ``body`` (``keyborn.http.RawBody``), and texts that are named as headers
        are, with ``_`` for ``-`` and the empty text for one that is missing. It is a coroutine, and
        keeps the event loop no longer than a few milliseconds.
        """

        def declare(endpoint: Endpoint) -> Endpoint:
            routes.post(path, **described)(endpoint)
            names = [name for name in inspect.signature(endpoint).parameters if name != _BODY]
            headers = {name.replace("_", "-").encode(): name for name in names}
            takes_body = _BODY in inspect.signature(endpoint).parameters
            self._endpoints[f"{routes.prefix}{path}"] = (endpoint, headers, takes_body)
            return endpoint

        return declare

    def install(self, app: FastAPI) -> None:
        """Have ``app``, whose routes these are, answer them directly."""
        app.add_middleware(_Ahead, endpoints=self._endpoints)


class _Ahead:
    def __init__(
        self, app: ASGIApp, endpoints: Mapping[str, tuple[Endpoint, Mapping[bytes, str], bool]]
    ) -> None:
        self._app = app
        self._endpoints = endpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = None
        if scope["type"] == "http" and scope["method"] == "POST" and not scope["query_string"]:
            found = self._endpoints.get(scope["path"])
        if found is None:
            await self._app(scope, receive, send)
            return
        endpoint, headers, takes_body = found
        given: dict[str, Any] = dict.fromkeys(headers.values(), "")
        for name, value in scope["headers"]:
            if name in headers:
                given[headers[name]] = value.decode("latin-1")
        if takes_body:
            given[_BODY] = (await receive())["body"]  # the envelope has read it whole
        try:
            response = await endpoint(**given)
        except KeybornError as error:
            response = http.answer(error)
        except RequestValidationError as error:
            response = http.answer_invalid(error)
        await response(scope, receive, send)
