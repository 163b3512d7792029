"""Logging of the services: lines for people on a terminal, JSON everywhere else, on stderr.

What is logged holds no keys, codes or tokens: that is for those who log. What is known to repeat
them (uvicorn's access lines, URLs of calls, SQL parameters) is switched off here, in
``keyborn.server`` and in ``keyborn.storage``. What a record has as ``fields`` are members of its
own beside the message (``keyborn.access``).
"""

import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from did.timestamps import format_time
from keyborn.output import printable

request_id: Final[ContextVar[str | None]] = ContextVar("request_id", default=None)
"""Set for the time of one request by ``keyborn.rim.Envelope``."""

_CHATTY: Final = ("alembic", "httpx", "httpcore", "web3", "urllib3", "asyncio")


def configure(*, as_json: bool | None = None, level: int = logging.INFO) -> None:
    """Send the log of this process to stderr.

    Args:
        as_json: One JSON object per line; by default where stderr is no terminal.
        level: The least severity that is logged.
    """
    if as_json is None:
        as_json = not sys.stderr.isatty()
    handler = logging.StreamHandler()
    handler.setFormatter(_Json() if as_json else _Text())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        event = _event(self, record)
        line = " ".join(str(event[key]) for key in ("time", "level", "logger", "message"))
        if fields := getattr(record, "fields", {}):
            line += "".join(f" {name}={value}" for name, value in fields.items())
        if "request_id" in event:
            line += f" [{event['request_id']}]"
        return "\n".join((printable(line), *map(printable, event.get("trace", ()))))


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return orjson.dumps(_event(self, record)).decode()


def _event(formatter: logging.Formatter, record: logging.LogRecord) -> dict[str, Any]:
    event: dict[str, Any] = {
        "time": format_time(datetime.fromtimestamp(record.created, UTC)),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": record.getMessage(),
    }
    event |= getattr(record, "fields", {})
    if (request := request_id.get()) is not None:
        event["request_id"] = request
    if record.exc_info:
        event["trace"] = formatter.formatException(record.exc_info).splitlines()
    return event
