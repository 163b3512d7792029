"""Canonical form is RFC 8785 whichever way it is made, and parsing it changes nothing."""

import json
from typing import Any

import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from values import json_values, json_values_with_floats

from did.errors import Invalid
from did.jcs import canonicalize
from did.strict_json import parse


@given(json_values)
def test_the_fast_path_is_rfc_8785(value: Any) -> None:
    assert canonicalize(value) == rfc8785.dumps(value)


@given(json_values_with_floats)
def test_so_is_the_slow_one(value: Any) -> None:
    assert canonicalize(value) == rfc8785.dumps(value)


@given(json_values)
def test_what_is_parsed_is_what_was_canonicalized(value: Any) -> None:
    text = canonicalize(value)
    assert parse(text) == value
    assert canonicalize(parse(text)) == text


@given(json_values, st.booleans(), st.sampled_from([None, 1, "\t"]), st.booleans())
def test_however_it_was_written(value: Any, ascii_: bool, indent: Any, sort: bool) -> None:  # noqa: FBT001
    text = json.dumps(value, ensure_ascii=ascii_, indent=indent, sort_keys=sort)
    assert canonicalize(parse(text.encode())) == canonicalize(value)


@given(json_values, st.data())
def test_one_altered_byte_is_refused_or_says_something_else(value: Any, data: Any) -> None:
    text = bytearray(canonicalize(value))
    position = data.draw(st.integers(0, len(text) - 1))
    text[position] ^= data.draw(st.integers(1, 255))
    try:
        other = parse(bytes(text))
    except Invalid:
        return
    # White space, or another spelling of a character, is all that may leave the value as it was.
    assert other != value or canonicalize(other) != bytes(text)


@given(st.binary(max_size=60))
def test_any_bytes_are_parsed_or_refused(data: bytes) -> None:
    try:
        value = parse(data)
    except Invalid:
        return
    assert parse(canonicalize(value)) == value


@given(st.one_of(json_values, json_values_with_floats))
def test_canonical_text_is_read_as_any_other(value: Any) -> None:
    """It is parsed by other means; white space before it has it parsed as the rest is."""

    def read(data: bytes) -> Any:
        try:
            return parse(data)
        except Invalid as error:
            return error.code

    for data in (canonicalize(value), json.dumps(value).encode()):
        assert read(data) == read(b" " + data)
        assert repr(read(data)) == repr(read(b" " + data)), "1 is not True, nor 1.0"
