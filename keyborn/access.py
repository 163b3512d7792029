"""The access log: one event for a request that ended, by its route, never by its path or query.

A path may hold a code, a query a token, and an address is personal data, so none of them is
logged. ``docs/adr/0027-what-is-watched.md`` says what is, and why.
"""

import logging
import re
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final

import orjson

SLOW_SECONDS: Final = 1.0

_CODE: Final = re.compile(r"[a-z0-9_]{1,64}", re.ASCII)
# What whoever sends too much is told: a line for each would let them fill the disk. It is counted.
_FLOODED: Final = frozenset({"rate_limited", "busy"})
_log: Final = logging.getLogger(__name__)


class AccessLog(StrEnum):
    """Of which requests the access log tells."""

    ALL = "all"
    PROBLEMS = "problems"  # those that ended with an error, and those that took a second or more
    NONE = "none"


def tell(
    which: AccessLog,
    *,
    method: str,
    route: str,
    status: int | None,
    seconds: float,
    code: str | None,
) -> None:
    """Log that a request has ended, if it is one of ``which``.

    Args:
        which: Those that are logged.
        method: Its method, as traffic counts it.
        route: The template of its route.
        status: Of its answer; None where nobody was answered.
        seconds: How long it took.
        code: Of the error that it was answered with.
    """
    if which is AccessLog.NONE:
        return
    failed = status is None or status >= HTTPStatus.BAD_REQUEST
    if which is AccessLog.PROBLEMS and (
        code in _FLOODED or not (failed or seconds >= SLOW_SECONDS)
    ):
        return
    level = logging.INFO
    if status is not None and status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        level = logging.WARNING
    fields: dict[str, Any] = {
        "method": method,
        "route": route,
        "status": status,
        "duration": round(seconds, 6),
    }
    if code is not None:
        fields["code"] = code
    _log.log(level, "request", extra={"fields": fields})


def code_of(body: bytes) -> str | None:
    """The code of an error of ours, problem details or OAuth's form; None where there is none."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(said, dict):
        return None
    code = said.get("code", said.get("error"))
    return code if isinstance(code, str) and _CODE.fullmatch(code) else None
