"""``keyborn ledger doctor``."""

import os
from functools import partial
from pathlib import Path
from typing import Final

import click

from keyborn.inputs import INPUT_FILE
from keyborn.output import emit, json_option
from ledger.options import key_options

_FILE: Final = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.option("--network", type=INPUT_FILE, required=True, help="network.toml of the log.")
@click.option("--index", type=_FILE, help="A reader's index of it, to be looked at too.")
@key_options
@json_option
def doctor(
    *,
    network: Path,
    index: Path | None,
    key_file: Path | None,
    password_file: Path | None,
    as_json: bool,
) -> None:
    """Look at all that a log depends on, and say what is wrong and what to do.

    Each node is tried by itself, and on Ethereum the key that pays if there is one; then the log as
    readers see it, the registrar, the index and the clock. Nothing is changed. Exits with 1 where
    something is wrong, else with 3 where something could not be found out.
    """
    from keyborn import clock  # noqa: PLC0415 - not before it is needed: it is slow
    from keyborn.checks import Verdict, as_lines, worst  # noqa: PLC0415
    from ledger.account import KEY_VARIABLE, find_account  # noqa: PLC0415
    from ledger.doctor.local import examine  # noqa: PLC0415
    from ledger.network import load_network  # noqa: PLC0415

    found = load_network(network)
    if not found.rpc and (key_file is not None or password_file is not None):
        raise click.UsageError("a key pays for a log on Ethereum; this one is embedded")
    payer = None
    if key_file is not None or KEY_VARIABLE in os.environ:
        payer = partial(find_account, key_file, password_file, os.environ)
    checks = examine(found, now=clock.now(), index=index, payer=payer)
    verdict = worst(checks)
    emit({"verdict": verdict, "checks": checks}, as_json=as_json, human=as_lines(checks))
    exits = {Verdict.WRONG: 1, Verdict.UNKNOWN: 3}
    click.get_current_context().exit(exits.get(verdict, 0))
