"""What a verifier remembers: here the status lists; ``test_challenges`` has the challenges."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from actors import ISSUER, NOW

from did.errors import Refused
from did.vc.status_list import StatusList, StatusMessage
from verifier.store import KeptList, Store, open_store

URL = "https://issuer.example/v1/status/1"
SAID = StatusList(URL, ("revocation",), bytes(16), ttl=1_500)
RICH = StatusList(
    url=URL,
    purposes=("message", "refresh"),
    bits=bytes(16),
    size=1,
    messages=(StatusMessage(0, "fine"), StatusMessage(1, "worn é")),
)
KEPT = KeptList(
    list=SAID,
    issuer=ISSUER.short.text,
    key=ISSUER.key.public_key().raw,
    version=NOW + timedelta(microseconds=1),
    ends=NOW + timedelta(days=1),
    fetched=NOW + timedelta(microseconds=123),
    etag='"1"',
)


LATEST = NOW + timedelta(minutes=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path / "verifier")) as store:
        yield store


@pytest.mark.parametrize("kept", [KEPT, replace(KEPT, ends=None, etag=None, list=RICH)])
def test_a_list_is_kept_as_it_is(store: Store, tmp_path: Path, kept: KeptList) -> None:
    assert store.status_list(URL) is None
    assert store.keep_status_list(kept, latest=LATEST)
    assert store.status_list(URL) == kept
    store.close()
    with closing(open_store(tmp_path / "verifier")) as again:
        assert again.status_list(URL) == kept


def test_a_list_never_goes_back(store: Store) -> None:
    step = timedelta(microseconds=1)
    newer = replace(KEPT, version=KEPT.version + step, list=replace(SAID, bits=bytes(15) + b"\x01"))
    again = replace(newer, fetched=NOW + timedelta(hours=1))
    assert store.keep_status_list(KEPT, latest=LATEST)
    assert store.keep_status_list(newer, latest=LATEST)

    assert not store.keep_status_list(KEPT, latest=LATEST)
    assert store.status_list(URL) == newer

    assert store.keep_status_list(again, latest=LATEST)
    assert store.status_list(URL) == again


def test_a_list_of_the_future_gives_way(store: Store) -> None:
    future = replace(KEPT, version=LATEST + timedelta(microseconds=1))
    assert store.keep_status_list(future, latest=future.version)
    assert not store.keep_status_list(KEPT, latest=future.version)
    assert store.keep_status_list(KEPT, latest=LATEST)
    assert store.status_list(URL) == KEPT


def test_what_is_unchanged_is_renewed_and_what_was_replaced_is_not(store: Store) -> None:
    later = replace(KEPT, fetched=KEPT.fetched + timedelta(seconds=9))
    assert not store.renew_status_list(later)
    assert store.keep_status_list(KEPT, latest=LATEST)
    assert store.renew_status_list(later)
    assert store.status_list(URL) == later

    newer = replace(KEPT, version=KEPT.version + timedelta(microseconds=1))
    assert store.keep_status_list(newer, latest=LATEST)
    assert not store.renew_status_list(later)
    assert store.status_list(URL) == newer


def test_it_is_durable_and_private(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "verifier" / "verifier.db"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    store.close()
    path.chmod(0o644)
    with pytest.raises(Refused) as caught:
        open_store(tmp_path / "verifier")
    assert caught.value.code == "store_readable_by_others"
