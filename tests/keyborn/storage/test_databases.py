import os
import sqlite3
import stat
import threading
from pathlib import Path

import pytest
from sqlalchemy import Column, Engine, ForeignKey, Integer, MetaData, String, Table, insert, select
from sqlalchemy.exc import IntegrityError

from did.errors import Refused, Unavailable
from keyborn.storage import open_database, reading, sqlite

METADATA = MetaData()
THING = Table(
    "thing", METADATA, Column("id", Integer, primary_key=True), Column("name", String, unique=True)
)
PART = Table("part", METADATA, Column("thing", Integer, ForeignKey("thing.id"), nullable=False))


def opened(location: Path, *, name: str = "test", version: int = 1) -> Engine:
    return open_database(location, METADATA, name=name, version=version)


def names(engine: Engine) -> list[str]:
    with reading(engine) as connection:
        return list(connection.scalars(select(THING.c.name)))


def test_it_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "test.db"
    engine = opened(path)
    with engine.begin() as connection:
        connection.execute(insert(THING).values(name="a"))
        for file in tmp_path.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    engine.dispose()
    again = opened(path)
    assert names(again) == ["a"]
    again.dispose()


def test_every_connection_is_durable_and_checks_foreign_keys(tmp_path: Path) -> None:
    engine = opened(tmp_path / "test.db")
    with engine.connect() as one, reading(engine) as two:
        for connection in (one, two):
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
            assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 10_000
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(insert(PART).values(thing=7))
    engine.dispose()


def test_a_failed_transaction_leaves_nothing_not_even_tables(tmp_path: Path) -> None:
    engine = opened(tmp_path / "test.db")
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE extra (x)")
        connection.execute(insert(THING).values(name="a"))
        with connection.begin_nested():
            connection.execute(insert(THING).values(name="b"))
        connection.rollback()
    assert names(engine) == []
    with reading(engine) as connection:
        sql = "SELECT count(*) FROM sqlite_master WHERE name = 'extra'"
        assert connection.exec_driver_sql(sql).scalar() == 0
    engine.dispose()


def test_readers_see_one_moment_and_do_not_wait_for_a_writer(tmp_path: Path) -> None:
    engine = opened(tmp_path / "test.db")
    with engine.begin() as writer:
        writer.execute(insert(THING).values(name="a"))
        assert names(engine) == []
        with reading(engine) as reader:
            assert list(reader.scalars(select(THING.c.name))) == []
            writer.commit()
            assert list(reader.scalars(select(THING.c.name))) == []
    assert names(engine) == ["a"]
    engine.dispose()


def test_a_second_writer_waits_and_then_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.05)
    engine = opened(tmp_path / "test.db")
    with engine.begin(), pytest.raises(Unavailable, match="store_busy") as caught, engine.begin():
        pass  # pragma: no cover
    assert caught.value.retry_after == 1
    with engine.begin() as connection:
        connection.execute(insert(THING).values(name="a"))
    engine.dispose()


def test_two_processes_may_start_at_once(tmp_path: Path) -> None:
    engines: list[Engine] = []
    ready = threading.Barrier(8)

    def start() -> None:
        ready.wait()
        engines.append(opened(tmp_path / "test.db"))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(engines) == 8
    for engine in engines:
        engine.dispose()
    assert list(tmp_path.iterdir()) == [tmp_path / "test.db"]


def test_an_empty_file_is_not_a_new_database(tmp_path: Path) -> None:
    path = tmp_path / "test.db"
    path.touch(mode=0o600)
    with pytest.raises(Refused, match="store_of_another_kind"):
        opened(path)
    path.unlink()
    opened(path).dispose()


def test_another_kind_of_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "test.db"
    opened(path).dispose()
    with pytest.raises(Refused, match="'other', but of kind 'test'") as caught:
        opened(path, name="other")
    assert caught.value.code == "store_of_another_kind"
    opened(path).dispose()


@pytest.mark.parametrize("version", [1, 3])
def test_another_version_is_refused(tmp_path: Path, version: int) -> None:
    path = tmp_path / "test.db"
    opened(path, version=2).dispose()
    with pytest.raises(Refused, match=f"version 2; this program works with {version}") as caught:
        opened(path, version=version)
    assert caught.value.code == "store_of_another_version"
    opened(path, version=2).dispose()


def test_a_foreign_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "test.db"
    foreign = sqlite3.connect(path)
    foreign.execute("CREATE TABLE theirs (x)")
    foreign.close()
    path.chmod(0o600)
    with pytest.raises(Refused, match="store_of_another_kind"):
        opened(path)


def test_a_corrupt_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "test.db"
    path.write_bytes(b"this is no database" * 1000)
    path.chmod(0o600)
    with pytest.raises(Unavailable, match="store_corrupt") as caught:
        opened(path)
    assert caught.value.hint is not None


def test_damage_found_later_is_named(tmp_path: Path) -> None:
    path = tmp_path / "test.db"
    engine = opened(path)
    with engine.begin() as connection:
        for number in range(500):
            connection.execute(insert(THING).values(name=f"{number:0200}"))
    engine.dispose()
    content = path.read_bytes()
    path.write_bytes(content[:8192] + b"\xff" * (len(content) - 8192))
    engine = opened(path)
    with pytest.raises(Unavailable, match="store_corrupt"):
        names(engine)
    engine.dispose()


def test_one_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "test.db"
    opened(path).dispose()
    path.chmod(0o644)
    with pytest.raises(Refused, match="store_readable_by_others"):
        opened(path)
    path.chmod(0o600)
    opened(path).dispose()


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    engine = opened(tmp_path / "test.db")
    with engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=5")
    with pytest.raises(Unavailable, match="store_failed"), engine.begin() as connection:
        connection.execute(insert(THING).values(name="x" * 1_000_000))
    engine.dispose()


def test_one_that_cannot_be_durable_is_refused(tmp_path: Path) -> None:
    class NoLog(sqlite3.Connection):
        """A file system on which SQLite cannot have its log."""

        def execute(self, sql: str, *_: object) -> sqlite3.Cursor:
            return super().execute(sql.replace("journal_mode=WAL", "journal_mode=DELETE"))

    connection = sqlite3.connect(tmp_path / "test.db", factory=NoLog)
    with pytest.raises(Refused, match="journal_mode=delete") as caught:
        sqlite._harden(connection)
    assert caught.value.code == "store_not_durable"
    connection.close()


def test_a_missing_directory_is_the_systems_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        opened(tmp_path / "none" / "test.db")


def test_errors_do_not_repeat_what_was_stored(tmp_path: Path) -> None:
    engine = opened(tmp_path / "test.db")
    with engine.begin() as connection:
        connection.execute(insert(THING).values(name="hush"))
    with pytest.raises(IntegrityError) as caught, engine.begin() as connection:
        connection.execute(insert(THING).values(name="hush"))
    assert "hush" not in str(caught.value)
    engine.dispose()


def test_the_file_is_not_made_readable_by_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        opened(tmp_path / "test.db").dispose()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "test.db").stat().st_mode) == 0o600
