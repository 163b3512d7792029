import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from actors import DEVICE, ISSUER
from operations import batch, create

from devices.timeline import Timeline
from ledger.embedded.store import EmbeddedLedger
from ledger.index import Index
from ledger.network import Network, open_reader
from ledger.reader import LogReader


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EmbeddedLedger]:
    with EmbeddedLedger(tmp_path / "log", final_depth=1) as ledger:
        yield ledger


def _append(log: EmbeddedLedger, data: bytes) -> None:
    log.submit(log.prepare(data))


def _wait_until_seen(timeline: Timeline, sequence: int) -> None:
    deadline = time.monotonic() + 10
    while not timeline._sequences or timeline._sequences[-1] < sequence:
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def test_what_settles_has_the_time_at_which_it_did(log: EmbeddedLedger, tmp_path: Path) -> None:
    with LogReader(log, Index.open(tmp_path / "index.sqlite", log.log_id)) as reader:
        before = time.perf_counter()
        with Timeline(reader) as timeline:
            _append(log, batch(create(DEVICE)))
            _append(log, batch(create(ISSUER)))  # and the first is final
            _wait_until_seen(timeline, 1)
            first = timeline.final_at(1)
            between = time.perf_counter()
            log.mine(1)
            _wait_until_seen(timeline, 2)
        second = timeline.final_at(2)
        assert before < first <= between < second < time.perf_counter()
        assert timeline.final_at(1) == first
        after = time.perf_counter()
        assert timeline.final_at(3) >= after


def test_a_log_that_cannot_be_read_has_no_times(log: EmbeddedLedger) -> None:
    nowhere = Network(log.pin, "http://127.0.0.1:9")
    with open_reader(nowhere) as reader:
        with Timeline(reader) as timeline:
            pass
        assert timeline._sequences == []
