"""The ``keyborn`` command in processes of its own, which start at once.

To start Python and import the command takes a second, and the tests that kill it start it hundreds
of times. So one process imports all of it, and each command is a fork of that one from before
anything was run: a process like any other, with its own arguments, environment and streams.
"""

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import IO, Any, Final

PACKAGES: Final = ("did", "keyborn", "ledger", "issuer", "verifier", "devices")
_LENGTH: Final = 4  # bytes, of the number before each message


class Forked:
    """A started command, as much like ``subprocess.Popen`` as its tests need."""

    def __init__(self, life: socket.socket) -> None:
        self._life = life
        self._said = life.makefile("r")
        self.pid = int(self._said.readline())
        self.returncode: int | None = None

    def wait(self, timeout: float) -> int:
        """The exit code, negative for a signal; raises ``TimeoutError``."""
        if self.returncode is None:
            self._life.settimeout(timeout)
            self.returncode = int(self._said.readline())
            self._said.close()
            self._life.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


def start(
    *words: str | Path,
    env: dict[str, str],
    stdout: IO[Any] | int | None = None,
    stderr: IO[Any] | int,
) -> Forked:
    """Start ``keyborn <words>``; it reads nothing, and writes to these files (None: nowhere)."""
    here, there = socket.socketpair()
    with there, Path(os.devnull).open("r+b") as nothing:
        streams = (nothing, nothing if stdout is None else stdout, stderr)
        files = [each if isinstance(each, int) else each.fileno() for each in streams]
        request = {"words": [str(word) for word in words], "env": env, "cwd": str(Path.cwd())}
        data = json.dumps(request).encode()
        origin = _origin()
        socket.send_fds(origin, [len(data).to_bytes(_LENGTH, "big")], [there.fileno(), *files])
        origin.sendall(data)
    return Forked(here)


@functools.cache
def _origin() -> socket.socket:
    """The way to the process that all are forked from; it ends when this end is closed."""
    here, there = socket.socketpair()
    with there:
        command = [sys.executable, __file__, str(there.fileno())]
        process = subprocess.Popen(command, pass_fds=[there.fileno()])
    atexit.register(_end, here, process)
    return here


def _end(requests: socket.socket, process: subprocess.Popen[bytes]) -> None:
    requests.close()
    process.wait()


def _serve(requests: socket.socket) -> None:
    """Fork a command for each request; return in that command, ready to run."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that wait for commands
    while True:
        length, files, _, _ = socket.recv_fds(requests, _LENGTH, 4)
        if not length:
            sys.exit()
        data = b""
        while len(data) < int.from_bytes(length, "big"):
            data += requests.recv(65_536)
        if os.fork() == 0:
            requests.close()
            return _tend(json.loads(data), *files)
        for file in files:
            os.close(file)


def _tend(request: dict[str, Any], life: int, *streams: int) -> None:
    """Fork the command and tell how it ends; return in the command alone."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid == 0:
        os.close(life)
        for number, file in enumerate(streams):
            os.dup2(file, number)
            os.close(file)
        os.environ.clear()
        os.environ.update(request["env"])
        os.chdir(request["cwd"])
        sys.argv = ["keyborn", *request["words"]]
        return
    for file in streams:
        os.close(file)
    os.write(life, f"{pid}\n".encode())
    _, status = os.waitpid(pid, 0)
    with contextlib.suppress(BrokenPipeError):  # nobody waits any more
        os.write(life, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _import_all() -> None:
    for package in PACKAGES:
        path = importlib.import_module(package).__path__
        for module in pkgutil.walk_packages(path, f"{package}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)


if __name__ == "__main__":
    _import_all()
    gc.freeze()  # what is imported is shared, for as long as no collection looks at it
    with socket.socket(fileno=int(sys.argv[1])) as requests:
        _serve(requests)
    from keyborn.start import main

    main()
