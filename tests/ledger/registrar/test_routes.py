"""The registrar over HTTP, and its client."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from actors import DEVICE, STRANGER, actor
from registrar_support import PATIENT, Site, create, rotation
from serving import serving

from did.errors import Busy, Invalid, KeybornError, Refused, Unavailable
from ledger.app import create_app
from ledger.registrar.client import RegistrarClient
from ledger.registrar.dispatch import Batching
from ledger.registrar.messages import State, operation_to_json

THIRD = actor("third").key


@pytest.fixture
def url(site: Site) -> Iterator[str]:
    app = create_app(registrar=site.registrar, resolver=site.reader, embedded=site.ledger)
    with serving(app) as url:
        yield url


@pytest.fixture
def client(url: str) -> Iterator[RegistrarClient]:
    with RegistrarClient(url) as client:
        yield client


def test_an_operation_is_accepted_and_followed(url: str, site: Site) -> None:
    answer = httpx.post(f"{url}/v1/operations", json=operation_to_json(create(DEVICE)))
    assert answer.status_code == 202
    status = answer.json()
    assert status["state"] == "queued"
    assert status["operation"] == DEVICE.did.id.hex()
    assert status["did"] == DEVICE.short.text
    followed = httpx.get(f"{url}/v1/operations/{status['operation']}")
    assert followed.status_code == 200
    assert followed.json()["operation"] == status["operation"]
    assert site.outbox.find(DEVICE.did.id) is not None


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "invalid_request"),
        (b"[]", 400, "invalid_request"),
        (b"{}", 400, "invalid_request"),
        (b'{"type":"delete"}', 400, "invalid_request"),
        (b'{"type":"create"}', 400, "invalid_request"),
        (b'{"type":"create","genesis":1}', 400, "invalid_request"),
        (b'{"type":"create","genesis":"z1","next":null}', 400, "invalid_request"),
        (b'{"type":"create","genesis":"z1","genesis":"z1"}', 400, "duplicate_key"),
        (b'{"type":"create","genesis":"z1"}', 400, "invalid_operation"),
        (b'{"type":"create"', 400, "invalid_json"),
        (b'{"type":"create","genesis":"' + b"z" * 300_000 + b'"}', 413, "body_too_large"),
    ],
)
def test_bad_input_has_a_clear_error(url: str, body: bytes, status: int, code: str) -> None:
    answer = httpx.post(
        f"{url}/v1/operations", content=body, headers={"content-type": "application/json"}
    )
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_an_update_that_has_no_effect_is_told_why(url: str, site: Site) -> None:
    update: dict[str, Any] = dict(operation_to_json(rotation(DEVICE, site.ledger.log_id)))
    answer = httpx.post(f"{url}/v1/operations", json=update)
    assert answer.status_code == 403
    problem = answer.json()
    assert (problem["code"], problem["step"]) == ("not_registered", "accept the operation")
    assert problem["hint"]
    site.append(create(DEVICE))
    assert httpx.post(f"{url}/v1/operations", json=update).status_code == 202


@pytest.mark.parametrize(
    ("operation", "status", "code"),
    [
        ("00" * 32, 404, "unknown_operation"),
        ("00", 400, "invalid_operation_hash"),
        ("00" * 31 + "0G", 400, "invalid_operation_hash"),
    ],
)
def test_an_operation_that_is_not_there(url: str, operation: str, status: int, code: str) -> None:
    answer = httpx.get(f"{url}/v1/operations/{operation}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_health_tells_whether_operations_get_onto_the_log(url: str, site: Site) -> None:
    assert httpx.get(f"{url}/health").json() == {"status": "ok"}
    site.registrar.stop()
    answer = httpx.get(f"{url}/health")
    assert (answer.status_code, answer.json()["code"]) == (503, "registrar_stopped")


def test_a_client_submits_and_follows(client: RegistrarClient, site: Site) -> None:
    taken = client.submit(create(DEVICE))
    assert taken.operation == DEVICE.did.id
    turned = client.submit(rotation(DEVICE, site.ledger.log_id, to=THIRD.public_key()))
    assert client.status(turned.operation).type == "update"
    assert client.submit(create(DEVICE)).operation == taken.operation
    assert client.status(taken.operation).state is not State.VOID


def test_a_client_has_the_registrars_own_errors(client: RegistrarClient, site: Site) -> None:
    cases: list[tuple[Any, type[KeybornError], str]] = [
        (lambda: client.status(bytes(32)), Refused, "unknown_operation"),
        (
            lambda: client.submit(rotation(DEVICE, site.ledger.log_id)),
            Refused,
            "not_registered",
        ),
    ]
    for call, branch, code in cases:
        with pytest.raises(branch) as raised:
            call()
        assert raised.value.code == code


@pytest.fixture
def busy(make_site: Callable[[Batching], Site]) -> Iterator[tuple[Site, str]]:
    """A registrar with room for one operation, which waits, and its URL."""
    site = make_site(replace(PATIENT, queue=1))
    site.registrar.submit(create(DEVICE))
    with serving(create_app(registrar=site.registrar, resolver=site.reader)) as url:
        yield site, url


def test_a_full_queue_is_429_with_the_time_to_come_again(busy: tuple[Site, str]) -> None:
    site, url = busy
    answer = httpx.post(f"{url}/v1/operations", json=operation_to_json(create(STRANGER)))
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "30")
    problem = answer.json()
    assert (problem["code"], problem["type"]) == ("registrar_busy", "urn:keyborn:problem:busy")
    again = httpx.post(f"{url}/v1/operations", json=operation_to_json(create(DEVICE)))
    assert again.status_code == 202  # known already
    site.clock.move(60)
    site.settle()
    later = httpx.post(f"{url}/v1/operations", json=operation_to_json(create(STRANGER)))
    assert later.status_code == 202


def test_a_patient_client_comes_again_when_it_is_asked_to(busy: tuple[Site, str]) -> None:
    site, url = busy
    waits: list[float] = []

    def pause(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            site.clock.move(60)
            site.settle()

    with RegistrarClient(url, patience=120, pause=pause) as client:
        assert client.submit(create(STRANGER)).state is State.QUEUED
    assert len(waits) == 2
    assert all(30 <= wait <= 37.5 for wait in waits)


def test_patience_ends(busy: tuple[Site, str]) -> None:
    _, url = busy
    for patience, least, most in ((0.0, 0, 0), (29.0, 0, 0), (100.0, 2, 3)):
        waits: list[float] = []
        with (
            RegistrarClient(url, patience=patience, pause=waits.append) as client,
            pytest.raises(Busy) as raised,
        ):
            client.submit(create(STRANGER))
        assert (raised.value.code, raised.value.retry_after) == ("registrar_busy", 30)
        assert least <= len(waits) <= most


def test_a_client_of_nobody() -> None:
    with (
        RegistrarClient("http://127.0.0.1:1") as client,
        pytest.raises(Unavailable, match="unreachable"),
    ):
        client.submit(create(DEVICE))
    with pytest.raises(Invalid, match="invalid_url"):
        RegistrarClient("ftp://127.0.0.1")
