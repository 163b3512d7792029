import pytest
from hypothesis import given
from hypothesis import strategies as st

from did.errors import Invalid
from ledger.ethereum.encoding import count, data, fields, items, minimal, quantity


@given(st.integers(0, 2**256 - 1))
def test_quantities_round_trip(number: int) -> None:
    assert quantity(hex(number), "x") == number


@given(st.binary())
def test_data_round_trips(value: bytes) -> None:
    assert data("0x" + value.hex(), "x") == value
    assert data("0x" + value.hex(), "x", len(value)) == value


@pytest.mark.parametrize(
    "value", [None, 1, "", "0x", "0x00", "0x01", "1", "0xA", "0x1\n", "0x" + "1" * 65, "0x-1"]
)
def test_what_is_no_quantity_is_refused(value: object) -> None:
    with pytest.raises(Invalid) as raised:
        quantity(value, "x")
    assert raised.value.code == "ledger_malformed_answer"


@pytest.mark.parametrize("value", [None, 1, "", "00", "0x0", "0xgg", "0x00 ", "0x 00", "0x0 00"])
def test_what_is_not_bytes_is_refused(value: object) -> None:
    with pytest.raises(Invalid):
        data(value, "x")


def test_bytes_of_another_length_are_refused() -> None:
    with pytest.raises(Invalid, match="is not 2 bytes"):
        data("0x00", "x", 2)


def test_what_counts_fits_into_63_bits() -> None:
    assert count(hex(2**63 - 1), "x") == 2**63 - 1
    with pytest.raises(Invalid, match="beyond all reason"):
        count(hex(2**63), "x")


def test_objects_and_lists_are_told_apart() -> None:
    assert fields({}, "x") == {}
    assert items([], "x", at_most=0) == []
    with pytest.raises(Invalid, match="not an object"):
        fields([], "x")
    with pytest.raises(Invalid, match="not a list"):
        items({}, "x", at_most=1)
    with pytest.raises(Invalid, match="more than 1"):
        items([1, 2], "x", at_most=1)


def test_integers_have_no_leading_zeros_in_rlp() -> None:
    assert [minimal(number) for number in (0, 1, 255, 256)] == [b"", b"\1", b"\xff", b"\1\0"]
