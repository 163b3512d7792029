"""A mirror at a URL: its files, fetched several at a time, in order, and believed by nobody."""

import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from http import HTTPStatus
from typing import Final, Self

import httpx

from did.errors import Unavailable
from keyborn import client
from ledger.chain import LogEntry
from ledger.mirror.form import (
    ENTRY_BYTES,
    HEAD_BYTES,
    HEAD_PATH,
    decode_entry,
    decode_extent,
    malformed,
    no_entry,
    no_mirror,
    path_of,
    refuse_other_log,
)

CONNECTIONS: Final = 8  # to the mirror at a time
AHEAD: Final = 16  # entries asked for before they are due: 64 MB of the largest, at the most

_STEP: Final = "read the mirror"
# How HTTP says that there is no such file; 403 is what object stores say that do not list theirs.
_ABSENT: Final = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE, HTTPStatus.FORBIDDEN)


class HttpEntries:
    """The entries at a URL. Implements ``ledger.log.EntrySource``; close it when done.

    Args:
        url: Of the mirror's folder.
        log_id: The log that it ought to be of, 32 bytes.

    Raises:
        Invalid: ``invalid_url``.
    """

    def __init__(self, url: str, log_id: bytes) -> None:
        self._url = url
        self._log_id = log_id
        self._client = client.connect(url)

    def __enter__(self) -> Self:
        """The entries themselves."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self._client.close()

    def entries(self, start: int, stop: int) -> Iterator[LogEntry]:
        """Entries ``start`` to ``stop``, both included, in order.

        Raises:
            Unavailable: ``mirror_missing``, ``mirror_unreachable``; ``mirror_entry_missing``.
            Invalid: ``mirror_of_another_log``, ``mirror_malformed``.
        """
        head = self._get(HEAD_PATH, HEAD_BYTES)
        if head is None:
            raise no_mirror(self._url)
        refuse_other_log(decode_extent(head), self._log_id)
        waiting: deque[Future[LogEntry]] = deque()
        pool = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="mirror")
        try:
            for sequence in range(start, stop + 1):
                waiting.append(pool.submit(self._entry, sequence))
                if len(waiting) == AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)

    def _entry(self, sequence: int) -> LogEntry:
        data = self._get(path_of(sequence), ENTRY_BYTES)
        if data is None:
            raise no_entry(sequence)
        return decode_entry(data, sequence)

    def _get(self, path: str, most: int) -> bytes | None:
        """The content of a file of at most so many bytes; None if there is no such file."""
        try:
            return self._fetch(path, most)
        except httpx.TransportError:  # mirrors close connections that were idle
            try:
                return self._fetch(path, most)
            except httpx.TransportError as error:
                raise self._unreachable(f"cannot be read: {type(error).__name__}") from error
        except UnicodeError as error:  # from the system's look-up of the host
            raise self._unreachable("cannot be read: no host has such a name") from error

    def _fetch(self, path: str, most: int) -> bytes | None:
        deadline = time.monotonic() + client.DEADLINE
        body = bytearray()
        with self._client.stream("GET", path, headers={"accept": "*/*"}) as answer:
            if answer.status_code in _ABSENT:
                return None
            if answer.status_code != HTTPStatus.OK:
                raise self._unreachable(
                    f"answers with HTTP status {answer.status_code}",
                    answer.headers.get("retry-after"),
                )
            for chunk in answer.iter_raw():
                body += chunk
                if len(body) > most:
                    raise malformed(path, f"it is larger than {most} bytes")
                if time.monotonic() > deadline:
                    raise self._unreachable("did not finish its answer in time")
        return bytes(body)

    def _unreachable(self, what: str, retry_after: str | None = None) -> Unavailable:
        seconds = retry_after or ""
        return Unavailable(
            "mirror_unreachable",
            f"the mirror {what}",
            step=_STEP,
            value=self._url,
            hint="repeat it; check the mirror's address, or use another mirror, or none",
            retry_after=int(seconds) if seconds.isdecimal() and seconds.isascii() else None,
        )
