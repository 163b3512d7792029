"""The benches run, on logs that are small; how long anything takes is not asserted."""

import json
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from bench import resolution as beside
from bench.everything import everything
from bench.onboarding import onboarding
from bench.operating import granted
from bench.phases import Expected
from bench.plots import plot
from bench.reading import reading
from bench.replay import replay
from bench.resolution import resolution
from bench.scale import copy_device, first_device
from bench.services import Services
from bench.table import Row, said, show
from bench.verifying import verifying
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
def test_the_bench_of_verifying() -> None:
    """Floors are for a quiet machine; here it says what it says of all that it names."""
    result = CliRunner().invoke(verifying, ["--times", "8", "--json"])
    assert result.exit_code in {0, 1}, result.output
    found = {row["what"]: row["value"] for row in json.loads(result.stdout)["rows"]}
    assert sum(what.startswith("verify, @digitalbazaar") for what in found) == 1
    assert {"verify, ldp_vc", "verify, vc+cose", "issue, vc+jwt: built and signed"} <= found.keys()
    assert all(value > 0 for value in found.values())


@pytest.mark.e2e
def test_the_bench_of_onboarding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)  # where who runs PostgreSQL can read
    result = CliRunner().invoke(onboarding, ["--seconds", "1", "--short", "1", "--json"])
    assert result.exit_code in {0, 1}, result.output
    found = {row["what"]: row["value"] for row in json.loads(result.stdout)["rows"]}
    failed = {what: value for what, value in found.items() if what.endswith("failed")}
    assert len(failed) >= 7
    assert not any(failed.values())


@pytest.mark.e2e
def test_the_bench_of_scale(tmp_path: Path) -> None:
    """Enrolments go on beside the copies, each of which is one of the store's devices."""
    with Services(tmp_path) as services:
        services.ledger()
        first_device(services)
        store = tmp_path / "issuer" / "issuer.sqlite"
        copy_device(store, 0, 40)
        copy_device(store, 40, 100)
        with closing(sqlite3.connect(store)) as connection:
            for table in ("claims", "claim_holders", "grants", "devices"):
                (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
                assert count == 101, table
            assert not connection.execute("PRAGMA foreign_key_check").fetchall()
        first_device(services)
        assert granted(store) == 102


def test_what_was_measured_is_written_as_one_page(tmp_path: Path) -> None:
    options = ["--only", "reading", "--times", "2", "--out", str(tmp_path)]
    result = CliRunner().invoke(everything, options)
    assert result.exit_code == 0, result.output
    page = (tmp_path / "benchmarks.md").read_text()
    assert page in result.stdout
    (section,) = json.loads((tmp_path / "benchmarks.json").read_text())["sections"]
    for row in section["rows"]:
        assert f"| {row['what']} | {row['value']:,.2f} |" in page


def test_what_is_not_measured_again_stays_as_it_was(tmp_path: Path) -> None:
    options = ["--only", "reading", "--times", "2", "--out", str(tmp_path)]
    row = said(Row("create", 7.0, "gas"))
    before = {"name": "gas", "title": "Gas", "when": "2020-02-02", "rows": [row]}
    old = {"name": "reading", "title": "Old", "when": "2020-02-02", "rows": []}
    written = {"machine": {"when": "2020-02-02"}, "sections": [before, old]}
    (tmp_path / "benchmarks.json").write_text(json.dumps(written))
    assert CliRunner().invoke(everything, options).exit_code == 0
    page = (tmp_path / "benchmarks.md").read_text()
    assert "`python -m bench.gas`, 2020-02-02" in page
    assert "| create | 7.00 | gas |" in page
    assert page.count("2020-02-02") == 1
    sections = json.loads((tmp_path / "benchmarks.json").read_text())["sections"]
    assert [each["name"] for each in sections] == ["reading", "gas"]


def test_plots_are_of_the_rows_that_they_name(tmp_path: Path) -> None:
    rows = [Row(f"{stored} stored: 99 % within", 5, "ms") for stored in ("0", "1,000")]
    rows += [Row(f"{stored} stored: memory of the service", 7, "MB") for stored in ("0", "1,000")]
    drawn = plot({"scale": rows}, tmp_path)
    assert drawn == ["enrolment-latency-by-devices.svg", "memory-by-devices.svg"]
    assert all((tmp_path / each).read_text().count("<svg") == 1 for each in drawn)


def test_a_goal_is_told_by_its_distance() -> None:
    row = Row("rate", 750, "per s", at_least=500, goal=1_000)
    assert (row.met, row.floor, row.distance) == (True, "at least 500: ok", "goal 1,000: -25 %")
    assert not Row("rate", 499, "per s", at_least=500).met


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
