"""JSON and CBOR."""

import json
from collections.abc import Mapping
from typing import Any, Final

import cbor2
import rfc8785
from fuzz.target import Target, same, utf8_of
from trust_roots import WHOLE

from did import cbor
from did.jcs import canonicalize
from did.strict_json import parse
from keyborn.toml import parse_toml

_MOST: Final = 65_536


def _json_law(data: bytes, value: Any) -> None:
    same(json.loads(data), value, "strict JSON is JSON")
    canonical = canonicalize(value)
    same(rfc8785.dumps(value), canonical, "the fast path writes what RFC 8785 says")
    same(parse(canonical, max_bytes=4 * _MOST), value, "what is written is read as the same")


def _cbor_law(data: bytes, value: Any) -> None:
    same(cbor2.loads(data), value, "deterministic CBOR is CBOR")
    same(cbor.encode(value), data, "a value has one encoding")


def _toml_law(_: bytes, value: Any) -> None:
    same(type(value), dict, "a TOML document is a table")


def _json_seeds() -> Mapping[str, bytes]:
    return {
        "kinds": b'{"a":[1,-9007199254740991,true,false,null,"\\ud83d\\ude00\\n"],"\xc3\xa9":{}}',
        "deep": b"[" * 16 + b"]" * 16,
        "quotes": b'["\\"[[[[[[[[[[[[[[[[[","\\\\"]',
    }


def _cbor_seeds() -> Mapping[str, bytes]:
    deep: Any = 0
    for _ in range(10):
        deep = [deep]
    values: dict[str, Any] = {
        "all kinds": {"a": [1, -1, 2**64 - 1, -(2**64), b"b", "t", True, False, None], 1: {}},
        "deep": deep,
        "strings of strings": [b"\0" * 300, "x" * 24, [b""] * 25],
    }
    return {name: cbor.encode(value) for name, value in values.items()}


TARGETS: Final = {
    "json": Target(
        parse,
        _json_law,
        _json_seeds,
        max_bytes=_MOST,
        words=(
            b'"\\',
            b'\\"',
            b"[[[[[[[[",
            b'{"":',
            b"\\ud800",
            b"-0",
            b"9007199254740992",
            b"1e9",
        ),
    ),
    "cbor": Target(
        lambda data: cbor.decode(data, max_bytes=_MOST),
        _cbor_law,
        _cbor_seeds,
        max_bytes=_MOST,
        words=(
            b"\xd8\x1c",
            b"\xd8\x1d\x00",
            b"\xd9\x01\x00",
            b"\x9b" + b"\xff" * 8,
            b"\xf9\x7e\x00",
        ),
    ),
    "toml": Target(
        lambda data: parse_toml(utf8_of(data)),
        _toml_law,
        lambda: {"trust root": WHOLE.encode(), "dotted": b"a.'b'.\"c\" = [{d = 1.5}, '''\n''']\n"},
        max_bytes=_MOST,
        words=(b"a.a.a.a.", b"[[", b"{a=", b'"""', b"'''", b"1979-05-27T07:32:00Z"),
    ),
}
