"""VC 1.1 as JWTs: ours and ``did-jwt-vc``'s, each way, and what was altered refused by both."""

from typing import Any

import pytest
from actors import DEVICE, ISSUER, NOW, Actor
from formats import AUDIENCE, ENDS, NONCE, at, credential, presentation, unsecured
from formats_peers import documents, jwk
from peer import Peer, PeerError
from tampered import take, whole
from tampering import values

from did.errors import Invalid
from did.identifier import Did, DidUrl
from did.vc.formats import (
    Format,
    read_credential,
    read_presentation,
    secure_credential,
    secure_presentation,
)

pytestmark = pytest.mark.npm

V1 = Format.JWT_VC_JSON
ISSUERS: dict[str, Did] = {"keyborn": ISSUER.short, "key": ISSUER.key_did}
each_issuer = pytest.mark.parametrize("issuer", ISSUERS.values(), ids=ISSUERS)
KNOWN = documents(
    (ISSUER, ISSUER.short),
    (ISSUER, ISSUER.key_did),
    (DEVICE, DEVICE.short),
    (DEVICE, DEVICE.key_did),
)
MOMENT = {"documents": KNOWN, "now": at(NOW) + 1}


def ours(issuer: Did) -> bytes:
    document = unsecured(V1, issuer=issuer.text)
    return secure_credential(document, ISSUER.key, issuer=issuer, created=NOW, format=V1)


def secret(actor: Actor, did: Did) -> dict[str, Any]:
    method = DidUrl(did, actor.key.public_key().multibase)
    return {"jwk": jwk(actor, secret=True), "did": did.text, "header": {"kid": method.text}}


def theirs(did_jwt_vc: Peer, issuer: Did) -> bytes:
    payload = unsecured(V1, issuer=issuer.text)
    return str(did_jwt_vc.ask("issue", payload=payload, **secret(ISSUER, issuer))).encode()


def they_verify(did_jwt_vc: Peer, token: bytes) -> Any:
    return did_jwt_vc.ask("verifyCredential", token=token.decode("latin-1"), **MOMENT)


@each_issuer
def test_they_verify_our_credential(did_jwt_vc: Peer, issuer: Did) -> None:
    verified = they_verify(did_jwt_vc, ours(issuer))
    assert verified["issuer"] == {"id": issuer.text}
    assert verified["credentialSubject"] == unsecured()["credentialSubject"]
    assert verified["id"] == unsecured()["id"]


@each_issuer
def test_we_verify_their_credential(did_jwt_vc: Peer, issuer: Did) -> None:
    token = theirs(did_jwt_vc, issuer)
    assert "issuer" not in take(token, V1).parts["payload"]["vc"]  # in its claim alone
    read = read_credential(token)
    read.proof.verify(ISSUER.key.public_key())
    assert (read.format, read.issuer) == (V1, issuer)
    same = read_credential(ours(issuer))
    assert read.document == same.document | {
        "issuanceDate": "2026-01-31T12:00:00Z",
        "expirationDate": "2027-01-31T12:00:00Z",
    }
    assert (read.valid_from, read.valid_until) == (same.valid_from, same.valid_until)


def test_they_verify_our_presentation(did_jwt_vc: Peer) -> None:
    token = presentation(V1).decode()
    question = {"token": token, "challenge": NONCE, "domain": AUDIENCE, **MOMENT}
    verified = did_jwt_vc.ask("verifyPresentation", **question)
    assert verified["holder"] == DEVICE.short.text
    for wrong in ({"challenge": "another"}, {"domain": "https://other.example"}):
        with pytest.raises(PeerError):
            did_jwt_vc.ask("verifyPresentation", **{**question, **wrong})


@each_issuer
def test_we_verify_their_presentation(did_jwt_vc: Peer, issuer: Did) -> None:
    token = did_jwt_vc.ask(
        "present",
        payload={
            "vp": {
                "@context": ["https://www.w3.org/2018/credentials/v1"],
                "type": ["VerifiablePresentation"],
                "verifiableCredential": [theirs(did_jwt_vc, issuer).decode()],
            },
            "exp": at(ENDS),
        },
        challenge=NONCE,
        domain=AUDIENCE,
        **secret(DEVICE, DEVICE.key_did),
    )
    read = read_presentation(str(token).encode())
    read.proof.verify(DEVICE.key.public_key())
    assert (read.holder, read.challenge, read.audience) == (DEVICE.key_did, NONCE, AUDIENCE)
    read.credentials[0].proof.verify(ISSUER.key.public_key())


def test_a_did_key_needs_no_kid(did_jwt_vc: Peer) -> None:
    payload = unsecured(V1, issuer=ISSUER.key_did.text)
    secrets = {**secret(ISSUER, ISSUER.key_did), "header": {}}
    read = read_credential(str(did_jwt_vc.ask("issue", payload=payload, **secrets)).encode())
    read.proof.verify(read.proof.method.key())
    payload = unsecured(V1, issuer=ISSUER.short.text)
    secrets = {**secret(ISSUER, ISSUER.short), "header": {}}
    with pytest.raises(Invalid):
        read_credential(str(did_jwt_vc.ask("issue", payload=payload, **secrets)).encode())


@pytest.mark.parametrize("part", ["header", "payload"])
def test_one_altered_value(did_jwt_vc: Peer, part: str) -> None:
    for twin in (credential(V1), theirs(did_jwt_vc, ISSUER.short)):
        they_verify(did_jwt_vc, twin)
        read_credential(twin).proof.verify(ISSUER.key.public_key())
        taken = take(twin, V1)
        for _, value in values(taken.parts[part]):
            altered = whole(taken.put(**{part: value}))
            with pytest.raises(Invalid):
                read_credential(altered, V1).proof.verify(ISSUER.key.public_key())
            with pytest.raises(PeerError):
                they_verify(did_jwt_vc, altered)


def test_one_altered_value_of_a_presentation(did_jwt_vc: Peer) -> None:
    held = [(credential(V1), V1)]
    given = {"challenge": NONCE, "audience": AUDIENCE, "created": NOW, "expires": ENDS}
    twin = secure_presentation(held, DEVICE.key, holder=DEVICE.did, format=V1, **given)  # type: ignore[arg-type] # as named
    taken = take(twin, V1)
    for _, value in values(taken.parts["payload"]):
        altered = whole(taken.put(payload=value))
        with pytest.raises(Invalid):
            read_presentation(altered, V1).proof.verify(DEVICE.key.public_key())
        with pytest.raises(PeerError):
            did_jwt_vc.ask("verifyPresentation", token=altered.decode(), **MOMENT)
