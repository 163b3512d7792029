"""Services that are killed over and over, and started again where they were.

Each is ``keyborn ...``, a process of its own each time, with a port and a state that outlive it. It
is forked from one that has loaded the modules already, so that a kill meets work and not imports.
"""

import multiprocessing
import os
from contextlib import nullcontext
from pathlib import Path

from mortal import SECONDS
from ports import free_port
from torture.moved import moved_clock

from keyborn import cli
from keyborn.polling import poll

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    [
        "keyborn.cli",
        "issuer.serving",
        "ledger.app",
        "ledger.ethereum.ledger",
        "ledger.service",
        "verifier.app",
        "verifier.opening",
    ]
)


class Killable:
    """One such service.

    Args:
        folder: Where its log is, and the file that says that it listens.
        words: Of its command.
        shift: The file that says how far off its clock is, if that is to be moved (``moved``).
    """

    def __init__(self, folder: Path, *words: str | Path, shift: Path | None = None) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        name = f"{words[0]}-{port}"
        self._ready = folder / f"{name}.ready"
        self._said = folder / f"{name}.log"
        self._words = [*words, "--port", str(port), "--ready-file", self._ready]
        self._shift = shift
        self._process: multiprocessing.process.BaseProcess | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        assert self._process.pid is not None
        return self._process.pid

    def begin(self) -> None:
        """Start it, and wait for nothing."""
        self._ready.unlink(missing_ok=True)
        words = [str(word) for word in self._words]
        self._process = FORKS.Process(target=_serve, args=(self._said, words, self._shift))
        self._process.start()

    def start(self) -> None:
        """Start it and wait until it listens."""
        self.begin()
        assert poll(lambda: self._ready.exists() or None, SECONDS), self._said.read_text()

    def kill(self) -> None:
        """End it without warning, wherever it is."""
        self._end("kill", -9)

    def stop(self) -> None:
        """End it in order, if it runs."""
        if self._process is not None:
            self._end("terminate", 0)

    def said(self) -> str:
        """What it wrote to its log, in all its lives."""
        return self._said.read_text()

    def _end(self, how: str, code: int) -> None:
        assert self._process is not None
        assert self._process.is_alive(), self.said()
        getattr(self._process, how)()
        self._process.join(SECONDS)
        assert self._process.exitcode == code, self.said()
        self._process = None


def _serve(said: Path, words: list[str], shift: Path | None) -> None:
    log = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 2)
    with nullcontext() if shift is None else moved_clock(shift):
        cli.main(words)
