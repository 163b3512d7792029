"""Shells as the reader of a page has them: one for each service, one for commands."""

import os
import queue
import signal
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from pages import ROOT, pattern

PATIENCE = 120.0  # seconds: far more than any step takes
_STRICT = ("bash", "-euo", "pipefail")  # a command that fails ends its shell


class ServiceShell:
    """A shell in which ``script`` runs a service, until it is left (Ctrl-C)."""

    def __init__(self, script: str, env: dict[str, str]) -> None:
        # Where SIGINT is ignored, as in a job in the background, so do those that inherit it.
        inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            self._process = subprocess.Popen(
                [*_STRICT, "-c", script],
                cwd=ROOT,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        finally:
            signal.signal(signal.SIGINT, inherited)
        self._said: list[str] = []
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read)

    def __enter__(self) -> Self:
        self._reader.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.killpg(self._process.pid, signal.SIGINT)
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            raise
        finally:
            self._reader.join()
            assert self._process.stdout is not None
            self._process.stdout.close()

    def wait_for(self, shown: str) -> None:
        """Return once it has said the lines ``shown``, in this order, among others."""
        assert shown.strip(), "the page does not show how to tell that the service is up"
        for line in shown.splitlines():
            wanted = pattern(line)
            while not wanted.fullmatch(said := self._next(line)):
                pass
            assert said

    def _next(self, wanted: str) -> str:
        try:
            line = self._lines.get(timeout=PATIENCE)
        except queue.Empty:
            line = None
        assert line is not None, f"no line {wanted!r} in\n{''.join(self._said)}"
        return line

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._said.append(line)
            self._lines.put(line)
        self._lines.put(None)


class CommandShell:
    """A shell for commands, one block after the other; variables stay from block to block."""

    def __init__(self, env: dict[str, str], notes: Path) -> None:
        self._notes = notes
        self._count = 0
        self._bash = subprocess.Popen(
            _STRICT,
            cwd=ROOT,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bash.communicate()

    def run(self, commands: str, code: int = 0) -> str:
        """What ``commands`` print; where ``code`` is not 0, it is one command, and its errors too.

        A failure of any command is a failure of the test, unless it is the one that ``code`` says.
        """
        self._count += 1
        script = self._notes / f"{self._count}.sh"
        out, err = script.with_suffix(".out"), script.with_suffix(".err")
        script.write_text(commands)
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        watchdog = threading.Timer(PATIENCE, os.killpg, (self._bash.pid, signal.SIGKILL))
        watchdog.start()
        do = f". {script} </dev/null >{out} 2>{err}"
        if code:
            do = f"set +e; . {script} </dev/null >{out} 2>&1; code=$?; set -e; test $code = {code}"
        self._bash.stdin.write(f"{do}; echo done\n")
        self._bash.stdin.flush()
        ended = self._bash.stdout.readline()
        watchdog.cancel()
        said = f"{commands}\n{out.read_text()}{'' if code else err.read_text()}"
        assert ended == "done\n", f"a command did not end with exit code {code}:\n{said}"
        return out.read_text()
