"""Services as an operator starts them: each a process of its own, on loopback, in one folder."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import orjson

from did.errors import Unavailable

READY_SECONDS: Final = 120.0
STOP_SECONDS: Final = 30.0

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_UTIME, _STIME, _RESIDENT = 11, 12, 21  # of what follows the name in /proc/PID/stat, proc(5)


@dataclass(frozen=True, slots=True)
class Service:
    """A running service.

    Attributes:
        url: Where it listens.
        pid: Its process.
    """

    url: str
    pid: int

    def cpu(self) -> float:
        """Seconds of CPU that it has used, in user and kernel mode."""
        fields = _stat(self.pid)
        return (int(fields[_UTIME]) + int(fields[_STIME])) / _TICKS

    def resident(self) -> int:
        """Bytes of memory that it holds."""
        return int(_stat(self.pid)[_RESIDENT]) * _PAGE


class Services:
    """All services of one bench, and the folder that they live in. Leaving it stops them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.network = folder / "network.toml"
        self._running = ExitStack()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop all services, last started first."""
        self._running.close()

    def ledger(self) -> Service:
        """An embedded ledger, which writes the network file."""
        return self._serve(
            "ledger",
            *("ledger", "serve", "--dir", str(self.folder / "ledger"), "--port", "0"),
            *("--network-out", str(self.network)),
        )

    @contextmanager
    def issuer(
        self,
        name: str = "issuer",
        *options: str,
        directory: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Iterator[Service]:
        """An issuer with the state that stands in its folder, until the block is left.

        Args:
            name: Of the process, and of its folder unless ``directory`` names that.
            options: More options of ``keyborn issuer serve``.
            directory: For several processes that are one issuer.
            env: More variables of its environment.
        """
        with self._served(
            name,
            *("issuer", "serve", "--dir", str(self.folder / (directory or name)), "--port", "0"),
            *("--network", str(self.network), *options),
            env=env,
        ) as service:
            yield service

    @contextmanager
    def verifier(self, name: str, trust: Path, *options: str) -> Iterator[Service]:
        """A verifier, until the block is left."""
        with self._served(
            name,
            *("verifier", "serve", "--dir", str(self.folder / name), "--port", "0"),
            *("--trust", str(trust), *options),
        ) as service:
            yield service

    def trusting(self, issuer: Service, did: str) -> Path:
        """A trust root that believes this issuer, whose DID is ``did``, in a file."""
        trust = self.folder / "trust.toml"
        self.run(
            *("verifier", "trust", "--network", str(self.network), "--issuer", did),
            *("--status-url", f"{issuer.url}/v1/status/", "--out", str(trust)),
        )
        return trust

    def run(self, *arguments: str) -> dict[str, object]:
        """What the command ``keyborn <arguments> --json`` answers.

        Raises:
            Unavailable: ``bench_command_failed``, with the end of what it said.
        """
        done = subprocess.run(
            [sys.executable, "-m", "keyborn", *arguments, "--json"],
            check=False,
            capture_output=True,
        )
        if done.returncode:
            raise Unavailable(
                "bench_command_failed",
                done.stderr.decode(errors="replace")[-600:].strip(),
                step=f"keyborn {' '.join(arguments[:2])}",
            )
        answer: dict[str, object] = orjson.loads(done.stdout)
        return answer

    def _serve(self, name: str, *arguments: str) -> Service:
        return self._running.enter_context(self._served(name, *arguments))

    @contextmanager
    def _served(
        self, name: str, *arguments: str, env: Mapping[str, str] | None = None
    ) -> Iterator[Service]:
        ready, log = self.folder / f"{name}.ready", self.folder / f"{name}.log"
        ready.unlink(missing_ok=True)
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "keyborn", *arguments, "--ready-file", str(ready)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
            )
        try:
            _await(process, ready, log, arguments)
            yield Service(ready.read_text().strip(), process.pid)
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _await(
    process: "subprocess.Popen[bytes]", ready: Path, log: Path, arguments: tuple[str, ...]
) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise Unavailable(
                "bench_service_did_not_start",
                log.read_text(errors="replace")[-600:].strip(),
                step=f"keyborn {' '.join(arguments[:2])}",
            )
        time.sleep(0.02)


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
