"""``make torture-registrar`` is the long one; this is the same, and short."""

import random
from pathlib import Path

import pytest
from torture.registrar import Plan, torture

from did.errors import Unavailable
from ledger.ethereum.anvil import find_anvil

pytestmark = [pytest.mark.e2e, pytest.mark.ethereum, pytest.mark.npm]


def test_what_was_acknowledged_stands_once_whatever_dies(tmp_path: Path) -> None:
    try:
        find_anvil()
    except Unavailable as missing:
        pytest.skip(f"{missing.message}: {missing.hint}")
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    print(torture(tmp_path, Plan(seed=seed, operations=150, kills=4, restarts=1)))
