"""VC 1.1 as JWTs: ours and DIDKit's, each way, and what was altered refused by both.

DIDKit resolves did:key, and no did:keyborn. Its presentations do not say when they end, as ours
must, so there the way goes one way only.
"""

from typing import Any

import pytest
from actors import DEVICE, ISSUER, NOW
from formats import AUDIENCE, NONCE, at, unsecured
from formats_peers import jwk
from peer import Peer
from tampered import take, whole
from tampering import values

from did.errors import Invalid
from did.multibase import base64url_decode
from did.vc.credential import CREDENTIALS_CONTEXT_1
from did.vc.formats import Format, read_credential, secure_credential, secure_presentation
from keyborn.clock import now

V1 = Format.JWT_VC_JSON


def document() -> dict[str, Any]:
    """A credential whose terms are those of VC 1.1: DIDKit knows no others, and fetches nothing.

    It does not end: DIDKit's clock is the machine's.
    """
    whole_one = unsecured(V1, issuer=ISSUER.key_did.text)
    left_out = ("credentialStatus", "expirationDate")
    return {
        **{name: value for name, value in whole_one.items() if name not in left_out},
        "@context": [CREDENTIALS_CONTEXT_1],
        "type": ["VerifiableCredential"],
        "credentialSubject": {"id": DEVICE.key_did.text},
    }


def ours() -> bytes:
    return secure_credential(document(), ISSUER.key, issuer=ISSUER.key_did, created=NOW, format=V1)


def theirs(didkit: Peer) -> bytes:
    token = didkit.ask("issue", credential=document(), jwk=jwk(ISSUER, secret=True))
    return str(token).encode()


def they_verify(didkit: Peer, token: bytes) -> bool:
    said = didkit.ask("verifyCredential", token=token.decode("latin-1"))
    return bool(said["errors"] == [] and said["checks"] == ["JWS"])


def test_they_verify_our_credential(didkit: Peer) -> None:
    assert they_verify(didkit, ours())


def test_we_verify_their_credential(didkit: Peer) -> None:
    token = theirs(didkit)
    read = read_credential(token)
    read.proof.verify(ISSUER.key.public_key())
    assert (read.format, read.issuer) == (V1, ISSUER.key_did)
    assert read.document == document()
    # As they write a NumericDate: with a fraction that is none (RFC 7519, section 2).
    assert f'"nbf":{at(NOW)}.0'.encode() in base64url_decode(token.decode().split(".")[1])


def test_they_verify_our_presentation(didkit: Peer) -> None:
    token = secure_presentation(
        [(ours(), V1)],
        DEVICE.key,
        holder=DEVICE.key_did,
        challenge=NONCE,
        audience=AUDIENCE,
        created=now(),
        format=V1,
    ).decode()
    for options, good in (
        ({"challenge": NONCE, "domain": AUDIENCE}, True),
        ({"challenge": "another", "domain": AUDIENCE}, False),
        ({"challenge": NONCE, "domain": "https://other.example"}, False),
    ):
        said = didkit.ask("verifyPresentation", token=token, options=options)
        assert (said["errors"] == []) is good, said


@pytest.mark.parametrize("part", ["header", "payload"])
def test_one_altered_value(didkit: Peer, part: str) -> None:
    for twin in (ours(), theirs(didkit)):
        assert they_verify(didkit, twin)
        taken = take(twin, V1)
        for what, value in values(taken.parts[part]):
            altered = whole(taken.put(**{part: value}))
            with pytest.raises(Invalid):
                read_credential(altered, V1).proof.verify(ISSUER.key.public_key())
            if what != "typ":  # which they do not look at, but it is signed
                assert not they_verify(didkit, altered), what
