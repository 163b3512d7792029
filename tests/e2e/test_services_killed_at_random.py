"""``make torture`` is the long one; this is the same, and short."""

import random
from pathlib import Path

import pytest
from torture_services import Plan, torture

pytestmark = pytest.mark.e2e


def test_what_was_acknowledged_stands_once_whatever_is_killed(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    print(torture(tmp_path, Plan(seed=seed, kills=3, cuts=6)))
