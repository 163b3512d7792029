from collections.abc import Iterator
from pathlib import Path

import pytest
from asking import Gate, asking
from gatehouse import Gatehouse, gatehouse


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Gatehouse]:
    with gatehouse(tmp_path) as house:
        yield house


@pytest.fixture
def moving(house: Gatehouse) -> Iterator[Gate]:
    """A verifier for one test, which may set its clock on, or its issuer's lists."""
    with asking(house) as gate:
        yield gate


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    """One verifier for tests that leave it as it is."""
    with gatehouse(tmp_path_factory.mktemp("gatehouse")) as house, asking(house) as gate:
        yield gate
