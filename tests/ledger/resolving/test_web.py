"""did:web resolved: kept for a while, not for longer, and what a host may answer."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from actors import DEVICE, ISSUER, NOW
from registrar_support import Clock
from web_hosts import Connection, WebHost, answer, document, web_host

from did.errors import Invalid, KeybornError, Refused, Unavailable
from did.resolution import Registration
from did.web_document import MAX_BYTES
from ledger.resolving import web
from ledger.resolving.web import WebResolver


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebHost]:
    with web_host(tmp_path_factory.mktemp("host")) as host:
        yield host


def test_a_resolution(host: WebHost) -> None:
    did = host.did("a", "resolution")
    host.serve(did, document(did, ISSUER))
    resolution = WebResolver(host.https(), now=Clock()).resolve(did)
    assert resolution.registration is Registration.NOT_APPLICABLE
    assert resolution.document() == document(did, ISSUER)
    assert resolution.as_of == NOW
    (head,) = [head for head in host.asked if "/a/resolution/did.json" in head]
    assert head.startswith("GET /a/resolution/did.json HTTP/1.1\r\n")
    assert f"host: issuer.example:{host.port}" in head
    assert "accept-encoding: identity" in head


def test_a_document_is_kept_until_it_is_too_old(host: WebHost) -> None:
    did, clock = host.did("kept"), Clock()
    resolver = WebResolver(host.https(), max_age=timedelta(seconds=60), now=clock)
    host.serve(did, document(did, ISSUER))
    first = resolver.resolve(did)
    host.serve(did, document(did, DEVICE))
    clock.move(59)
    assert resolver.resolve(did) == first
    clock.move(1)
    second = resolver.resolve(did)
    assert second.document() == document(did, DEVICE)
    host.serve(did, document(did, ISSUER))
    assert resolver.resolve(did, fresh=True).document() == document(did, ISSUER)
    clock.move(-1)  # a clock that was set back makes nothing young again
    host.serve(did, document(did, DEVICE))
    assert resolver.resolve(did).document() == document(did, DEVICE)


def test_with_no_age_it_is_fetched_each_time(host: WebHost) -> None:
    did = host.did("each")
    resolver = WebResolver(host.https(), max_age=timedelta(0), now=Clock())
    for actor in (ISSUER, DEVICE):
        host.serve(did, document(did, actor))
        assert resolver.resolve(did).document() == document(did, actor)


def test_what_was_kept_does_not_stand_in_for_what_fails(host: WebHost) -> None:
    did, clock = host.did("fails"), Clock()
    resolver = WebResolver(host.https(), now=clock)
    host.serve(did, document(did, ISSUER))
    resolver.resolve(did)
    host.serve(did, answer(b"", "500 Internal Server Error"))
    clock.move(60)
    with pytest.raises(Unavailable) as raised:
        resolver.resolve(did)
    assert raised.value.code == "did_web_failed"
    host.serve(did, document(did, ISSUER))
    assert resolver.resolve(did).document() == document(did, ISSUER)


@pytest.mark.parametrize(
    ("page", "kind", "code"),
    [
        (answer(b"", "404 Not Found"), Refused, "did_not_found"),
        (answer(b"", "410 Gone"), Refused, "did_not_found"),
        (answer(b"", "403 Forbidden"), Unavailable, "did_web_failed"),
        (answer(b"", "204 No Content", {"content-length": ""}), Invalid, "invalid_answer"),
        (answer(b"<html>"), Invalid, "invalid_did_document"),
        (answer({"id": "did:web:issuer.example"}), Invalid, "invalid_did_document"),
        (answer(b" " * (MAX_BYTES + 1)), Invalid, "answer_too_large"),
    ],
)
def test_what_a_host_may_answer(
    host: WebHost, page: bytes, kind: type[KeybornError], code: str
) -> None:
    did = host.did("answers")
    host.serve(did, page)
    with pytest.raises(kind) as raised:
        WebResolver(host.https()).resolve(did)
    assert raised.value.code == code


def test_only_so_many_documents_are_kept(host: WebHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "_KEPT", 2)
    resolver = WebResolver(host.https(), now=Clock())
    dids = [host.did("many", str(number)) for number in range(3)]
    for did in dids:
        host.serve(did, document(did, ISSUER))
        resolver.resolve(did)
    before = len(host.asked)
    resolver.resolve(dids[2])
    assert len(host.asked) == before
    resolver.resolve(dids[0])
    assert len(host.asked) == before + 1


def test_only_so_many_are_fetched_at_once(host: WebHost) -> None:
    did = host.did("slow")
    arrived, go_on = threading.Semaphore(0), threading.Event()

    def hold(connection: Connection) -> None:
        arrived.release()
        go_on.wait(10)
        connection.sendall(answer(document(did, ISSUER)))

    host.serve(did, hold)
    resolver = WebResolver(host.https(), patience=0)
    fetching = [
        threading.Thread(target=resolver.resolve, args=(did,), kwargs={"fresh": True})
        for _ in range(web._AT_ONCE)
    ]
    for thread in fetching:
        thread.start()
    for _ in fetching:
        arrived.acquire()
    with pytest.raises(Unavailable) as raised:
        resolver.resolve(did)
    assert raised.value.code == "busy"
    go_on.set()
    for thread in fetching:
        thread.join(10)
    assert resolver.resolve(did).document() == document(did, ISSUER)
