"""``keyborn store``: the databases of services, brought up to date, copied and backed up."""

from dataclasses import asdict
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

import click

from did.errors import Invalid
from keyborn.options import Group
from keyborn.output import emit, json_option

if TYPE_CHECKING:
    from keyborn.storage.stores import StoreKind

_kind_option = click.option(
    "--kind", help="Which of the stores in a PostgreSQL database.  [default: all of them]"
)


@click.group(cls=Group)
def store() -> None:
    """Databases of services: bring one up to date, copy one, back one up."""


@store.command()
@click.argument("location", metavar="STORE")
@_kind_option
@json_option
def upgrade(*, location: str, kind: str | None, as_json: bool) -> None:
    """Bring the store at STORE, a file or URL, to what this release works with.

    Stop what uses it, and copy it, before. It happens in one transaction, or not at all, and there
    is no way back but the copy.
    """
    from keyborn.storage.locations import locate, shown  # noqa: PLC0415 - slow to import
    from keyborn.storage.stores import upgrade_store  # noqa: PLC0415

    done = []
    for each in _stores_at(location, kind):
        before, after = upgrade_store(location, each)
        done.append({"kind": each.name, "before": before, "after": after})
    emit(
        {"store": shown(locate(location)), "upgraded": done},
        as_json=as_json,
        human="\n".join(f"{each['kind']}: {each['before']} -> {each['after']}" for each in done),
    )


@store.command()
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@_kind_option
@json_option
def copy(*, source: str, target: str, kind: str | None, as_json: bool) -> None:
    """Copy the store at FROM to TO, each a file or the URL of a PostgreSQL database.

    TO must have none of the kind. Nobody writes to FROM meanwhile; stop what uses it before, since
    what it writes afterwards is not in the copy. What was copied is read back and compared, and if
    anything differs nothing is kept.
    """
    from keyborn.storage.copying import copy_store  # noqa: PLC0415 - slow to import
    from keyborn.storage.locations import is_file, locate, shown  # noqa: PLC0415

    found = _stores_at(source, kind)
    if is_file(locate(target)) and len(found) > 1:
        names = ", ".join(each.name for each in found)
        raise click.UsageError(f"a file holds one store; say with --kind which of {names}")
    done = {each.name: copy_store(source, target, each) for each in found}
    emit(
        {
            "from": shown(locate(source)),
            "to": shown(locate(target)),
            "copied": {name: [asdict(table) for table in tables] for name, tables in done.items()},
        },
        as_json=as_json,
        human="\n".join(
            f"{name}: {table.table}: {table.rows} rows, {table.digest[:16]}"
            for name, tables in done.items()
            for table in tables
        ),
    )


@store.command()
@click.argument("source", metavar="FROM", type=click.Path(path_type=Path))
@click.argument("target", metavar="TO", type=click.Path(path_type=Path))
@json_option
def backup(*, source: Path, target: Path, as_json: bool) -> None:
    """Back up FROM, the file of a store or the directory of a service, to TO, while it runs.

    TO must not be there. Databases are copied as of one moment, checked and synced. What is in
    PostgreSQL is not in the directory: use pg_dump for that. A store in a back-up is refused until
    'keyborn store restored' was run on it.
    """
    from keyborn.storage.backups import back_up  # noqa: PLC0415 - slow to import

    saved = back_up(source, target)
    emit(
        {"from": str(source), "to": str(target), "files": [asdict(each) for each in saved]},
        as_json=as_json,
        human="\n".join(f"{each.sha256[:16]}  {each.bytes:>10}  {each.path}" for each in saved),
    )


@store.command()
@click.argument("location", metavar="STORE")
@_kind_option
@click.option(
    "--unmarked",
    is_flag=True,
    help="The store is a copy that was made by other means, such as a snapshot of the disk.",
)
@json_option
def restored(*, location: str, kind: str | None, unmarked: bool, as_json: bool) -> None:
    """Make void, in a store that was restored, what may have been used since its back-up.

    Do it once, before the service starts: after a restore from 'keyborn store backup', which is
    refused until then, and after pg_restore, where nobody can tell.
    """
    from keyborn.clock import now  # noqa: PLC0415
    from keyborn.storage.backups import renew_store  # noqa: PLC0415 - slow to import
    from keyborn.storage.locations import locate, shown  # noqa: PLC0415

    at = now()
    done = {
        each.name: dict(renew_store(location, each, at=at, unmarked=unmarked))
        for each in _stores_at(location, kind)
    }
    emit(
        {"store": shown(locate(location)), "renewed": done},
        as_json=as_json,
        human="\n".join(
            f"{name}: {', '.join(f'{what}: {count}' for what, count in each.items()) or 'kept'}"
            for name, each in done.items()
        ),
    )


def store_kinds() -> "list[StoreKind]":
    """The stores of the installed packages, which say so in the group ``keyborn.stores``."""
    found = [entry.load() for entry in entry_points(group="keyborn.stores")]
    return sorted(found, key=lambda each: str(each.name))


def _stores_at(location: str, name: str | None) -> "list[StoreKind]":
    """The kinds of store at ``location``, or that of them which is named.

    Raises:
        Invalid: ``unknown_kind_of_store``, ``not_a_database``.
        Unavailable: ``store_missing``.
    """
    from keyborn.storage.backups import refuse_other_files  # noqa: PLC0415
    from keyborn.storage.locations import is_file, locate, path_of, shown  # noqa: PLC0415
    from keyborn.storage.stores import missing_at  # noqa: PLC0415

    kinds = store_kinds()
    if name is not None and name not in [each.name for each in kinds]:
        raise Invalid(
            "unknown_kind_of_store",
            "there is no such kind of store",
            value=name,
            hint=f"there are: {', '.join(each.name for each in kinds)}",
        )
    url = locate(location)
    if is_file(url):
        if not path_of(url).exists():
            raise missing_at(shown(url))
        refuse_other_files(path_of(url))
    found = [each for each in kinds if name in (None, each.name) and _is_there(location, each)]
    if not found:
        raise missing_at(shown(url))
    return found


def _is_there(location: str, kind: "StoreKind") -> bool:
    from keyborn.storage import reading  # noqa: PLC0415
    from keyborn.storage.stores import engine_of, is_made, kind_in  # noqa: PLC0415

    engine = engine_of(location, kind, make=False)
    try:
        with reading(engine) as connection:
            return is_made(connection) and kind_in(connection) == kind.name
    finally:
        engine.dispose()
