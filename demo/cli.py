"""The command ``keyborn demo``."""

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import click

from demo.play import play
from demo.report import Narrator, Silent, summary, to_json
from demo.stage import Stage, ended_in_order
from keyborn.output import json_option


@click.command()
@click.option(
    "--ledger",
    type=click.Choice(["embedded", "ethereum"]),
    default="embedded",
    show_default=True,
    help="Which ledger: one SQLite file, or a real Ethereum node (anvil, from npm).",
)
@click.option(
    "--devices",
    type=click.IntRange(0, 100_000),
    default=0,
    show_default=True,
    help="Size of the fleet that is onboarded after the story.",
)
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    help="Play in this folder, and leave everything there to look at.",
)
@json_option
def demo(ledger: str, devices: int, keep: Path | None, *, as_json: bool) -> None:
    """Tell the whole story: devices become trusted, and every impostor is turned away.

    Starts a ledger, issuers and verifiers on free ports, drives them by their public interfaces
    alone, and stops them. Exits with 1 if anything went otherwise than it must.
    """
    if keep is not None and keep.is_dir() and any(keep.iterdir()):
        raise click.UsageError(f"--keep needs a folder that is new or empty, not {keep}")
    with ended_in_order(), ExitStack() as stack:
        folder = keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="keyborn-")))
        teller = Silent() if as_json else Narrator()
        stage = stack.enter_context(Stage(folder))
        outcome = play(stage, teller, ledger=ledger, devices=devices, quiet=as_json)
    if as_json:
        click.echo(to_json(outcome))
    else:
        summary(outcome)
    sys.exit(0 if outcome.as_expected else 1)
