"""Signatures that some verifiers take and no honest signer makes, on each format of credential.

And what a signer must never do: sign under a public key that somebody else chose.
"""

import hashlib
import inspect
from collections.abc import Callable
from dataclasses import fields

import pytest
from actors import DEVICE, ISSUER, STRANGER
from curve import IDENTITY, ORDER, TORSION, Holder, challenge
from formats import credential, presentation
from msgspec import structs
from nacl import bindings

from did.errors import Invalid
from did.keys import KEY_BYTES, SIGNATURE_BYTES, PublicKey, SigningKey
from did.vc.formats import Format, read_credential, read_presentation
from did.vc.securing import Proof

FORGERIES: dict[str, Callable[[Holder, bytes], bytes]] = {
    "the order added to S": lambda holder, signed: holder.sign(signed, nonce=7, excess=1),
    "the order added to S as often as fits": lambda holder, signed: holder.sign(
        signed, nonce=7, excess=15
    ),
    "a torsion added to R": lambda holder, signed: holder.sign(signed, nonce=7, torsion=TORSION),
    "R the identity": lambda holder, signed: holder.sign(signed, nonce=0),
    "R of small order": lambda holder, signed: holder.sign(signed, nonce=0, torsion=TORSION),
    "zeros": lambda _holder, _signed: bytes(SIGNATURE_BYTES),
    "R the identity, S zero": lambda _holder, _signed: IDENTITY + bytes(32),
    "nothing": lambda _holder, _signed: b"",
}


def proofs(format_: Format) -> tuple[tuple[Proof, SigningKey], ...]:
    """The proof of a credential and that of a presentation, each with the key that made it."""
    return (
        (read_credential(credential(format_)).proof, ISSUER.key),
        (read_presentation(presentation(format_)).proof, DEVICE.key),
    )


@pytest.mark.parametrize("forgery", FORGERIES)
@pytest.mark.parametrize("format_", Format)
def test_a_signature_that_departs_from_the_rule(format_: Format, forgery: str) -> None:
    for proof, key in proofs(format_):
        holder = Holder.of(key)
        forged = structs.replace(proof, signature=FORGERIES[forgery](holder, proof.signed))
        with pytest.raises(Invalid) as raised:
            forged.verify(key.public_key())
        assert raised.value.code == "invalid_signature"

        twin = structs.replace(proof, signature=holder.sign(proof.signed, nonce=7))
        twin.verify(key.public_key())


@pytest.mark.parametrize("format_", Format)
def test_a_key_under_which_one_signature_fits_every_message(format_: Format) -> None:
    """With A the identity, R = S B holds whatever is signed; such a key is none."""
    for proof, key in proofs(format_):
        with pytest.raises(Invalid) as raised:
            structs.replace(proof, signature=IDENTITY + bytes(32)).verify(PublicKey(IDENTITY))
        assert raised.value.code == "invalid_public_key"
        proof.verify(key.public_key())


def test_a_public_key_with_a_torsion_in_it() -> None:
    """A key of mixed order is a second name for a key, under which other verifiers disagree.

    Guards the library's check too, which once let the torsion of order 2 (the fourth here) pass.
    """
    for key in (ISSUER.key, DEVICE.key):
        holder = Holder.of(key)
        for _ in range(7):
            holder = holder.with_torsion()
            with pytest.raises(Invalid) as raised:
                PublicKey(holder.point)
            assert raised.value.code == "invalid_public_key"
        # Added an eighth time, the torsion is gone.
        assert PublicKey(holder.with_torsion().point) == key.public_key()


def test_nobody_chooses_the_public_key_that_is_signed_under() -> None:
    """Two signatures with one R under two public keys give the secret away; here is how, where a
    signer takes the public key from its caller, and ours has nowhere to put it."""
    message, mine = b"a message", DEVICE.key.public_key().raw
    pairs = [DEVICE.key.seed + public for public in (mine, STRANGER.key.public_key().raw)]
    one, other = (bindings.crypto_sign(message, pair)[:SIGNATURE_BYTES] for pair in pairs)
    assert one[:KEY_BYTES] == other[:KEY_BYTES], "one R"
    s, k = zip(
        *(
            (
                int.from_bytes(signature[KEY_BYTES:], "little"),
                challenge(signature[:KEY_BYTES], pair[KEY_BYTES:], message),
            )
            for signature, pair in zip((one, other), pairs, strict=True)
        ),
        strict=True,
    )
    assert (s[0] - s[1]) * pow(k[0] - k[1], -1, ORDER) % ORDER == Holder.of(DEVICE.key).scalar

    assert [field.name for field in fields(SigningKey)] == ["seed"]
    assert list(inspect.signature(SigningKey.sign).parameters) == ["self", "data"]
    with pytest.raises(Invalid) as raised:
        SigningKey(pairs[1])
    assert raised.value.code == "invalid_private_key"
    assert SigningKey(DEVICE.key.seed).sign(message) == one
    DEVICE.key.public_key().verify(one, message)


def test_signatures_do_not_depend_on_randomness() -> None:
    """A nonce from a bad source, used twice, would give the secret away."""
    made = {DEVICE.key.sign(hashlib.sha256(bytes([n % 4])).digest()) for n in range(12)}
    assert len(made) == len({signature[:KEY_BYTES] for signature in made}) == 4
