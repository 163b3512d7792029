"""Doing what a page says, as its reader does it.

Blocks are taken in order. ``sh service`` runs in a shell of its own and is up when it has said what
the block below it shows. ``sh`` runs in the one shell for commands and prints what the block below
it shows; ``sh refused`` is one command that ends with exit code 1. ``sh every-shell`` begins each
shell. A block with the name of a file is saved under it. The ports on the page are replaced by free
ones; nothing else is. HOME is a temporary folder.
"""

import os
import re
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from pages import Fence, fence, fences, pattern
from ports import free_port
from shells import CommandShell, ServiceShell

_TOOLS = ("bash", "curl", "jq")
_PORT = re.compile(r"(?<=127\.0\.0\.1[: ])\d+|(?<=--port )\d+")
_REFUSED = 1


def follow(page: str, *, folder: str, home: Path) -> None:
    """Do what ``page`` says, with ``home`` for HOME, where it makes ``folder``."""
    for tool in _TOOLS:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    page = with_free_ports(page)
    beginning = fence(page, "every-shell")
    notes = home / "notes"
    notes.mkdir()
    env = {
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    with ExitStack() as stack:
        commands = stack.enter_context(CommandShell(env, notes))
        commands.run(beginning)
        for block, shown in steps(page):
            if block.label == "every-shell":
                continue
            if block.label == "service":
                script = f"{beginning}\n{block.text}"
                stack.enter_context(ServiceShell(script, env)).wait_for(shown)
            elif block.language == "sh":
                code = _REFUSED if block.label == "refused" else 0
                printed = commands.run(block.text, code)
                assert pattern(shown).fullmatch(printed), (
                    f"line {block.line} of the page shows\n{shown}\nbut there was\n{printed}"
                )
            else:
                (home / folder / block.label).write_text(block.text)


def steps(page: str) -> list[tuple[Fence, str]]:
    """The blocks in order, each with what the page shows as its output."""
    blocks = fences(page)
    after = [*blocks[1:], Fence("", "", "", 0)]
    return [
        (block, following.text if following.language == "text" else "")
        for block, following in zip(blocks, after, strict=True)
        if block.language != "text"
    ]


def with_free_ports(page: str) -> str:
    """``page`` with another port in place of each that it names."""
    named = sorted(set(_PORT.findall(page)))
    free = {port: str(free_port()) for port in named}
    return _PORT.sub(lambda found: free[found[0]], page)
