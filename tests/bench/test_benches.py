"""The benches run, on logs that are small; how long anything takes is not asserted."""

import json
import tempfile
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from bench import resolution as beside
from bench.phases import Expected
from bench.reading import reading
from bench.replay import replay
from bench.resolution import resolution
from bench.table import Row, show
from did.errors import Invalid
from ledger.state import DidState

IDS = [bytes([number]) * 32 for number in range(3)]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the benches keep from one run to the next goes with the test."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def rows(command: click.Command, *arguments: str) -> dict[str, Any]:
    """What it printed: by what was measured and its unit, the value."""
    result = CliRunner().invoke(command, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    data = json.loads(result.stdout)
    assert data["met"] is True
    return {f"{row['what']}, {row['unit']}": row["value"] for row in data["rows"]}


def test_the_bench_of_reading() -> None:
    told = rows(reading, "--times", "2")
    assert len(told) == 6
    assert all(value > 0 for value in told.values())


@pytest.mark.npm
@pytest.mark.ethereum
def test_the_bench_of_replay() -> None:
    found = rows(replay, "--devices", "2000")
    assert all(value > 0 for value in found.values())
    for log in ("honest", "with garbage"):
        # A row holds an id twice, a key and a commitment.
        assert 128 < found[f"{log}: index on disk, per device, bytes"] <= 400
    kinds = [name for name in found if name.endswith(", index, us CPU")]
    assert len(kinds) == 4


@pytest.mark.npm
@pytest.mark.ethereum
def test_the_bench_of_resolution(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"MANY": 3, "LONG": 3, "WIDE": 1}.items():
        monkeypatch.setattr(beside, name, value)
    found = rows(resolution, "--resolutions", "2")
    assert all(value > 0 for value in found.values())
    assert sum("theirs" in name for name in found) == 4


def test_a_floor_that_is_missed_is_shown_and_ends_with_1(
    capsys: pytest.CaptureFixture[str],
) -> None:
    missed = [Row("time", 5.5, "s", at_most=5), Row("size", 5, "bytes", at_most=5)]
    with pytest.raises(click.exceptions.Exit) as caught:
        show("A log", missed, as_json=False)
    assert caught.value.exit_code == 1
    shown = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert shown == [
        ["A", "log"],
        ["time", "5.50", "s", "at", "most", "5:", "missed"],
        ["size", "5.00", "bytes", "at", "most", "5:", "ok"],
    ]
    show("A log", missed[1:], as_json=False)


def test_a_state_that_is_not_the_one_that_was_written_is_no_measurement() -> None:
    expected = Expected(IDS, IDS[:2])
    rotated = {id_: DidState(id_, 1, id_, id_, id_) for id_ in IDS[:2]}
    expected.check(rotated)
    created = DidState(IDS[1], 0, IDS[1], IDS[1], IDS[1])
    for wrong in ({}, {IDS[0]: rotated[IDS[0]]}, rotated | {IDS[1]: created}):
        with pytest.raises(Invalid) as caught:
            expected.check(wrong)
        assert caught.value.code == "bench_wrong_state"
