"""A disk on which each sync takes longer: its calls are wrapped by a library that waits first."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from did.errors import Unavailable

MILLISECONDS: Final = 4

_SOURCE: Final = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

static int later(const char *name, int file) {
  struct timespec wait = {0, MILLISECONDS * 1000000L};
  while (nanosleep(&wait, &wait)) {}
  int (*real)(int) = dlsym(RTLD_NEXT, name);
  return real(file);
}
int fsync(int file) { return later("fsync", file); }
int fdatasync(int file) { return later("fdatasync", file); }
"""
_PROBE: Final = """
import os, sys, time
with open(sys.argv[1], "wb") as file:
    start = time.perf_counter()
    os.fsync(file.fileno())
    os.fdatasync(file.fileno())
    print(time.perf_counter() - start)
"""


def slow_disk(folder: Path) -> Mapping[str, str]:
    """The environment in which a process's ``fsync`` and ``fdatasync`` take 4 ms longer.

    Args:
        folder: For the library, which is compiled here, and a file to try it on.

    Raises:
        Unavailable: ``bench_no_compiler``; ``bench_disk_not_slow``: the library has no effect.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise Unavailable(
            "bench_no_compiler",
            "the slow disk is a library that is compiled first, and there is no C compiler",
            hint="install gcc",
        )
    source, library = folder / "slow_disk.c", folder / "slow_disk.so"
    source.write_text(_SOURCE)
    options = ("-shared", "-fPIC", "-O2", f"-DMILLISECONDS={MILLISECONDS}", "-o", str(library))
    subprocess.run([compiler, *options, str(source), "-ldl"], check=True)
    slowed = {"LD_PRELOAD": str(library)}
    probe = subprocess.run(
        [sys.executable, "-c", _PROBE, str(folder / "probe")],
        check=True,
        capture_output=True,
        env={**os.environ, **slowed},
    )
    if float(probe.stdout) < 2 * MILLISECONDS / 1_000:
        raise Unavailable("bench_disk_not_slow", "two syncs took less than they were to wait")
    return slowed
