from contextlib import suppress
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from did.errors import Invalid
from ledger.chain import LogEntry
from ledger.mirror.form import (
    ENTRY_BYTES,
    HEAD_BYTES,
    Extent,
    decode_entry,
    decode_extent,
    encode_entry,
    encode_extent,
    path_of,
    refuse_other_log,
)

ENTRY = LogEntry(7, 0, b"batch", 12, 1_800_000_000)
COUNTS = st.integers(0, 2**63 - 1)
ENTRIES = st.builds(LogEntry, COUNTS, COUNTS, st.binary(max_size=300), COUNTS, COUNTS)


def test_the_file_of_an_entry_is_the_documented_one() -> None:
    encoded = encode_entry(ENTRY)
    assert encoded == cbor2.dumps([1, 7, 0, 12, 1_800_000_000, b"batch"], canonical=True)
    assert encoded.hex() == "860107000c1a6b49d200456261746368"


@pytest.mark.parametrize(
    ("sequence", "path"),
    [
        (1, "000/000/000000001.cbor"),
        (999, "000/000/000000999.cbor"),
        (1_000, "000/001/000001000.cbor"),
        (1_234_567, "001/234/001234567.cbor"),
        (12_345_678_901, "12345/678/12345678901.cbor"),
    ],
)
def test_an_entry_has_one_place(sequence: int, path: str) -> None:
    assert path_of(sequence) == path


@given(ENTRIES)
def test_what_is_written_is_read(entry: LogEntry) -> None:
    encoded = encode_entry(entry)
    assert decode_entry(encoded, entry.sequence) == entry
    assert encode_entry(decode_entry(encoded, entry.sequence)) == encoded


@given(ENTRIES, st.data())
def test_a_changed_byte_is_refused_or_another_entry(entry: LogEntry, data: st.DataObject) -> None:
    encoded = bytearray(encode_entry(entry))
    at = data.draw(st.integers(0, len(encoded) - 1))
    encoded[at] ^= data.draw(st.integers(1, 255))
    with suppress(Invalid):
        other = decode_entry(bytes(encoded), entry.sequence)
        assert other != entry
        assert encode_entry(other) == encoded


FIELDS: list[Any] = [1, 7, 0, 12, 1_800_000_000, b"batch"]


@pytest.mark.parametrize(
    "fields",
    [
        [2, *FIELDS[1:]],
        [True, *FIELDS[1:]],
        [1, 8, *FIELDS[2:]],
        [*FIELDS[:2], -1, *FIELDS[3:]],
        [*FIELDS[:2], False, *FIELDS[3:]],
        [*FIELDS[:3], 2**63, *FIELDS[4:]],
        [*FIELDS[:4], 1.5, FIELDS[5]],
        [*FIELDS[:5], "batch"],
        FIELDS[:5],
        [*FIELDS, 0],
        {},
        None,
    ],
)
def test_an_entry_of_another_form_is_refused(fields: Any) -> None:
    with pytest.raises(Invalid) as caught:
        decode_entry(cbor2.dumps(fields, canonical=True), 7)
    assert caught.value.code == "mirror_malformed"
    assert caught.value.hint
    assert decode_entry(cbor2.dumps(FIELDS, canonical=True), 7) == ENTRY


def test_one_way_to_write_it() -> None:
    for data in (encode_entry(ENTRY) + b"\x00", b"\x98\x06" + encode_entry(ENTRY)[1:], b""):
        with pytest.raises(Invalid) as caught:
            decode_entry(data, 7)
        assert caught.value.code == "mirror_malformed"


def test_an_entry_has_a_ceiling() -> None:
    largest = LogEntry(7, 0, bytes(ENTRY_BYTES - 16), 12, 1_800_000_000)
    assert decode_entry(encode_entry(largest), 7) == largest
    with pytest.raises(Invalid) as caught:
        decode_entry(encode_entry(LogEntry(7, 0, bytes(ENTRY_BYTES), 12, 0)), 7)
    assert caught.value.code == "mirror_malformed"


EXTENT = Extent(b"\x01" * 32, 2**63 - 1, b"\x02" * 32)


def test_the_extent_is_the_documented_one() -> None:
    encoded = encode_extent(EXTENT)
    assert encoded == cbor2.dumps([1, EXTENT.log_id, 2**63 - 1, EXTENT.head], canonical=True)
    assert len(encoded) <= HEAD_BYTES
    assert decode_extent(encoded) == EXTENT


@pytest.mark.parametrize(
    "fields",
    [
        [True, b"\x01" * 32, 1, b"\x02" * 32],
        [1, b"\x01" * 31, 1, b"\x02" * 32],
        [1, b"\x01" * 32, 1, b"\x02" * 33],
        [1, b"\x01" * 32, -1, b"\x02" * 32],
        [1, b"\x01" * 32, 1],
        "1",
    ],
)
def test_an_extent_of_another_form_is_refused(fields: Any) -> None:
    with pytest.raises(Invalid) as caught:
        decode_extent(cbor2.dumps(fields, canonical=True))
    assert caught.value.code == "mirror_malformed"


def test_a_mirror_of_another_log_is_named() -> None:
    refuse_other_log(EXTENT, EXTENT.log_id)
    with pytest.raises(Invalid) as caught:
        refuse_other_log(EXTENT, bytes(32))
    assert caught.value.code == "mirror_of_another_log"
