"""Malformed bodies at the VC-API: each is refused with problem details, none is our own failure.

The twin of each is the same request unharmed, which succeeds.
"""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from data_model_cases import MINIMAL, PRESENTATION
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from serving import serving_named
from suite import Suite

from conformance.identity import DidMethod, Identity
from conformance.instance import instance
from conformance.manifest import manifest

_JSON: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(max_size=20)
    | st.sampled_from(["", "did:key:z6Mk", "https://www.w3.org/ns/credentials/v2", "data:,", "z1"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["@context", "type", "id", "proof", "proofValue", "@value", "x"])
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


class World:
    """An instance, a request to each of its routes that succeeds, and a client."""

    def __init__(self, suite: Suite) -> None:
        self.suite = suite
        issued = suite.issue()
        shown = suite.present({**PRESENTATION, "verifiableCredential": [issued]})
        self.requests: dict[str, dict[str, Any]] = {
            suite.manifest["issuers"][0]["endpoint"]: {
                "credential": {**MINIMAL, "name": "n", "evidence": {"type": "https://a.example/"}},
                "options": {"cryptosuite": "eddsa-jcs-2022"},
            },
            suite.manifest["verifiers"][0]["endpoint"]: {
                "verifiableCredential": issued,
                "options": {"checks": ["proof"]},
            },
            suite.manifest["vpVerifiers"][0]["endpoint"]: {
                "verifiablePresentation": shown,
                "options": {"checks": ["proof"]},
            },
        }

    def post(self, url: str, body: bytes) -> httpx.Response:
        headers = {"content-type": "application/json"}
        return self.suite.client.post(url, content=body, headers=headers)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    identity = Identity("test")
    with tempfile.TemporaryDirectory() as folder:
        opened = instance(Path(folder), identity=identity, method=DidMethod.KEY, authorities=None)
        with (
            opened as built,
            serving_named(built.make_app) as url,
            Suite(manifest(url, built.did), None, identity) as suite,
        ):
            yield World(suite)


def check(answer: httpx.Response) -> None:
    assert answer.status_code in (200, 201, 400), answer.text
    if answer.status_code == 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert {"type", "title", "status", "detail", "code"} <= answer.json().keys()


def test_the_twin(world: World) -> None:
    for url, request in world.requests.items():
        answer = world.post(url, json.dumps(request).encode())
        assert answer.status_code in (200, 201), answer.text


many = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


@many
@example(b"")
@example(b"{")
@example(b"[]")
@example(b'{"credential": 1e400}')
@example(b'{"credential": {}, "credential": {}}')
@example(b"\xff\xfe")
@example(b"[" * 100_000)
@example(b'{"credential": "\\ud800"}')
@given(st.binary(max_size=200))
def test_bytes(world: World, body: bytes) -> None:
    for url in world.requests:
        answer = world.post(url, body)
        assert answer.status_code == 400
        check(answer)


@many
@given(_JSON)
def test_json_that_is_no_request(world: World, value: Any) -> None:
    for url in world.requests:
        check(world.post(url, json.dumps(value).encode()))


@many
@given(st.data())
def test_requests_with_one_value_replaced(world: World, data: st.DataObject) -> None:
    """Anywhere: in the document, in its proof, in the credentials of a presentation."""
    url = data.draw(st.sampled_from(list(world.requests)))
    body = json.loads(json.dumps(world.requests[url]))
    place: Any = body
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        inner = place[key]
        if not isinstance(inner, dict | list) or not inner or data.draw(st.booleans()):
            break
        place = inner
    if data.draw(st.booleans()):
        place[key] = data.draw(_JSON)
    else:
        del place[key]
    check(world.post(url, json.dumps(body).encode()))


@many
@given(st.sampled_from(["credential", "verifiableCredential", "verifiablePresentation"]), _JSON)
def test_members_that_are_no_documents(world: World, name: str, value: Any) -> None:
    for url in world.requests:
        check(world.post(url, json.dumps({name: value, "options": value}).encode()))


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_what_is_not_said_to_be_json(world: World, content_type: str | None) -> None:
    """So that no page of a browser can post here without being asked about it first."""
    for url, request in world.requests.items():
        headers = {} if content_type is None else {"content-type": content_type}
        body = json.dumps(request).encode()
        check(answer := world.suite.client.post(url, content=body, headers=headers))
        assert answer.json()["code"] == "unsupported_media_type"


def test_bodies_over_the_limit(world: World) -> None:
    for url in world.requests:
        answer = world.post(url, b'{"credential": "' + b"x" * 300_000 + b'"}')
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"


def test_other_methods(world: World) -> None:
    for url in world.requests:
        answer = world.suite.client.get(url)
        assert answer.status_code == 405
        assert answer.headers["content-type"] == "application/problem+json"
