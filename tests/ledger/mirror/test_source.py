"""Mirrors in a folder and at a URL: read alike, and their faults named alike."""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

import pytest
from actors import actor
from mirrors import Quiet, fill, served
from operations import batch, create

from did.errors import Invalid, KeybornError, Unavailable, Undecided
from keyborn import client
from ledger.chain import LogEntry
from ledger.embedded.store import EmbeddedLedger
from ledger.index import Index
from ledger.log import EntrySource
from ledger.mirror.folder import FolderEntries, read_entry, write_entry
from ledger.mirror.form import ENTRY_BYTES, HEAD_BYTES, HEAD_PATH, path_of
from ledger.mirror.http import AHEAD
from ledger.mirror.source import MirrorSource, open_mirror
from ledger.reader import LogReader

ENTRIES = AHEAD + 4  # more than are asked for ahead


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedLedger]:
    with EmbeddedLedger(tmp_path_factory.mktemp("ledger"), final_depth=1) as made:
        for number in range(ENTRIES):
            made.submit(made.prepare(batch(create(actor(str(number))))))
        yield made


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, ledger: EmbeddedLedger) -> Path:
    path = tmp_path_factory.mktemp("mirror")
    fill(path, ledger)
    return path


@pytest.fixture
def folder(tmp_path: Path, whole: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "mirror"))


@pytest.fixture(params=["folder", "url"])
def place(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    if request.param == "folder":
        yield str(folder)
    else:
        with served(folder) as url:
            yield url


@pytest.fixture
def mirror(place: str, ledger: EmbeddedLedger) -> Iterator[EntrySource]:
    with ExitStack() as opened:
        yield open_mirror(place, ledger.log_id, opened)


def refused(mirror: EntrySource, start: int = 1, stop: int = ENTRIES) -> KeybornError:
    with pytest.raises(KeybornError) as caught:
        list(mirror.entries(start, stop))
    assert caught.value.hint
    assert caught.value.step
    return caught.value


def test_it_gives_the_entries_of_the_log(mirror: EntrySource, ledger: EmbeddedLedger) -> None:
    assert list(mirror.entries(1, ENTRIES)) == list(ledger.entries(1, ENTRIES))
    assert list(mirror.entries(3, 5)) == list(ledger.entries(3, 5))
    assert list(mirror.entries(3, 2)) == []


def test_it_may_be_left_early(mirror: EntrySource) -> None:
    entries = mirror.entries(1, ENTRIES)
    assert next(iter(entries)).sequence == 1
    del entries
    assert len(list(mirror.entries(1, ENTRIES))) == ENTRIES


def test_a_reader_needs_nothing_but_heads_from_the_ledger(
    mirror: EntrySource, ledger: EmbeddedLedger
) -> None:
    class HeadsAlone:
        log_id = ledger.log_id
        heads = ledger.heads

        def entries(self, *_: int) -> Iterator[None]:
            raise AssertionError("entries are the mirror's business")

    source = MirrorSource(HeadsAlone(), mirror)  # type: ignore[arg-type]
    with Index.temporary(ledger.log_id) as index, LogReader(source, index) as reader:
        assert reader.sync().latest.sequence == ENTRIES
        who = actor("7").short
        assert len(reader.resolve(who).versions) == 1


def test_what_it_does_not_have_is_missing(mirror: EntrySource, folder: Path) -> None:
    assert refused(mirror, stop=ENTRIES + 1).code == "mirror_entry_missing"
    (folder / path_of(2)).unlink()
    error = refused(mirror)
    assert (type(error), error.code) == (Unavailable, "mirror_entry_missing")
    assert "entry 2 " in error.message


@pytest.mark.parametrize("content", [b"", b"\x00", bytes(ENTRY_BYTES + 1)])
def test_a_damaged_entry_is_named(mirror: EntrySource, folder: Path, content: bytes) -> None:
    (folder / path_of(2)).write_bytes(content)
    error = refused(mirror)
    assert (type(error), error.code) == (Invalid, "mirror_malformed")


@pytest.mark.parametrize("content", [b"", bytes(HEAD_BYTES + 1)])
def test_a_damaged_head_is_named(mirror: EntrySource, folder: Path, content: bytes) -> None:
    (folder / HEAD_PATH).write_bytes(content)
    error = refused(mirror)
    assert (type(error), error.code) == (Invalid, "mirror_malformed")


def test_a_folder_in_the_place_of_a_file_is_no_entry(mirror: EntrySource, folder: Path) -> None:
    (folder / path_of(2)).unlink()
    (folder / path_of(2)).mkdir()
    # Python's server lists a folder by another address.
    assert refused(mirror).code in ("mirror_malformed", "mirror_unreachable")


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(
    ledger: EmbeddedLedger, folder: Path
) -> None:
    """Nobody ever writes to it, so that to open it took for ever."""
    for name in (path_of(2), HEAD_PATH):
        (folder / name).unlink()
        os.mkfifo(folder / name)
        assert refused(FolderEntries(folder, ledger.log_id)).code == "mirror_malformed"


def test_no_mirror_is_named_to_whoever_reads(
    mirror: EntrySource, folder: Path, ledger: EmbeddedLedger
) -> None:
    (folder / HEAD_PATH).unlink()
    assert refused(mirror).code == "mirror_missing"
    source = MirrorSource(ledger, mirror)
    with Index.temporary(ledger.log_id) as index, LogReader(source, index) as reader:
        with pytest.raises(Undecided) as caught:
            reader.sync()
        assert caught.value.code == "mirror_missing"
        fill(folder, ledger)
        reader.sync()


def test_a_mirror_of_another_log_is_named(place: str, ledger: EmbeddedLedger) -> None:
    with ExitStack() as opened:
        assert refused(open_mirror(place, bytes(32), opened)).code == "mirror_of_another_log"
        assert list(open_mirror(place, ledger.log_id, opened).entries(1, 1))


@pytest.mark.parametrize("place", ["", "mirror", "ftp://mirror.example", "file:///mirror"])
def test_no_place_for_a_mirror(place: str, ledger: EmbeddedLedger) -> None:
    with ExitStack() as opened, pytest.raises(Invalid) as caught:
        open_mirror(place, ledger.log_id, opened)
    assert caught.value.code == "mirror_bad_place"


class Failing(Quiet):
    """A server that fails as told, for so many requests."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    times = 0

    def do_GET(self) -> None:  # noqa: N802 - as in its base
        cls = type(self)
        if not cls.times:
            super().do_GET()
            return
        cls.times -= 1
        if cls.status is HTTPStatus.OK:  # hang up
            self.close_connection = True
            return
        self.send_response(cls.status)
        self.send_header("retry-after", "7")
        self.send_header("content-length", "0")
        self.end_headers()


@pytest.mark.parametrize(
    ("status", "times", "code"),
    [
        (HTTPStatus.SERVICE_UNAVAILABLE, 1, "mirror_unreachable"),
        (HTTPStatus.FOUND, 1, "mirror_unreachable"),
        (HTTPStatus.FORBIDDEN, 1, "mirror_missing"),  # as object stores say it
        (HTTPStatus.GONE, 1, "mirror_missing"),
        (HTTPStatus.OK, 1, None),  # a connection that was dropped is not the end
        (HTTPStatus.OK, 2, "mirror_unreachable"),
    ],
)
def test_a_server_that_fails(
    folder: Path, ledger: EmbeddedLedger, status: HTTPStatus, times: int, code: str | None
) -> None:
    Failing.status, Failing.times = status, times
    with served(folder, Failing) as url, ExitStack() as opened:
        mirror = open_mirror(url, ledger.log_id, opened)
        if code is not None:
            error = refused(mirror)
            assert error.code == code
            if status is HTTPStatus.SERVICE_UNAVAILABLE:
                assert error.retry_after == 7
        assert len(list(mirror.entries(1, ENTRIES))) == ENTRIES


def test_a_server_that_does_not_finish(
    folder: Path, ledger: EmbeddedLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(folder) as url, ExitStack() as opened:
        mirror = open_mirror(url, ledger.log_id, opened)
        with monkeypatch.context() as patched:
            patched.setattr(client, "DEADLINE", -1)
            assert refused(mirror).code == "mirror_unreachable"
        assert list(mirror.entries(1, 1))


def test_an_entry_that_is_too_large_is_not_written(tmp_path: Path) -> None:
    largest = LogEntry(1, 0, bytes(ENTRY_BYTES - 16), 1, 1)
    write_entry(tmp_path, largest)
    with pytest.raises(Invalid) as caught:
        write_entry(tmp_path, replace(largest, batch=bytes(ENTRY_BYTES)))
    assert caught.value.code == "mirror_malformed"
    assert read_entry(tmp_path, 1) == largest


def test_a_server_that_is_gone(folder: Path, ledger: EmbeddedLedger) -> None:
    with served(folder) as url:
        pass
    with ExitStack() as opened:
        error = refused(open_mirror(url, ledger.log_id, opened))
        assert (type(error), error.code) == (Unavailable, "mirror_unreachable")


def test_a_url_with_an_impossible_host_is_unreachable(ledger: EmbeddedLedger) -> None:
    """Guards against the UnicodeError of the system's look-up, which was a stack trace."""
    with ExitStack() as opened:
        error = refused(open_mirror("http://a..b", ledger.log_id, opened))
    assert error.code == "mirror_unreachable"


def test_a_place_with_a_null_is_none(ledger: EmbeddedLedger) -> None:
    with ExitStack() as opened, pytest.raises(Invalid) as caught:
        open_mirror("/mirror\0", ledger.log_id, opened)
    assert caught.value.code == "mirror_bad_place"


@pytest.mark.parametrize("name", [HEAD_PATH, path_of(1)])
def test_a_fifo_in_a_folder_is_not_waited_for(
    folder: Path, ledger: EmbeddedLedger, name: str
) -> None:
    """Guards against a reader that hangs, and that no interrupt ends."""
    (folder / name).unlink()
    os.mkfifo(folder / name)
    with ExitStack() as opened:
        error = refused(open_mirror(str(folder), ledger.log_id, opened))
    assert error.code == "mirror_malformed"
