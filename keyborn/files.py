"""Files that must be whole or absent, and private where they hold secrets.

A write goes to a temporary file beside the target, is synced, renamed over it, and the directory
is synced: after a crash there is the old content or the new, never a part. Other failures of the
file system are left as ``OSError``.

Threat model: whoever can write to the directory can replace a file by another, but not read it.
"""

import errno
import fcntl
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from did.errors import Conflict, Invalid, Refused, Unavailable
from keyborn.faults import FaultPoint

_OTHERS: Final = 0o077

# What ``staged`` makes, and SQLite beside it: of which file it was to be.
_LEFT_BEHIND: Final = re.compile(r"\.(.+)\.[a-z0-9_]{8}(?:-wal|-shm|-journal)?", re.DOTALL)

_WRITTEN: Final = FaultPoint("keyborn.file.before_rename")
_IN_PLACE: Final = FaultPoint("keyborn.file.after_rename")


def write_private(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path``, mode 0600, in place of the file that is there.

    Raises:
        Refused: ``store_not_a_file``.
    """
    _replace(path, data, 0o600)


def write_public(path: Path, data: bytes) -> None:
    """As ``write_private``, mode 0644."""
    _replace(path, data, 0o644)


def write_replaceable(path: Path, data: bytes) -> None:
    """As ``write_public``, but not synced, for what can be had again.

    Whoever reads sees the old content or the new; after a power cut it may be neither.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o644)
            file.write(data)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def create_private(path: Path, data: bytes) -> None:
    """As ``write_private``, for a file that must not exist; of two writers at once, one wins.

    Raises:
        Conflict: ``store_exists``.
    """
    with staged(path) as temporary:
        _write(temporary, data, 0o600)
        try:
            path.hardlink_to(temporary)
        except FileExistsError as error:
            raise Conflict(
                "store_exists", "there is a file already", value=str(path), hint="name another file"
            ) from error


def read_private(path: Path, limit: int) -> bytes:
    """The content, of at most ``limit`` bytes, of a file that its owner alone can read.

    A symbolic link is refused, as it is by a write: the state would be in two places.

    Raises:
        Unavailable: ``store_missing``.
        Refused: ``store_readable_by_others`` or ``store_not_a_file``.
        Invalid: ``store_too_large``.
    """
    try:
        file = open(path, "rb", opener=_open_in_place)  # noqa: SIM115 - Path has no opener
    except FileNotFoundError as error:
        raise Unavailable(
            "store_missing",
            "there is no such file",
            value=str(path),
            hint="check the name; or make the file first",
        ) from error
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EISDIR):
            raise _not_a_file(path) from error
        raise
    with file:
        status = os.fstat(file.fileno())
        _refuse_other_than_file(path, status)
        refuse_shared(path, status)
        data = file.read(limit + 1)
    if len(data) > limit:
        raise Invalid(
            "store_too_large",
            f"the file is larger than {limit} bytes",
            value=str(path),
            hint="check that this is the file that is meant",
        )
    return data


def _open_in_place(path: str, flags: int) -> int:
    """Follow no link, and do not wait for the other end of a FIFO."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def refuse_special(path: Path) -> None:
    """Refuse to replace or remove what is no file: a link, a directory, ``/dev/null``.

    Whoever may write to the directory could do it all the same, and would not want to: a link's
    target stays as it was, and of a device all other processes are deprived.

    Raises:
        Refused: ``store_not_a_file``.
    """
    with suppress(FileNotFoundError):
        _refuse_other_than_file(path, path.lstat())


def _refuse_other_than_file(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise _not_a_file(path)


def _not_a_file(path: Path) -> Refused:
    return Refused(
        "store_not_a_file",
        "a file is expected, not a link, directory or device",
        value=str(path),
        hint="name the file itself",
    )


def private_directory(path: Path) -> Path:
    """``path`` as a directory of mode 0700, made with its parents if it is missing.

    Raises:
        Refused: ``store_readable_by_others``, or ``store_not_a_directory``.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError as error:
        raise Refused(
            "store_not_a_directory",
            "a file stands where a directory belongs",
            value=str(path),
            hint="name another directory",
        ) from error
    refuse_shared(path, path.stat())
    return path


def refuse_shared(path: Path, status: os.stat_result) -> None:
    """Refuse what group or others can use in any way.

    Raises:
        Refused: ``store_readable_by_others``.
    """
    if status.st_mode & _OTHERS:
        kind, mode = ("directory", "700") if stat.S_ISDIR(status.st_mode) else ("file", "600")
        # It may be a directory that was never meant, such as /etc.
        right = (
            f"chmod {mode} {path}" if kind == "file" else f"name another, or chmod {mode} {path}"
        )
        raise Refused(
            "store_readable_by_others",
            f"the {kind} is for its owner alone, and others can use it "
            f"(mode {stat.S_IMODE(status.st_mode):04o})",
            value=str(path),
            hint=f"{right}; replace the secrets if somebody may have read them",
        )


@contextmanager
def locked(path: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold ``path``, against other processes and other threads; a crash lets it go.

    Args:
        path: A directory, or a lock file in one, which is made if it is missing.
        shared: Whether others may hold it too who ask for it so.

    Raises:
        Conflict: ``store_in_use``.
    """
    flags = os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
    descriptor = os.open(path, flags | os.O_CLOEXEC, 0o600)
    try:
        _lock(descriptor, path, shared=shared)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def shared(path: Path) -> Iterator[None]:
    """Hold the lock file ``path`` along with others that share it; a crash lets it go.

    Waits for who has it ``locked``, which is to be for a moment. The file is made if it is missing.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path, *, shared: bool) -> None:
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise Conflict(
            "store_in_use",
            "another command or service is at work here",
            value=str(path if path.is_dir() else path.parent),
            hint="wait until it has ended, then try again",
        ) from error


def sweep(directory: Path, name: str | None = None) -> None:
    """Remove what writes that were killed left in ``directory``, since it may hold secrets.

    Args:
        directory: Nobody may be writing to it meanwhile. It may be missing.
        name: Only what was to be the file of this name, where the directory is not one's own.
    """
    for path in directory.iterdir() if directory.is_dir() else ():
        left = _LEFT_BEHIND.fullmatch(path.name)
        if left is not None and name in (None, left[1]):
            path.unlink(missing_ok=True)


@contextmanager
def staged(path: Path) -> Iterator[Path]:
    """An empty file beside ``path``, mode 0600, to be filled, synced, and renamed or linked to it.

    It is gone afterwards, and what became of ``path`` is on the disk.
    """
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        # What people know of is the file that they named, not the one that was to be beside it.
        error.filename = str(path if error.errno == errno.ENAMETOOLONG else path.parent)
        raise
    os.close(descriptor)
    temporary = Path(name)
    try:
        yield temporary
        _IN_PLACE.reached()
    finally:
        temporary.unlink(missing_ok=True)
    sync(path.parent)


def sync(path: Path) -> None:
    """Have what was written to a file, or the names in a directory, be on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _replace(path: Path, data: bytes, mode: int) -> None:
    refuse_special(path)
    with staged(path) as temporary:
        _write(temporary, data, mode)
        temporary.replace(path)


def _write(path: Path, data: bytes, mode: int) -> None:
    with path.open("wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    _WRITTEN.reached()
