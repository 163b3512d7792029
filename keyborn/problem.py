"""Our errors on the wire, in both directions: problem details (RFC 9457).

::

    {"type": "urn:keyborn:problem:undecided", "title": "Undecided", "status": 503,
     "detail": "the log is too old", "code": "ledger_stale", "step": "3 holder", "hint": "..."}

``type`` names the branch of the error tree, ``code`` the failure itself. ``step`` and ``hint`` are
left out where there is none. This is the one place that maps errors to HTTP statuses.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from did.errors import Busy, Conflict, Invalid, KeybornError, Refused, Unavailable, Undecided
from did.jcs import Json, JsonObject
from did.strict_json import parse_object

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER: Final = 5  # seconds, where an error that may pass does not say

_TYPE: Final = "urn:keyborn:problem:"
_STATUS: Final[Mapping[type[KeybornError], HTTPStatus]] = {
    Invalid: HTTPStatus.BAD_REQUEST,
    Refused: HTTPStatus.FORBIDDEN,
    Undecided: HTTPStatus.SERVICE_UNAVAILABLE,
    Conflict: HTTPStatus.CONFLICT,
    Busy: HTTPStatus.TOO_MANY_REQUESTS,  # before what it derives from: the first that fits counts
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
_BY_TYPE: Final = {f"{_TYPE}{branch.__name__.lower()}": branch for branch in _STATUS}
_BY_STATUS: Final[Mapping[int, type[KeybornError]]] = {
    HTTPStatus.UNAUTHORIZED: Refused,
    HTTPStatus.FORBIDDEN: Refused,
    HTTPStatus.CONFLICT: Conflict,
    HTTPStatus.REQUEST_TIMEOUT: Unavailable,
    HTTPStatus.TOO_MANY_REQUESTS: Busy,
}
_PASSING: Final = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
_CODE: Final = re.compile(r"[a-z0-9_]{1,64}", re.ASCII)
_SECONDS: Final = re.compile(r"[0-9]{1,6}", re.ASCII)
_TEXT: Final = 500  # characters of a foreign text that are kept


def status_of(error: KeybornError) -> HTTPStatus:
    """The HTTP status of ``error``, by its branch of the tree."""
    return _STATUS[_branch(error)]


def retry_after(error: KeybornError, status: int) -> int | None:
    """Seconds for ``Retry-After``: what the error says, or a default for 429 and 503."""
    if error.retry_after is None and status in _PASSING:
        return RETRY_AFTER
    return error.retry_after


def details(error: KeybornError, status: int) -> JsonObject:
    """The problem details of ``error``. Its ``value`` stays here: the sender knows what it sent."""
    name = _branch(error).__name__
    body: dict[str, Json] = {
        "type": f"{_TYPE}{name.lower()}",
        "title": name,
        "status": int(status),
        "detail": error.message,
        "code": error.code,
        "step": error.step,
        "hint": error.hint,
    }
    return {member: value for member, value in body.items() if value is not None}


def plain_details(status: HTTPStatus, detail: str, hint: str | None = None) -> JsonObject:
    """Problem details of what HTTP itself names, such as 404 (RFC 9457, section 4.2.1)."""
    body: JsonObject = {
        "type": "about:blank",
        "title": status.phrase,
        "status": int(status),
        "detail": detail,
        "code": status.name.lower(),
    }
    return body if hint is None else {**body, "hint": hint}


def parse(status: int, body: bytes, *, retry_after: str | None, step: str) -> KeybornError:
    """The error that an answer of ``status`` states, whether or not the body explains it.

    Understood are problem details and OAuth errors (``error`` and ``error_description``, RFC 6749,
    section 5.2). The branch is that of ``type`` where it is ours, else that of the status. What a
    server says is shortened, and shown escaped; it is never trusted beyond that.
    """
    try:
        said = parse_object(body)
    except Invalid:
        said = {}
    branch = _BY_TYPE.get(str(said.get("type"))) or _BY_STATUS.get(status)
    if branch is None:
        branch = Unavailable if status >= HTTPStatus.INTERNAL_SERVER_ERROR else Invalid
    code = said.get("code", said.get("error"))
    detail = _text(said.get("detail", said.get("error_description")))
    return branch(
        code if isinstance(code, str) and _CODE.fullmatch(code) else "http_error",
        detail or f"the server answered with HTTP status {status} and no explanation",
        step=_text(said.get("step")) or step,
        hint=_text(said.get("hint")),
        retry_after=parse_retry_after(retry_after),
    )


def parse_retry_after(value: str | None) -> int | None:
    """The seconds that a ``Retry-After`` names.

    None for what is beyond reason, and for its other form, a date, which needs a clock.
    """
    return int(value) if value and _SECONDS.fullmatch(value) else None


def _branch(error: KeybornError) -> type[KeybornError]:
    return next(branch for branch in _STATUS if isinstance(error, branch))


def _text(value: Json) -> str | None:
    return value[:_TEXT] if isinstance(value, str) and value else None
