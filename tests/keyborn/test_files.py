import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from did.errors import Conflict, Invalid, KeybornError, Refused, Unavailable
from keyborn.files import (
    create_private,
    private_directory,
    read_private,
    staged,
    sweep,
    write_private,
    write_public,
    write_replaceable,
)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_private_files_are_private_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "key"
    before = os.umask(0)
    try:
        write_private(path, b"one")
        write_private(path, b"two")
        write_public(tmp_path / "url", b"three")
        write_replaceable(tmp_path / "copy", b"four")
    finally:
        os.umask(before)
    assert mode(path) == 0o600
    assert mode(tmp_path / "url") == mode(tmp_path / "copy") == 0o644
    assert read_private(path, 3) == b"two"
    assert sorted(tmp_path.iterdir()) == [tmp_path / "copy", path, tmp_path / "url"]


def test_a_write_that_fails_leaves_the_old_content_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.mkdir()
    with pytest.raises(IsADirectoryError), staged(path) as temporary:
        temporary.replace(path)
    with pytest.raises(IsADirectoryError):
        write_replaceable(path, b"new")
    assert list(tmp_path.iterdir()) == [path]


def test_of_many_creators_one_wins(tmp_path: Path) -> None:
    path = tmp_path / "key"
    outcomes: list[str] = []
    ready = threading.Barrier(8)

    def create(content: bytes) -> None:
        ready.wait()
        try:
            create_private(path, content)
            outcomes.append("won")
        except Conflict as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=create, args=(bytes([65 + i]),)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["store_exists"] * 7 + ["won"]
    assert len(read_private(path, 8)) == 1
    assert mode(path) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def _link_to_nothing(path: Path) -> None:
    path.symlink_to("nothing")


def _device(path: Path) -> None:
    """As /dev/null: who runs as root may replace that, and everybody else is without it."""
    os.mkfifo(path)


@pytest.mark.parametrize("write", [write_private, write_public])
@pytest.mark.parametrize("make", ["_linked", "_link_to_nothing", "_device", "mkdir"])
def test_a_write_replaces_nothing_but_a_file(
    tmp_path: Path, write: Callable[[Path, bytes], None], make: str
) -> None:
    path = tmp_path / "key"
    globals().get(make, Path.mkdir)(path)
    before = path.lstat()
    with pytest.raises(Refused, match="store_not_a_file"):
        write(path, b"new")
    assert path.lstat().st_ino == before.st_ino
    write(tmp_path / "other", b"new")
    write(tmp_path / "other", b"newer")  # the positive twin
    assert (tmp_path / "other").read_bytes() == b"newer"


def test_a_write_that_finds_no_room_names_what_people_know_of(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        write_public(tmp_path / "missing" / "key", b"new")
    assert caught.value.filename == str(tmp_path / "missing")
    with pytest.raises(OSError, match="name too long") as too_long:
        write_public(tmp_path / ("x" * 300), b"new")
    assert too_long.value.filename == str(tmp_path / ("x" * 300))


def _shared(path: Path) -> None:
    path.write_bytes(b"secret")
    path.chmod(0o640)


def _linked(path: Path) -> None:
    target = path.with_name("target")
    write_private(target, b"secret")
    path.symlink_to(target)


def _large(path: Path) -> None:
    write_private(path, b"seven b")


@pytest.mark.parametrize(
    ("make", "branch", "code"),
    [
        (lambda _: None, Unavailable, "store_missing"),
        (_shared, Refused, "store_readable_by_others"),
        (_linked, Refused, "store_not_a_file"),
        (lambda path: os.mkfifo(path, 0o600), Refused, "store_not_a_file"),
        (lambda path: path.mkdir(mode=0o700), Refused, "store_not_a_file"),
        (_large, Invalid, "store_too_large"),
    ],
)
def test_what_is_not_a_private_file_is_not_read(
    tmp_path: Path, make: "object", branch: type[KeybornError], code: str
) -> None:
    path = tmp_path / "key"
    assert callable(make)
    make(path)
    with pytest.raises(branch) as caught:
        read_private(path, 6)
    assert caught.value.code == code
    if path.is_dir():
        return
    path.unlink(missing_ok=True)  # the positive twin
    write_private(path, b"secret")
    assert read_private(path, 6) == b"secret"


def test_the_hint_repairs(tmp_path: Path) -> None:
    path = tmp_path / "key"
    _shared(path)
    with pytest.raises(Refused, match="mode 0640") as caught:
        read_private(path, 6)
    assert caught.value.hint is not None
    assert caught.value.hint.startswith(f"chmod 600 {path}")
    path.chmod(0o600)
    assert read_private(path, 6) == b"secret"


def test_other_failures_are_the_systems(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        read_private(tmp_path / "file" / "key", 6)


def test_private_directory(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b"
    assert private_directory(path) == path
    assert mode(path) == 0o700
    assert private_directory(path) == path
    path.chmod(0o750)
    with pytest.raises(Refused, match="store_readable_by_others") as caught:
        private_directory(path)
    assert caught.value.hint is not None
    assert "chmod 700" in caught.value.hint


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(Refused, match="store_not_a_directory"):
        private_directory(tmp_path / "a")


def test_what_killed_writes_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    """As ``staged`` names it, which a test of it would notice if it were to change."""
    with staged(tmp_path / "next.key") as temporary:
        temporary.write_bytes(b"secret")
        of_next = [tmp_path / ".next.key.abcdefgh", temporary]
        (tmp_path / ".next.key.abcdefgh").write_bytes(b"secret")
        sweep(tmp_path / "missing")
        sweep(tmp_path, "key")
        assert all(path.exists() for path in of_next)
        sweep(tmp_path, "next.key")
        assert not any(path.exists() for path in of_next)
    kept = {"next.key", ".profile", ".a.b", "plain.abcdefgh", ".a.Abcdefgh", ".a.abcdefgh-mine"}
    left = {".a.abcdefgh", ".b.sqlite.a2345678", ".b.sqlite.a2345678-wal", ".b.sqlite.a2345678-shm"}
    for name in kept | left:
        (tmp_path / name).touch()
    sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == kept


def test_an_interruption_right_after_a_write_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It became "no such file", for which a mirror makes the folder and goes on."""
    replace = Path.replace

    def interrupted(self: Path, target: Path) -> None:
        replace(self, target)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_replaceable(tmp_path / "entry", b"content")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"content"]
