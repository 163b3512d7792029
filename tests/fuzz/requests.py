"""HTTP requests, as they are read without a general parser."""

from typing import Final

from fuzz.target import Target, same
from usual_requests import BARE, USUAL, with_h11

from did.errors import Invalid
from keyborn.usual_requests import MOST, UsualRequest, read_usual


def _read(data: bytes) -> UsualRequest:
    request = read_usual(data)
    if request is None:
        raise Invalid("unusual", "this is left to h11")
    return request


def _law(data: bytes, request: UsualRequest) -> None:
    same(with_h11(data), (request, True), "a request is read as h11 reads it")


TARGETS: Final = {
    "http-request": Target(
        _read,
        _law,
        lambda: {"with a body": USUAL, "bare": BARE},
        max_bytes=MOST + 1,
        words=(
            *(b"\r\n", b": ", b" HTTP/1.1", b"GET ", b"POST ", b"Host", b"Content-Length"),
            *(b"Transfer-Encoding", b"chunked", b"Connection", b"keep-alive", b"Expect"),
        ),
    )
}
