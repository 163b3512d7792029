"""``make torture`` has the long one; this is the same, and short."""

import random
import sqlite3
from pathlib import Path

import pytest
from power_loss import power_loss


def test_what_was_acknowledged_outlives_a_loss_of_power(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    print(power_loss(tmp_path, seed=seed, trials=25))


@pytest.mark.parametrize("synchronous", ["NORMAL", "OFF"])
def test_with_another_setting_it_would_not(tmp_path: Path, synchronous: str) -> None:
    with pytest.raises((AssertionError, sqlite3.DatabaseError)):
        power_loss(tmp_path, seed=7, trials=60, synchronous=synchronous)
