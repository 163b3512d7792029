"""A request that is read without h11 is the one that h11 reads in the same bytes, or left to it."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from usual_requests import BARE, USUAL, with_h11

from keyborn.usual_requests import MOST, read_usual

NAMES = (
    *(b"Host", b"host", b"Content-Length", b"content-length", b"Transfer-Encoding", b"Connection"),
    *(b"Expect", b"Upgrade", b"TE", b"Trailer", b"Authorization", b"x", b"x y", b"", b"x\x00"),
)
VALUES = (
    *(b"x", b"0", b"1", b"5", b"05", b"+5", b"5, 5", b"5_", b"", b" ", b"chunked", b"close"),
    *(b"keep-alive", b"Keep-Alive", b"keep-alive, upgrade", b"100-continue", b"websocket"),
    *(
        b"a b",
        b"a\tb",
        b"a ",
        b" a",
        b"\xc3\xa9",
        b"a\r\n b",
        b"a\nb: c",
        b"a\rb",
        b"\x00",
        b"\x7f",
    ),
)
COLONS = (b": ", b":", b":  ", b" : ", b":\t")


def assert_one_reading(data: bytes) -> bool:
    """Both read the same, or only h11 reads; whether both did."""
    usual = read_usual(data)
    if usual is None:
        return False
    assert with_h11(data) == (usual, True)
    return True


@pytest.mark.parametrize("data", [USUAL, BARE])
def test_what_clients_send_is_read(data: bytes) -> None:
    """Else nothing that follows would show anything."""
    assert assert_one_reading(data)


fields = st.tuples(st.sampled_from(NAMES), st.sampled_from(COLONS), st.sampled_from(VALUES))


@given(
    st.tuples(
        st.sampled_from((b"GET", b"POST", b"HEAD", b"get", b"CONNECT", b"PO ST", b"")),
        st.sampled_from(
            (b"/", b"/a%2F?b", b"/ x", b"*", b"http://x/", b"", b"/\xc3\xa9", b"/\x7f")
        ),
        st.sampled_from((b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"http/1.1", b"HTTP/1.1 ", b"H")),
    ),
    st.lists(fields, max_size=5),
    st.sampled_from((b"\r\n", b"\n", b"\r")),
    st.sampled_from((b"", b"1", b"12345", b"\r\n", b"0\r\n\r\n", BARE)),
)
def test_whatever_is_like_a_request_is_read_as_h11_does(
    first: tuple[bytes, bytes, bytes],
    headers: list[tuple[bytes, bytes, bytes]],
    end: bytes,
    body: bytes,
) -> None:
    lines = [b" ".join(first), b"host: x", *(b"".join(each) for each in headers)]
    assert_one_reading(end.join(lines) + end + end + body)


@given(st.lists(fields, max_size=3), st.integers(0, 3))
def test_whatever_headers_a_usual_request_has(
    headers: list[tuple[bytes, bytes, bytes]], more: int
) -> None:
    lines = b"".join(b"".join(each) + b"\r\n" for each in headers)
    assert_one_reading(USUAL.replace(b"Accept: */*\r\n", lines) + b"x" * more)


@given(st.sampled_from((USUAL, BARE)), st.data())
def test_whatever_is_changed_in_a_usual_request(data: bytes, draw: st.DataObject) -> None:
    place = draw.draw(st.integers(0, len(data) - 1))
    cut = draw.draw(st.integers(0, 3))
    put = draw.draw(st.binary(max_size=3) | st.sampled_from((b"\r\n", b" ", b":", b"\t", b"\0")))
    assert_one_reading(data[:place] + put + data[place + cut :])


@given(st.binary(max_size=200))
@example(b"")
@example(b"\r\n\r\n")
@example(b"\r\n" + BARE)
@example(BARE + BARE)
@example(BARE[:-1])
def test_whatever_bytes(data: bytes) -> None:
    assert_one_reading(data)


def test_what_is_large_is_left_to_h11() -> None:
    """Which takes it in parts, so that nobody's turn is long."""

    def sized(size: int) -> bytes:
        head = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %05d\r\n\r\n"
        body = size - len(head % 0)
        return head % body + b"x" * body

    assert assert_one_reading(sized(MOST))
    assert not assert_one_reading(sized(MOST + 1))
