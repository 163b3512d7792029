"""The table of standards names tests that exist, and says of each statement how it stands."""

import ast
import re
from pathlib import Path
from typing import NamedTuple

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs/reference/standards.md"
LEVELS = {"MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY", "REQUIRED", "RECOMMENDED", "OPTIONAL"}
HEADER = "| section | level | statement | held by |"

_CELL = re.compile(r"(?<!\\)\|")
_TEST = re.compile(r"`([\w./-]+\.py)::(\w+)`")


class Row(NamedTuple):
    standard: str
    section: str
    level: str
    statement: str
    held_by: str


def rows(text: str) -> list[Row]:
    found, standard = [], ""
    for line in text.splitlines():
        if line.startswith("## "):
            standard = line[3:]
        elif line.startswith("| ") and line != HEADER:
            cells = [cell.strip() for cell in _CELL.split(line)[1:-1]]
            found.append(Row(standard, *cells))
    return found


def functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def faults(row: Row) -> list[str]:
    """What is wrong with a row: nothing, for one that holds."""
    found = []
    if row.level not in LEVELS:
        found.append(f"its level is {row.level!r}")
    if not row.section or not row.statement:
        found.append("it has no section or no statement")
    if row.held_by.startswith(("not met: ", "not ours: ")):
        return found
    named = _TEST.findall(row.held_by)
    rest = re.sub(r"[\s,;]", "", _TEST.sub("", row.held_by))
    if not named or rest:
        found.append(f"it is held by {row.held_by!r}")
    for file, test in named:
        path = TESTS / file
        if not test.startswith("test_") or not path.is_file() or test not in functions(path):
            found.append(f"there is no {file}::{test}")
    return found


def test_each_statement_is_held_by_a_test_that_exists_or_says_why_not() -> None:
    wrong = {row.statement: faults(row) for row in rows(PAGE.read_text())}
    assert {statement: found for statement, found in wrong.items() if found} == {}


def test_a_test_that_does_not_exist_is_found() -> None:
    row = Row("X", "1", "MUST", "be so", "`docs/test_standards.py::test_no_such_test`")
    assert faults(row) == ["there is no docs/test_standards.py::test_no_such_test"]
    assert faults(row._replace(held_by="`docs/no_such_file.py::test_x`")) == [
        "there is no docs/no_such_file.py::test_x"
    ]
    assert faults(row._replace(held_by="")) == ["it is held by ''"]
    assert faults(row._replace(held_by="some day", level="OUGHT")) == [
        "its level is 'OUGHT'",
        "it is held by 'some day'",
    ]


def test_no_statement_stands_twice() -> None:
    seen = [(row.standard, row.section, row.statement) for row in rows(PAGE.read_text())]
    assert len(seen) == len(set(seen))
