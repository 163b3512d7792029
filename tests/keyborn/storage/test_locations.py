from pathlib import Path

import pytest

from did.errors import Invalid
from keyborn.storage.locations import is_file, locate, path_of, shown


def test_paths_and_their_urls_are_the_same_place(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    for location in (path, str(path), f"sqlite:///{path}"):
        url = locate(location)
        assert is_file(url)
        assert path_of(url) == path
        assert shown(url) == str(path)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_a_password_is_not_shown(scheme: str) -> None:
    url = locate(f"{scheme}://user:hush@host:5433/db?sslmode=verify-full")
    assert not is_file(url)
    assert shown(url) == "postgresql://user:***@host:5433/db?sslmode=verify-full"


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("mysql://user:hush@host/db", "database_unsupported"),
        ("://hush", "invalid_database_url"),
        ("host=127.0.0.1 user=kb password=hush", "invalid_database_url"),
        (" password = hush", "invalid_database_url"),
        ("sqlite://", "invalid_database_url"),
        ("sqlite:///:memory:", "invalid_database_url"),
        ("sqlite://host/a.db", "invalid_database_url"),
        ("sqlite:///a.db?mode=ro", "invalid_database_url"),
        ("postgresql://user:hush@host", "invalid_database_url"),
        ("postgresql://user:hush@host:port/db", "invalid_database_url"),
        ("postgresql://host/db?password=hush", "invalid_database_url"),
        ("postgresql://host/db?options=-csynchronous_commit=off", "invalid_database_url"),
    ],
)
def test_other_locations_are_refused_and_tell_nothing(location: str, code: str) -> None:
    with pytest.raises(Invalid, match=code) as caught:
        locate(location)
    assert "hush" not in f"{caught.value} {caught.value.value} {caught.value.hint}"
