"""``keyborn doctor``: looks at an installation, and says what is wrong and what to do."""

from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from keyborn.inputs import INPUT_FILE
from keyborn.output import emit, json_option

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from keyborn.checks import Check

_PATH: Final = click.Path(path_type=Path)


@click.command()
@click.option(
    "--dir",
    "folders",
    type=_PATH,
    multiple=True,
    help="A state folder: the --dir of an issuer, a verifier, a ledger or a device; may be"
    " repeated.",
)
@click.option(
    "--store",
    "stores",
    metavar="URL",
    multiple=True,
    help="A store elsewhere, as --store names it.",
)
@click.option(
    "--service", "services", metavar="URL", multiple=True, help="A service; may be repeated."
)
@click.option("--network", "networks", type=INPUT_FILE, multiple=True, help="A network.toml.")
@click.option("--trust", "trusts", type=INPUT_FILE, multiple=True, help="A trust root.")
@json_option
def doctor(
    *,
    folders: tuple[Path, ...],
    stores: tuple[str, ...],
    services: tuple[str, ...],
    networks: tuple[Path, ...],
    trusts: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Look at an installation, and say what is wrong and what to do.

    Python and its packages always; beside them whatever is named: folders and their stores,
    services with their clocks, certificates and readiness, the log behind a file. Nothing is
    changed. Exits with 1 where something is wrong or could not be found out; a warning is neither.
    """
    from keyborn import clock  # noqa: PLC0415 - not before it is needed: it is slow
    from keyborn.checks import Verdict, as_lines, worst  # noqa: PLC0415
    from keyborn.doctor import folders as on_disk  # noqa: PLC0415
    from keyborn.doctor import machine  # noqa: PLC0415
    from keyborn.doctor import services as running  # noqa: PLC0415
    from keyborn.store_commands import store_kinds  # noqa: PLC0415

    checks = list(machine.examine())
    kinds = store_kinds()
    for folder in folders:
        checks += on_disk.examine(folder, kinds)
    for location in stores:
        checks += on_disk.examine_store(location, kinds)
    for url in services:
        checks += running.examine(url, clock.now())
    for name, files in (("network", networks), ("trust", trusts)):
        for file in files:
            checks += _examiner(name)(file, clock.now())
    verdict = worst(checks)
    emit({"verdict": verdict, "checks": checks}, as_json=as_json, human=as_lines(checks))
    bad = verdict in (Verdict.WRONG, Verdict.UNKNOWN)
    click.get_current_context().exit(int(bad))


def _examiner(name: str) -> "Callable[[Path, datetime], list[Check]]":
    """What looks at the file of the option ``name``; its package says so."""
    (entry,) = entry_points(group="keyborn.doctors", name=name)
    examine: Callable[[Path, datetime], list[Check]] = entry.load()
    return examine
