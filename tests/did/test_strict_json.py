import pytest

from did.errors import Invalid
from did.jcs import MAX_INTEGER, Json
from did.limits import LIMITS
from did.strict_json import Numbers, parse, parse_object


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b' {"a": [1, -1, true, false, null, "x"]}\r\n\t', {"a": [1, -1, True, False, None, "x"]}),
        (b'"\\ud83d\\ude00 \xf0\x9f\x98\x80 \\u0041\x7f"', "\U0001f600 \U0001f600 A\x7f"),
        (b"9007199254740991", MAX_INTEGER),
        (b"-9007199254740991", -MAX_INTEGER),
        (b"0", 0),
        (b'{"a":{"x":1},"b":{"x":1}}', {"a": {"x": 1}, "b": {"x": 1}}),
        (b'{"":0}', {"": 0}),
    ],
)
def test_parse(text: bytes, value: Json) -> None:
    assert parse(text) == value


def test_an_object_where_one_is_needed() -> None:
    assert parse_object(b'{"a":1}') == {"a": 1}
    for text in (b"[]", b'"a"', b"null", b"1"):
        with pytest.raises(Invalid, match="not an object") as raised:
            parse_object(text)
        assert raised.value.code == "invalid_json"


def test_size_is_counted_in_bytes() -> None:
    text = b'"%s"' % (b"x" * (LIMITS.json_bytes - 2))
    assert parse(text) == "x" * (LIMITS.json_bytes - 2)
    with pytest.raises(Invalid) as raised:
        parse(text + b" ")
    assert raised.value.code == "json_too_large"
    with pytest.raises(Invalid) as raised:
        parse('"é"'.encode(), max_bytes=3)
    assert raised.value.code == "json_too_large"


@pytest.mark.parametrize(("start", "end"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_depth(start: bytes, end: bytes) -> None:
    def nested(levels: int) -> bytes:
        return start * levels + b"1" + end * levels

    parse(nested(LIMITS.json_depth))
    parse(nested(2), max_depth=2)
    for text in (nested(LIMITS.json_depth + 1), nested(500), nested(40_000)):
        with pytest.raises(Invalid) as raised:
            parse(text)
        assert raised.value.code == "json_too_deep"


def test_the_key_that_stands_twice_is_named() -> None:
    with pytest.raises(Invalid) as raised:
        parse(b'{"a":1,"b":2,"c":3,"\\u0062":2}')
    assert (raised.value.code, raised.value.value) == ("duplicate_key", "b")


@pytest.mark.parametrize(("text", "value"), [("5.0", 5), ("-5.000", -5), ("0.0", 0), ("5", 5)])
def test_whole_floats_where_they_are_allowed(text: str, value: int) -> None:
    data = f'{{"a":[{text}]}}'.encode()
    read = parse(data, numbers=Numbers.WHOLE)
    assert read == {"a": [value]}
    assert type(read["a"][0]) is int  # type: ignore[index,call-overload] # as just compared
    if "." in text:
        with pytest.raises(Invalid):
            parse(data)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("-9007199254740991", -MAX_INTEGER),
        ("9007199254740992", 2.0**53),
        ("5.0", 5.0),
        ("1e3", 1000.0),
        ("-0", 0),
        ("1" + "0" * 300, 1e300),
    ],
)
def test_any_number_where_it_may_be_one(text: str, value: float) -> None:
    read = parse(f'{{"a":[{text}]}}'.encode(), numbers=Numbers.ANY)
    assert read == {"a": [value]}
    assert type(read["a"][0]) is type(value)  # type: ignore[index,call-overload] # as just compared


@pytest.mark.parametrize("text", ["NaN", "-Infinity", "1e400", "1" * 400, '{"a":1,"a":1.5}'])
def test_what_is_no_number_is_refused_there_too(text: str) -> None:
    with pytest.raises(Invalid) as raised:
        parse(text.encode(), numbers=Numbers.ANY)
    assert raised.value.code in ("json_number", "duplicate_key")


@pytest.mark.parametrize(
    "text", ["5.5", "5e0", "5.0e0", "5E1", "9007199254740992.0", "-0.0", "NaN", "1e400"]
)
def test_other_floats_are_refused_there_too(text: str) -> None:
    with pytest.raises(Invalid) as raised:
        parse(text.encode(), numbers=Numbers.WHOLE)
    assert raised.value.code == "json_number"
