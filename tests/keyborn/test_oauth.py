"""Forms in, errors out, and what the errors say."""

import json
from http import HTTPStatus

import pytest

from did.errors import Invalid, KeybornError, Refused
from keyborn.oauth import FORM, answer, failure, read_form
from keyborn.oauth_errors import description, explained


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"", {}),
        (b"a=b&c=%C3%A4+%26", {"a": "b", "c": "ä &"}),
        (b"a=", {"a": ""}),
        (b"=b", {"": "b"}),
    ],
)
def test_a_form(body: bytes, fields: dict[str, str]) -> None:
    assert read_form(body, f"{FORM}; charset=utf-8", step="x") == fields


@pytest.mark.parametrize(
    ("body", "type_", "code"),
    [
        (b"a=b", "application/json", "unsupported_media_type"),
        (b"a=b", "", "unsupported_media_type"),
        (b"a", FORM, "invalid_form"),
        (b"a=b&", FORM, "invalid_form"),
        (b"a=%ff", FORM, "invalid_form"),
        (b"a=\xff", FORM, "invalid_form"),
        (b"a=b&a=b", FORM, "duplicate_field"),
        (b"&".join(b"a%d=b" % number for number in range(33)), FORM, "invalid_form"),
    ],
)
def test_what_is_no_form(body: bytes, type_: str, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_form(body, type_, step="read it")
    assert (caught.value.code, caught.value.step) == (code, "read it")
    assert caught.value.hint


def test_answers_and_failures() -> None:
    assert json.loads(bytes(answer({"a": 1}, HTTPStatus.CREATED).body)) == {"a": 1}
    error = Invalid("some_code", "because", hint="do this")
    made = failure(error, "invalid_request", HTTPStatus.BAD_REQUEST, {"retry-after": "5"})
    assert made.status_code == 400
    assert made.headers["retry-after"] == "5"
    assert json.loads(bytes(made.body)) == {
        "error": "invalid_request",
        "error_description": "because [some_code]; do this",
    }


@pytest.mark.parametrize("hint", ["do this", None])
def test_what_is_described_is_understood_again(hint: str | None) -> None:
    told = description(Refused("some_code", "because", hint=hint))
    heard = explained(Refused("access_denied", told), hint="ask")
    assert (heard.code, heard.message, heard.hint) == ("some_code", "because", hint or "ask")


def test_what_others_say_is_left_as_it_is() -> None:
    for text in ("no", "no [x y]", "[code]", "x" * 500 + " [code]"):
        heard = explained(KeybornError("invalid_request", text), hint="ask")
        assert (heard.code, heard.message, heard.hint) == ("invalid_request", text, "ask")


def test_a_description_has_only_what_is_allowed_there() -> None:
    told = description(Invalid("c", 'a "b" \\ ä\n\x00', hint="—"))
    assert told == "a 'b' / ??? [c]; ?"
