"""Stores are made by their migrations, brought up to date by a command, and refused else."""

import sqlite3
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import KINDS, Server
from sqlalchemy import Column, Engine, Integer, MetaData, String, Table, insert, select, text

from did.errors import Invalid, Refused, Unavailable
from issuer.store import KIND as ISSUER
from issuer.store import used_nonces
from keyborn.storage import StoreKind, insert_once, open_store, reading
from keyborn.storage.migrations import differences
from keyborn.storage.stores import upgrade_store

FIRST = """
import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade():
    op.create_table("things", sa.Column("id", sa.Integer(), primary_key=True))
    op.create_table(
        "parts", sa.Column("thing", sa.Integer(), sa.ForeignKey("things.id"), primary_key=True)
    )
"""
SECOND = """
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade():
    anew = "always" if op.get_context().dialect.name == "sqlite" else "never"
    with op.batch_alter_table("things", recreate=anew) as table:
        table.add_column(sa.Column("name", sa.String(), nullable=False, server_default="?"))
"""
METADATA = MetaData()
THINGS = Table(
    "things",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False),
)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return str(tmp_path / "new.db")
    running: Server = request.getfixturevalue("server")
    return running.empty()


@pytest.fixture
def releases(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[StoreKind, StoreKind]]:
    """The same store in an older and a newer release."""
    monkeypatch.syspath_prepend(tmp_path)
    kinds = []
    for name, modules in (
        ("older", {"m0001_a": FIRST}),
        ("newer", {"m0001_a": FIRST, "m0002_b": SECOND}),
    ):
        package = f"{name}_{abs(hash(request.node.name))}"
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
        for module, source in modules.items():
            (tmp_path / package / f"{module}.py").write_text(source)
        kinds.append(StoreKind("test", METADATA, package))
    yield kinds[0], kinds[1]
    for name in list(sys.modules):
        if name.startswith(("older_", "newer_")):
            del sys.modules[name]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_migrations_make_what_the_code_expects(empty: str, kind: StoreKind) -> None:
    engine = open_store(empty, kind)
    with engine.connect() as connection:
        assert differences(connection, kind.metadata) == []
    engine.dispose()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_file_from_before_migrations_is_adopted(tmp_path: Path, kind: StoreKind) -> None:
    path = tmp_path / "old.db"
    former(path, kind, version=kind.former)
    with pytest.raises(Refused, match="store_needs_upgrade"):
        open_store(path, kind)
    assert upgrade_store(path, kind) == ("0001", kind.newest)
    engine = open_store(path, kind)
    with engine.connect() as connection:
        assert differences(connection, kind.metadata) == []
    engine.dispose()
    assert upgrade_store(path, kind) == (kind.newest, kind.newest)


def test_a_file_of_an_older_version_yet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    former(path, ISSUER, version=1)
    for use in (open_store, upgrade_store):
        with pytest.raises(Refused, match="store_of_another_version"):
            use(path, ISSUER)


def test_an_older_store_is_upgraded_when_somebody_says_so(
    empty: str, releases: tuple[StoreKind, StoreKind]
) -> None:
    older, newer = releases
    engine = open_store(empty, older)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO things (id) VALUES (7)"))
        connection.execute(text("INSERT INTO parts (thing) VALUES (7)"))
    engine.dispose()
    with pytest.raises(Refused, match="revision 0001, not 0002") as caught:
        open_store(empty, newer)
    assert caught.value.code == "store_needs_upgrade"
    assert upgrade_store(empty, newer) == ("0001", "0002")
    engine = open_store(empty, newer)
    with engine.begin() as connection:
        connection.execute(insert(THINGS).values(id=8, name="b"))
        assert connection.execute(select(THINGS)).all() == [(7, "?"), (8, "b")]
    engine.dispose()
    for use in (open_store, upgrade_store):  # there is no way down
        with pytest.raises(Refused, match="store_of_another_version"):
            use(empty, older)


def test_an_upgrade_of_nothing(empty: str) -> None:
    with pytest.raises(Unavailable, match="store_missing"):
        upgrade_store(empty, ISSUER)


def test_first_starts_at_once_make_one_store(empty: str) -> None:
    engines: list[Engine] = []
    ready = threading.Barrier(4)

    def start() -> None:
        ready.wait()
        engines.append(open_store(empty, ISSUER))

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, engine in enumerate(engines):
        with engine.begin() as connection:
            row = {"digest": b"once", "expires": 1}
            assert insert_once(connection, used_nonces, row) is (number == 0)
    assert len(engines) == 4
    for engine in engines:
        engine.dispose()


def test_stores_of_all_kinds_share_a_database(server: Server) -> None:
    url = server.empty()
    engines = [open_store(url, kind) for kind in KINDS]
    for kind, engine in zip(KINDS, engines, strict=True):
        with reading(engine) as connection:
            schema = connection.execute(text("SELECT current_schema()")).scalar_one()
        assert schema == kind.name.replace(" ", "_")
        engine.dispose()


def test_text_that_cannot_be_kept_is_the_senders_fault(server: Server) -> None:
    engine = open_store(server.made(), ISSUER)
    for value in ("a\x00b", "".join(chr(256 + number % 9_000) for number in range(9_000))):
        with pytest.raises(Invalid, match="invalid_text"), engine.begin() as connection:
            connection.execute(
                text("INSERT INTO settings (name, value) VALUES (:name, '')"), {"name": value}
            )
    engine.dispose()


def former(path: Path, kind: StoreKind, *, version: int | None) -> None:
    """A file as releases before there were migrations made it."""
    from sqlalchemy import create_engine  # noqa: PLC0415

    engine = create_engine(f"sqlite:///{path}")
    kind.metadata.create_all(engine)
    engine.dispose()
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TABLE keyborn_schema (name VARCHAR PRIMARY KEY, version INTEGER)"
        )
        connection.execute("INSERT INTO keyborn_schema VALUES (?, ?)", (kind.name, version))
    connection.close()
    path.chmod(0o600)
