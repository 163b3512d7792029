"""The reference of errors names each code that can be raised, and no other, with its class."""

import re
from typing import Final

import click
import pytest
from error_codes import BRANCHES, find
from pages import DOCS, ROOT

from did import errors
from did.next_steps import NEXT_STEPS
from keyborn import cli, problem

PAGE: Final = (DOCS / "reference" / "errors.md").read_text()
ROW: Final = re.compile(r"^\| `([a-z0-9_]+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
ROWS: Final = ROW.findall(PAGE)
FOUND: Final = find()
WRITTEN_ELSEWHERE: Final = {"http_error": "keyborn/problem.py", "internal_error": "keyborn/http.py"}


def test_it_has_each_code_once() -> None:
    codes = [row[0] for row in ROWS]
    assert len(codes) == len(set(codes))
    assert set(codes) - WRITTEN_ELSEWHERE.keys() == FOUND.codes.keys()
    assert WRITTEN_ELSEWHERE.keys() <= set(codes)
    for code, place in WRITTEN_ELSEWHERE.items():
        assert f'"{code}"' in (ROOT / place).read_text()


def test_each_has_its_class_its_meaning_and_what_to_do() -> None:
    stated = {code: set(classes.split(", ")) for code, classes, _, _ in ROWS}
    assert {code: stated[code] for code in FOUND.codes} == FOUND.codes
    assert all(meaning.strip() and next_.strip() for _, _, meaning, next_ in ROWS)


def test_each_error_says_what_to_do_next() -> None:
    """Where it is made; or by its code, where that is enough to know it."""
    assert FOUND.unhinted
    silent = {(place, code) for place, code in FOUND.unhinted if code not in NEXT_STEPS}
    assert {each for each in silent if not each[0].startswith("ledger/")} == set()
    assert set(FOUND.codes) >= NEXT_STEPS.keys()


def test_no_code_hides_where_it_cannot_be_read() -> None:
    # Each of these passes on the code of another error, save the symbols of the operating system.
    assert FOUND.passed_on == [
        "did/identifier.py: error.code",
        "ledger/reader.py: error.code",
        "verifier/inquiry.py: error.code",
        "keyborn/cli.py: errno.errorcode.get(error.errno or 0, 'oserror').lower()",
        "demo/acts.py: outcome.code",
        "demo/stage.py: outcome.code",
        "ledger/contradiction.py: view.alarm()",
        "verifier/openid4vp/exchange.py: error.code",
    ]


@pytest.mark.parametrize("branch", BRANCHES)
def test_the_status_and_the_exit_code_of_a_class(branch: str) -> None:
    error = getattr(errors, branch)("code", "message")
    with click.Context(click.Command("keyborn")) as context:
        exit_code = cli._failure(error, context).exit_code
    row = re.compile(rf"^\| {branch} \| [^|]+ \| (\d+) \| (\d) \|$", re.MULTILINE)
    ((status, code),) = row.findall(PAGE)
    assert (int(status), int(code)) == (problem.status_of(error), exit_code)
