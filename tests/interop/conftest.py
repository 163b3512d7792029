"""The other implementations, each started once, and services of ours for them to meet."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from onboarding import Services, services
from peer import Peer


@contextmanager
def running(script: str) -> Iterator[Peer]:
    command = ["node", str(Path(__file__).parent / script)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Peer(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=10) == 0


@pytest.fixture(scope="session")
def digitalbazaar() -> Iterator[Peer]:
    with running("digitalbazaar.mjs") as peer:
        yield peer


@pytest.fixture(scope="session")
def wallet() -> Iterator[Peer]:
    with running("openid4vci.mjs") as peer:
        yield peer


@pytest.fixture(scope="session")
def openid4vp() -> Iterator[Peer]:
    with running("openid4vp.mjs") as peer:
        yield peer


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    with services(tmp_path_factory.mktemp("services")) as world:
        yield world
