"""JSON that two parsers would read differently, or one could not read in time."""

import sys
import time

import pytest

from did.errors import Invalid
from did.strict_json import parse

DEEP = 60_000
# case -> (text, code, the same text repaired)
CASES: dict[str, tuple[bytes, str, bytes]] = {
    "a key twice": (b'{"a":1,"a":2}', "duplicate_key", b'{"a":1,"b":2}'),
    "a key twice, alike": (b'{"a":1,"a":1}', "duplicate_key", b'{"a":1}'),
    "a key twice, once escaped": (b'{"a":1,"\\u0061":2}', "duplicate_key", b'{"\\u0061":2}'),
    "a key twice, far apart": (b'{"a":1,"b":[{}],"a":2}', "duplicate_key", b'{"a":1,"b":[{}]}'),
    "a key twice, deep": (b'[{"x":{"a":1,"a":2}}]', "duplicate_key", b'[{"x":{"a":1}}]'),
    "an empty key twice": (b'{"":1,"":2}', "duplicate_key", b'{"":1}'),
    "NaN": (b"[NaN]", "json_number", b"[null]"),
    "Infinity": (b"[Infinity]", "json_number", b"[null]"),
    "minus Infinity": (b"[-Infinity]", "json_number", b"[null]"),
    "a float": (b"[1.5]", "json_number", b"[1]"),
    "an integer as a float": (b"[1.0]", "json_number", b"[1]"),
    "an exponent": (b"[1e2]", "json_number", b"[100]"),
    "an exponent over the top": (b"[1e999]", "json_number", b"[1]"),
    "minus zero": (b"[-0]", "json_number", b"[0]"),
    "minus zero as a float": (b"[-0.0]", "json_number", b"[0]"),
    "2^53": (b"[9007199254740992]", "json_number", b"[9007199254740991]"),
    "minus 2^53": (b"[-9007199254740992]", "json_number", b"[-9007199254740991]"),
    "2^64": (b"[18446744073709551616]", "json_number", b"[1]"),
    "two hundred thousand digits": (b"9" * 200_000, "json_number", b"9"),
    "minus as many": (b"-" + b"9" * 200_000, "json_number", b"-9"),
    "a leading zero": (b"[01]", "invalid_json", b"[1]"),
    "a plus": (b"[+1]", "invalid_json", b"[1]"),
    "hexadecimal": (b"[0x1]", "invalid_json", b"[1]"),
    "a full-width digit": ("[\uff11]".encode(), "invalid_json", b"[1]"),
    "a lone high surrogate": (b'"\\ud83d"', "invalid_json", b'"\\ud83d\\ude00"'),
    "a lone low surrogate": (b'"\\ude00"', "invalid_json", b'"\\ud83d\\ude00"'),
    "surrogates the wrong way round": (b'"\\ude00\\ud83d"', "invalid_json", b'"\\ud83d\\ude00"'),
    "a lone surrogate as a key": (b'{"\\ud800":1}', "invalid_json", b'{"\\u0800":1}'),
    "a lone surrogate, deep": (b'[{"a":["\\ud800"]}]', "invalid_json", b'[{"a":["a"]}]'),
    "a surrogate in UTF-8": (b'"\xed\xa0\x80"', "invalid_json", b'"\xed\x9f\xbf"'),
    "an overlong encoding": (b'"\xc0\xaf"', "invalid_json", b'"/"'),
    "beyond Unicode": (b'"\xf4\x90\x80\x80"', "invalid_json", b'"\xf4\x8f\xbf\xbf"'),
    "a cut character": (b'"\xc3"', "invalid_json", b'"\xc3\xa9"'),
    "Latin-1": (b'"\xe9"', "invalid_json", b'"\xc3\xa9"'),
    "a byte order mark": (b"\xef\xbb\xbf{}", "invalid_json", b"{}"),
    "UTF-16 with a mark": ("{}".encode("utf-16"), "invalid_json", b"{}"),
    "UTF-16 without one": ("{}".encode("utf-16-le"), "invalid_json", b"{}"),
    "UTF-16, big end first": ("{}".encode("utf-16-be"), "invalid_json", b"{}"),
    "UTF-32": ("{}".encode("utf-32"), "invalid_json", b"{}"),
    "nothing": (b"", "invalid_json", b"null"),
    "white space alone": (b" \n", "invalid_json", b" \nnull"),
    "two values": (b"{} {}", "invalid_json", b"[{}, {}]"),
    "something after": (b"{}x", "invalid_json", b"{}"),
    "NUL after": (b"{}\0", "invalid_json", b"{}"),
    "a comment": (b"{}//", "invalid_json", b"{}"),
    "a trailing comma in a list": (b"[1,]", "invalid_json", b"[1]"),
    "a trailing comma in an object": (b'{"a":1,}', "invalid_json", b'{"a":1}'),
    "single quotes": (b"{'a':1}", "invalid_json", b'{"a":1}'),
    "a bare key": (b"{a:1}", "invalid_json", b'{"a":1}'),
    "a raw newline in text": (b'"a\nb"', "invalid_json", b'"a\\nb"'),
    "a raw control character": (b'"\x1f"', "invalid_json", b'"\\u001f"'),
    "an unknown escape": (b'"\\x41"', "invalid_json", b'"\\u0041"'),
    "a cut escape": (b'"\\u004"', "invalid_json", b'"\\u0041"'),
    "no-break space between": (b"[1,\xc2\xa02]", "invalid_json", b"[1, 2]"),
    "form feed between": (b"[1,\x0c2]", "invalid_json", b"[1, 2]"),
    "a list without end": (b"[" * DEEP, "json_too_deep", b"[[]]"),
    "deep lists": (b"[" * DEEP + b"]" * DEEP, "json_too_deep", b"[[]]"),
    "deep objects": (b'{"a":' * DEEP + b"1" + b"}" * 40, "json_too_large", b'{"a":1}'),
    "deep objects in the limit": (b'{"a":' * 40_000 + b"1", "json_too_deep", b'{"a":1}'),
    "one level too many": (b"[" * 17 + b"]" * 17, "json_too_deep", b"[" * 16 + b"]" * 16),
    "too large": (b'"' + b"x" * 262_143 + b'"', "json_too_large", b'"x"'),
}


@pytest.mark.parametrize("unit", [b'\\"', b'"', b'"\\', b"\\", b'"\\"', b'"["'])
def test_quotes_after_deep_nesting_take_no_time(unit: bytes) -> None:
    """Each quote that no other closed was once searched from to the end: minutes in all."""
    started = time.process_time()
    text = b"[" * 17 + unit * (250_000 // len(unit))
    with pytest.raises(Invalid) as raised:
        parse(text)
    assert raised.value.code == "json_too_deep"
    escaped = b'["' + unit * (250_000 // len(unit)) + b'"]' if unit == b'\\"' else b"[[[]]]"
    parse(escaped)
    assert time.process_time() - started < 2


@pytest.mark.parametrize("case", CASES)
def test_refused_and_its_twin_taken(case: str) -> None:
    text, code, repaired = CASES[case]
    with pytest.raises(Invalid) as raised:
        parse(text)
    assert raised.value.code == code
    assert len(str(raised.value)) < 500
    parse(repaired)


def test_deep_text_is_refused_however_deep_the_caller_stands() -> None:
    before = sys.getrecursionlimit()
    with pytest.raises(Invalid) as raised:
        parse(b"[" * DEEP + b"]" * DEEP)
    assert raised.value.code == "json_too_deep"
    assert sys.getrecursionlimit() == before
