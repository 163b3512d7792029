from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from issuing import World, issuing

if TYPE_CHECKING:
    from databases import Server

# What the store decides, over both databases; the rest of the issuer does not know which it has.
BOTH: Final = (
    "test_batches",
    "test_claims",
    "test_deferral",
    "test_grants",
    "test_identity",
    "test_inventory",
    "test_notifications",
    "test_redemption",
    "test_status",
    "test_status_indexes",
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "world" in metafunc.fixturenames and metafunc.module.__name__.rpartition(".")[2] in BOTH:
        metafunc.parametrize("world", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    location = None
    if getattr(request, "param", "sqlite") == "postgresql":
        running: Server = request.getfixturevalue("server")
        location = running.made()
    with issuing(tmp_path, location=location) as world:
        yield world


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One issuer for many requests that change nothing."""
    with issuing(tmp_path_factory.mktemp("standing")) as world:
        yield world
