from collections.abc import Iterator
from pathlib import Path

import pytest
from issuing import World, issuing


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with issuing(tmp_path) as world:
        yield world
