"""Where the story plays: real services as processes, real commands, one folder for everything."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx

from did.errors import Unavailable

READY_SECONDS = 60
STOP_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a command or a request.

    Attributes:
        code: ``accepted`` (it went through), or the stable code of the error.
        data: What it printed or answered, as JSON.
        why: The error's message; empty where there is none.
    """

    code: str
    data: dict[str, Any]
    why: str = ""


@contextmanager
def ended_in_order() -> Iterator[None]:
    """Have SIGTERM and SIGHUP end the block by an exception: else its services would outlive it."""

    def leave(number: int, _frame: object) -> None:
        sys.exit(128 + number)

    former = {each: signal.signal(each, leave) for each in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for each, handler in former.items():
            signal.signal(each, handler)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Signals that would end the block by an exception are raised when it is over."""
    if threading.current_thread() is not threading.main_thread():  # which no signal strikes
        yield
        return
    came: list[int] = []
    former = {
        each: signal.signal(each, lambda number, _frame: came.append(number))
        for each in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    }
    try:
        yield
    finally:
        for each, handler in former.items():
            signal.signal(each, handler)
        for number in came:
            signal.raise_signal(number)


class Stage:
    """Services and commands in one folder; leaving it stops every process that it started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._processes = ExitStack()

    def __enter__(self) -> Self:
        """Begin."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop all services, last started first."""
        self._processes.close()

    def serve(self, name: str, *arguments: str) -> str:
        """Start the service ``keyborn <arguments>`` and wait until it listens.

        Returns:
            Its URL, as it wrote it into its ready file.

        Raises:
            Unavailable: ``service_did_not_start``, with the end of what it said.
        """
        ready, log = self.folder / f"{name}.ready", self.folder / f"{name}.log"
        ready.unlink(missing_ok=True)
        words = [*_command(arguments), "--ready-file", str(ready)]
        with _undisturbed():  # or a signal's exception strikes between its start and its noting
            process = self._start(words, log)
        deadline = time.monotonic() + READY_SECONDS
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise Unavailable(
                    "service_did_not_start",
                    f"the {name} service did not start: {log.read_text()[-600:].strip()}",
                    step=f"keyborn {' '.join(arguments[:2])}",
                    hint=f"repeat it with --keep FOLDER, and see FOLDER/{log.name}",
                )
            time.sleep(0.02)
        return ready.read_text().strip()

    def _start(self, words: list[str], log: Path) -> subprocess.Popen[bytes]:
        with log.open("wb") as output:
            process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
        self._processes.callback(_stop, process)
        return process

    def run(self, *arguments: str | Path, loud: bool = False) -> Outcome:
        """Run ``keyborn <arguments> --json`` to its end; ``loud`` lets its stderr through."""
        done = subprocess.run(
            [*_command([str(argument) for argument in arguments]), "--json"],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None if loud else subprocess.PIPE,
            text=True,
        )
        if done.stdout.strip():  # data, even where the exit code says that not all went well
            code = "accepted" if done.returncode == 0 else "failed"
            return Outcome(code, json.loads(done.stdout))
        return _failure(done.stderr or "", done.returncode)

    def must(self, *arguments: str | Path, loud: bool = False) -> dict[str, Any]:
        """As ``run``, for a command without whose success the story cannot go on."""
        outcome = self.run(*arguments, loud=loud)
        if outcome.code != "accepted":
            raise Unavailable(
                outcome.code,
                outcome.why,
                step=f"keyborn {' '.join(str(argument) for argument in arguments[:3])}",
            )
        return outcome.data


def post(url: str, body: bytes | None = None) -> Outcome:
    """POST JSON ``body`` to ``url``."""
    answer = httpx.post(
        url, content=body or b"{}", headers={"Content-Type": "application/json"}, timeout=30
    )
    data: dict[str, Any] = answer.json()
    if answer.is_success:
        return Outcome("accepted", data)
    return Outcome(str(data.get("code")), data, str(data.get("detail")))


def _command(arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "keyborn", *arguments]


def _failure(stderr: str, status: int) -> Outcome:
    lines = stderr.strip().splitlines()
    try:
        error = json.loads(lines[-1])["error"]
    except (IndexError, ValueError, KeyError, TypeError):
        return Outcome(f"exit {status}", {}, stderr.strip()[-400:])
    return Outcome(str(error["code"]), error, str(error["message"]))


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
