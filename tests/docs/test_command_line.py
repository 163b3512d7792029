"""The reference of the command line is the one that the commands give."""

import subprocess
import sys
from pathlib import Path

from command_reference import PAGE

RENDER = "import sys; from command_reference import render; sys.stdout.write(render())"


def test_it_is_up_to_date() -> None:
    # In a process of its own: click remembers the help options of a command that has been run.
    said = subprocess.run(
        [sys.executable, "-c", RENDER],
        cwd=Path(__file__).parents[1],
        check=True,
        capture_output=True,
        text=True,
    )
    assert PAGE.read_text() == said.stdout, "run make reference"
