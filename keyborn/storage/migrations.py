"""Alembic, as far as a store needs it: from nothing, or from an older revision, to the newest.

A store's migrations are a package of modules ``m0001_what.py``, ``m0002_...``, each with the
revision that its number is. They stand alone: a migration is what was true when it was written, and
imports nothing that may change. There is no way down (``docs/adr/0023-postgresql.md``).
"""

import re
import threading
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, MetaData, inspect, text

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

VERSIONS: Final = "alembic_version"

_MODULE: Final = re.compile(r"m([0-9]{4})_[a-z0-9_]+\.py")
_ALONE: Final = threading.Lock()  # ``alembic.op`` is one for all threads


@cache
def revisions(package: str) -> tuple[str, ...]:
    """The revisions of ``package``, oldest first, without importing any."""
    names = (_MODULE.fullmatch(path.name) for path in _folder(package).iterdir())
    return tuple(sorted(name[1] for name in names if name is not None))


def revision(connection: Connection) -> str | None:
    """The revision that the database is at; None if it never had one."""
    if not inspect(connection).has_table(VERSIONS):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {VERSIONS}"))  # noqa: S608
    return found.scalar_one_or_none()


def migrate(connection: Connection, package: str) -> None:
    """Bring the database behind ``connection`` to the newest revision, in its transaction."""
    from alembic.runtime.environment import EnvironmentContext  # noqa: PLC0415 - slow to import

    script = _script(package)

    def steps(at: str, _context: object) -> object:
        return script._upgrade_revs("head", at)  # noqa: SLF001 - as Alembic's own command does

    with _ALONE, EnvironmentContext(_config(), script, fn=steps) as environment:
        environment.configure(connection=connection)
        environment.run_migrations()


def adopt(connection: Connection, package: str, at: str) -> None:
    """Note that a database which is older than its migrations is at revision ``at``."""
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415 - slow to import

    MigrationContext.configure(connection).stamp(_script(package), at)


def differences(connection: Connection, metadata: MetaData) -> list[object]:
    """In what the database is not as ``metadata`` has it; for a test."""
    from alembic.autogenerate import compare_metadata  # noqa: PLC0415 - slow to import
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415

    def is_ours(_object: object, name: str | None, kind: str, *_: object) -> bool:
        return kind != "table" or name not in (VERSIONS, "keyborn_schema")

    options = {"include_object": is_ours, "compare_type": True, "compare_server_default": True}
    found = compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
    return list(found)


@cache
def _script(package: str) -> "ScriptDirectory":
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - slow to import

    folder = str(_folder(package))
    return ScriptDirectory(folder, version_locations=[folder])


def _config() -> "Config":
    from alembic.config import Config  # noqa: PLC0415 - slow to import

    return Config()


def _folder(package: str) -> Path:
    spec = find_spec(package)
    assert spec is not None  # it is named in our own source
    assert spec.submodule_search_locations is not None  # it is a package
    return Path(spec.submodule_search_locations[0])
