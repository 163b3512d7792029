"""``vc+cose``, ``vp+cose``: ours and ``@auth0/cose``'s, each way; both refuse what was altered."""

from typing import Any

import pytest
from actors import DEVICE, ISSUER, NOW
from formats import AUDIENCE, ENDS, NONCE, at, credential, presentation, unsecured
from formats_peers import jwk
from peer import Peer, PeerError
from tampered import take, whole
from tampering import values

from did.errors import Invalid
from did.jcs import canonicalize
from did.multibase import base64url_decode
from did.strict_json import parse_object
from did.vc.data_urls import wrap
from did.vc.enveloping import CREDENTIAL
from did.vc.formats import Format, read_credential, read_presentation
from did.vc.presentation import unsecured_presentation

pytestmark = pytest.mark.npm

COSE = Format.VC_COSE


def they_verify(cose: Peer, message: bytes, *, holder: bool = False) -> Any:
    return cose.ask("verify", jwk=jwk(DEVICE if holder else ISSUER), message=message.hex())


def theirs(cose: Peer, document: Any, claims: list[Any], *, kind: str = "vc") -> bytes:
    actor = DEVICE if kind == "vp" else ISSUER
    headers = [
        [1, -8],
        [3, f"application/{kind}"],
        [4, {"hex": actor.method.text.encode().hex()}],
        [15, claims],
        [16, f"application/{kind}+cose"],
    ]
    secret, payload = jwk(actor, secret=True), canonicalize(document).hex()
    message = cose.ask("sign", jwk=secret, headers=headers, payload=payload)
    return bytes.fromhex(message)


def test_they_verify_our_credential(cose: Peer) -> None:
    verified = they_verify(cose, credential(COSE))
    assert parse_object(bytes.fromhex(verified["payload"])) == unsecured()
    assert dict(verified["headers"])[16] == "application/vc+cose"
    untagged = credential(COSE)[1:]
    assert they_verify(cose, untagged) == verified


def test_they_verify_our_presentation(cose: Peer) -> None:
    verified = they_verify(cose, presentation(COSE), holder=True)
    claims = dict(dict(verified["headers"])[15])
    assert (claims[3], claims[10]) == (AUDIENCE, {"hex": base64url_decode(NONCE).hex()})


def test_we_verify_their_credential(cose: Peer) -> None:
    read = read_credential(theirs(cose, unsecured(), [[6, at(NOW)]]))
    read.proof.verify(ISSUER.key.public_key())
    assert (read.format, read.document, read.proof.created) == (COSE, unsecured(), NOW)


def test_both_make_the_very_same_message(cose: Peer) -> None:
    """Deterministic CBOR, and Ed25519: equal contents are equal bytes."""
    assert theirs(cose, unsecured(), [[6, at(NOW)]]) == credential(COSE)


def test_we_verify_their_presentation(cose: Peer) -> None:
    held = wrap(theirs(cose, unsecured(), []), COSE, CREDENTIAL)
    nonce = {"hex": base64url_decode(NONCE).hex()}
    claims = [[3, AUDIENCE], [4, at(ENDS)], [10, nonce]]
    document = unsecured_presentation([held], DEVICE.short)
    read = read_presentation(theirs(cose, document, claims, kind="vp"))
    read.proof.verify(DEVICE.key.public_key())
    assert (read.challenge, read.audience, read.proof.expires) == (NONCE, AUDIENCE, ENDS)
    read.credentials[0].proof.verify(ISSUER.key.public_key())


@pytest.mark.parametrize("part", ["protected", "payload"])
@pytest.mark.parametrize("holder", [False, True])
def test_one_altered_value(cose: Peer, part: str, holder: bool) -> None:  # noqa: FBT001 - a parameter
    ours = presentation(COSE) if holder else credential(COSE)
    actor, read = (DEVICE, read_presentation) if holder else (ISSUER, read_credential)
    they_verify(cose, ours, holder=holder)
    taken = take(ours, COSE)
    for what, value in values(taken.parts[part]):
        altered = whole(taken.put(**{part: value}))
        if altered == ours:
            assert what == "15/10"  # the last letter of base64url has bits that stand for nothing
            continue
        with pytest.raises(Invalid):
            read(altered, COSE).proof.verify(actor.key.public_key())  # type: ignore[operator] # two of one shape
        with pytest.raises(PeerError):
            they_verify(cose, altered, holder=holder)


def test_one_altered_value_of_theirs(cose: Peer) -> None:
    twin = theirs(cose, unsecured(), [[6, at(NOW)]])
    taken = take(twin, COSE)
    for _, value in values(taken.parts["payload"]):
        altered = whole(taken.put(payload=value))
        with pytest.raises(Invalid):
            read_credential(altered).proof.verify(ISSUER.key.public_key())
        with pytest.raises(PeerError):
            they_verify(cose, altered)
