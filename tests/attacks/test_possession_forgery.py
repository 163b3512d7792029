"""Enrolling as somebody else. Each has a twin that must succeed."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from actors import DEVICE, STRANGER, Actor
from issuing import URL, World, issuing

from did.identifier import Genesis, KeybornDid
from did.jcs import JsonObject
from did.multibase import base64url_decode, base64url_encode
from did.possession import PROOF_TYP
from ledger.operations import Batch, Create, encode_batch


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with issuing(tmp_path) as world:
        yield world


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One issuer for many requests that change nothing."""
    with issuing(tmp_path_factory.mktemp("standing")) as world:
        yield world


def refused(answer: httpx.Response, code: str | None = None) -> None:
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"] == "invalid_proof"
    if code is not None:
        assert f"[{code}]" in answer.json()["error_description"]


def granted(answer: httpx.Response) -> JsonObject:
    assert answer.status_code == 200, answer.text
    subject: JsonObject = answer.json()["credentials"][0]["credential"]["credentialSubject"]
    return subject


def signed(actor: Actor, header: dict[str, Any], payload: dict[str, Any]) -> str:
    """A token with just this header and payload, signed by the key of ``actor``."""
    parts = [base64url_encode(json.dumps(part).encode()) for part in (header, payload)]
    signature = actor.key.sign(".".join(parts).encode())
    return ".".join([*parts, base64url_encode(signature)])


def header(actor: Actor) -> dict[str, Any]:
    kid = f"{actor.did.text}#{actor.key.public_key().multibase}"
    return {"typ": PROOF_TYP, "alg": "EdDSA", "kid": kid}


def payload(world: World) -> dict[str, Any]:
    return {"aud": URL, "nonce": world.nonce(), "iat": int(world.clock().timestamp())}


def public_jwk(actor: Actor) -> dict[str, str]:
    return {"kty": "OKP", "crv": "Ed25519", "x": base64url_encode(actor.key.public_key().raw)}


def test_the_twin_of_every_forgery_here(world: World) -> None:
    token = world.token(world.claim())
    proof = signed(DEVICE, header(DEVICE), payload(world))
    assert granted(world.ask(token, proof))["id"] == DEVICE.short.text
    proof = signed(DEVICE, {**header(DEVICE), "alg": "Ed25519"}, payload(world))
    assert granted(world.ask(token, proof))["id"] == DEVICE.short.text


@pytest.mark.parametrize(
    ("claim", "seconds", "code"),
    [
        ("exp", None, "proof_expired"),
        ("exp", -1, "proof_expired"),
        ("exp", 0, "proof_expired"),
        ("exp", 1, None),
        ("nbf", 4 * 3600, "proof_not_yet_valid"),
        ("nbf", 61, "proof_not_yet_valid"),
        ("nbf", 60, None),  # the device's clock may be fast by as much
        ("nbf", None, None),
    ],
)
def test_a_proof_out_of_its_own_time(
    standing: World, claim: str, seconds: int | None, code: str | None
) -> None:
    """RFC 7519, sections 4.1.4 and 4.1.5; None is 1970."""
    time = 1 if seconds is None else int(standing.clock().timestamp()) + seconds
    token = standing.token(standing.claim())
    said = {**payload(standing), claim: time}
    answer = standing.ask(token, signed(DEVICE, header(DEVICE), said))
    if code is None:
        granted(answer)
    else:
        refused(answer, code)
        granted(standing.ask(token, standing.proof(DEVICE)))


@pytest.mark.parametrize("client", ["someone", "", None, 7])
def test_a_proof_that_names_a_client(standing: World, client: object) -> None:
    """Appendix F.1: no ``iss`` where a pre-authorized code was redeemed by nobody in particular."""
    token = standing.token(standing.claim())
    said = {**payload(standing), "iss": client}
    refused(standing.ask(token, signed(DEVICE, header(DEVICE), said)), "invalid_possession_proof")
    granted(standing.ask(token, standing.proof(DEVICE)))


def test_a_did_that_contains_the_victims_key_is_another_did(world: World) -> None:
    """A create is unsigned: anybody can register a DID that holds somebody else's public key.

    What the victim signs names the victim's own DID, and the thief, without the key, signs nothing.
    """
    thief = KeybornDid.born(Genesis.of(DEVICE.key.public_key(), STRANGER.key.public_key()))
    assert thief.genesis is not None
    create = encode_batch(Batch(creates=(Create(thief.genesis),)))
    world.ledger.submit(world.ledger.prepare(create))
    token = world.token(world.claim())
    refused(world.ask(token, world.proof(STRANGER, did=thief)), "unknown_verification_method")
    refused(
        world.ask(token, world.proof(STRANGER, did=thief.canonical)), "unknown_verification_method"
    )
    # The victim's proof, with the thief's DID put in: the header is signed.
    proof = world.proof(DEVICE).split(".")
    kid = f"{thief.text}#{DEVICE.key.public_key().multibase}"
    proof[0] = base64url_encode(json.dumps({**header(DEVICE), "kid": kid}).encode())
    refused(world.ask(token, ".".join(proof)), "invalid_signature")
    # The victim's own proof gives the victim's own credential, whoever relays it.
    assert granted(world.ask(token, world.proof(DEVICE)))["id"] == DEVICE.short.text


def test_a_key_of_ones_own_under_anothers_did(world: World) -> None:
    for registered in (False, True):
        if registered:
            world.register(DEVICE)
        token = world.token(world.claim())
        forged = world.proof(STRANGER, did=DEVICE.did)
        refused(world.ask(token, forged), "unknown_verification_method")
        # The victim's key in kid, and one's own signature.
        forged = signed(STRANGER, header(DEVICE), payload(world))
        refused(world.ask(token, forged), "invalid_signature")
        assert granted(world.ask(token, world.proof(DEVICE)))["id"] == DEVICE.short.text


def test_a_key_that_was_rotated_away(world: World) -> None:
    world.register(DEVICE)
    world.rotate(DEVICE, STRANGER.next_key)
    token = world.token(world.claim())
    for did in (DEVICE.did, DEVICE.short):
        refused(world.ask(token, world.proof(DEVICE, did=did)), "key_superseded")
    heir = world.proof(DEVICE, signer=DEVICE.next_key)
    assert granted(world.ask(token, heir))["id"] == DEVICE.short.text


def test_a_proof_made_for_another_issuer(world: World) -> None:
    token = world.token(world.claim())
    for audience in ("https://other.example", f"{URL}/", URL.upper(), f"{URL}.evil.example"):
        refused(world.ask(token, world.proof(DEVICE, audience=audience)), "wrong_audience")
    refused(world.ask(token, signed(DEVICE, header(DEVICE), {**payload(world), "aud": [URL]})))
    granted(world.ask(token, world.proof(DEVICE)))


@pytest.mark.parametrize(
    "change",
    [
        {"kid": None},
        {"kid": 7},
        {"kid": ""},
        {"kid": DEVICE.did.text},
        {"kid": f"{DEVICE.did.text}\n#{DEVICE.key.public_key().multibase}"},
        {"kid": f"{DEVICE.did.text}#key-1"},
        {"kid": DEVICE.key.public_key().multibase},
        {"kid": f"{DEVICE.key_did.text}#{DEVICE.key.public_key().multibase}"},
        {"kid": f"{DEVICE.short.text}#{DEVICE.key.public_key().multibase}"},
        {"kid": "x" * 600},
        {"typ": "JWT"},
        {"typ": None},
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": "ES256"},
        {"alg": "eddsa"},
        {"crit": ["exp"]},
        {"b64": False},
        {"jwk": public_jwk(DEVICE)},
        {"x5c": ["AAAA"]},
    ],
    ids=lambda change: str(change)[:40],
)
def test_headers_that_are_refused(standing: World, change: dict[str, Any]) -> None:
    changed = {**header(DEVICE), **change}
    refused(
        standing.ask(standing.token(standing.claim()), signed(DEVICE, changed, payload(standing)))
    )


def test_a_bare_key_is_refused_with_a_hint(world: World) -> None:
    named = {"typ": PROOF_TYP, "alg": "EdDSA", "jwk": public_jwk(DEVICE)}
    token = world.token(world.claim())
    answer = world.ask(token, signed(DEVICE, named, payload(world)))
    refused(answer)
    assert "set kid" in answer.json()["error_description"]
    granted(world.ask(token, world.proof(DEVICE)))


def test_claims_that_are_missing_or_of_another_type(world: World) -> None:
    token, good = world.token(world.claim()), payload(world)
    for name in good:
        refused(world.ask(token, signed(DEVICE, header(DEVICE), {**good, name: None})))
        missing = {key: value for key, value in good.items() if key != name}
        refused(world.ask(token, signed(DEVICE, header(DEVICE), missing)))
    for iat in (True, "1", 10**15, 1.5):
        refused(world.ask(token, signed(DEVICE, header(DEVICE), {**good, "iat": iat})))
    granted(world.ask(token, signed(DEVICE, header(DEVICE), good)))


def test_a_proof_kept_for_later_or_dated_ahead(world: World) -> None:
    token, now = world.token(world.claim()), world.clock()
    for issued in (now - timedelta(minutes=6), now + timedelta(minutes=2)):
        refused(world.ask(token, world.proof(DEVICE, issued=issued)), "proof_not_recent")
    granted(world.ask(token, world.proof(DEVICE, issued=now - timedelta(minutes=4))))


def test_a_token_taken_apart_and_put_together_otherwise(world: World) -> None:
    token, proof = world.token(world.claim()), world.proof(DEVICE)
    head, body, signature = proof.split(".")
    flipped = bytearray(base64url_decode(signature))
    flipped[0] ^= 1
    for forged in (
        f"{head}.{body}.{base64url_encode(bytes(flipped))}",
        f"{head}.{body}.",
        f"{head}.{body}",
        f"{head}.{body}.{signature}.",
        f"{head}.{body}.{signature}=",
        f" {proof}",
        f"{proof}\n",
        f"{head}.{base64url_encode(json.dumps(payload(world)).encode())}.{signature}",
        f"{base64url_encode(b'[]')}.{body}.{signature}",
        "a" * 20_000,
    ):
        refused(world.ask(token, forged))
    duplicate = base64url_decode(head)[:-1] + b',"kid":"x"}'
    refused(world.ask(token, f"{base64url_encode(duplicate)}.{body}.{signature}"))
    granted(world.ask(token, proof))
