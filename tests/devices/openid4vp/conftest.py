from collections.abc import Iterator

import pytest
from onboarding import Services, services

from devices.agent import Agent
from devices.connections import Connections
from devices.ledger_access import LedgerAccess, ledger_access
from did.openid4vci import parse_offer


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    with services(tmp_path_factory.mktemp("services")) as world:
        yield world


@pytest.fixture(scope="module")
def ledger(world: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LedgerAccess]:
    index = tmp_path_factory.mktemp("ledger") / "index.sqlite"
    with ledger_access(world.network, index) as ledger:
        yield ledger


@pytest.fixture(scope="module")
def ready(
    world: Services, ledger: LedgerAccess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Agent]:
    """A device that is enrolled and registered."""
    with Connections() as connections:
        agent = Agent.born(tmp_path_factory.mktemp("ready") / "device", connections)
        agent.network(world.network)
        agent.enroll(parse_offer(world.offer()), ledger)
        agent.register(ledger)
        yield agent
