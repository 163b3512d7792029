"""TOML whose nesting is bounded: what the standard library's reader alone would not survive."""

import time

import pytest

from did.errors import Invalid
from keyborn.toml import DEPTH, parse_toml

CPU = 2.0  # seconds, for what without the bound takes minutes


@pytest.mark.parametrize(
    "deepest",
    [
        "a = " + "[" * DEPTH + "]" * DEPTH,
        ".".join("a" * DEPTH) + " = 1",
        "[" + " . ".join("a" * (DEPTH - 1)) + "]",
        "a = '" + "[" * 50 + "'  # " + "[" * 50 + "a." * 50,
        'a = "' + "\\\\[" * 50 + '"',
        'a = "\\"' + "[" * 50 + '"',
        'a = """' + '[""\n' * 50 + '"""',
        "a = '''" + "['' a.\n" * 50 + "'''",
        'a = "' + "b." * 50 + '"',
    ],
)
def test_what_is_not_too_deep_is_read(deepest: str) -> None:
    assert parse_toml(deepest).keys() == {"a"}


@pytest.mark.parametrize(
    "deep",
    [
        "a = " + "[" * (DEPTH + 1) + "]" * (DEPTH + 1),
        "a = " + "[" * 500_000,
        "a = " + "{a = " * 50_000,
        ".".join("a" * (DEPTH + 1)) + " = 1",
        ".".join(["a"] * 200_000) + " = 1",
        "[" + ".".join(["'a'", '"b"', "c"] * 100_000) + "]",
        'a = """' + "\\" * 4 + '"""\nb = ' + "[" * 500_000,
    ],
)
def test_what_is_too_deep_is_refused_before_it_is_read(deep: str) -> None:
    started = time.process_time()
    with pytest.raises(Invalid, match=r"deep") as refused:
        parse_toml(deep)
    assert refused.value.code == "invalid_toml"
    assert time.process_time() - started < CPU


@pytest.mark.parametrize("quote", ['"', "'", '"""', "'''", '"\\', "\\", "#", '"""\\"', "'''''"])
def test_text_of_nothing_but_quotes_takes_no_time(quote: str) -> None:
    started = time.process_time()
    with pytest.raises(Invalid):
        parse_toml("a = " + "[" * 17 + quote * 100_000)
    assert time.process_time() - started < CPU


@pytest.mark.parametrize(
    ("text", "says"),
    [("a", "after a key"), ("a = " + "9" * 5_000, "too long"), ("a = 2026-02-30", "line 1")],
)
def test_what_is_not_toml_is_refused(text: str, says: str) -> None:
    with pytest.raises(Invalid, match=says) as refused:
        parse_toml(text)
    assert refused.value.code == "invalid_toml"


def test_what_it_says_is_short() -> None:
    with pytest.raises(Invalid) as refused:
        parse_toml("a = {" + "b" * 10_000 + " = 1, " + "b" * 10_000 + " = 1}")
    assert len(refused.value.message) <= 200
