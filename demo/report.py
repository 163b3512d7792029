"""How the story reads: told to a person as it happens, or as data at its end."""

import json
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from demo.play import Played
from demo.story import ACCEPTED, Result


class Narrator:
    """Tells a person, on stdout, scene by scene."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)

    def chapter(self, title: str) -> None:
        """A heading."""
        self._console.print(f"\n[bold]{title}[/bold]", soft_wrap=True)

    def result(self, result: Result) -> None:
        """A line for each request; for a refusal, also what the refusing side said."""
        line = Text("  ")
        if not result.as_expected:
            line.append(f"✗ {result.scene}: {result.got}, not {result.expected}", "bold red")
            line.append(f"\n      {result.why}", "red")
        elif result.expected == ACCEPTED:
            line.append("✓ ", "green").append(result.scene)
        else:
            line.append("⛔ ", "yellow").append(result.scene)
            line.append(f"  {result.got}", "bold yellow").append(f"\n      “{result.why}”", "dim")
        self._console.print(line, soft_wrap=True)


class Silent:
    """Says nothing; the data at the end say it all."""

    def chapter(self, title: str) -> None:
        """Nothing."""

    def result(self, result: Result) -> None:
        """Nothing."""


def to_json(played: Played) -> str:
    """Everything as one JSON document."""
    return json.dumps(
        {
            "ledger": played.ledger,
            "as_expected": played.as_expected,
            "accepted": played.accepted,
            "refused": played.refused,
            "seconds": round(played.seconds, 3),
            "results": [
                {**asdict(result), "as_expected": result.as_expected} for result in played.results
            ],
            "gas": played.gas,
            "fleet": played.fleet,
        },
        indent=2,
    )


def summary(played: Played) -> None:
    """What a person takes home."""
    console = Console(highlight=False)
    results = played.results
    table = Table(box=None, show_header=False, padding=(0, 2))
    table.add_row("went through, as they had to", f"[green]{played.accepted}[/green]")
    table.add_row("turned away, each for its reason", f"[yellow]{played.refused}[/yellow]")
    table.add_row("ledger", played.ledger)
    if played.gas:
        table.add_row("gas of a registration, at most", f"{min(played.gas):,}")
    table.add_row("all of it", f"{played.seconds:.1f} s")
    console.print("\n[bold]What you have seen[/bold]")
    console.print(table)
    if played.fleet is not None:
        console.print("\n[bold]The fleet[/bold]")
        console.print(_fleet_table(played.fleet))
        for failure in played.fleet["failureCodes"]:
            line = f"  ✗ {failure['count']} failed to be {failure['step']}: {failure['code']}"
            console.print(Text(line, "bold red"))
    wrong = [r for r in results if not r.as_expected]
    for result in wrong:
        console.print(Text(f"  ✗ {result.scene}: {result.got}, not {result.expected}", "bold red"))
    if not wrong:
        console.print(
            "\nNo server was asked who these devices are. The gate read the ledger for itself,"
            "\nchecked every signature, and believed one issuer: the one in its trust root."
        )


def _fleet_table(fleet: dict[str, Any]) -> Table:
    """How many devices went through each step, how fast, and at what cost."""
    table = Table("step", "devices", "failed", "per second", "p50 ms", "p90 ms", "p99 ms", box=None)
    for name, step in fleet["steps"].items():
        latency = step["latencyMs"] or {}
        table.add_row(
            *(name, str(step["done"]), str(step["failed"]), str(step["perSecond"] or "-")),
            *(str(latency.get(percent, "-")) for percent in ("p50", "p90", "p99")),
        )
    if fleet["gas"] is not None:
        table.caption = (
            f"{fleet['gas']['perDevice']:,} gas per device, "
            f"in {fleet['gas']['transactions']} transactions"
        )
    return table
