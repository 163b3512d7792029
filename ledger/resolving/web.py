"""did:web: the document is fetched from its host, checked, and kept for a while.

Each fetch is over HTTPS, from a public address, with limits of size and time and without redirects
(``keyborn.public_https``). What was fetched is kept in memory for as long as whoever decides lets
it be; a fetch that fails is not kept, and what was kept before it does not stand in for it.

Threat model: whoever controls the host, its name (DNS) or a certificate authority says which keys
the DID has, and had: there is no history that could be held against it (docs/adr/0019).
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

from did.errors import Refused, Unavailable
from did.resolution import NotAtHandError, Registration, Resolution
from did.web_document import MAX_BYTES, WebDocument, parse_web_document
from did.web_identifier import WebDid
from keyborn import clock
from keyborn.public_https import DEADLINE, PublicHttps

MAX_AGE: Final = timedelta(seconds=60)  # for who has no policy of its own
_KEPT: Final = 256  # documents
_AT_ONCE: Final = 8  # fetches
_STEP: Final = "fetch the did:web document"
_ACCEPT: Final = "application/did, application/did+ld+json, application/did+json, application/json"
_GONE: Final = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)


class WebResolver:
    """Resolves did:web. Safe between threads.

    Args:
        https: How documents are fetched.
        max_age: How long one may be kept; zero: it is fetched each time.
        patience: Seconds to wait for one's turn, while as many as may be are being fetched.
        now: The clock.
    """

    def __init__(
        self,
        https: PublicHttps,
        *,
        max_age: timedelta = MAX_AGE,
        patience: float = DEADLINE,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._https = https
        self._max_age = max_age
        self._patience = patience
        self._now = now
        self._kept: OrderedDict[WebDid, tuple[WebDocument, datetime]] = OrderedDict()
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(_AT_ONCE)

    def resolve(self, did: WebDid, *, fresh: bool = False) -> Resolution:
        """What is known of ``did``: its document, which is as old as ``as_of`` says.

        Raises as ``document``.
        """
        return _resolution(did, self._had(did, fresh=fresh))

    def document(self, did: WebDid) -> WebDocument:
        """The document of ``did``.

        Raises:
            Refused: ``did_not_found``: its host has none (404, 410); ``address_not_public``.
            Invalid: ``invalid_did_document``, or as ``PublicHttps.get``.
            Unavailable: As ``PublicHttps.get``; ``did_web_failed``, ``busy``.
        """
        return self._had(did, fresh=False)[0]

    def _had(self, did: WebDid, *, fresh: bool) -> tuple[WebDocument, datetime]:
        kept = None if fresh else self._young(did)
        if kept is None:
            if not self._slots.acquire(timeout=self._patience):
                raise Unavailable(
                    "busy",
                    "too many did:web documents are being fetched",
                    step=_STEP,
                    hint="repeat it a little later",
                    retry_after=1,
                )
            try:
                kept = (None if fresh else self._young(did)) or self._fetch(did)
            finally:
                self._slots.release()
        return kept

    def at_hand(self) -> "KeptDocuments":
        """The documents that need not be fetched."""
        return KeptDocuments(self)

    def kept(self, did: WebDid) -> Resolution:
        """As ``resolve``, without fetching anything.

        Raises:
            NotAtHandError: The document would have to be fetched.
        """
        kept = self._young(did)
        if kept is None:
            raise NotAtHandError
        return _resolution(did, kept)

    def _young(self, did: WebDid) -> tuple[WebDocument, datetime] | None:
        with self._lock:
            kept = self._kept.get(did)
        if kept is None or not timedelta(0) <= self._now() - kept[1] < self._max_age:
            return None
        return kept

    def _fetch(self, did: WebDid) -> tuple[WebDocument, datetime]:
        fetched = self._now()  # before it is asked for: it may change while it is on its way
        answer = self._https.get(did.url, accept=_ACCEPT, max_bytes=MAX_BYTES, step=_STEP)
        if answer.status in _GONE:
            raise Refused(
                "did_not_found",
                "the host of the did:web has no document for it",
                step=_STEP,
                value=did.text,
                hint="see that the DID is spelled right; if it was, its controller removed it",
            )
        if answer.status != HTTPStatus.OK:
            raise Unavailable(
                "did_web_failed",
                f"the host of the did:web answered with HTTP status {answer.status}",
                step=_STEP,
                value=did.url,
                hint="see to the host; if it moved, the DID's document has to move back",
            )
        found = parse_web_document(did, answer.body), fetched
        with self._lock:
            self._kept[did] = found
            self._kept.move_to_end(did)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return found


@dataclass(frozen=True, slots=True)
class KeptDocuments:
    """The documents that a resolver of did:web has kept."""

    of: WebResolver

    def at_hand(self) -> "KeptDocuments":
        """Itself."""
        return self

    def resolve(self, did: WebDid, *, fresh: bool = False) -> Resolution:
        """As ``WebResolver.kept``."""
        if fresh:
            raise NotAtHandError
        return self.of.kept(did)


def _resolution(did: WebDid, kept: tuple[WebDocument, datetime]) -> Resolution:
    document, fetched = kept
    return Resolution(did, Registration.NOT_APPLICABLE, as_of=fetched, web=document)
