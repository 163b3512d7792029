"""The table of standards names tests that exist, and says of each statement how it stands."""

from typing import NamedTuple

import tables

PAGE = tables.DOCS / "reference/standards.md"
LEVELS = {"MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY", "REQUIRED", "RECOMMENDED", "OPTIONAL"}
HEADER = ["section", "level", "statement", "held by"]


class Row(NamedTuple):
    standard: str
    section: str
    level: str
    statement: str
    held_by: str


def rows(text: str) -> list[Row]:
    return [
        Row(standard, *row)
        for standard, header, found in tables.tables(text)
        if header == HEADER
        for row in found
    ]


def faults(row: Row) -> list[str]:
    """What is wrong with a row: nothing, for one that holds."""
    found = []
    if row.level not in LEVELS:
        found.append(f"its level is {row.level!r}")
    if not row.section or not row.statement:
        found.append("it has no section or no statement")
    if row.held_by.startswith(("not met: ", "not ours: ")):
        return found
    if not tables.named(row.held_by) or tables.beside_tests(row.held_by):
        found.append(f"it is held by {row.held_by!r}")
    return found + tables.missing(row.held_by)


def test_each_statement_is_held_by_a_test_that_exists_or_says_why_not() -> None:
    wrong = {row.statement: faults(row) for row in rows(PAGE.read_text())}
    assert {statement: found for statement, found in wrong.items() if found} == {}


def test_every_table_of_the_page_is_one_of_statements() -> None:
    headers = [header for _, header, _ in tables.tables(PAGE.read_text())]
    assert [header for header in headers if header != HEADER] == []


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
