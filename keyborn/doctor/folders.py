"""State folders: who can use them, and whether what they hold is whole and of this release."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from sqlalchemy import select

from did.errors import KeybornError
from keyborn.checks import Check, Verdict, attempt, failed
from keyborn.files import refuse_shared
from keyborn.storage.databases import KINDS
from keyborn.storage.locations import locate, shown
from keyborn.storage.sqlite import read_only_engine
from keyborn.storage.stores import StoreKind, engine_of, is_made, kind_in, missing_at, refuse_older
from keyborn.storage.transactions import reading

_STORES: Final = frozenset({".db", ".sqlite"})
_PRIVATE: Final = _STORES | {".key", ".token"}


def examine(folder: Path, kinds: Sequence[StoreKind]) -> Iterator[Check]:
    """The state folder of a service or a device, and each store in it.

    Args:
        folder: Which.
        kinds: The stores of the installed packages.
    """
    subject = str(folder)
    if not folder.is_dir():
        yield Check(
            subject,
            Verdict.WRONG,
            "there is no such folder",
            "store_missing",
            "Name the one that the service has as --dir.",
        )
        return
    try:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
    except OSError as error:
        yield Check(
            subject,
            Verdict.UNKNOWN,
            f"cannot be read: {error.strerror}",
            "eacces",
            "Run this as who runs the service.",
        )
        return
    yield attempt(subject, lambda: _permissions(folder, files))
    for path in files:
        if path.suffix in _STORES:
            yield attempt(str(path), lambda path=path: _store(path, kinds))  # type: ignore[misc]


def examine_store(location: str, kinds: Sequence[StoreKind]) -> Iterator[Check]:
    """Each store at a path or URL, as ``keyborn.storage.locations`` has them."""
    found = False
    try:
        where = shown(locate(location))
    except KeybornError as error:
        yield failed("store", error)
        return
    for kind in kinds:
        try:
            engine = engine_of(location, kind, make=False)
            try:
                with reading(engine) as connection:
                    if not is_made(connection) or kind_in(connection) != kind.name:
                        continue
                    found = True
                    refuse_older(connection, kind, where)
            finally:
                engine.dispose()
        except KeybornError as error:
            yield failed(f"{where} {kind.name}", error)
            if not found:  # the others would say the same
                return
        else:
            yield Check(f"{where} {kind.name}", Verdict.OK, _current(kind))
    if not found:
        yield failed(where, missing_at(where))


def _permissions(folder: Path, files: Sequence[Path]) -> str | Check:
    refuse_shared(folder, folder.stat())
    for path in files:
        if path.suffix in _PRIVATE:
            refuse_shared(path, path.stat())
    strangers = {path.stat().st_uid for path in (folder, *files)} - {os.geteuid()}
    if strangers:
        return Check(
            str(folder),
            Verdict.WARNING,
            f"has files of user {min(strangers)}, who is not who runs this",
            "files_of_another",
            f"Have one user run the service and own all of it: chown -R USER {folder}",
        )
    return f"is for its owner alone, with {len(files)} files"


def _store(path: Path, kinds: Sequence[StoreKind]) -> str | Check:
    engine = read_only_engine(path)
    try:
        with reading(engine) as connection:
            name = kind_in(connection)
            for kind in kinds:
                if kind.name == name:
                    refuse_older(connection, kind, str(path))
                    return _current(kind)
            if name is None:
                return Check(
                    str(path),
                    Verdict.WARNING,
                    "is a database, and none of ours",
                    "store_of_another_kind",
                    "Move it elsewhere.",
                )
            version = connection.execute(select(KINDS.c.version)).scalar_one()
            return f"opens: a {name} of version {version}"
    finally:
        engine.dispose()


def _current(kind: StoreKind) -> str:
    return f"opens: a store of kind {kind.name}, at its newest revision, {kind.newest}"
