"""The commands of ``keyborn fleet``: progress on stderr, the report on stdout."""

import sys
from pathlib import Path
from typing import Final

import click
import orjson
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from devices.agent import ledger_access
from devices.connections import Connections
from devices.fleet import Claim, Fleet, Plan
from devices.measures import as_text
from devices.store import Store
from did.errors import Invalid
from did.openid4vci import parse_offer
from did.strict_json import parse_object
from keyborn.output import emit, json_option
from ledger.network import load_network

_FILE = click.Path(dir_okay=False, path_type=Path)
_MAX_OFFERS = 256 * 1024 * 1024


class Bars:
    """One progress bar for each step, on stderr. Implements ``devices.fleet.Observer``."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def begin(self, step: str, total: int) -> None:
        """Show a bar for ``step``."""
        self._tasks[step] = self._progress.add_task(step, total=total)

    def advance(self, step: str) -> None:
        """Move it on by one device."""
        self._progress.advance(self._tasks[step])


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
    "--network", "network_file", type=_FILE, required=True, help="The log that they are on."
)
@click.option(
    "--offers",
    "offers_file",
    type=_FILE,
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
    network, claims = load_network(network_file), read_claims(offers_file)
    plan = Plan(
        directory=directory,
        count=count,
        claims=claims,
        verifier=verifier,
        audience=audience,
        issuer=issuer,
        workers=workers,
    )
    with (
        Store.prepare(directory).exclusive(),
        ledger_access(network, directory / "index.sqlite") as ledger,
        Connections() as connections,
        _bars() as progress,
    ):
        report = Fleet(plan, ledger, connections, Bars(progress)).run()
    emit(report.to_json(), as_json=as_json, human=as_text(report))
    if report.failures:
        sys.exit(1)


def read_claims(path: Path) -> list[Claim]:
    """The claims in the file at ``path``.

    Each line is an offer (a URI or its JSON) or a claim as the issuer prints it (JSON with
    ``offer`` and perhaps ``tx_code``); or the file is one JSON list of such, or an object that
    holds it as ``claims``.

    Raises:
        Invalid: ``invalid_offers``, naming the line.
    """
    with path.open("rb") as file:
        data = file.read(_MAX_OFFERS + 1)
    if len(data) > _MAX_OFFERS:
        raise Invalid("invalid_offers", "the file of offers is too large", value=str(path))
    claims = []
    for number, item in enumerate(_items(data), 1):
        try:
            claims.append(_claim(item))
        except Invalid as error:
            raise Invalid(
                "invalid_offers", f"claim {number} of the file: {error.message}", value=str(path)
            ) from error
    return claims


def _items(data: bytes) -> list[object]:
    try:
        whole = orjson.loads(data)
    except orjson.JSONDecodeError:
        return [line for line in data.decode("utf-8", "replace").splitlines() if line.strip()]
    if isinstance(whole, dict) and isinstance(whole.get("claims"), list):
        return list(whole["claims"])
    return whole if isinstance(whole, list) else [whole]


def _claim(item: object) -> Claim:
    if isinstance(item, str):
        if not item.lstrip().startswith("{"):
            return Claim(parse_offer(item))
        item = parse_object(item.encode("utf-8", "replace"))
    if isinstance(item, dict) and isinstance(item.get("offer"), str):
        tx_code = item.get("tx_code")
        return Claim(parse_offer(item["offer"]), tx_code if isinstance(tx_code, str) else None)
    return Claim(parse_offer(orjson.dumps(item).decode()))


def _bars() -> Progress:
    return Progress(
        TextColumn("{task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


FLEET_COMMANDS: Final = (run,)
