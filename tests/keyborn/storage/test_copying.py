"""A store goes from one kind of database to the other and back, and is the same."""

from itertools import count
from pathlib import Path

import pytest
from click.testing import CliRunner
from databases import Server
from sqlalchemy import Engine, insert, select, text

from did.errors import Conflict, Refused, Unavailable
from issuer.store import (
    KIND,
    claims,
    device_tags,
    devices,
    open_store,
    status_indexes,
    status_lists,
)
from keyborn.cli import cli
from keyborn.storage import copying, reading
from keyborn.storage.copying import copy_store


def fill(engine: Engine) -> None:
    device = {"model": "m ✓", "owner": "o", "roles": b"[]", "known": 2**40}
    with engine.begin() as connection:
        for number in range(1_200):
            connection.execute(insert(devices).values(did=f"did:{number}", **device))
        connection.execute(insert(device_tags).values(did="did:3", name="hall", value="Ä"))
        connection.execute(
            insert(claims).values(
                id="c",
                code_hash=b"\x00\xff",
                devices=1,
                approval=True,
                created=1,
                expires=2,
                model="m",
                owner="o",
                roles=b"[]",
                tags=b"{}",
            )
        )
        connection.execute(
            insert(status_lists).values(name="l", purpose="revocation", base="b", url="u")
        )
        connection.execute(
            insert(status_indexes).values(list="l", position=9, did="did:3", value=1)
        )


def content(engine: Engine) -> dict[str, list[object]]:
    with reading(engine) as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(select(table))), key=repr)
            for table in KIND.metadata.sorted_tables
        }


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    path = tmp_path / "issuer.sqlite"
    engine = open_store(path)
    fill(engine)
    engine.dispose()
    return path


def test_there_and_back_it_is_the_same(filled: Path, tmp_path: Path, server: Server) -> None:
    url, back = server.empty(), tmp_path / "back.sqlite"
    there = copy_store(filled, url, KIND)
    assert {each.table: each.rows for each in there if each.rows} == {
        "devices": 1_200,
        "device_tags": 1,
        "claims": 1,
        "status_lists": 1,
        "status_indexes": 1,
    }
    assert copy_store(url, back, KIND) == there
    assert back.stat().st_mode & 0o777 == 0o600
    engines = [open_store(each) for each in (filled, url, back)]
    first, second, third = map(content, engines)
    assert first == second == third
    for engine in engines:  # and the next device is numbered after those that came
        with engine.begin() as connection:
            row = {"did": "did:new", "model": "m", "owner": "o", "roles": b"[]", "known": 1}
            assert connection.execute(insert(devices).values(row)).inserted_primary_key == (1_201,)
        engine.dispose()


def test_nothing_is_written_over(filled: Path, tmp_path: Path, server: Server) -> None:
    other = tmp_path / "other.sqlite"
    open_store(other).dispose()
    for target in (server.made(), str(other)):
        with pytest.raises(Conflict, match="store_exists"):
            copy_store(filled, target, KIND)


def test_a_copy_that_differs_is_not_kept(
    filled: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, numbers = server.empty(), count()
    monkeypatch.setattr(copying, "_plain", lambda _: next(numbers))
    with pytest.raises(Unavailable, match="copy_differs"):
        copy_store(filled, url, KIND)
    with pytest.raises(Unavailable, match="store_missing"):
        copy_store(url, filled.with_name("none"), KIND)
    assert not filled.with_name("none").exists()


def test_the_commands(filled: Path, tmp_path: Path, server: Server) -> None:
    url, back = server.empty(), tmp_path / "back.sqlite"
    run = CliRunner().invoke
    done = run(cli, ["store", "copy", str(filled), url])
    assert done.exit_code == 0, done.output
    assert "issuer: devices: 1200 rows, " in done.output
    done = run(cli, ["store", "upgrade", url, "--json"])
    assert '"kind": "issuer"' in done.output, done.output
    assert run(cli, ["store", "copy", url, str(back), "--kind", "issuer"]).exit_code == 0
    assert run(cli, ["store", "copy", url, str(back)]).exit_code == 1
    missing = run(cli, ["store", "upgrade", str(tmp_path / "none")])
    assert missing.exit_code == 3
    assert "store_missing" in missing.output
    several = run(cli, ["store", "copy", server.made(), str(tmp_path / "more")])
    assert several.exit_code == 2
    unknown = run(cli, ["store", "upgrade", url, "--kind", "other"])
    assert "unknown_kind_of_store" in unknown.output


def test_a_store_that_needs_an_upgrade_is_not_copied(tmp_path: Path, server: Server) -> None:
    path = tmp_path / "old.db"
    engine = open_store(path)
    with engine.begin() as connection:
        connection.execute(text("UPDATE keyborn_schema SET version = 2"))
    engine.dispose()
    with pytest.raises(Refused, match="store_needs_upgrade"):
        copy_store(path, server.empty(), KIND)
