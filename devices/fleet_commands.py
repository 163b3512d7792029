"""The commands of ``keyborn fleet``: progress on stderr, the report on stdout."""

import sys
from pathlib import Path
from typing import Final

import click

from keyborn.inputs import INPUT_FILE
from keyborn.output import emit, json_option


@click.command()
@click.option("--count", type=click.IntRange(1, 1_000_000), required=True, help="How many devices.")
@click.option(
    "--dir",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The fleet's directory.",
)
@click.option(
    "--network", "network_file", type=INPUT_FILE, required=True, help="The log that they are on."
)
@click.option(
    "--offers",
    "offers_file",
    type=INPUT_FILE,
    required=True,
    help="One claim a device: lines of offers, or what 'issuer claim create --csv --json' prints.",
)
@click.option("--verifier", required=True, help="URL of the verifier that they present to.")
@click.option("--audience", help="What the verifier calls itself, if that is not its URL.")
@click.option("--issuer", help="The issuer that the offers must be of; allows http where named.")
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=8,
    show_default=True,
    help="How many devices act at the same time.",
)
@json_option
def run(
    *,
    count: int,
    directory: Path,
    network_file: Path,
    offers_file: Path,
    verifier: str,
    audience: str | None,
    issuer: str | None,
    workers: int,
    as_json: bool,
) -> None:
    """Have devices born, enrolled, registered and admitted by a verifier, and measure it.

    Run it again after an interruption: each device goes on where it was.
    """
    from devices.bars import bars  # noqa: PLC0415 - what it needs is slow to import
    from devices.connections import Connections  # noqa: PLC0415
    from devices.fleet import Fleet, Plan  # noqa: PLC0415
    from devices.inputs import read_claims  # noqa: PLC0415
    from devices.ledger_access import ledger_access  # noqa: PLC0415
    from devices.measures import as_text  # noqa: PLC0415
    from devices.store import Store  # noqa: PLC0415
    from ledger.network import load_network  # noqa: PLC0415

    network = load_network(network_file)
    plan = Plan(
        directory=directory,
        count=count,
        claims=read_claims(offers_file),
        verifier=verifier,
        audience=audience,
        issuer=issuer,
        workers=workers,
    )
    with (
        Store.prepare(directory).exclusive(),
        ledger_access(network, directory / "index.sqlite") as ledger,
        Connections() as connections,
        bars() as observer,
    ):
        report = Fleet(plan, ledger, connections, observer).run()
    emit(report.to_json(), as_json=as_json, human=as_text(report))
    if report.failures:
        sys.exit(1)


FLEET_COMMANDS: Final = (run,)
