import pytest

from did.errors import (
    Conflict,
    Invalid,
    KeybornError,
    Refused,
    Unavailable,
    Undecided,
    said_by,
    shorten,
)


@pytest.mark.parametrize("kind", [Invalid, Refused, Undecided, Conflict, Unavailable])
def test_every_branch_carries_the_same(kind: type[KeybornError]) -> None:
    error = kind("a_code", "it is so", step="a step", hint="do this", value=3, retry_after=5)
    assert isinstance(error, KeybornError)
    assert (error.code, error.message, error.step) == ("a_code", "it is so", "a step")
    assert (error.hint, error.value, error.retry_after) == ("do this", 3, 5)


def test_text_names_step_value_and_code() -> None:
    assert str(Invalid("a_code", "it is so")) == "it is so [a_code]"
    full = Invalid("a_code", "it is so", step="a step", value="x\ny")
    assert str(full) == "a step: it is so (got 'x\\ny') [a_code]"


def test_at_fills_in_a_step_and_overwrites_none() -> None:
    error = Invalid("a_code", "it is so")
    assert error.at("first") is error
    assert error.at("second").step == "first"


def test_shown_values_are_short_and_safe_in_a_terminal() -> None:
    assert shorten("\x1b[31mé\ud800") == r"'\x1b[31m\xe9\ud800'"
    assert shorten({"a": 1}) == "\"{'a': 1}\""
    assert shorten("x" * 120) == repr("x" * 120)
    assert shorten("x" * 121) == f"{'x' * 120!r}… (121 characters)"


def test_what_a_library_says_is_cut_and_escaped() -> None:
    assert said_by(ValueError("the key 'é' is\x1b[31m\n twice\ud800")) == (
        r"the key 'é' is\x1b[31m\n twice\ud800"
    )
    assert said_by(ValueError("x" * 5_000)) == "x" * 200
