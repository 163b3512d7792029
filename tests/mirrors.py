"""Mirrors as tests need them: folders filled from a ledger, served, and looked into."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from ledger.log import LogSource
from ledger.mirror.form import path_of
from ledger.mirror.keeping import MirroredLog


class Quiet(SimpleHTTPRequestHandler):
    """Python's own file server, as anybody may use it, without its log."""

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def served(folder: Path, handler: type[Quiet] = Quiet) -> Iterator[str]:
    """Serve the files in ``folder``, and yield the URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder)))
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def fill(folder: Path, log: LogSource) -> None:
    """Bring the mirror in ``folder`` to where the log stands."""
    with MirroredLog(log, folder) as kept:
        latest = kept.heads().latest.sequence
        assert len(list(kept.entries(1, latest))) == latest


def sequences(folder: Path) -> list[int]:
    """Which entries the mirror has."""
    found = [int(path.stem) for path in folder.rglob("*.cbor") if path.stem.isdigit()]
    assert all((folder / path_of(sequence)).is_file() for sequence in found)
    return sorted(found)
