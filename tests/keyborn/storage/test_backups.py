"""Copies made while others write; and what is void in one that goes on."""

import json
import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from databases import Server
from sqlalchemy import insert, select

from did.challenge import Challenge
from did.errors import Conflict, Invalid, KeybornError, Refused, Unavailable
from did.identifier import KeyDid
from did.keys import SigningKey
from issuer.keys import load_keys
from issuer.status_indexes import find
from issuer.store import KIND, claims, open_store, status_lists
from keyborn.cli import cli
from keyborn.storage import reading
from keyborn.storage.backups import back_up, renew_store
from keyborn.storage.copying import copy_store
from verifier.challenges import ChallengeBook
from verifier.store import KIND as VERIFIER
from verifier.store import open_store as open_verifier

NOW = datetime(2026, 1, 31, tzinfo=UTC)
URL = "https://issuer.example"
CLAIM = {
    "devices": 1,
    "approval": False,
    "created": 1,
    "expires": int(NOW.timestamp()) + 1_000,
    "model": "m",
    "owner": "o",
    "roles": b"[]",
    "tags": b"{}",
}


def refusal(code: str, store: Path) -> None:
    with pytest.raises(KeybornError) as caught:
        open_store(store)
    assert caught.value.code == code


def test_a_directory_is_copied_whole_and_private(tmp_path: Path) -> None:
    source = tmp_path / "issuer"
    (source / "identity" / "keys").mkdir(parents=True)
    (source / "identity" / "keys" / "a.key").write_text("secret")
    for left_out in ("lock", "url", "identity/lock", "x.sqlite-wal", ".admin.token.abcdefgh"):
        (source / left_out).write_text("-")
    engine = open_store(source / "issuer.sqlite")
    saved = back_up(source, tmp_path / "copy")
    assert [each.path for each in saved] == ["identity/keys/a.key", "issuer.sqlite"]
    found = sorted(path.relative_to(tmp_path / "copy") for path in (tmp_path / "copy").rglob("*"))
    assert [str(path) for path in found] == [
        *("identity", "identity/keys", "identity/keys/a.key", "issuer.sqlite")
    ]
    for path in (tmp_path / "copy", *(tmp_path / "copy").rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600)
    engine.dispose()


def test_a_copy_is_of_one_moment_while_others_write(tmp_path: Path) -> None:
    """Two rows are written together, always: a copy that has one of them has the other."""
    path, over = tmp_path / "a.sqlite", threading.Event()
    with closing(sqlite3.connect(path, isolation_level=None)) as made:
        made.execute("PRAGMA journal_mode=WAL")
        made.execute("CREATE TABLE a (n INTEGER, filling BLOB)")

    def write() -> None:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as writer:
            number = 0
            while not over.is_set():
                writer.execute("BEGIN IMMEDIATE")
                for _ in range(2):
                    writer.execute("INSERT INTO a VALUES (?, zeroblob(3000))", (number,))
                writer.execute("COMMIT")
                number += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        counts = []
        for number in range(20):
            back_up(path, tmp_path / f"{number}.sqlite")
            with closing(sqlite3.connect(tmp_path / f"{number}.sqlite")) as copy:
                rows = copy.execute("SELECT n, count(*) FROM a GROUP BY n").fetchall()
                assert {count for _, count in rows} <= {2}
                counts.append(len(rows))
    finally:
        over.set()
        thread.join()
    assert counts == sorted(counts)
    assert counts[-1] > counts[0]


def test_what_is_not_copied(tmp_path: Path) -> None:
    database = tmp_path / "issuer.sqlite"
    open_store(database).dispose()
    text = tmp_path / "text"
    text.write_text("no database")
    with pytest.raises(Invalid, match="no SQLite file"):
        back_up(text, tmp_path / "copy")
    with pytest.raises(Unavailable, match="no store"):
        back_up(tmp_path / "gone", tmp_path / "copy")
    for source in (database, tmp_path):
        with pytest.raises(Conflict, match="not written over"):
            back_up(source, text)
    (tmp_path / "link").symlink_to(text)
    with pytest.raises(Refused) as caught:
        back_up(tmp_path, tmp_path.parent / f"{tmp_path.name}-copy")
    assert caught.value.code == "store_not_a_file"
    assert text.read_text() == "no database"


def test_a_damaged_database_is_no_back_up(tmp_path: Path) -> None:
    path = tmp_path / "in" / "a.sqlite"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as made:
        made.execute("CREATE TABLE a (n)")
        made.executemany("INSERT INTO a VALUES (?)", [("x" * 500,)] * 200)
        made.commit()
    data = bytearray(path.read_bytes())
    data[4_096:12_288] = b"\xff" * 8_192
    path.write_bytes(data)
    for source in (path, path.parent):
        with pytest.raises(Unavailable) as caught:
            back_up(source, tmp_path / "copy")
        assert caught.value.code == "store_corrupt"
    assert [each.name for each in tmp_path.iterdir()] == ["in"]


def test_an_issuer_goes_on_only_after_it_was_renewed(tmp_path: Path, server: Server) -> None:
    engine = open_store(tmp_path / "issuer.sqlite")
    keys = load_keys(engine)
    with engine.begin() as connection:
        find(connection, "revocation", 1, url=URL)
        connection.execute(insert(claims).values(id="open", code_hash=b"1", **CLAIM))
        connection.execute(insert(claims).values(id="done", code_hash=b"2", completed=9, **CLAIM))
    copy = tmp_path / "copy.sqlite"
    back_up(tmp_path / "issuer.sqlite", copy)
    refusal("store_is_a_backup", copy)
    with pytest.raises(Refused, match="is a back-up"):
        copy_store(copy, server.empty(), KIND)
    open_store(tmp_path / "issuer.sqlite").dispose()  # where it was made from, nothing changed

    done = renew_store(copy, KIND, at=NOW)
    assert done == {"claims withdrawn": 1, "status lists closed": 1, "newest grant": "none"}
    renewed = open_store(copy)
    fresh = load_keys(renewed)
    assert fresh.nonce != keys.nonce
    assert fresh.token != keys.token
    assert (fresh.offer, fresh.encryption) == (keys.offer, keys.encryption)
    with reading(renewed) as connection:
        rows = connection.execute(select(claims.c.id, claims.c.cancelled)).all()
    assert {row.id: row.cancelled for row in rows} == {"open": NOW.timestamp(), "done": None}


def test_lists_begun_since_the_back_up_are_not_begun_again(tmp_path: Path) -> None:
    """The second list of the one that went on is not the second list of the one restored."""
    engine = open_store(tmp_path / "issuer.sqlite")
    with engine.begin() as connection:
        find(connection, "revocation", 1, url=URL)
    names = []
    for number in range(2):
        copy = tmp_path / f"{number}.sqlite"
        back_up(tmp_path / "issuer.sqlite", copy)
        renew_store(copy, KIND, at=NOW + timedelta(seconds=number))
        restored = open_store(copy)
        with restored.begin() as connection:
            (entry,) = find(connection, "revocation", 1, url=URL)
            names.append(entry.list)
        restored.dispose()
    with engine.begin() as connection:
        connection.execute(status_lists.update().values(allocated=10**6))
        (later,) = find(connection, "revocation", 1, url=URL)
    assert len({*names, later.list, "revocation-1"}) == 4
    engine.dispose()


def test_a_verifier_forgets_its_challenges(tmp_path: Path) -> None:
    store = open_verifier(tmp_path / "v")
    book = ChallengeBook(store=store, audience=URL)
    challenge, holder = book.issue(at=NOW), KeyDid(SigningKey.generate().public_key())
    book.redeem(challenge, at=NOW)
    again = Challenge(book.issue(at=NOW).nonce, URL, challenge.expires)
    back_up(tmp_path / "v", tmp_path / "w")
    store.close()
    done = renew_store(tmp_path / "w" / "verifier.db", VERIFIER, at=NOW)
    assert done == {"challenges": "void"}
    restored = open_verifier(tmp_path / "w")
    for each in (challenge, again):
        with pytest.raises(Invalid) as caught:
            ChallengeBook(store=restored, audience=URL).recall(
                each.nonce, audience=URL, holder=holder, at=NOW
            )
        assert caught.value.code == "unknown_challenge"
    restored.close()


def test_a_process_at_work_takes_nothing_that_was_made_void(tmp_path: Path) -> None:
    """It has the key that there was; by that, what was used would count once more."""
    with closing(open_verifier(tmp_path / "v")) as store:
        book = ChallengeBook(store=store, audience=URL)
        used, open_ = book.issue(at=NOW), book.issue(at=NOW)
        book.redeem(used, at=NOW)
        renew_store(tmp_path / "v" / "verifier.db", VERIFIER, at=NOW, unmarked=True)
        for each in (used, open_):
            with pytest.raises(Refused, match="challenge_expired"):
                book.redeem(each, at=NOW)
        book.redeem(book.issue(at=NOW), at=NOW)


def test_what_is_no_back_up_is_left_as_it_is(tmp_path: Path) -> None:
    with closing(open_verifier(tmp_path / "v")) as store:
        book = ChallengeBook(store=store, audience=URL)
        challenge = book.issue(at=NOW)
        with pytest.raises(Conflict, match="store_not_a_backup"):
            renew_store(tmp_path / "v" / "verifier.db", VERIFIER, at=NOW)
        book.redeem(challenge, at=NOW)


def test_the_commands(tmp_path: Path) -> None:
    open_store(tmp_path / "issuer.sqlite").dispose()

    def run(*words: str | Path) -> str:
        result = CliRunner().invoke(cli, ["store", *map(str, words)])
        assert result.exit_code == 0, result.output
        return result.stdout

    said = json.loads(run("backup", tmp_path / "issuer.sqlite", tmp_path / "b", "--json"))
    (file,) = said["files"]
    assert (file["path"], file["bytes"]) == ("b", (tmp_path / "b").stat().st_size)
    text = run("restored", tmp_path / "b")
    assert text == "issuer: claims withdrawn: 0, status lists closed: 0, newest grant: none\n"
    open_store(tmp_path / "b").dispose()


@pytest.mark.parametrize("words", [("restored",), ("upgrade",), ("copy", "copied.db")])
def test_what_is_no_store_is_named_and_left_alone(tmp_path: Path, words: tuple[str, ...]) -> None:
    command, *more = words
    made = tmp_path / "made"
    made.mkdir(0o700)
    open_store(made / "issuer.sqlite").dispose()
    texts = {"empty": b"", "passwd": b"root:x:0:0"}
    for name, text in texts.items():
        (tmp_path / name).write_bytes(text)
    for name, said in (("empty", "no SQLite"), ("passwd", "no SQLite"), ("made", "issuer.sqlite")):
        target = [str(tmp_path / each) for each in more]
        result = CliRunner().invoke(cli, ["store", command, str(tmp_path / name), *target])
        assert result.exit_code == 1
        assert "not_a_database" in result.stderr
        assert said in result.stderr
        assert "chmod" not in result.stderr
    assert {name: (tmp_path / name).read_bytes() for name in texts} == texts


def test_a_server_is_backed_up_by_other_means(tmp_path: Path) -> None:
    words = ["store", "backup", "postgresql://u:hush@h/d", str(tmp_path / "b")]
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 1
    assert "pg_dump" in result.stderr
    assert "hush" not in result.stderr
