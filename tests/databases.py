"""A real PostgreSQL, started by the tests that need one, and databases in it."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Final

import psycopg

from issuer.store import KIND as ISSUER
from keyborn.polling import poll
from keyborn.storage import open_store
from ledger.registrar.outbox_tables import KIND as REGISTRAR
from verifier.openid4vp.requests import KIND as REQUESTS
from verifier.sessions.store import KIND as SESSIONS
from verifier.store import KIND as VERIFIER

KINDS: Final = (ISSUER, VERIFIER, REQUESTS, SESSIONS, REGISTRAR)

_USERS: Final = ("postgres", "nobody")  # PostgreSQL does not run as root
_TEMPLATE: Final = "keyborn_template"
_SETTINGS: Final = {
    "fsync": "on",
    "synchronous_commit": "on",
    "listen_addresses": "",  # a socket in its folder, and no port
    "shared_buffers": "32MB",
    "max_connections": "100",
    "autovacuum": "off",
}


def binaries() -> Path | None:
    """Where PostgreSQL's programs are: on the path, or where Debian has them."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return installed[-1].parent if installed else None


class Server:
    """A PostgreSQL server in a folder of its own, which can be killed and started again."""

    def __init__(
        self, programs: Path, folder: Path, user: str | None, settings: Mapping[str, str]
    ) -> None:
        self._programs = programs
        self._folder = folder
        self._user = user
        self._settings = settings
        self._names = (f"test{number}" for number in count(1))
        self._run("initdb", "--no-sync", "--auth=trust", "--username=keyborn", "-E", "UTF8")

    def start(self) -> None:
        """Start it, and wait until it lets somebody in."""
        settings = " ".join(f"-c {name}='{value}'" for name, value in self._settings.items())
        self._run(
            "pg_ctl", "start", "-w", "-s", "-l", "log", "-o", f"{settings} -k '{self._folder}'"
        )

    def stop(self, mode: str = "fast") -> None:
        """Stop it, if it runs: ``immediate`` as a crash would, losing all but what was synced."""
        if (self._folder / "postmaster.pid").exists():
            self._run("pg_ctl", "stop", "-w", "-s", "-m", mode)

    def kill(self) -> None:
        """End it without warning, with all of its processes."""
        noted = self._folder / "postmaster.pid"
        postmaster = int(noted.read_text().splitlines()[0])
        os.kill(postmaster, signal.SIGSTOP)  # it starts no others meanwhile
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        pids = [postmaster, *map(int, children)]
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert poll(lambda: all(map(_is_dead, pids)) or None, 60)
        # Where nobody reaps processes, a dead one has its number still, and bars the next server.
        for path in (noted, *self._folder.glob(".s.PGSQL.*")):
            path.unlink(missing_ok=True)

    def url(self, name: str) -> str:
        """The URL of one of its databases."""
        return f"postgresql://keyborn@/{name}?host={self._folder}"

    def empty(self) -> str:
        """The URL of a new database with nothing in it."""
        return self._create("template0")

    def made(self) -> str:
        """The URL of a new database that has every store."""
        return self._create(_TEMPLATE)

    def make_template(self) -> None:
        self.execute(f"CREATE DATABASE {_TEMPLATE} TEMPLATE template0")
        for kind in KINDS:
            open_store(self.url(_TEMPLATE), kind).dispose()

    def _create(self, template: str) -> str:
        name = next(self._names)
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY wal_log")
        return self.url(name)

    def execute(self, statement: str) -> None:
        """Run a statement, as who may do everything."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._programs / program, "-D", self._folder, *arguments],
            check=True,
            user=self._user,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )


@contextmanager
def postgresql(**settings: str) -> Iterator[Server]:
    """A server, for the time of a ``with`` block; with ``settings`` of one's own, bare."""
    programs = binaries()
    assert programs is not None
    user = _user()
    folder = Path(tempfile.mkdtemp(prefix="keyborn-pg-"))
    if user is not None:
        shutil.chown(folder, user)
    server = Server(programs, folder, user, {**_SETTINGS, **settings})
    try:
        server.start()
        if not settings:
            server.make_template()
        yield server
    finally:
        server.stop("immediate")
        shutil.rmtree(folder)


def _is_dead(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z"


def _user() -> str | None:
    """Who runs the server: another than root, and nobody else where this is another already."""
    if os.geteuid() != 0:
        return None
    for name in _USERS:
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise AssertionError("there is no user to run PostgreSQL as")
