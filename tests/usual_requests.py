"""Requests of the usual form, and what h11 reads in any bytes."""

import h11

from keyborn.rim import HEAD_BYTES
from keyborn.usual_requests import UsualRequest

USUAL = (
    b"POST /v1/challenges?x=%20 HTTP/1.1\r\nHost: gate.example:8443\r\nAccept: */*\r\n"
    b"Connection: keep-alive\r\nContent-Type: application/json; charset=utf-8\r\n"
    b'Content-Length: 11\r\n\r\n{"did": ""}'
)
BARE = b"GET /auth HTTP/1.1\r\nhost: x\r\n\r\n"


def with_h11(data: bytes) -> tuple[UsualRequest, bool] | None:
    """What h11 reads in ``data``, if just that, and whether the connection is kept."""
    connection = h11.Connection(h11.SERVER, HEAD_BYTES)
    connection.receive_data(data)
    events = []
    while True:
        event = connection.next_event()
        if event in (h11.NEED_DATA, h11.PAUSED):
            break
        events.append(event)
        if isinstance(event, h11.EndOfMessage):
            break
    if not events or not isinstance(events[-1], h11.EndOfMessage) or connection.trailing_data[0]:
        return None
    head, *rest = events
    assert isinstance(head, h11.Request)
    assert head.http_version == b"1.1"
    assert not connection.they_are_waiting_for_100_continue
    body = b"".join(bytes(each.data) for each in rest if isinstance(each, h11.Data))
    request = UsualRequest(head.method.decode(), head.target, list(head.headers), body)
    return request, connection.their_state is h11.DONE
