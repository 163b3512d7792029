"""What a service says of itself over HTTP: an OpenAPI 3.1 description, at ``/openapi.json``.

A route says with ``answers`` what it takes and answers; ``describe`` adds what holds for all of
them: the limits that ``keyborn.rim`` keeps, the token, an error's form. Of what FastAPI would say
by itself, its 422 is left out, since nothing here answers so.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final

import orjson
from fastapi import FastAPI, Response

from keyborn import problem
from keyborn.oauth import FORM, JSON

Schema = dict[str, Any]
"""A JSON Schema (2020-12)."""

Content = Mapping[str, Schema]
"""By media type, what a body is; empty where there is none."""

PATH: Final = "/openapi.json"

TEXT: Final[Schema] = {"type": "string"}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
FLAG: Final[Schema] = {"type": "boolean"}
OBJECT: Final[Schema] = {"type": "object"}
HASH: Final[Schema] = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
TIME: Final[Schema] = {"type": "string", "format": "date-time"}


def record(members: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    """An object of ``members``, of those that are ``optional``, and of no others."""
    return {
        "type": "object",
        "properties": {**members, **(optional or {})},
        "required": list(members),
        "additionalProperties": False,
    }


def listed(schema: Schema) -> Schema:
    """A list of such."""
    return {"type": "array", "items": schema}


def texts_by_name() -> Schema:
    """An object of texts, under any names."""
    return {"type": "object", "additionalProperties": TEXT}


def or_null(schema: Schema) -> Schema:
    """Such a one, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def one_of(*values: str) -> Schema:
    """One of these texts."""
    return {"type": "string", "enum": list(values)}


def in_json(schema: Schema) -> Content:
    """A body that is JSON."""
    return {JSON: schema}


def in_form(required: Sequence[str], *optional: str) -> Content:
    """A body that is a form of texts."""
    fields = dict.fromkeys((*required, *optional), TEXT)
    return {FORM: {"type": "object", "properties": fields, "required": list(required)}}


def parameter(place: str, name: str, schema: Schema = TEXT) -> Schema:
    """A parameter that an endpoint reads by itself; ``place`` is path, query or header."""
    return {"in": place, "name": name, "required": place == "path", "schema": schema}


def answers(
    success: Mapping[int, Content],
    *problems: int,
    oauth: Sequence[int] = (),
    takes: Content | None = None,
    body_needed: bool = True,
    parameters: Sequence[Schema] = (),
) -> dict[str, Any]:
    """Arguments for the declaration of a route: what it answers, and reads by itself.

    Args:
        success: By status, the body; the first is the usual one.
        problems: Statuses of problem details, but for those that ``describe`` adds.
        oauth: Statuses of errors in OAuth's form.
        takes: The body of a request that the endpoint reads itself.
        body_needed: Whether there has to be one.
        parameters: What it reads itself beside.
    """
    responses: dict[int | str, dict[str, Any]] = {int(status): {} for status in problems}
    for status, content in success.items():
        responses[int(status)] = _response(content)
    for status in oauth:
        responses[int(status)] = _response({JSON: _reference("OAuthError")})
    extra: dict[str, Any] = {"parameters": list(parameters)} if parameters else {}
    if takes is not None:
        extra["requestBody"] = {"required": body_needed, **_response(takes)}
    return {
        "status_code": int(next(iter(success))),
        "response_class": Response,
        "responses": responses,
        "openapi_extra": extra,
    }


def describe(app: FastAPI, *, prefix: str = "") -> None:
    """Have ``app`` describe its routes, those that are added later too, below ``prefix``."""
    plain = app.openapi
    app.version = version("keyborn")
    made: list[dict[str, Any]] = []

    def whole() -> dict[str, Any]:
        if not made:
            made.append(_completed(plain()))
        return made[0]

    app.openapi = whole  # type: ignore[method-assign] # as FastAPI has it extended

    @app.get(f"{prefix}{PATH}", include_in_schema=False)
    def description() -> Response:
        return Response(orjson.dumps(app.openapi()), media_type=JSON)


_OF_ALL: Final = (  # by ``keyborn.rim.Envelope``
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
_NOT_PARAMETERS: Final = frozenset({"accept", "authorization", "content-type"})  # OpenAPI 4.8.12.1
_SCHEME: Final = "HTTPBearer"  # FastAPI's name for it
_MEMBERS_OF_PROBLEMS: Final = {
    "type": TEXT,
    "title": TEXT,
    "status": {"type": "integer", "minimum": 400, "maximum": 599},
    "detail": TEXT,
    "code": {"type": "string", "pattern": "^[a-z0-9_]{1,64}$"},
}
_SCHEMAS: Final[Mapping[str, Schema]] = {
    "Problem": record(
        _MEMBERS_OF_PROBLEMS,
        {
            "step": TEXT,
            "hint": TEXT,
            "fields": listed(record({"field": TEXT, "problem": TEXT})),
            "parts": listed(record({"part": TEXT, "code": TEXT})),  # of a service that is not ready
            # of the VC-API
            "verified": {"const": False},
            "errors": listed(OBJECT),
            "problemDetails": listed(OBJECT),
        },
    ),
    "OAuthError": record({"error": TEXT, "error_description": TEXT}),
}


def _reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _response(content: Content) -> dict[str, Any]:
    return {"content": {each: {"schema": schema} for each, schema in content.items()}}


def _completed(document: dict[str, Any]) -> dict[str, Any]:
    """FastAPI's description, with what holds for all routes."""
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _complete(path, operation)
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas.update(_SCHEMAS)
    operations = [each for path in document["paths"].values() for each in path.values()]
    if any("security" in operation for operation in operations):
        components["securitySchemes"] = {_SCHEME: {"type": "http", "scheme": "bearer"}}
    return document


def _complete(path: str, operation: dict[str, Any]) -> None:
    parameters = operation.pop("parameters", [])
    kept = [each for each in parameters if each["name"].lower() not in _NOT_PARAMETERS]
    if kept:
        operation["parameters"] = kept
    if any(each["name"].lower() == "authorization" for each in parameters):
        operation["security"] = [{_SCHEME: []}]
    responses = operation["responses"]
    responses.pop("422", None)
    added = [*_OF_ALL]
    if "{" in path:
        added.append(HTTPStatus.NOT_FOUND)
    if "security" in operation and str(int(HTTPStatus.UNAUTHORIZED)) not in responses:
        added.append(HTTPStatus.UNAUTHORIZED)
    if _is_read_as_json(operation):
        added.append(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    for status in added:
        response = responses.setdefault(str(int(status)), {"description": status.phrase})
        response.setdefault("content", {})[problem.MEDIA_TYPE] = {"schema": _reference("Problem")}
    for status, response in responses.items():
        if int(status) >= HTTPStatus.BAD_REQUEST and not response.get("content"):
            response["content"] = {problem.MEDIA_TYPE: {"schema": _reference("Problem")}}
        response.setdefault("headers", {}).update(_headers(int(status)))
    operation["responses"] = dict(sorted(responses.items()))


def _is_read_as_json(operation: Mapping[str, Any]) -> bool:
    """Whether the body is one of our models: then it is refused if it is not said to be JSON."""
    schema = operation.get("requestBody", {}).get("content", {}).get(JSON, {}).get("schema", {})
    return "$ref" in schema or "discriminator" in schema


def _headers(status: int) -> dict[str, Any]:
    headers: dict[str, Any] = {"X-Request-Id": {"required": True, "schema": TEXT}}
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        headers["Retry-After"] = {"description": "Seconds.", "schema": COUNT}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = {"required": True, "schema": TEXT}
    return headers
