"""The embedded ledger's log over HTTP; ``ledger.embedded.wire`` has the forms."""

from typing import Annotated

from fastapi import APIRouter, Query

from did.jcs import JsonObject
from ledger.embedded.store import EmbeddedLedger
from ledger.embedded.wire import entries_to_json, heads_to_json

Position = Annotated[int, Query(ge=1, le=2**53 - 1)]


def routes(ledger: EmbeddedLedger) -> APIRouter:
    """The routes of ``ledger``."""
    router = APIRouter(prefix="/v1/log", tags=["log"])

    @router.get("/heads", response_model=None)
    def heads() -> JsonObject:
        """Where the log stands: the latest, the safe and the finalized head, signed."""
        return heads_to_json(ledger.log_id, ledger.heads())

    @router.get("/entries", response_model=None)
    def entries(start: Position, stop: Position) -> JsonObject:
        """Entries from ``start`` to ``stop``, both included, as many as a page holds."""
        return entries_to_json(ledger.page(start, stop))

    return router
