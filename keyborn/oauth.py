"""Protocol endpoints that speak as OAuth does: forms in, errors out (RFC 6749)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

import orjson
from fastapi import Response

from did.errors import Invalid, KeybornError
from did.jcs import JsonObject
from keyborn.oauth_errors import description

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"

_MAX_FIELDS: Final = 32


def read_form(body: bytes, content_type: str, *, step: str) -> dict[str, str]:
    """The fields of a form, in UTF-8; one that comes twice is refused (RFC 6749, section 3.1).

    Raises:
        Invalid: ``unsupported_media_type``, ``invalid_form``, ``duplicate_field``.
    """
    if content_type.partition(";")[0].strip().lower() != FORM:
        raise Invalid(
            "unsupported_media_type",
            f"the body is not said to be {FORM}",
            step=step,
            hint="encode it as a form",
        )
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
            max_num_fields=_MAX_FIELDS,
        )
    except ValueError as error:
        raise Invalid(
            "invalid_form", "the body is no form", step=step, hint=f"encode it as {FORM}"
        ) from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Invalid(
            "duplicate_field",
            "the form has a field twice",
            step=step,
            hint="send each field once",
        )
    return fields


def answer(value: JsonObject, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """``value`` as JSON that nobody keeps."""
    return Response(orjson.dumps(value), status, media_type=JSON)


def failure(
    error: KeybornError,
    code: str,
    status: HTTPStatus,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An error in the form of RFC 6749, section 5.2.

    ``code`` is OAuth's; ``error_description`` is that of ``keyborn.oauth_errors``.
    """
    content: JsonObject = {"error": code, "error_description": description(error)}
    return Response(orjson.dumps(content), status, headers, media_type=JSON)
