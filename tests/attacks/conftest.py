from collections.abc import Iterator
from pathlib import Path

import pytest
from gatehouse import Gatehouse, gatehouse


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Gatehouse]:
    with gatehouse(tmp_path) as house:
        yield house


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gatehouse]:
    """One gatehouse for a whole table of cases, none of which changes it."""
    with gatehouse(tmp_path_factory.mktemp("gatehouse")) as house:
        yield house


@pytest.fixture
def slow_house(tmp_path: Path) -> Iterator[Gatehouse]:
    """As ``house``, over a log on which three more blocks make an entry final."""
    with gatehouse(tmp_path, final_depth=3) as house:
        yield house
