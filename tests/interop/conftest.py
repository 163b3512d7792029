"""The other implementations, each started once, and services of ours for them to meet."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
from onboarding import Services, services
from peer import Peer


@contextmanager
def running(script: str, program: str = "node") -> Iterator[Peer]:
    command = [program, str(Path(__file__).parent / script)]
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
def did_resolver() -> Iterator[Peer]:
    with running("did_resolver.mjs") as peer:
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
def jose() -> Iterator[Peer]:
    with running("jose.mjs") as peer:
        yield peer


@pytest.fixture(scope="session")
def did_jwt_vc() -> Iterator[Peer]:
    with running("did_jwt_vc.mjs") as peer:
        yield peer


@pytest.fixture(scope="session")
def cose() -> Iterator[Peer]:
    with running("cose.mjs") as peer:
        yield peer


@pytest.fixture(scope="session")
def didkit() -> Iterator[Peer]:
    if find_spec("didkit") is None:
        pytest.skip("didkit is not installed: it has wheels for few machines (pyproject.toml)")
    with running("didkit_peer.py", sys.executable) as peer:
        yield peer


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    with services(tmp_path_factory.mktemp("services")) as world:
        yield world
