"""``make torture`` has the long ones; these are the same, and short."""

import random
import sqlite3
from pathlib import Path

import pytest
from torture.clocks import move_clocks
from torture.database import kill_database
from torture.disk import fill_disk
from torture.kills import kill_all
from torture.overload import overload
from torture.power import cut_power

pytestmark = pytest.mark.e2e


@pytest.fixture
def seed() -> int:
    drawn = random.randrange(2**32)
    print(f"seed {drawn}")
    return drawn


def test_what_was_acknowledged_stands_once_whatever_is_killed(tmp_path: Path, seed: int) -> None:
    print(kill_all(tmp_path, seed=seed, times=3, cuts=6))


def test_what_was_acknowledged_outlives_its_database(tmp_path: Path, seed: int) -> None:
    print(kill_database(tmp_path, seed=seed, times=2))


def test_a_full_disk_puts_devices_off_until_there_is_room(tmp_path: Path, seed: int) -> None:
    print(fill_disk(tmp_path, seed=seed, times=1))


def test_what_was_accepted_once_stays_so_whatever_the_clock_says(tmp_path: Path, seed: int) -> None:
    print(move_clocks(tmp_path, seed=seed, times=1))


def test_of_too_many_at_once_some_come_later_and_none_is_lost(tmp_path: Path, seed: int) -> None:
    print(overload(tmp_path, seed=seed, times=5))


def test_what_was_acknowledged_outlives_a_loss_of_power(tmp_path: Path, seed: int) -> None:
    print(cut_power(tmp_path, seed=seed, times=25))


@pytest.mark.parametrize("synchronous", ["NORMAL", "OFF"])
def test_with_another_setting_it_would_not(tmp_path: Path, synchronous: str) -> None:
    with pytest.raises((AssertionError, sqlite3.DatabaseError)):
        cut_power(tmp_path, seed=7, times=60, synchronous=synchronous)
