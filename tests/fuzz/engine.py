"""One target under atheris (libFuzzer), in a process that ``fuzz.run`` forks for it.

Beside what a target itself forbids, a finding is an input that takes more
than ``CPU`` seconds of the processor, or makes the process grow by more than ``MEMORY`` bytes.
"""

import hashlib
import os
import random
import resource
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Final

import atheris

CPU: Final = 4.0  # instrumented, and with the laws' own work; without both, a tenth
MEMORY: Final = 1_073_741_824
SWOLLEN: Final = 200  # large inputs, before the small ones

INSTRUMENTED: Final = (
    *("did", "keyborn", "ledger", "issuer", "verifier", "devices"),
    *("rlp", "trie", "joserfc", "rfc8785", "tomllib", "base58"),
)

with redirect_stdout(StringIO()), redirect_stderr(StringIO()):  # to which it names its work
    # What text begins and ends with guides it too. The hook for regular expressions fails on bytes.
    atheris.enabled_hooks.add("str")

with (
    redirect_stdout(StringIO()),
    redirect_stderr(StringIO()),
    atheris.instrument_imports(include=list(INSTRUMENTED), enable_loader_override=False),
):
    from fuzz.swelling import swollen
    from fuzz.target import Broken, taken
    from fuzz.targets import TARGETS


def fuzz(name: str, options: list[str], *, seed: int, findings: Path, log: Path) -> None:
    """Run the target until a finding, or until libFuzzer's options end it; the process ends too."""
    with log.open("wb") as file:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(file.fileno(), stream.fileno())
    target = TARGETS[name]

    def one(data: bytes) -> None:
        started = time.process_time()
        try:
            taken(target, data)
            spent = time.process_time() - started
            if spent > CPU:
                raise Broken(f"{len(data)} bytes take {spent:.1f} s of the processor")  # noqa: TRY301 - kept as any other
        except BaseException:
            kept = hashlib.sha256(data).hexdigest()[:16]
            (findings / kept).write_bytes(data)  # libFuzzer keeps what crashes the process alone
            raise

    for data in swollen(target, random.Random(seed), SWOLLEN):
        one(data)
    atheris.Setup([name, *options, f"-max_len={target.max_bytes}"], one)
    _bound_memory()
    atheris.Fuzz()


def _bound_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    most = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
