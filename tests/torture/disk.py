"""The disk of an issuer is full: who enrols is told to come later, until there is room again.

The issuer's directory is a small file system of its own where this runs as root; elsewhere the
issuer's process may not write past a file's present size, which is told as another error.
"""

import os
import random
import resource
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final, Protocol

import httpx
from torture.checks import check_store
from torture.devices import TIMEOUT, Acknowledged, Enrolling, together
from torture.services import Services

from bench.newborn import Newborn
from keyborn.polling import poll

CLIENTS: Final = 4
BYTES: Final = 32 * 2**20  # of the file system
LEFT: Final = 200 * 2**10  # of them, for a full disk to be reached by what is granted
PUT_OFF: Final = 40  # answers of 503 that show that it is full
AGAIN: Final = 20  # credentials that show that there is room
BACK: Final = 30.0  # seconds within which they must be granted
PREPARED: Final = 4_000  # claims, which could not be made on a full disk


class Room(Protocol):
    """What the issuer writes to."""

    def fill(self, services: Services) -> None: ...

    def free(self, services: Services) -> None: ...


class FileSystem:
    """A small one, which a file fills."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._filler = place / "filler"

    def __str__(self) -> str:
        return "a file system was full"

    def fill(self, _: Services) -> None:
        with self._filler.open("wb") as file:
            while (left := self._free() - LEFT) > 0:
                with suppress(OSError):  # the issuer took some of it meanwhile
                    os.posix_fallocate(file.fileno(), 0, os.fstat(file.fileno()).st_size + left)

    def free(self, _: Services) -> None:
        self._filler.unlink()

    def _free(self) -> int:
        found = os.statvfs(self._place)
        return found.f_bavail * found.f_frsize


class Limit:
    """Of the size of a file, for the issuer's process."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def __str__(self) -> str:
        return "files could not grow"

    def fill(self, services: Services) -> None:
        largest = max(path.stat().st_size for path in self._place.glob("*.sqlite*"))
        self._set(services, largest + LEFT)

    def free(self, services: Services) -> None:
        self._set(services, resource.RLIM_INFINITY)

    def _set(self, services: Services, size: int) -> None:
        most = (size, resource.RLIM_INFINITY)
        resource.prlimit(services.issuer.pid, resource.RLIMIT_FSIZE, most)


@contextmanager
def _room_at(place: Path) -> Iterator[Room]:
    place.mkdir(mode=0o700)
    options = f"size={BYTES},mode=0700"
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", place]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        yield Limit(place)
        return
    try:
        yield FileSystem(place)
    finally:
        subprocess.run(["umount", place], check=True)


def fill_disk(folder: Path, *, seed: int, times: int) -> str:
    """Fill it so many ``times``; what to say when it went well."""
    began = time.monotonic()
    told, answers = Acknowledged(), Counter[int]()
    place = folder / "issuer"
    services = Services(folder)
    drawn = random.Random(f"{seed} disk")
    with _room_at(place) as room:
        with services.open() as operator:
            codes = iter(operator.claims(PREPARED, lambda _: None))
            task = partial(_live, services.issuer.url, codes, told, answers)
            with together([task] * CLIENTS) as over:

                def reached(count: Callable[[], int], least: int) -> bool | None:
                    return count() >= least or over.is_set() or None

                for number in range(times):
                    over.wait(drawn.uniform(0.1, 1.0))
                    room.fill(services)
                    refused = partial(reached, lambda: answers[503], answers[503] + PUT_OFF)
                    assert poll(refused, 60), f"time {number}: a full disk is not noticed"
                    room.free(services)
                    granted = len(told.credentials) + AGAIN
                    fresh = partial(reached, lambda: len(told.credentials), granted)
                    assert poll(fresh, BACK), f"time {number}: there is room, and no credential"
        there = check_store(services.store, told)
    return (
        f"{times} times {room}: {answers[503]} answers of 503 with Retry-After, and none else but"
        f" 200; {len(told.credentials)} devices enrolled, {there} credentials in the store;"
        f" {time.monotonic() - began:.0f} s"
    )


def _live(
    url: str,
    codes: Iterator[str],
    told: Acknowledged,
    answers: Counter[int],
    over: threading.Event,
) -> None:
    with httpx.Client(timeout=TIMEOUT) as http:
        while not over.is_set():
            with told.lock:
                code = next(codes)
            device = Newborn.born()
            answer = _granted(Enrolling(http, device, code, url, lambda: url), answers, over)
            if answer is not None:
                with told.lock:
                    told.credentials[device.did] = (code, answer)
            time.sleep(0.02)


def _granted(enrolling: Enrolling, answers: Counter[int], over: threading.Event) -> bytes | None:
    """The answer with a credential; None if it is over before there is one."""
    while not over.is_set():
        try:
            return enrolling.send(enrolling.wish())
        except httpx.HTTPStatusError as error:
            refusal = error.response
            assert refusal.status_code == 503, refusal.text
            assert "retry-after" in refusal.headers
            answers[refusal.status_code] += 1
            time.sleep(0.02)
    return None
