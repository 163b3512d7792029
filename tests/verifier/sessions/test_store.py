"""Where sessions are kept, on each database."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from actors import DEVICE, NOW, STRANGER, Actor

from did.vc.formats import Format
from keyborn.storage import KEPT_AFTER_EXPIRY
from verifier.rechecks import Shown
from verifier.sessions.session import Session, digest_of, new_token
from verifier.sessions.store import MOST, SessionStore, open_sessions

SECOND = timedelta(seconds=1)
CREDENTIALS = ((b'{"a":1}', Format.LDP_VC), (b"\x00\xff", Format.VC_COSE))


@pytest.fixture
def store(location: str, tmp_path: Path) -> Iterator[SessionStore]:
    with open_sessions(tmp_path, location) as opened:
        yield opened


def session(actor: Actor = DEVICE, *, lasts: timedelta = 600 * SECOND) -> Session:
    shown = Shown(actor.short, actor.key.public_key(), CREDENTIALS)
    return Session(digest_of(new_token()), "https://gate.example", shown, NOW + lasts)


def test_what_was_opened_is_there_for_another_process(
    store: SessionStore, location: str, tmp_path: Path
) -> None:
    first, second = session(), session(STRANGER)
    for each in (first, second):
        store.add(each, at=NOW)
    with open_sessions(tmp_path, location) as other:
        asked = {first.digest, second.digest, b"x" * 32}
        assert other.find_all(asked) == {first.digest: first, second.digest: second}
        assert other.remove(first.digest)
        assert not other.remove(first.digest)
    assert store.find_all([first.digest, second.digest]) == {second.digest: second}
    assert store.find_all([]) == {}


def test_a_device_has_its_newest_sessions(store: SessionStore) -> None:
    other = session(STRANGER)
    store.add(other, at=NOW)
    made = [session() for _ in range(MOST + 3)]
    for number, each in enumerate(made):
        store.add(each, at=NOW + timedelta(microseconds=number))
    found = store.find_all([each.digest for each in (*made, other)])
    assert set(found) == {each.digest for each in (*made[3:], other)}


def test_many_are_opened_at_once(store: SessionStore, location: str, tmp_path: Path) -> None:
    made = [session() for _ in range(MOST)]
    with open_sessions(tmp_path, location) as second, ThreadPoolExecutor(8) as pool:
        stores = (store, second)
        list(pool.map(lambda n: stores[n % 2].add(made[n], at=NOW), range(MOST)))
    assert len(store.find_all([each.digest for each in made])) == MOST


def test_what_ended_is_forgotten_after_an_hour(store: SessionStore) -> None:
    old = session()
    store.add(old, at=NOW)
    due = old.expires + KEPT_AFTER_EXPIRY
    store.add(session(STRANGER), at=due)
    assert store.find_all([old.digest])
    store.add(session(STRANGER), at=due + SECOND)
    assert not store.find_all([old.digest])


def test_the_file_is_private_and_holds_no_token(tmp_path: Path) -> None:
    token = new_token()
    shown = Shown(DEVICE.short, DEVICE.key.public_key(), CREDENTIALS)
    with open_sessions(tmp_path / "gate") as store:
        store.add(Session(digest_of(token), "a", shown, NOW + SECOND), at=NOW)
        for path in (tmp_path / "gate").iterdir():
            assert path.stat().st_mode & 0o777 == 0o600
            assert token.encode() not in path.read_bytes()
    assert (tmp_path / "gate" / "sessions.db").exists()
