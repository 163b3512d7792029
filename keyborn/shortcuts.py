"""A few routes that are asked most, answered without what a framework does for each request.

They are declared like all others, so that descriptions have them and whatever is out of the
ordinary goes the ordinary way: another method, a query. A plain POST to one of them is handed to
the same endpoint directly. What the framework takes for that, matching of routes, solving of
dependencies, a thread, is several times what the work itself takes.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from fastapi import APIRouter, FastAPI, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

from did.errors import KeybornError
from did.strict_json import parse
from keyborn import http
from keyborn.bodies import STEP

Endpoint = Callable[..., Awaitable[Response]]

_BODY: Final = "body"
_CONTENT_TYPE: Final = b"content-type"


@dataclass(frozen=True, slots=True)
class _Direct:
    """An endpoint, and what it is given.

    Attributes:
        path: The whole path, which is the route's template too.
        endpoint: A coroutine.
        headers: By a header's name, the parameter that takes it.
        takes_body: Whether it takes the body, as it came or as ``model``.
        model: What a JSON body is read as; None where it is taken as it came.
    """

    path: str
    endpoint: Endpoint
    headers: Mapping[bytes, str]
    takes_body: bool
    model: type[BaseModel] | None

    @classmethod
    def to(cls, path: str, endpoint: Endpoint) -> Self:
        """What the parameters of ``endpoint`` say."""
        parameters = inspect.signature(endpoint).parameters
        headers = {name.replace("_", "-").encode(): name for name in parameters if name != _BODY}
        kind = parameters[_BODY].annotation if _BODY in parameters else None
        model = kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
        return cls(path, endpoint, headers, _BODY in parameters, model)

    async def answer(self, scope: Scope, receive: Receive) -> Response:
        """The endpoint's answer to a request; raises what it raises."""
        given: dict[str, Any] = dict.fromkeys(self.headers.values(), "")
        content_type = ""
        for name, value in scope["headers"]:
            if name == _CONTENT_TYPE:
                content_type = value.decode("latin-1")
            if name in self.headers:
                given[self.headers[name]] = value.decode("latin-1")
        if self.takes_body:
            body: bytes = (await receive())["body"]  # the envelope has read it whole
            given[_BODY] = body if self.model is None else _read(self.model, body, content_type)
        return await self.endpoint(**given)


class Shortcuts:
    """The endpoints of one application that are reached directly, by their whole path."""

    def __init__(self) -> None:
        self._direct: dict[str, _Direct] = {}

    def post(
        self,
        routes: APIRouter,
        path: str,
        **described: Any,  # noqa: ANN401 - as FastAPI has them
    ) -> Callable[[Endpoint], Endpoint]:
        """Declare an endpoint on ``routes``, and have plain requests go to it directly.

        Its parameters are ``body`` (``keyborn.http.RawBody``, or a model), and texts that are named
        as headers are, with ``_`` for ``-`` and the empty text for one that is missing. It is a
        coroutine, and keeps the event loop no longer than a few milliseconds.
        """

        def declare(endpoint: Endpoint) -> Endpoint:
            routes.post(path, **described)(endpoint)
            whole = f"{routes.prefix}{path}"
            self._direct[whole] = _Direct.to(whole, endpoint)
            return endpoint

        return declare

    def install(self, app: FastAPI) -> None:
        """Have ``app``, whose routes these are, answer them directly."""
        app.add_middleware(_Ahead, direct=self._direct)


class _Ahead:
    def __init__(self, app: ASGIApp, direct: Mapping[str, _Direct]) -> None:
        self._app = app
        self._direct = direct

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = None
        if scope["type"] == "http" and scope["method"] == "POST" and not scope["query_string"]:
            found = self._direct.get(scope["path"])
        if found is None:
            await self._app(scope, receive, send)
            return
        scope["route"] = found  # as the framework would have it, for who counts
        try:
            response = await found.answer(scope, receive)
        except KeybornError as error:
            response = http.answer(error)
        except RequestValidationError as error:
            response = http.answer_invalid(error)
        except http.NotJsonError:
            response = http.answer_not_json()
        await response(scope, receive, send)


def _read(model: type[BaseModel], body: bytes, content_type: str) -> BaseModel:
    """What a JSON body says, read as strictly as ``keyborn.http.StrictRoute`` does."""
    if not body:
        raise RequestValidationError([{"loc": (_BODY,), "type": "missing"}])
    if not http.is_json(content_type):
        raise http.NotJsonError
    try:
        value = parse(body)
    except KeybornError as error:
        raise error.at(STEP) from error
    try:
        return model.model_validate(value)
    except ValidationError as error:
        found = [{"loc": (_BODY, *each["loc"]), "type": each["type"]} for each in error.errors()]
        raise RequestValidationError(found) from error
