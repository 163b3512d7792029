"""Whatever the resolver is asked over HTTP, it answers in its own form."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
from actors import DEVICE
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from serving import serving

from did.errors import Invalid
from did.identifier import parse_did
from keyborn import http
from ledger import resolution_api
from ledger.resolving.methods import MethodResolver

STATUSES = {200, 303, 400, 404, 406, 501}
UNESCAPED = ":/@!$&'()*+,;="  # in a path
METADATA = ("didResolutionMetadata", "didDereferencingMetadata", "dereferencingMetadata")

texts = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=60)
key = DEVICE.key_did.text
method = f"{key}#{DEVICE.key.public_key().multibase}"
identifiers = st.one_of(
    texts,
    st.sampled_from([key, method, "did:web:a.example", DEVICE.short.text]),
    st.builds("{}{}".format, st.sampled_from([key, "did:web:", "did:keyborn:"]), texts),
    st.builds("{}{}{}".format, st.just(key), st.sampled_from(["#", "?", "/"]), texts),
)
accepts = st.one_of(
    st.sampled_from(
        [
            "*/*",
            "application/did",
            "application/did-resolution",
            "application/did-url-dereferencing",
            'application/ld+json;profile="https://w3id.org/did-resolution"',
            "text/uri-list",
        ]
    ),
    st.text('abdilnopst+-/*;,=q.01" ', max_size=40),
)
names = st.sampled_from(["versionId", "versionTime", "service", "noCache", "publicKeyFormat", "x"])
queries = st.lists(st.tuples(names, texts), max_size=3)


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    app = FastAPI()
    http.install(app)
    app.include_router(resolution_api.routes(MethodResolver(None)))
    with serving(app) as url, httpx.Client(base_url=url) as client:
        yield client


def check(answer: Any) -> None:
    assert answer.status_code in STATUSES, answer.text
    if answer.status_code == 303:
        return
    body = answer.json()
    if answer.status_code == 200:
        assert isinstance(body, dict)
        return
    (found,) = [body[name] for name in METADATA if name in body]
    assert found["error"]


@given(identifier=identifiers, safe=st.sampled_from(["", UNESCAPED]), accept=accepts, query=queries)
def test_any_question_over_get(
    client: httpx.Client, identifier: str, safe: str, accept: str, query: list[tuple[str, str]]
) -> None:
    path = quote(identifier, safe=safe)
    url = f"/1.0/identifiers/{path}" + (f"?{urlencode(query)}" if query else "")
    check(client.get(url, headers={"accept": accept.strip()}))


@given(body=st.one_of(st.binary(max_size=80), st.dictionaries(names, texts).map(json.dumps)))
def test_any_question_over_post(client: httpx.Client, body: bytes | str) -> None:
    check(client.post(f"/1.0/identifiers/{key}", content=body))


@given(texts)
def test_what_is_one_did_is_no_other(text: str) -> None:
    """A DID that is read is written as it stood, so that no two texts are one identity."""
    for prefix in ("did:web:", "did:key:", "did:keyborn:", ""):
        try:
            did = parse_did(prefix + text)
        except Invalid:
            continue
        assert did.text == prefix + text
