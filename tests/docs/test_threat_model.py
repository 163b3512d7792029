"""What the threat model promises, and what went wrong elsewhere, is held by tests that exist."""

import re

import pytest
import tables

PROMISES = tables.DOCS / "threat-model.md"
VULNERABILITIES = tables.DOCS / "reference/published-vulnerabilities.md"
HEADERS = {
    "Stores": [
        "store",
        "whoever can **read** it",
        "whoever can **modify** it can",
        "and cannot",
        "shown by",
    ],
    "Keys": ["key", "whoever holds it can", "and cannot", "shown by"],
    "Parties": ["party", "can", "cannot", "shown by"],
}
NUMBERED = ["number", "product", "what went wrong", "held by"]
REPORTED = ["report", *NUMBERED[1:]]

_NUMBER = re.compile(
    r"\[(CVE-\d{4}-\d{4,})\]\(https://www\.cve\.org/CVERecord\?id=\1\)"
    r"|\[(GHSA(?:-[0-9a-z]{4}){3})\]\(https://github\.com/advisories/\2\)"
)
_REPORT = re.compile(r"\[[\w.-]+#(\d+)\]\(https://github\.com/[\w.-]+/[\w.-]+/(?:issues|pull)/\1\)")


def faults(row: list[str], *excuses: str) -> list[str]:
    """What is wrong with a row whose last cell names tests, or begins with one of ``excuses``."""
    *said, held_by = row
    found = [] if said[0] and any(said[1:]) else ["it says nothing"]
    if held_by.startswith(tuple(f"{excuse}: " for excuse in excuses)):
        return found + tables.missing(held_by)
    if not tables.named(held_by) or tables.beside_tests(held_by):
        found.append(f"it is held by {held_by!r}")
    return found + tables.missing(held_by)


def numbered() -> list[list[str]]:
    """The rows of what has a number."""
    return [
        row
        for _, header, rows in tables.tables(VULNERABILITIES.read_text())
        if header == NUMBERED
        for row in rows
    ]


def test_each_store_key_and_party_is_shown_by_tests_that_exist() -> None:
    found = {
        heading: (header, rows) for heading, header, rows in tables.tables(PROMISES.read_text())
    }
    assert {heading: header for heading, (header, _) in found.items()} == HEADERS
    for header, rows in found.values():
        assert [len(row) for row in rows] == [len(header)] * len(rows)
        wrong = {row[0]: faults(row, "not shown") for row in rows}
        assert {what: complaints for what, complaints in wrong.items() if complaints} == {}


def test_each_vulnerability_is_held_by_tests_that_exist_or_says_why_not() -> None:
    for heading, header, rows in tables.tables(VULNERABILITIES.read_text()):
        assert header == (REPORTED if heading.startswith("Reported") else NUMBERED)
        pattern = _REPORT if header == REPORTED else _NUMBER
        for row in rows:
            assert pattern.fullmatch(row[0]), row[0]
            assert len(row) == len(header), row[0]
            assert faults(row, "cannot apply", "not held") == [], row[0]


def test_there_are_at_least_25_that_are_held_and_none_twice() -> None:
    numbers = [row[0] for row in numbered()]
    assert len(numbers) == len(set(numbers))
    assert len([row for row in numbered() if row[-1].startswith("`")]) >= 25


@pytest.mark.parametrize(
    ("cell", "complaint"),
    [
        (
            "`docs/test_threat_model.py::test_no_such_test`",
            "there is no docs/test_threat_model.py::test_no_such_test",
        ),
        (
            "`docs/no_such_file.py::test_numbers`",
            "there is no docs/no_such_file.py::test_numbers",
        ),
        (
            "`docs/test_threat_model.py::faults`",
            "there is no docs/test_threat_model.py::faults",
        ),
        ("", "it is held by ''"),
        ("some day", "it is held by 'some day'"),
        ("not shown", "it is held by 'not shown'"),
    ],
)
def test_a_row_that_nothing_holds_is_found(cell: str, complaint: str) -> None:
    assert faults(["store", "read", "modify", cell], "not shown") == [complaint]
    held = "`docs/test_threat_model.py::test_a_row_that_nothing_holds_is_found`"
    for twin in (held, "not shown: nobody can tell"):
        assert faults(["store", "read", "modify", twin], "not shown") == []
    assert faults(["store", "", "", held], "not shown") == ["it says nothing"]


def test_a_table_is_read_as_it_is_written() -> None:
    page = (
        "# Page\n\n## One\n\n| a | b |\n|---|---|\n| 1 \\| 2 | 3 |\n| 4 | |\n\n## Two\n| c |\n|---|"
    )
    assert list(tables.tables(page)) == [
        ("One", ["a", "b"], [["1 \\| 2", "3"], ["4", ""]]),
        ("Two", ["c"], []),
    ]
