"""``vc+jwt`` and ``vp+jwt``: ours and ``jose``'s, each way; both refuse what was altered."""

import json
from typing import Any

import pytest
from actors import DEVICE, ISSUER, NOW
from formats import AUDIENCE, ENDS, NONCE, at, credential, presentation, unsecured
from formats_peers import jwk
from peer import Peer, PeerError
from tampered import take, whole
from tampering import values

from did.errors import Invalid
from did.vc.data_urls import wrap
from did.vc.enveloping import CREDENTIAL
from did.vc.formats import Format, read_credential, read_presentation

pytestmark = pytest.mark.npm

CHECKS = {"typ": "vc+jwt", "algorithms": ["EdDSA"]}
SHOWN = {"typ": "vp+jwt", "algorithms": ["EdDSA"], "audience": AUDIENCE}


def they_verify(jose: Peer, token: bytes, **options: Any) -> Any:
    checks = {**CHECKS, **options}
    key = jwk(DEVICE if checks["typ"] == "vp+jwt" else ISSUER)
    return jose.ask(
        "verify", jwk=key, token=token.decode("latin-1"), options=checks, now=NOW.isoformat()
    )


def theirs(jose: Peer, payload: Any, kind: str = "vc") -> bytes:
    actor = DEVICE if kind == "vp" else ISSUER
    header = {"alg": "EdDSA", "kid": actor.method.text, "typ": f"{kind}+jwt", "cty": kind}
    token = jose.ask("sign", jwk=jwk(actor, secret=True), header=header, payload=payload)
    return str(token).encode()


def shown(held: bytes) -> Any:
    return {
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "type": "VerifiablePresentation",
        "holder": DEVICE.short.text,
        "verifiableCredential": [wrap(held, Format.VC_JWT, CREDENTIAL)],
        "aud": AUDIENCE,
        "nonce": NONCE,
        "exp": at(ENDS),
    }


def test_they_verify_our_credential(jose: Peer) -> None:
    verified = they_verify(jose, credential(Format.VC_JWT))
    assert verified["payload"] == {**unsecured(), "iat": at(NOW)}
    assert verified["header"]["kid"] == ISSUER.method.text


def test_they_verify_our_presentation(jose: Peer) -> None:
    verified = they_verify(jose, presentation(Format.VC_JWT), **SHOWN)
    assert (verified["payload"]["nonce"], verified["payload"]["holder"]) == (
        NONCE,
        DEVICE.short.text,
    )


def test_we_verify_their_credential(jose: Peer) -> None:
    read = read_credential(theirs(jose, unsecured()))
    read.proof.verify(ISSUER.key.public_key())
    assert (read.format, read.document) == (Format.VC_JWT, unsecured())


def test_we_verify_their_presentation(jose: Peer) -> None:
    read = read_presentation(theirs(jose, shown(theirs(jose, unsecured())), "vp"))
    read.proof.verify(DEVICE.key.public_key())
    assert (read.challenge, read.audience, read.proof.expires) == (NONCE, AUDIENCE, ENDS)
    read.credentials[0].proof.verify(ISSUER.key.public_key())


def test_both_make_the_very_same_token_of_one_text(jose: Peer) -> None:
    """Ed25519 is deterministic: equal headers and payloads are equal bytes."""
    ours = credential(Format.VC_JWT)
    parts = take(ours, Format.VC_JWT).parts
    assert (
        theirs(jose, json.loads(json.dumps(parts["payload"]))).split(b".")[1] == ours.split(b".")[1]
    )


@pytest.mark.parametrize("part", ["header", "payload"])
def test_one_altered_value(jose: Peer, part: str) -> None:
    for twin in (credential(Format.VC_JWT), theirs(jose, unsecured())):
        they_verify(jose, twin)
        read_credential(twin).proof.verify(ISSUER.key.public_key())
        taken = take(twin, Format.VC_JWT)
        for _, value in values(taken.parts[part]):
            altered = whole(taken.put(**{part: value}))
            with pytest.raises(Invalid):
                read_credential(altered, Format.VC_JWT).proof.verify(ISSUER.key.public_key())
            with pytest.raises(PeerError):
                they_verify(jose, altered)


def test_one_altered_value_of_a_presentation(jose: Peer) -> None:
    twin = presentation(Format.VC_JWT)
    they_verify(jose, twin, **SHOWN)
    taken = take(twin, Format.VC_JWT)
    for _, value in values(taken.parts["payload"]):
        altered = whole(taken.put(payload=value))
        with pytest.raises(Invalid):
            read_presentation(altered, Format.VC_JWT).proof.verify(DEVICE.key.public_key())
        with pytest.raises(PeerError):
            they_verify(jose, altered, **SHOWN)


def test_a_credential_where_a_presentation_is_due(jose: Peer) -> None:
    with pytest.raises(PeerError):
        they_verify(jose, presentation(Format.VC_JWT), **CHECKS)
    with pytest.raises(Invalid):
        read_credential(theirs(jose, unsecured(), "vp"))
