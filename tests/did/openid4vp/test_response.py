"""Answers: presentations, or an error."""

import json
from typing import Any

import pytest

from did.errors import Invalid
from did.limits import LIMITS
from did.openid4vp.response import ErrorResponse, VpResponse, parse_form, parse_response

TOKEN: dict[str, tuple[Any, ...]] = {"a": ({"x": ["y"]}, "eyJ"), "b-1": ("z",)}


@pytest.mark.parametrize(
    "response",
    [
        VpResponse(TOKEN, "state"),
        VpResponse(TOKEN),
        ErrorResponse("access_denied"),
        ErrorResponse("invalid_request", "because; of it", "state"),
    ],
)
def test_there_and_back(response: VpResponse | ErrorResponse) -> None:
    assert parse_form(response.to_form()) == response
    assert parse_response(json.loads(json.dumps(response.to_json()))) == response


def test_what_is_not_known_is_ignored() -> None:
    form = {**VpResponse(TOKEN, "s").to_form(), "iss": "x", "presentation_submission": "{}"}
    assert parse_form(form) == VpResponse(TOKEN, "s")
    assert parse_form({"error": "x", "error_uri": "https://x.example"}) == ErrorResponse("x")


def test_a_description_is_kept_as_far_as_it_is_of_use() -> None:
    told = parse_form({"error": "x", "error_description": "ä" * 5_000})
    assert isinstance(told, ErrorResponse)
    assert told.description == "ä" * 1_000
    assert parse_response({"error": "x", "error_description": 1}) == ErrorResponse("x")


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"state": "s"},
        {"error": ""},
        {"error": "a\nb"},
        {"error": 'a"b'},
        {"error": "x" * (LIMITS.challenge + 1)},
        {"error": "x", "vp_token": '{"a": ["x"]}'},
    ],
)
def test_what_is_no_answer(form: dict[str, str]) -> None:
    with pytest.raises(Invalid) as caught:
        parse_form(form)
    assert caught.value.code == "invalid_response"
    assert parse_form({"error": "x"})


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("", "invalid_json"),
        ("eyJhbGciOi", "invalid_json"),
        ('["eyJ"]', "invalid_json"),
        ('"eyJ"', "invalid_json"),
        ("{}", "invalid_vp_token"),
        ('{"a": "eyJ"}', "invalid_vp_token"),
        ('{"a": {"x": 1}}', "invalid_vp_token"),
        ('{"a": []}', "invalid_vp_token"),
        ('{"a": null}', "invalid_vp_token"),
        ('{"a": ["x"], "b": []}', "invalid_vp_token"),
        ('{"a": [1]}', "invalid_vp_token"),
        ('{"a": [null]}', "invalid_vp_token"),
        ('{"a": [["x"]]}', "invalid_vp_token"),
        ('{"a": ["x"], "a": ["y"]}', "duplicate_key"),
        ('{"a": [{"x": 1.5}]}', "json_number"),
        (json.dumps({"a": ["x"] * (LIMITS.credentials_in_presentation + 1)}), "invalid_vp_token"),
        ("[" * 40, "json_too_deep"),
        ('{"a": ["\\ud800"]}', "invalid_json"),
    ],
)
def test_what_is_no_vp_token(token: str, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_form({"vp_token": token, "state": "s"})
    assert caught.value.code == code
    assert caught.value.hint
    assert parse_form({"vp_token": '{"a": ["x"]}', "state": "s"})


@pytest.mark.parametrize(
    "value",
    [
        {"vp_token": {"a": ["x"]}, "state": 1},
        {"vp_token": {"a": ["x"]}, "state": None},
        {"error": 1},
    ],
)
def test_an_encrypted_answer_with_members_of_other_types(value: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        parse_response(value)
