"""The plots of ``make bench``: SVG files, of rows by what they are called."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.table import Row

_SIZE: Final = (7.0, 4.0)  # inches
_CLIENTS: Final = re.compile(r"enrolment, SQLite(?:, (\d+) clients)?(: 99 % within)?")
_STORED: Final = re.compile(r"([\d,]+) stored: (99 % within|memory of the service)")
_USUAL: Final = "64"  # clients, where a row does not say


def plot(sections: Mapping[str, Sequence[Row]], folder: Path) -> list[str]:
    """Draw what there is to draw; the names of the files, in ``folder``."""
    mpl.rcParams["svg.hashsalt"] = "keyborn"  # the same picture is the same bytes
    drawn: list[str] = []
    folder.mkdir(parents=True, exist_ok=True)
    if rows := sections.get("verifying"):
        bars = {row.what: row.value for row in rows if row.unit == "per s"}
        drawn.append(_bars("verifications", "per second, one core", bars, folder))
    if rows := sections.get("onboarding"):
        found = [(match, row) for row in rows if (match := _CLIENTS.fullmatch(row.what))]
        for name, unit, tail in (
            ("enrolments-by-clients", "enrolments per second", False),
            ("enrolment-latency-by-clients", "99th percentile, ms", True),
        ):
            points = {
                int(match[1] or _USUAL): row.value for match, row in found if bool(match[2]) == tail
            }
            drawn.append(_line(name, "clients", unit, points, folder))
    if rows := sections.get("scale"):
        for name, unit, what in (
            ("enrolment-latency-by-devices", "99th percentile, ms", "99 % within"),
            ("memory-by-devices", "MB", "memory of the service"),
        ):
            points = {
                max(1, int(match[1].replace(",", ""))): row.value
                for row in rows
                if (match := _STORED.fullmatch(row.what)) and match[2] == what
            }
            drawn.append(_line(name, "devices stored", unit, points, folder))
    return drawn


def _bars(name: str, unit: str, bars: Mapping[str, float], folder: Path) -> str:
    figure, axes = _blank()
    axes.barh(list(bars)[::-1], list(bars.values())[::-1])
    axes.set_xlabel(unit)
    return _saved(name, folder, figure)


def _line(name: str, what: str, unit: str, points: Mapping[int, float], folder: Path) -> str:
    figure, axes = _blank()
    ordered = sorted(points.items())
    axes.plot([x for x, _ in ordered], [y for _, y in ordered], marker="o")
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel(what)
    axes.set_ylabel(unit)
    return _saved(name, folder, figure)


def _blank() -> tuple[Figure, Axes]:
    figure = Figure(figsize=_SIZE, layout="constrained")
    return figure, figure.subplots()


def _saved(name: str, folder: Path, figure: Figure) -> str:
    file = f"{name}.svg"
    figure.savefig(folder / file, metadata={"Date": None})
    return file
