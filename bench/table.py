"""What a measurement prints: rows, each with its floor, and whether that was met."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from keyborn.output import emit


@dataclass(frozen=True, slots=True)
class Row:
    """One number.

    Attributes:
        what: What was measured.
        value: As measured.
        unit: Of it.
        at_most: The most that it may be; None where there is no floor.
    """

    what: str
    value: float
    unit: str
    at_most: float | None = None

    @property
    def met(self) -> bool:
        """Whether it is no more than it may be."""
        return self.at_most is None or self.value <= self.at_most


def show(title: str, rows: Sequence[Row], *, as_json: bool) -> None:
    """Print the rows, and exit with 1 where a floor is missed."""
    met = all(row.met for row in rows)
    data = {"title": title, "rows": [{**asdict(row), "met": row.met} for row in rows], "met": met}
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
    floor = "" if row.at_most is None else f"  at most {row.at_most:,g}: "
    outcome = "" if row.at_most is None else ("ok" if row.met else "missed")
    return f"  {row.what:62}{row.value:>12,.2f} {row.unit:8}{floor}{outcome}".rstrip()
