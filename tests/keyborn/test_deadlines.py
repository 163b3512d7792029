"""What is left of a limit of time; that it holds in each part of a call: ``test_client``."""

import threading
import time
from collections.abc import Sequence

import httpcore
import httpx
import pytest

from keyborn import deadlines
from keyborn.deadlines import left, limit, looked_up, system_look_up, within
from keyborn.server import listen


def backend() -> httpcore.NetworkBackend:
    with limit(httpx.Client()) as client:
        return client._transport._pool._network_backend  # type: ignore[attr-defined, no-any-return] # as it is limited


def test_what_is_left() -> None:
    assert 9 < left(time.monotonic() + 10) <= 10
    with pytest.raises(TimeoutError):
        left(time.monotonic())


def test_a_look_up_that_takes_too_long() -> None:
    ended = threading.Event()

    def slow(_host: str, _port: int) -> Sequence[str]:
        ended.wait()
        return []

    with pytest.raises(TimeoutError):
        looked_up(slow, "host.example", 1, time.monotonic() + 0.05)
    ended.set()
    assert looked_up(system_look_up, "127.0.0.1", 1, time.monotonic() + 10) == ["127.0.0.1"]


def test_a_name_that_is_slow_to_find_or_has_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()
    made = backend()
    monkeypatch.setattr(deadlines, "system_look_up", lambda *_: ended.wait() and [])
    with pytest.raises(httpcore.ConnectTimeout), within(time.monotonic() + 0.05):
        made.connect_tcp("host.example", 80)
    ended.set()
    monkeypatch.setattr(deadlines, "system_look_up", lambda *_: [])
    with pytest.raises(httpcore.ConnectError):
        made.connect_tcp("host.example", 80, timeout=5)


def test_where_one_address_does_not_answer_the_next_is_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = backend()
    with listen("127.0.0.1", 0) as there:
        port = there.getsockname()[1]
        monkeypatch.setattr(deadlines, "system_look_up", lambda *_: ["127.0.0.3", "127.0.0.1"])
        stream = made.connect_tcp("host.example", port, timeout=5)
        assert stream.get_extra_info("server_addr") == ("127.0.0.1", port)
        stream.close()
    with pytest.raises(httpcore.ConnectError):
        made.connect_tcp("host.example", port, timeout=5)


def test_without_a_limit_a_call_has_its_own() -> None:
    with listen("127.0.0.1", 0) as silent:
        stream = backend().connect_tcp("127.0.0.1", silent.getsockname()[1])
        with pytest.raises(httpcore.ReadTimeout):
            stream.read(1, timeout=0.01)
        with pytest.raises(httpcore.ReadTimeout), within(time.monotonic() + 0.01):
            stream.read(1)
        with pytest.raises(httpcore.ReadTimeout), within(time.monotonic()):
            stream.read(1, timeout=5)
        stream.close()
