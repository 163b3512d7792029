"""``keyborn`` processes that kill themselves where a test wants it, and can be started again."""

import json
import os
import queue
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Any, Self

import forked
from click.testing import CliRunner
from forked import Forked
from ports import free_port

from keyborn.cli import cli

SECONDS = 60  # for a process to start, or to end
LISTENING = "listening on "


@dataclass(frozen=True)
class Done:
    """What a command ended with: its exit code, its data, and its error's code."""

    exit_code: int
    data: Any
    error: str | None


def run(*words: str | Path) -> Done:
    """Run ``keyborn <words> --json``, the whole command, in this process."""
    result = CliRunner().invoke(cli, [*map(str, words), "--json"])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    data = json.loads(result.stdout) if result.stdout else None
    error = None
    if result.exit_code:
        error = json.loads(result.stderr.splitlines()[-1])["error"]["code"]
    return Done(result.exit_code, data, error)


@contextmanager
def running(*words: str | Path) -> Iterator[Forked]:
    """It runs in a process of its own while the block does, and must come to an end by itself."""
    with Path(os.devnull).open("wb") as nothing:
        process = forked.start(*words, env=dict(os.environ), stdout=nothing, stderr=nothing)
    yield process
    process.wait(SECONDS)


def run_until_killed(*words: str | Path, at: str) -> str:
    """Run it in a process of its own, which must kill itself ``at`` a point; what it had printed.

    The point may be followed by ``:n``, for its n-th passage.
    """
    environment = {**os.environ, "KEYBORN_FAULTS": at}
    with TemporaryFile("w+") as printed, TemporaryFile("w+") as said:
        process = forked.start(*words, "--json", env=environment, stdout=printed, stderr=said)
        code = process.wait(SECONDS)
        printed.seek(0)
        said.seek(0)
        _assert_killed(code, said.read(), at)
        return printed.read()


class Service:
    """``keyborn <words>``, a service with a port and a state of its own, which outlive it."""

    def __init__(self, *words: str | Path, faults: Path) -> None:
        self._words = words
        self._port = free_port()
        self._faults = faults
        self._process: Forked | None = None
        self._said: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it listens."""
        assert self._launch().get(timeout=SECONDS) == self.url, "".join(self._said)

    def start_until_killed(self, at: str) -> None:
        """Start it; it must kill itself at a point without being asked for anything."""
        self._launch(at)
        self.assert_killed(at)

    def arm(self, point: str) -> None:
        """Have it kill itself at a point."""
        written = self._faults.with_suffix(".new")
        written.write_text(point)
        written.replace(self._faults)

    def assert_killed(self, at: str) -> None:
        """Return when it has ended; it must have killed itself at this point."""
        assert self._process is not None
        try:
            code = self._process.wait(SECONDS)
        except TimeoutError:
            raise AssertionError(f"{at} was not reached: {''.join(self._said)}") from None
        self._drained.join()
        self._process = None
        _assert_killed(code, "".join(self._said), at)

    def stop(self) -> None:
        """End it in order, if it runs."""
        if self._process is None:
            return
        self._process.terminate()
        code = self._process.wait(SECONDS)
        self._drained.join()
        self._process = None
        assert code == 0, "".join(self._said)

    def said(self, lines: int) -> str:
        """The last lines of its log."""
        return "".join(self._said[-lines:])

    @contextmanager
    def paused(self) -> Iterator[None]:
        """It stands still for the time of a ``with`` block."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def _launch(self, faults: str = "") -> queue.SimpleQueue[str | None]:
        """Start the process; where it listens comes out of the queue, or None if it ends."""
        assert self._process is None
        self.arm(faults)
        self._said.clear()
        environment = {**os.environ, "KEYBORN_FAULTS": f"@{self._faults}"}
        out, into = os.pipe()
        try:
            self._process = forked.start(
                *self._words, "--port", str(self._port), env=environment, stderr=into
            )
        finally:
            os.close(into)
        listens: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._drained = threading.Thread(target=self._drain, args=(os.fdopen(out), listens))
        self._drained.start()
        return listens

    def _drain(self, stderr: IO[str], listens: queue.SimpleQueue[str | None]) -> None:
        with stderr:
            for line in stderr:
                self._said.append(line)
                if line.startswith(LISTENING):
                    listens.put(line.removeprefix(LISTENING).strip())
        listens.put(None)


def _assert_killed(code: int, said: str, at: str) -> None:
    point = at.partition(":")[0]
    assert code == -signal.SIGKILL, said
    assert f"killing this process at {point}\n" in said
