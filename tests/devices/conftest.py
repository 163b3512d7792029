import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from onboarding import Services, services

from devices.agent import Agent
from devices.connections import Connections
from devices.ledger_access import LedgerAccess, ledger_access


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    with services(tmp_path_factory.mktemp("services")) as world:
        yield world


@pytest.fixture
def ledger(world: Services, tmp_path: Path) -> Iterator[LedgerAccess]:
    with ledger_access(world.network, tmp_path / "index.sqlite") as ledger:
        yield ledger


@pytest.fixture
def born(tmp_path: Path) -> Iterator[Callable[[], Agent]]:
    """Makes devices."""
    numbers = itertools.count(1)
    with Connections() as connections:
        yield lambda: Agent.born(tmp_path / f"device-{next(numbers)}", connections)


@pytest.fixture
def agent(born: Callable[[], Agent]) -> Agent:
    return born()
