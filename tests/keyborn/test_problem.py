import json

import pytest

from did.errors import Busy, Conflict, Invalid, KeybornError, Refused, Unavailable, Undecided
from keyborn import problem

TREE = [
    (Invalid, 400),
    (Refused, 403),
    (Undecided, 503),
    (Conflict, 409),
    (Unavailable, 503),
    (Busy, 429),
]


@pytest.mark.parametrize(("branch", "status"), TREE)
def test_every_branch_survives_the_wire(branch: type[KeybornError], status: int) -> None:
    error = branch("some_code", "what happened", step="token", hint="do this", value="x")
    assert problem.status_of(error) == status
    body = problem.details(error, status)
    assert body == {
        "type": f"urn:keyborn:problem:{branch.__name__.lower()}",
        "title": branch.__name__,
        "status": status,
        "detail": "what happened",
        "code": "some_code",
        "step": "token",
        "hint": "do this",
    }
    again = problem.parse(status, json.dumps(body).encode(), retry_after="7", step="mine")
    assert type(again) is branch
    assert (again.code, again.message, again.step, again.hint, again.retry_after) == (
        "some_code",
        "what happened",
        "token",
        "do this",
        7,
    )


def test_a_subclass_is_of_its_branch() -> None:
    class Own(Refused):
        pass

    assert problem.status_of(Own("a", "b")) == 403


@pytest.mark.parametrize(
    ("status", "body", "branch", "code"),
    [
        (400, b'{"error":"invalid_grant","error_description":"used"}', Invalid, "invalid_grant"),
        (401, b'{"error":"invalid_token"}', Refused, "invalid_token"),
        (403, b"", Refused, "http_error"),
        (404, b'{"code":"not_found"}', Invalid, "not_found"),
        (408, b"", Unavailable, "http_error"),
        (409, b"[]", Conflict, "http_error"),
        (418, b"\xff", Invalid, "http_error"),
        (429, b"{}", Busy, "http_error"),
        (500, b'{"code":7,"detail":[],"step":{},"hint":1}', Unavailable, "http_error"),
        (502, b"<html>", Unavailable, "http_error"),
        (400, b'{"code":"x\\n\\u001b[2J"}', Invalid, "http_error"),
        (400, b'{"type":"urn:keyborn:problem:refused","code":"x"}', Refused, "x"),
    ],
)
def test_any_answer_is_an_error_of_the_tree(
    status: int, body: bytes, branch: type[KeybornError], code: str
) -> None:
    error = problem.parse(status, body, retry_after="Wed, 21 Oct 2026 07:28:00 GMT", step="mine")
    assert type(error) is branch
    assert error.code == code
    assert error.message
    assert (error.step, error.retry_after) == ("mine", None)


def test_what_a_server_says_is_shortened() -> None:
    body = json.dumps({"code": "c", "detail": "x" * 10_000}).encode()
    assert len(problem.parse(400, body, retry_after=None, step="s").message) == 500


def test_retry_after_has_a_default_where_it_may_pass() -> None:
    assert problem.retry_after(Busy("a", "b"), 429) == 5
    assert problem.retry_after(Undecided("a", "b"), 503) == 5
    assert problem.retry_after(Undecided("a", "b", retry_after=2), 503) == 2
    assert problem.retry_after(Invalid("a", "b"), 400) is None
