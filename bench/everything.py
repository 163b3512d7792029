"""``make bench``: every bench, one after the other, as one table, and as ``docs/benchmarks.md``.

Each bench is a command of its own (``python -m bench.<name> --json``), so that its memory and its
processes are its own. What they said is printed, and written as JSON, as Markdown and as plots.
"""

import os
import platform
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

import click
import orjson

from bench.plots import plot
from bench.table import Row, read, said
from did.errors import Unavailable

_DOCS: Final = Path(__file__).parent.parent / "docs"
_PREFACE: Final = (
    "Made by `make bench`, which measures everything in one run and writes this page,"
    " `benchmarks.json` and the plots; `ONLY=` names benches that are to be measured alone, and the"
    " others stay as they were on their day. Each bench says in its first lines, under `bench/`,"
    " what it measures and what it leaves out. Ratios are within the run; an absolute rate says as"
    " much of the machine as of the code."
)


@dataclass(frozen=True, slots=True)
class Section:
    """What one bench said.

    Attributes:
        name: The module of ``bench`` that it is.
        title: As it calls itself.
        rows: Its numbers.
        when: The day on which it was measured.
    """

    name: str
    title: str
    rows: Sequence[Row]
    when: str


_BENCHES: Final = ("verifying", "onboarding", "scale", "reading", "gas", "resolution", "replay")


@click.command()
@click.option("--seconds", type=click.FloatRange(1), default=300.0, help="Of each sustained run.")
@click.option("--short", type=click.FloatRange(1), default=15.0, help="Of each other run.")
@click.option(
    "--devices", type=click.IntRange(2_000), default=1_000_000, help="Stored, and replayed."
)
@click.option("--times", type=click.IntRange(1), default=4_096, help="Verifications in each round.")
@click.option(
    "--only",
    type=click.Choice(_BENCHES),
    multiple=True,
    help="These benches alone; of others, what was written last stays.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=_DOCS,
    show_default="docs",
    help="Where benchmarks.md, benchmarks.json and the plots go.",
)
def everything(
    *, seconds: float, short: float, devices: int, times: int, only: tuple[str, ...], out: Path
) -> None:
    """Measure everything; exits with 1 where a floor is missed."""
    wanted: Mapping[str, Sequence[str]] = {
        "verifying": ("--times", str(times)),
        "onboarding": ("--seconds", str(seconds), "--short", str(short)),
        "scale": ("--most", str(devices), "--seconds", str(short)),
        "reading": ("--times", str(times)),
        "gas": (),
        "resolution": (),
        "replay": ("--devices", str(devices)),
    }
    about = machine()
    assert tuple(wanted) == _BENCHES
    kept = {each.name: each for each in last(out / "benchmarks.json")} if only else {}
    found = {
        name: run(name, options, about["when"]) if not only or name in only else kept.get(name)
        for name, options in wanted.items()
    }
    sections = [section for section in found.values() if section is not None]
    out.mkdir(parents=True, exist_ok=True)
    whole = {
        "machine": about,
        "sections": [
            {
                "name": each.name,
                "title": each.title,
                "when": each.when,
                "rows": [said(row) for row in each.rows],
            }
            for each in sections
        ],
    }
    (out / "benchmarks.json").write_bytes(orjson.dumps(whole, option=orjson.OPT_INDENT_2) + b"\n")
    plots = plot({each.name: each.rows for each in sections}, out / "plots")
    text = markdown(about, sections, plots)
    (out / "benchmarks.md").write_text(text)
    click.echo(text)
    if not all(row.met for section in sections for row in section.rows):
        raise click.exceptions.Exit(1)


def last(path: Path) -> list[Section]:
    """The sections that were written there, if any were."""
    if not path.exists():
        return []
    whole = orjson.loads(path.read_bytes())
    return [
        Section(
            each["name"],
            each["title"],
            [read(row) for row in each["rows"]],
            each.get("when", whole["machine"]["when"]),
        )
        for each in whole["sections"]
    ]


def run(name: str, options: Sequence[str], when: str) -> Section:
    """What one bench says; what it says on the way goes to stderr.

    Raises:
        Unavailable: ``bench_failed``: it ended without a table.
    """
    click.echo(f"bench.{name}", err=True)
    done = subprocess.run(
        [sys.executable, "-m", f"bench.{name}", *options, "--json"],
        check=False,
        stdout=subprocess.PIPE,
    )
    try:
        answer = orjson.loads(done.stdout)
    except orjson.JSONDecodeError as error:
        raise Unavailable("bench_failed", f"bench.{name} ended with {done.returncode}") from error
    if name == "gas":
        rows = [
            Row(
                f"{each['what']}, {each['count']:,} in a transaction",
                each["each"],
                "gas",
                each["at_most"],
            )
            for each in answer["rows"]
        ]
        return Section(name, "Gas of one operation on Ethereum", rows, when)
    return Section(name, answer["title"], [read(each) for each in answer["rows"]], when)


def machine() -> dict[str, str]:
    """What the numbers were measured on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if "model name" in line), "")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "when": f"{datetime.now(UTC):%Y-%m-%d}",
        "processor": f"{os.cpu_count()} cores, {model or platform.machine()}",
        "memory": f"{memory / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "pynacl": version("pynacl"),
    }


def markdown(about: Mapping[str, str], sections: Sequence[Section], plots: Sequence[str]) -> str:
    """The page: the machine, every row with its floor and its distance from the goal, the plots."""
    lines = [
        "# Benchmarks",
        "",
        _PREFACE,
        "",
        *(f"* {name}: {value}" for name, value in about.items()),
    ]
    for section in sections:
        lines += [
            "",
            f"## {section.title}",
            "",
            f"`python -m bench.{section.name}`, {section.when}",
            "",
            "| what | measured | unit | floor | distance from the goal |",
            "|---|---:|---|---|---|",
            *(
                f"| {row.what} | {row.value:,.2f} | {row.unit} | {row.floor} | {row.distance} |"
                for row in section.rows
            ),
        ]
    if plots:
        lines += ["", "## Plots", "", *(f"![{Path(each).stem}](plots/{each})" for each in plots)]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    everything()
