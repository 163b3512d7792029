import asyncio
import contextlib
import logging
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from ports import free_port
from serving import serving
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from did.errors import Invalid
from keyborn import rates
from keyborn.door import Clients
from keyborn.polling import poll
from keyborn.rates import Rates

CLIENT = "198.51.100.7"


@dataclass
class Redis:
    """A real one, which can be stopped and paused."""

    url: str
    process: subprocess.Popen[bytes]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Redis]:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    port = free_port()
    words = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    with subprocess.Popen([program, *words], stdout=subprocess.DEVNULL) as process:

        def listens() -> bool | None:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0 or None

        try:
            assert poll(listens, 30)
            yield Redis(f"redis://127.0.0.1:{port}/0", process)
        finally:
            process.kill()


def waits(counted: list[Rates], times: int) -> list[int]:
    """What each of them says in turn, so many ``times``."""

    async def ask() -> list[int]:
        said = [await each.seconds_to_wait(CLIENT) for _ in range(times) for each in counted]
        for each in counted:
            await each.close()
        return said

    return asyncio.run(ask())


def test_processes_with_a_store_count_together(store: Redis) -> None:
    processes = [Rates(1, store.url), Rates(1, store.url)]
    said = waits(processes, 6)
    assert said[:10] == [0] * 10
    assert all(0 < each <= rates.WINDOW_SECONDS for each in said[10:])
    assert waits([Rates(1)], 10) == [0] * 10


def test_while_the_store_is_away_each_counts_for_itself(
    store: Redis, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "APART_SECONDS", 0.5)
    counted = Rates(1, store.url)

    async def story() -> list[int]:
        said = [await counted.seconds_to_wait(CLIENT) for _ in range(10)]
        store.process.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        said += [await counted.seconds_to_wait(CLIENT) for _ in range(10)]
        assert time.monotonic() - began < 10 * rates.STORE_SECONDS  # it is not asked each time
        store.process.send_signal(signal.SIGCONT)
        await asyncio.sleep(0.6)
        said.append(await counted.seconds_to_wait(CLIENT))
        await counted.close()
        return said

    with caplog.at_level(logging.WARNING, logger="keyborn.rates"):
        said = asyncio.run(story())
    assert said[:20] == [0] * 20
    assert said[20] > 0  # what was counted together is not forgotten
    apart, together = (record.message for record in caplog.records)
    assert "itself while the store of rates fails: TimeoutError: " in apart
    assert together == "requests are counted in the store of rates again"


def test_many_requests_say_once_that_the_store_is_away(
    store: Redis, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "APART_SECONDS", 0.1)
    store.process.send_signal(signal.SIGSTOP)
    counted = Rates(100, store.url)

    async def story() -> float:
        await asyncio.gather(*(counted.seconds_to_wait(CLIENT) for _ in range(60)))
        await asyncio.sleep(0.15)
        began = time.monotonic()
        asked = [asyncio.ensure_future(counted.seconds_to_wait(CLIENT)) for _ in range(60)]
        _, waiting = await asyncio.wait(asked, timeout=rates.STORE_SECONDS / 2)
        assert len(waiting) <= 1  # one of them tries the store again
        await asyncio.gather(*asked)
        await counted.close()
        return time.monotonic() - began

    with caplog.at_level(logging.WARNING, logger="keyborn.rates"):
        asyncio.run(story())
    assert len(caplog.records) == 1


ANSWERS = {
    "not a Redis": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "no length": b"*x\r\n",
    "no number": b"$abc\r\n",
    "deep": b"*1\r\n" * 5_000,
    "read only": b"-READONLY You can't write against a read only replica.\r\n",
    "no memory": b"-OOM command not allowed\r\n",
    "who are you": b"-NOAUTH Authentication required.\r\n",
    "text": b"$5\r\nhello\r\n",
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_whatever_a_store_says_keeps_nobody_out(
    answer: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while await reader.read(4_096):
                writer.write(ANSWERS[answer])
        writer.close()

    async def story() -> list[int]:
        async with await asyncio.start_server(reply, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            counted = Rates(1, f"redis://127.0.0.1:{port}/0")
            said = [await counted.seconds_to_wait(CLIENT) for _ in range(11)]
            await counted.close()
            return said

    said = asyncio.run(story())
    assert said[:10] == [0] * 10
    assert said[10] > 0  # counted here
    assert len([each for each in caplog.records if each.name == "keyborn.rates"]) == 1


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await PlainTextResponse("hello")(scope, receive, send)


def test_two_services_share_a_rate(store: Redis) -> None:
    one, two = (Clients(1, rate_store=store.url) for _ in range(2))
    with serving(hello, clients=one) as first, serving(hello, clients=two) as second:
        answers = [httpx.get(url) for _ in range(6) for url in (first, second)]
    assert [answer.status_code for answer in answers[:10]] == [200] * 10
    assert {answer.status_code for answer in answers[10:]} == {429}
    assert answers[-1].json()["code"] == "rate_limited"


@pytest.mark.parametrize(
    "url",
    [
        *("", "redis", "http://127.0.0.1", "memory://", "redis://127.0.0.1:x/0"),
        *("redis://127.0.0.1/0?foo=1", "redis://127.0.0.1/0?encoding=nope"),
        *("redis://:SECRET/word@127.0.0.1/0", "redis://127.0.0.1/0?protocol=SECRET"),
    ],
)
def test_what_is_no_store(url: str) -> None:
    with pytest.raises(Invalid, match="invalid_rate_store") as caught:
        Rates(1, url)
    assert "SECRET" not in str(caught.value)
