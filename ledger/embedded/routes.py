"""The embedded ledger's log over HTTP; ``ledger.embedded.wire`` has the forms."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Response

from did.jcs import JsonObject
from keyborn.described import answers, in_json
from keyborn.http import StrictRoute
from ledger import descriptions
from ledger.embedded.store import EmbeddedLedger
from ledger.embedded.wire import entries_to_json, heads_to_json

Position = Annotated[int, Query(ge=1, le=2**53 - 1)]


def routes(ledger: EmbeddedLedger) -> APIRouter:
    """The routes of ``ledger``."""
    router = APIRouter(prefix="/v1/log", route_class=StrictRoute, tags=["log"])

    @router.get("/heads", **answers({200: in_json(descriptions.HEADS)}))
    def heads() -> Response:
        """Where the log stands: the latest, the safe and the finalized head, signed."""
        return _json(heads_to_json(ledger.log_id, ledger.heads()))

    @router.get("/entries", **answers({200: in_json(descriptions.ENTRIES)}))
    def entries(start: Position, stop: Position) -> Response:
        """Entries from ``start`` to ``stop``, both included, as many as a page holds."""
        return _json(entries_to_json(ledger.page(start, stop)))

    return router


def _json(value: JsonObject) -> Response:
    return Response(orjson.dumps(value), media_type="application/json")
