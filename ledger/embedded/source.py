"""Reading an embedded ledger over HTTP, believing nothing but heads that its key has signed."""

from collections.abc import Iterator
from typing import Final, Self

from did.errors import Invalid, KeybornError, Unavailable
from did.jcs import JsonObject
from did.strict_json import parse_object
from keyborn import client
from ledger.chain import LogEntry
from ledger.embedded.heads import EmbeddedPin, verify_head
from ledger.embedded.wire import (
    ANSWER_BYTES,
    PAGE_ENTRIES,
    entries_from_json,
    heads_from_json,
    malformed,
)
from ledger.log import Heads

_STEP: Final = "read the log"


class HttpSource:
    """The log behind a pin, as one server shows it. Implements ``ledger.log.LogSource``.

    Close it, or use it as a context manager.

    Args:
        url: Of the server; ``/v1/log/…`` is appended.
        pin: What must hold.

    Raises:
        Invalid: ``invalid_url``.
    """

    def __init__(self, url: str, pin: EmbeddedPin) -> None:
        self._pin = pin
        self._client = client.connect(url)

    def __enter__(self) -> Self:
        """The source itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    @property
    def log_id(self) -> bytes:
        """The pinned log id, 32 bytes."""
        return self._pin.log_id

    def heads(self) -> Heads:
        """The newest heads, each with the pinned key's signature as its evidence.

        Raises:
            Unavailable: ``ledger_unreachable``.
            Invalid: ``ledger_wrong_log``, ``ledger_forged_head``, ``ledger_malformed_answer``.
        """
        signed = heads_from_json(self._get("/v1/log/heads"))
        return Heads(**{name: verify_head(self._pin, data) for name, data in signed.items()})

    def entries(self, start: int, stop: int) -> Iterator[LogEntry]:
        """Entries ``start`` to ``stop``, both included, as the server gives them, page by page.

        It ends early where the server gives no more.

        Raises:
            Unavailable: ``ledger_unreachable``.
            Invalid: ``ledger_malformed_answer``.
        """
        given = 0
        due = stop - start + 1
        while given < due:
            last = min(start + given + PAGE_ENTRIES - 1, stop)
            page = entries_from_json(
                self._get(f"/v1/log/entries?start={start + given}&stop={last}")
            )
            if len(page) > last - start - given + 1:
                raise malformed("a page has more entries than were asked for")
            if not page:
                return
            yield from page
            given += len(page)

    def _get(self, path: str) -> JsonObject:
        try:
            answer = client.request(self._client, "GET", path, step=_STEP, max_bytes=ANSWER_BYTES)
            return parse_object(answer.body, max_bytes=ANSWER_BYTES)
        except Invalid as error:
            raise malformed(error.message) from error
        except KeybornError as error:
            raise Unavailable(
                "ledger_unreachable",
                error.message,
                step=_STEP,
                hint=error.hint,
                value=error.value,
                retry_after=error.retry_after,
            ) from error
