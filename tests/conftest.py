"""What the tests need beyond Python, and how strict to be about it.

Some tests need what a machine may not have: published vectors, PostgreSQL, npm packages (markers
``npm`` and ``ethereum``). Where it is missing they are skipped, and say what is missing. With
``KEYBORN_REQUIRE_ALL=1``, as CI sets it, every skip is a failure, whatever asked for it: nothing
that CI should have run passes by not running.
"""

import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Final, TypeVar

import pytest
from databases import Server, binaries, postgresql
from hypothesis import settings

NODE_MODULES: Final = Path(__file__).parent.parent / "node_modules"

# Two shared cores: time says nothing about a test, and a hundred examples are a first look.
settings.register_profile("keyborn", deadline=None, max_examples=100)
settings.load_profile("keyborn")

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("npm") is None:
        return
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    if not NODE_MODULES.is_dir():
        pytest.skip("node_modules is missing: run npm ci")


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A real PostgreSQL, one for all tests of this process that ask for it."""
    if binaries() is None:
        pytest.skip("PostgreSQL is not installed")
    with postgresql() as running:
        yield running


@pytest.fixture(scope="session")
def nginx() -> str:
    """The program; Debian has it where not everybody's path leads."""
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if found is None:
        pytest.skip("nginx is not installed")
    return found


@pytest.fixture(params=["sqlite", "postgresql"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a store is to be: a file that is made at its first use, or a database with it."""
    if request.param == "sqlite":
        return str(tmp_path / "store.db")
    running: Server = request.getfixturevalue("server")
    return running.made()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _strict((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _strict((yield))


def _strict(report: Report) -> Report:
    required = os.environ.get("KEYBORN_REQUIRE_ALL") == "1"
    if required and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{reason} (KEYBORN_REQUIRE_ALL=1: a skip is a failure)"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests counted (``record_property``), where it is to be said how much there was."""
    reports = terminalreporter.stats.get("passed", [])
    counted = [
        value
        for report in reports
        for name, value in report.user_properties
        if name == "tampered" and report.when == "call"
    ]
    if counted:
        terminalreporter.line(
            f"tampering matrix: {sum(counted)} altered credentials and presentations, all refused"
        )
