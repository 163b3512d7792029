import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

# Stands in for click, which takes a while to import.
SLOW = """
import sys
print("importing", flush=True)
sys.stdin.readline()
sys.exit(7)
"""


@pytest.mark.parametrize("ignored", [False, True])
def test_an_interruption_while_it_imports_shows_no_stack_trace(
    tmp_path: Path, *, ignored: bool
) -> None:
    (tmp_path / "click.py").write_text(SLOW)
    # A child inherits that a signal is ignored, and no more: these tests may run in the background.
    handler = signal.SIG_IGN if ignored else signal.default_int_handler
    before = signal.signal(signal.SIGINT, handler)
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "keyborn", "--help"],
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "importing\n"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate("\n", timeout=60)
    assert (process.returncode, said) == (7 if ignored else -signal.SIGINT, "")
