"""The npm package did-resolver, with methods that ask our HTTP interface; and who builds on it.

did-jwt-vc verifies JWTs under the keys that it finds in the documents it is given so.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from actors import DEVICE, ISSUER, STRANGER, Actor
from peer import Peer, PeerError
from resolution_support import BETWEEN, ENDED, OLDER, RESULT, Resolving, resolving

from did.did_url import take_apart
from did.errors import Invalid
from did.jose import sign_jws
from did.keys import Signer

pytestmark = pytest.mark.npm

each_form = pytest.mark.parametrize("accept", [RESULT, OLDER])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Resolving]:
    with resolving(tmp_path_factory.mktemp("resolving")) as world:
        yield world


def resolve(peer: Peer, world: Resolving, did: str, accept: str) -> Any:
    return peer.ask("resolve", did=did, endpoint=world.url, accept=accept)


def dids(world: Resolving) -> list[str]:
    return [DEVICE.short.text, DEVICE.did.text, DEVICE.key_did.text, world.web.text]


@each_form
def test_it_resolves_each_method(did_resolver: Peer, world: Resolving, accept: str) -> None:
    for did in dids(world):
        result = resolve(did_resolver, world, did, accept)
        assert result["didDocument"]["verificationMethod"]
        assert "error" not in result["didResolutionMetadata"]
        expected = world.get(did, encoded=True).json()
        assert result["didDocument"] == expected["didDocument"]
        assert result["didDocumentMetadata"] == expected["didDocumentMetadata"]


@pytest.mark.parametrize(
    ("did", "name"),
    [
        (STRANGER.short.text, "notFound"),
        ("did:keyborn:abc", "invalidDid"),
        ("did:key:zTjsVPtY", "invalidPublicKeyLength"),
        ("did:web:127.0.0.1", "invalidDid"),
        ("did:web:none.example", "internalError"),
        ("did:web:other.example%3A1", "internalError"),
    ],
)
def test_it_learns_why_there_is_no_document(
    did_resolver: Peer, world: Resolving, did: str, name: str
) -> None:
    older = resolve(did_resolver, world, did, OLDER)["didResolutionMetadata"]
    assert older["error"] == name
    current = resolve(did_resolver, world, did, RESULT)
    assert current["didDocument"] is None
    kind = current["didResolutionMetadata"]["error"]["type"]
    assert kind.rpartition("#")[2].replace("_", "").lower() == name.lower()


@each_form
def test_it_learns_that_a_did_is_deactivated(
    did_resolver: Peer, world: Resolving, accept: str
) -> None:
    result = resolve(did_resolver, world, ENDED.short.text, accept)
    assert result["didDocumentMetadata"]["deactivated"] is True


@pytest.mark.parametrize(
    "url",
    [
        DEVICE.short.text,
        DEVICE.did.text,
        f"{DEVICE.short.text}#key",
        f"{DEVICE.short.text}?versionTime={BETWEEN}#key",
        "did:web:a.example%3A80:b/path?service=files&relativeRef=%2Fa#b",
        f"{DEVICE.short.text}#a b",
        f"{DEVICE.short.text}/^",
        f"{DEVICE.short.text}#é",
    ],
)
def test_both_take_a_did_url_apart_alike(did_resolver: Peer, url: str) -> None:
    theirs = did_resolver.ask("parse", did=url)
    try:
        ours = take_apart(url)
    except Invalid:
        assert theirs is None
        return
    assert (ours.did, ours.path) == (theirs["did"], theirs.get("path", ""))
    assert ours.fragment == theirs.get("fragment")
    assert bool(ours.parameters) == ("query" in theirs)


def jwt(issuer: str, signer: Signer) -> str:
    """A credential of VC 1.1 as a JWT, about the device."""
    payload: Any = {
        "iss": issuer,
        "sub": DEVICE.short.text,
        "nbf": 1_700_000_000,
        "vc": {
            "@context": ["https://www.w3.org/2018/credentials/v1"],
            "type": ["VerifiableCredential"],
            "credentialSubject": {"model": "thermo-2"},
        },
    }
    return sign_jws({"alg": "EdDSA", "typ": "JWT"}, payload, signer)


ISSUERS: dict[str, tuple[Any, Signer, Signer]] = {
    "did:keyborn": (lambda _world: DEVICE.short.text, DEVICE.next_key, DEVICE.key),
    "did:key": (lambda _world: ISSUER.key_did.text, ISSUER.key, STRANGER.key),
    "did:web": (lambda world: world.web.text, ISSUER.key, STRANGER.key),
}


@pytest.mark.parametrize("method", ISSUERS)
def test_did_jwt_vc_verifies_under_the_resolved_key(
    did_resolver: Peer, world: Resolving, method: str
) -> None:
    """Of the did:keyborn the current key, and not the one that was rotated away."""
    named, current, other = ISSUERS[method]
    issuer = named(world)
    service = {"endpoint": world.url, "accept": RESULT}
    verified = did_resolver.ask("verify", credential=jwt(issuer, current), **service)
    assert verified["issuer"] == issuer
    assert verified["subject"]["id"] == DEVICE.short.text
    with pytest.raises(PeerError, match="invalid_signature"):
        did_resolver.ask("verify", credential=jwt(issuer, other), **service)


def test_did_jwt_vc_refuses_who_cannot_be_resolved(did_resolver: Peer, world: Resolving) -> None:
    service = {"endpoint": world.url, "accept": RESULT}

    def verify(actor: Actor) -> Any:
        return did_resolver.ask("verify", credential=jwt(actor.short.text, actor.key), **service)

    for actor in (STRANGER, ENDED):
        with pytest.raises(PeerError, match=r"resolver_error|no_suitable_keys|deactivated"):
            verify(actor)
