"""The services, tortured: killed, cut off, flooded, without power, database, space, the right time.

    python -m torture [--part NAME]... [--seed N] [--times N]

What was acknowledged must be there afterwards, once. Each part prints a line, or fails. The seed
decides who the devices are and when something is done to whom; what such a moment meets is up to
the machine.
"""

import secrets
import tempfile
from pathlib import Path
from typing import Any, Final

import click
from torture.clocks import move_clocks
from torture.database import kill_database
from torture.disk import fill_disk
from torture.kills import kill_all
from torture.overload import overload
from torture.power import cut_power

PARTS: Final[dict[str, tuple[Any, int]]] = {
    "kills": (kill_all, 200),
    "database": (kill_database, 20),
    "disk": (fill_disk, 10),
    "clocks": (move_clocks, 3),
    "overload": (overload, 120),
    "power": (cut_power, 500),
}
"""What each is, and how often it is done; of ``overload``, for how many seconds."""


@click.command(help=__doc__)
@click.option("--part", "parts", type=click.Choice(list(PARTS)), multiple=True, help="This alone.")
@click.option("--seed", type=int, help="Repeats a run; drawn and printed if missing.")
@click.option("--times", type=click.IntRange(min=1), help="How often, in each part.")
def main(parts: tuple[str, ...], seed: int | None, times: int | None) -> None:
    seed = secrets.randbelow(2**32) if seed is None else seed
    click.echo(f"seed {seed}")
    for name in parts or PARTS:
        part, usual = PARTS[name]
        with tempfile.TemporaryDirectory(prefix="keyborn-torture-") as folder:
            click.echo(f"{name}: {part(Path(folder), seed=seed, times=times or usual)}")


if __name__ == "__main__":
    main()
