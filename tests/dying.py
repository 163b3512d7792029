"""Processes that kill themselves at a chosen point, as a power cut would."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

TESTS: Final = Path(__file__).parent
PROJECT: Final = TESTS.parent

_PRELUDE: Final = """
import os, signal, sys
def die():
    os.kill(os.getpid(), signal.SIGKILL)
"""


def start(script: str, *arguments: object) -> subprocess.Popen[bytes]:
    """Start Python code in a process of its own.

    It may call ``die()``, finds its arguments in ``sys.argv``, and imports the tests' modules.
    """
    environment = {**os.environ, "PYTHONPATH": f"{TESTS}{os.pathsep}{PROJECT}"}
    command = [sys.executable, "-c", _PRELUDE + script, *map(str, arguments)]
    return subprocess.Popen(command, env=environment)


def run_until_killed(script: str, *arguments: object) -> None:
    """As ``start``, and wait for its end, which must be by its own hand."""
    assert start(script, *arguments).wait(60) == -signal.SIGKILL
