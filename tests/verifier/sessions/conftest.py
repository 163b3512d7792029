from collections.abc import Iterator
from pathlib import Path

import pytest
from gatehouse import Gatehouse, gatehouse


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Gatehouse]:
    with gatehouse(tmp_path) as house:
        yield house
