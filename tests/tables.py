"""Tables of the documentation, and the tests that their rows name."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

TESTS: Final = Path(__file__).parent
DOCS: Final = TESTS.parent / "docs"

_CELL: Final = re.compile(r"(?<!\\)\|")
_TEST: Final = re.compile(r"`([\w./-]+\.py)::(\w+)`")


def tables(text: str) -> Iterator[tuple[str, list[str], list[list[str]]]]:
    """Each table of a page: the heading that it stands under, its header, and its rows."""
    heading, block = "", list[list[str]]()
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            block.append([cell.strip() for cell in _CELL.split(line)[1:-1]])
        elif block:
            header, _, *rows = block
            yield heading, header, rows
            block = []
        if line.startswith("## "):
            heading = line[3:]


def named(cell: str) -> list[tuple[str, str]]:
    """The tests that ``cell`` names as ```file::test```, the file below ``tests/``."""
    return _TEST.findall(cell)


def beside_tests(cell: str) -> str:
    """What ``cell`` says beside the tests that it names, without commas and white space."""
    return re.sub(r"[\s,;]", "", _TEST.sub("", cell))


@cache
def functions(path: Path) -> frozenset[str]:
    """The functions that are defined in a file of tests."""
    tree = ast.parse(path.read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def missing(cell: str) -> list[str]:
    """A complaint about each test that ``cell`` names and that does not exist."""
    return [
        f"there is no {file}::{test}"
        for file, test in named(cell)
        if not test.startswith("test_")
        or not (TESTS / file).is_file()
        or test not in functions(TESTS / file)
    ]
