import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from onboarding import Services, services
from scripted_issuer import ScriptedIssuer, scripted_issuer

from devices.agent import Agent
from devices.connections import Connections
from devices.ledger_access import LedgerAccess, ledger_access
from devices.store import Store


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


@pytest.fixture(scope="module")
def served() -> Iterator[ScriptedIssuer]:
    with scripted_issuer() as issuer:
        yield issuer


@pytest.fixture
def issuer(served: ScriptedIssuer) -> ScriptedIssuer:
    """As if nobody had asked it anything yet."""
    served.reset()
    return served


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.prepare(tmp_path / "device")
