"""``keyborn doctor``: each thing that it looks at, whole and broken."""

import hashlib
import json
import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner
from databases import Server
from serving import serving
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from issuer.store import KIND
from issuer.store import open_store as open_issuer
from keyborn import clock
from keyborn.checks import Check, Verdict
from keyborn.cli import cli
from keyborn.doctor import folders, machine, services
from keyborn.store_commands import store_kinds
from keyborn.tls import self_signed, server_context

KINDS: Final = store_kinds()


def by_subject(checks: Any) -> dict[str, Check]:
    return {check.subject: check for check in checks}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "issuer"
    made.mkdir(mode=0o700)
    open_issuer(made / "issuer.sqlite").dispose()
    return made


def test_this_machine() -> None:
    found = by_subject(machine.examine())
    assert {check.verdict for check in found.values()} == {Verdict.OK}


def test_packages_that_are_missing_or_old() -> None:
    check = machine._packages(
        ["click>=8.2", "orjson>=9999.1", "no-such-package>=1", "x>=1; extra == 'dev'"]
    )
    assert check.verdict is Verdict.WRONG
    assert "orjson is " in check.message
    assert "not 9999.1 or newer" in check.message
    assert "no-such-package is missing" in check.message
    assert "click" not in check.message


def test_versions_are_compared_as_numbers() -> None:
    assert machine.numbers("2.10.0rc1") > machine.numbers("2.9")
    assert machine.numbers("dev") == ()


def test_a_folder_that_is_as_it_should_be_stays_so(folder: Path) -> None:
    def looks() -> dict[str, str]:
        return {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()
        }

    before = looks()
    found = by_subject(folders.examine(folder, KINDS))
    assert {check.verdict for check in found.values()} == {Verdict.OK}
    assert f"revision, {KIND.newest}" in found[str(folder / "issuer.sqlite")].message
    assert looks() == before  # no write-ahead log either


def test_a_store_that_is_at_work_is_read_beside(folder: Path) -> None:
    path = folder / "issuer.sqlite"
    engine = open_issuer(path)
    with engine.begin():
        assert path.with_name("issuer.sqlite-wal").exists()
        found = by_subject(folders.examine(folder, KINDS))
    engine.dispose()
    assert found[str(path)].verdict is Verdict.OK


@pytest.mark.parametrize("name", [".", "issuer.sqlite", "admin.token"])
def test_what_others_can_use(folder: Path, name: str) -> None:
    (folder / "admin.token").touch(mode=0o600)
    (folder / name).chmod(0o755 if name == "." else 0o644)
    found = by_subject(folders.examine(folder, KINDS))[str(folder)]
    assert (found.verdict, found.code) == (Verdict.WRONG, "store_readable_by_others")
    assert found.hint is not None
    assert "chmod" in found.hint


def test_a_public_file_may_be_read(folder: Path) -> None:
    (folder / "network.toml").touch(mode=0o644)
    assert by_subject(folders.examine(folder, KINDS))[str(folder)].verdict is Verdict.OK


def test_files_of_another(folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    os.chown(folder / "issuer.sqlite", 65_534, -1)
    found = by_subject(folders.examine(folder, KINDS))[str(folder)]
    assert (found.verdict, found.code) == (Verdict.WARNING, "files_of_another")


def test_a_store_that_is_older_damaged_or_of_something_else(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "issuer.sqlite")) as store:
        store.execute("UPDATE alembic_version SET version_num = '0001'")
        store.commit()
    (folder / "broken.db").write_bytes(b"no database" * 100)
    (folder / "broken.db").chmod(0o600)
    with closing(sqlite3.connect(folder / "other.db")) as other:
        other.execute("CREATE TABLE things (name)")
    (folder / "other.db").chmod(0o600)
    found = by_subject(folders.examine(folder, KINDS))
    codes = {Path(name).name: check.code for name, check in found.items() if check.code}
    assert codes["broken.db"] == "store_corrupt"
    assert codes["other.db"] == "store_of_another_kind"
    if KIND.newest != "0001":
        assert codes["issuer.sqlite"] == "store_needs_upgrade"


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    (found,) = folders.examine(tmp_path / "none", KINDS)
    assert (found.verdict, found.code) == (Verdict.WRONG, "store_missing")


def test_stores_in_postgresql(server: Server) -> None:
    found = list(folders.examine_store(server.made(), KINDS))
    assert {check.verdict for check in found} == {Verdict.OK}
    assert len(found) == len(KINDS)
    (empty,) = folders.examine_store(server.empty(), KINDS)
    assert empty.code == "store_missing"


def test_a_store_that_is_not_reached() -> None:
    (found,) = folders.examine_store("postgresql://x@/x?host=/nowhere", KINDS)
    assert (found.verdict, found.code) == (Verdict.UNKNOWN, "store_unreachable")


class Told:
    """A service that says what a test wants."""

    def __init__(self, *, ahead: float = 0, ready: bool = True) -> None:
        self._ahead = timedelta(seconds=ahead)
        self._ready = ready

    def health(self, _request: Request) -> Response:
        return JSONResponse({}, headers={"date": format_datetime(datetime.now(UTC) + self._ahead)})

    def ready(self, _request: Request) -> Response:
        if self._ready:
            return JSONResponse({})
        body = {"code": "not_ready", "detail": "store (store_full)", "hint": "look"}
        return JSONResponse(body, 503, media_type="application/problem+json")

    @property
    def app(self) -> Starlette:
        return Starlette(routes=[Route("/health", self.health), Route("/ready", self.ready)])


def test_a_service_that_is_well() -> None:
    with serving(Told().app) as url:
        found = list(services.examine(url, clock.now()))
    assert [check.verdict for check in found] == [Verdict.OK] * 3


def test_a_service_that_is_not_ready() -> None:
    with serving(Told(ready=False).app) as url:
        found = by_subject(services.examine(url, clock.now()))[f"{url} ready"]
    assert (found.verdict, found.code) == (Verdict.WRONG, "not_ready")
    assert found.message == "store (store_full)"


def test_a_clock_that_is_wrong() -> None:
    with serving(Told().app) as url:
        for seconds, side in ((3600, "ahead of"), (-3600, "behind")):
            at = clock.now() + timedelta(seconds=seconds)
            found = by_subject(services.examine(url, at))[f"{url} clock"]
            assert (found.verdict, found.code) == (Verdict.WRONG, "clocks_differ")
            assert side in found.message


def test_a_service_that_is_no_service() -> None:
    (found,) = services.examine("nonsense", clock.now())
    assert (found.verdict, found.code) == (Verdict.WRONG, "invalid_url")


def test_certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "certificate.pem"
    path.write_bytes(self_signed(["localhost"], at=clock.now(), lifetime=timedelta(days=30)))
    with serving(Told().app, tls=server_context(path)) as bound:
        url = bound.replace("127.0.0.1", "localhost")
        (first, *_) = services.examine(url, clock.now())
        assert (first.verdict, first.code) == (Verdict.WRONG, "certificate_not_believed")
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        (first, *rest) = services.examine(url, clock.now())
        assert (first.verdict, first.message) == (Verdict.OK, "holds for 29 days")
        assert [check.verdict for check in rest] == [Verdict.OK] * 3
        (first, *_) = services.examine(url, clock.now() + timedelta(days=20))
        assert (first.verdict, first.code) == (Verdict.WARNING, "certificate_ends_soon")
    (first, *_) = services.examine(url, clock.now())
    assert (first.verdict, first.code) == (Verdict.UNKNOWN, "unreachable")


def test_a_file_that_is_no_network_and_one_that_is_no_trust_root(tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text("[log]\n")
    for option in ("--network", "--trust"):
        done = CliRunner().invoke(cli, ["doctor", option, str(bad), "--json"])
        assert done.exit_code == 1
        last = json.loads(done.stdout)["checks"][-1]
        assert (last["subject"], last["verdict"]) == (str(bad), "wrong")
        assert last["hint"]


def test_for_people_each_problem_has_its_next_step(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["doctor", "--dir", str(tmp_path / "none")])
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert lines[0].startswith("ok       python: is ")
    assert lines[-2].endswith(": there is no such folder [store_missing]")
    assert lines[-1].startswith("         next: ")
