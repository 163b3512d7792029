from collections.abc import Iterator
from pathlib import Path

import pytest
from issuing import World, issuing


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with issuing(tmp_path) as world:
        yield world


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One issuer for many requests that change nothing."""
    with issuing(tmp_path_factory.mktemp("standing")) as world:
        yield world
