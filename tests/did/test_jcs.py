from typing import Any

import pytest

from did.errors import Invalid
from did.jcs import MAX_INTEGER, canonicalize


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [None, True, False, "x"]}, '{"a":[null,true,false,"x"],"b":1}'),
        ({"é": 1, "z": 2, "\U0001f600": 3, "\ufb33": 4}, '{"z":2,"é":1,"\U0001f600":3,"\ufb33":4}'),
        ('\b\t\n\f\r\x1f"\\/\u2028é', '"\\b\\t\\n\\f\\r\\u001f\\"\\\\/\u2028é"'),
        ([MAX_INTEGER, -MAX_INTEGER], "[9007199254740991,-9007199254740991]"),
        ([1.0, 1e21, 1.5, -0.0], "[1,1e+21,1.5,0]"),
        ((1, 2), "[1,2]"),
        ({}, "{}"),
    ],
)
def test_canonical_form(value: Any, text: str) -> None:
    assert canonicalize(value).decode() == text


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        2**53,
        -(2**53),
        [1.5, 2**53],
        "\ud800",
        {"\ud800": 1},
        {"é": "\ud800"},
        {1: 2},
        {"é": {1: 2}},
        b"bytes",
        {"a": {1}},
        object(),
        10**5_000,  # of more digits than int writes
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_json_cannot_hold(value: Any) -> None:
    with pytest.raises(Invalid) as raised:
        canonicalize(value)
    assert raised.value.code == "not_canonicalizable"


@pytest.mark.parametrize("innermost", [1, 1.5], ids=["fast path", "slow path"])
@pytest.mark.parametrize("first", ["a", "é"], ids=["ascii key", "other key"])
def test_nesting_without_end(innermost: float, first: str) -> None:
    def nested(levels: int) -> Any:
        value: Any = innermost
        for _ in range(levels):
            value = [value]
        return {first: 1, "z": value}

    assert canonicalize(nested(100)).count(b"]") == 100
    with pytest.raises(Invalid) as raised:
        canonicalize(nested(5000))
    assert raised.value.code == "not_canonicalizable"
