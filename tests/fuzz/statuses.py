"""Status lists and the entries that point into them."""

import gzip
import io
from collections.abc import Mapping
from typing import Final

from fuzz.target import Target, only_invalid, same, text_of

from did.jcs import canonicalize
from did.multibase import base64url_encode
from did.strict_json import parse_object
from did.vc.bitstring import MINIMUM_BITS, decode_list, encode_list, value_at, with_value
from did.vc.status_list import (
    MESSAGE,
    REVOCATION,
    SUSPENSION,
    StatusEntry,
    StatusList,
    StatusMessage,
    list_subject,
    parse_list_subject,
    read_status,
)

_URL: Final = "https://issuer.example/v1/status/1"
_BITS: Final = with_value(bytes(MINIMUM_BITS // 8), 7, 1)
_MESSAGES: Final = tuple(StatusMessage(value, f"value {value}") for value in range(4))
_ENTRIES: Final = {
    "revocation": StatusEntry(REVOCATION, 7, _URL),
    "messages": StatusEntry(MESSAGE, 7, _URL, 2, _MESSAGES, ("https://issuer.example/why",)),
}
_MOST_BITS: Final = 2 * MINIMUM_BITS


def _bits_law(_: bytes, bits: bytes) -> None:
    same(decode_list(encode_list(bits)), bits, "a list that is encoded is read as the same")
    for index in (0, len(bits) * 8 - 1, len(bits) * 8, -1):
        only_invalid(value_at, bits, index)


def _unpacked(data: bytes) -> bytes:
    return decode_list("u" + base64url_encode(data), max_bits=_MOST_BITS)


def _unpacked_law(data: bytes, bits: bytes) -> None:
    same(gzip.decompress(data), bits, "the bits are those that GZIP holds")
    same(MINIMUM_BITS <= len(bits) * 8 <= _MOST_BITS, True, "a list keeps to its limits")


def _list_law(_: bytes, list_: StatusList) -> None:
    again = parse_list_subject(_URL, list_subject(list_))
    same(again, list_, "a list that is written is read as the same")
    for entry in _ENTRIES.values():
        only_invalid(read_status, list_, entry)


def _entry_law(_: bytes, entry: StatusEntry) -> None:
    same(StatusEntry.from_json(entry.to_json()), entry, "an entry is read as written")
    for list_ in _LISTS.values():
        only_invalid(read_status, list_, entry)


_LISTS: Final = {
    "with a ttl": StatusList(_URL, (REVOCATION,), _BITS, 300_000),
    "of two purposes": StatusList(_URL, (REVOCATION, SUSPENSION), _BITS),
    "of messages": StatusList(_URL, (MESSAGE,), 2 * _BITS, None, 2, _MESSAGES),
}


def _lists() -> Mapping[str, bytes]:
    return {name: canonicalize(list_subject(list_)) for name, list_ in _LISTS.items()}


def _packed() -> Mapping[str, bytes]:
    named = io.BytesIO()
    with gzip.GzipFile("list", "wb", fileobj=named, mtime=1) as file:
        file.write(_BITS)
    return {"plain": gzip.compress(_BITS, mtime=0), "with a name": named.getvalue()}


TARGETS: Final = {
    "status-bits": Target(
        lambda data: decode_list(text_of(data), max_bits=_MOST_BITS),
        _bits_law,
        lambda: {"one bit": encode_list(_BITS).encode()},
        words=(b"uH4sIA",),
    ),
    "status-gzip": Target(_unpacked, _unpacked_law, _packed, words=(b"\x1f\x8b\x08",)),
    "status-list": Target(
        lambda data: parse_list_subject(_URL, parse_object(data)),
        _list_law,
        _lists,
        words=(b'"type":', b'"statusPurpose":', b'"encodedList":', b'"ttl":', b'"statusSize":'),
    ),
    "status-entry": Target(
        lambda data: StatusEntry.from_json(parse_object(data)),
        _entry_law,
        lambda: {name: canonicalize(entry.to_json()) for name, entry in _ENTRIES.items()},
        words=(b'"statusListIndex":', b'"statusPurpose":', b'"statusSize":', b'"statusMessage":'),
    ),
}
