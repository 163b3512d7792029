"""The same tests on every ledger: whatever is a ``ledger.log.Ledger`` passes them all."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from worlds import World, embedded_world, ethereum_world

from did.errors import Unavailable
from ledger.ethereum.anvil import AnvilNode, find_anvil, running_anvil

HOUR = 3600  # blocks come when a test mines them, and at no other time


@pytest.fixture(scope="session")
def devnet() -> Iterator[AnvilNode]:
    try:
        find_anvil()
    except Unavailable as missing:
        pytest.skip(f"{missing.message}: {missing.hint}")
    with running_anvil(block_seconds=HOUR) as node:
        yield node


@pytest.fixture(
    params=[
        "embedded",
        pytest.param("ethereum", marks=[pytest.mark.ethereum, pytest.mark.npm]),
    ]
)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    made = (
        embedded_world(tmp_path)
        if request.param == "embedded"
        else ethereum_world(request.getfixturevalue("devnet"), tmp_path)
    )
    with made as world:
        yield world
