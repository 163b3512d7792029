"""What a measurement prints: rows, each with its floor, and whether that was met."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from did.errors import KeybornError
from did.jcs import JsonObject
from keyborn.output import emit


@dataclass(frozen=True, slots=True)
class Row:
    """One number.

    Attributes:
        what: What was measured.
        value: As measured.
        unit: Of it.
        at_most: The most that it may be; None where that is not said.
        at_least: The least that it may be; the same.
        goal: What it should come to.
    """

    what: str
    value: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None
    goal: float | None = None

    @property
    def met(self) -> bool:
        """Whether it keeps to its floor."""
        return (self.at_most is None or self.value <= self.at_most) and (
            self.at_least is None or self.value >= self.at_least
        )

    @property
    def floor(self) -> str:
        """Its floor in words, and whether it was met; empty where it has none."""
        bounds = (("at most", self.at_most), ("at least", self.at_least))
        said = [f"{word} {bound:,g}" for word, bound in bounds if bound is not None]
        return f"{' and '.join(said)}: {'ok' if self.met else 'missed'}" if said else ""

    @property
    def distance(self) -> str:
        """How far it is from its goal; empty where it has none."""
        if self.goal is None:
            return ""
        return f"goal {self.goal:,g}: {(self.value / self.goal - 1) * 100:+.0f} %"


def said(row: Row) -> JsonObject:
    """A row as JSON, with whether it is met; ``read`` is the way back."""
    return {**asdict(row), "met": row.met}


def read(value: Mapping[str, Any]) -> Row:
    """The row that ``said`` wrote."""
    return Row(**{name: value[name] for name in Row.__slots__})


def report(title: str, measure: Callable[[], Sequence[Row]], *, as_json: bool) -> None:
    """Measure, and ``show`` the rows; what fails is said as a command says it."""
    try:
        rows = measure()
    except KeybornError as error:
        raise click.ClickException(f"{error.step}: {error.message}. {error.hint or ''}") from error
    show(title, rows, as_json=as_json)


def show(title: str, rows: Sequence[Row], *, as_json: bool) -> None:
    """Print the rows, and exit with 1 where a floor is missed."""
    met = all(row.met for row in rows)
    data = {"title": title, "rows": [said(row) for row in rows], "met": met}
    emit(data, as_json=as_json, human="\n".join([title, *map(_line, rows)]))
    if not met:
        raise click.exceptions.Exit(1)


@contextmanager
def bar(label: str, total: int) -> Iterator[Callable[[int], object]]:
    """A progress bar on stderr; what it yields is told how many more are done."""
    columns = (TextColumn(f"{label:36}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(label, total=total)
        yield lambda more: progress.advance(task, more)


def _line(row: Row) -> str:
    said = "  ".join(filter(None, (row.floor, row.distance)))
    return f"  {row.what:62}{row.value:>12,.2f} {row.unit:8}  {said}".rstrip()
