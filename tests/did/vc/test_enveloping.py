"""VC 2.0 in envelopes, as "Securing VCs using JOSE and COSE" has them."""

from typing import Any

import pytest
from actors import DEVICE, ISSUER, NOW
from formats import AUDIENCE, ENDS, NONCE, at, credential, presentation, unsecured
from tampered import sign, take, whole

from did.errors import Invalid
from did.limits import LIMITS
from did.vc.formats import Format, read_credential, read_presentation, secure_credential

BOTH = [Format.VC_JWT, Format.VC_COSE]
each = pytest.mark.parametrize("format_", BOTH)


def test_what_a_token_is_made_of() -> None:
    """Sections 3.1.1 and 3.1.2: ``typ``, ``cty``, and the document as the payload."""
    made = take(credential(Format.VC_JWT), Format.VC_JWT)
    assert made.parts["header"] == {
        "alg": "EdDSA",
        "cty": "vc",
        "kid": ISSUER.method.text,
        "typ": "vc+jwt",
    }
    assert made.parts["payload"] == {**unsecured(), "iat": at(NOW)}
    shown = take(presentation(Format.VC_JWT), Format.VC_JWT)
    assert shown.parts["header"] == {
        "alg": "EdDSA",
        "cty": "vp",
        "kid": DEVICE.method.text,
        "typ": "vp+jwt",
    }
    claims = {name: shown.parts["payload"][name] for name in ("aud", "nonce", "iat", "exp")}
    assert claims == {"aud": AUDIENCE, "nonce": NONCE, "iat": at(NOW), "exp": at(ENDS)}
    (held,) = shown.parts["payload"]["verifiableCredential"]
    assert held == {
        "@context": "https://www.w3.org/ns/credentials/v2",
        "type": "EnvelopedVerifiableCredential",
        "id": "data:application/vc+jwt," + credential(Format.VC_JWT).decode(),
    }


def test_what_a_message_is_made_of() -> None:
    """Sections 3.3.1 and 3.3.2: ``typ`` (16), ``content type`` (3), all of it signed."""
    made = take(credential(Format.VC_COSE), Format.VC_COSE)
    assert made.parts["protected"] == {
        "1": -8,
        "3": "application/vc",
        "4": ISSUER.method.text,
        "15": {"6": at(NOW)},
        "16": "application/vc+cose",
    }
    assert (made.parts["unprotected"], made.parts["payload"]) == ({}, unsecured())
    shown = take(presentation(Format.VC_COSE), Format.VC_COSE)
    assert shown.parts["protected"]["16"] == "application/vp+cose"
    assert shown.parts["protected"]["3"] == "application/vp"
    assert shown.parts["protected"]["15"] == {
        "3": AUDIENCE,
        "4": at(ENDS),
        "6": at(NOW),
        "10": NONCE,
    }
    (held,) = shown.parts["payload"]["verifiableCredential"]
    assert held["id"].startswith("data:application/vc+cose;base64,0oR")


@each
@pytest.mark.parametrize("alg", ["EdDSA", "Ed25519"])
def test_both_names_of_the_algorithm(format_: Format, alg: str) -> None:
    taken = take(credential(format_), format_)
    if format_ is Format.VC_JWT:
        changed = taken.put(header={**taken.parts["header"], "alg": alg})
    else:
        number = {"EdDSA": -8, "Ed25519": -19}[alg]
        changed = taken.put(protected={**taken.parts["protected"], "1": number})
    read = read_credential(whole(sign(changed, ISSUER.key)))
    read.proof.verify(ISSUER.key.public_key())


@each
def test_what_is_not_understood_is_ignored(format_: Format) -> None:
    """Sections 3.1.3, 3.3.3 and 5.4: members of the signed headers, and claims."""
    taken = take(credential(format_), format_)
    payload = {**taken.parts["payload"], "cnf": {"kid": "k"}, "more": [1]}
    if format_ is Format.VC_JWT:
        more = {**taken.parts["header"], "x5t": "x", "more": {"a": 1}}
        changed = taken.put(header=more, payload=payload)
    else:
        claims = {**taken.parts["protected"]["15"], "8": {"3": "k"}, "own": 1}
        more = {**taken.parts["protected"], "15": claims, "99": "x", "own": 5}
        changed = taken.put(protected=more, payload=payload)
    read = read_credential(whole(sign(changed, ISSUER.key)))
    read.proof.verify(ISSUER.key.public_key())
    assert read.document["more"] == [1]


@each
def test_the_content_type_may_be_left_out(format_: Format) -> None:
    taken = take(credential(format_), format_)
    part, name = ("header", "cty") if format_ is Format.VC_JWT else ("protected", "3")
    rest = {it: value for it, value in taken.parts[part].items() if it != name}
    read_credential(whole(sign(taken.put(**{part: rest}), ISSUER.key)))


@pytest.mark.parametrize("kind", ["vc", "vp"])
def test_a_type_is_named_as_media_types_are(kind: str) -> None:
    """RFC 7515, sections 4.1.9 and 4.1.10: of no case, ``application/`` is left out or not."""
    made, key, read = (
        (credential(Format.VC_JWT), ISSUER.key, read_credential)
        if kind == "vc"
        else (presentation(Format.VC_JWT), DEVICE.key, read_presentation)
    )
    taken = take(made, Format.VC_JWT)

    def named(**header: str) -> bytes:
        return whole(sign(taken.put(header={**taken.parts["header"], **header}), key))

    for typ in (f"application/{kind}+jwt", f"{kind}+jwt".upper(), f"Application/{kind}+JWT"):
        read(named(typ=typ)).proof.verify(key.public_key())
        read(named(typ=typ), Format.VC_JWT)
    for cty in (f"application/{kind}", kind.upper()):
        read(named(cty=cty)).proof.verify(key.public_key())
    other = "vp" if kind == "vc" else "vc"
    for wrong in (
        {"typ": f"application/{other}+jwt"},
        {"typ": f"application/application/{kind}+jwt"},
        {"typ": f"text/{kind}+jwt"},
        {"cty": f"application/{other}"},
        {"cty": f"text/{kind}"},
    ):
        with pytest.raises(Invalid):
            read(named(**wrong))


def test_an_issuer_that_the_header_names_too() -> None:
    """Section 4.1.2: ``iss`` in the header, where there is one, is the issuer."""
    taken = take(credential(Format.VC_JWT), Format.VC_JWT)
    for iss, good in ((ISSUER.short.text, True), (DEVICE.short.text, False), (5, False)):
        changed = taken.put(header={**taken.parts["header"], "iss": iss})
        token = whole(sign(changed, ISSUER.key))
        if good:
            assert read_credential(token).issuer == ISSUER.short
            continue
        with pytest.raises(Invalid) as raised:
            read_credential(token)
        assert raised.value.code == "invalid_claims"


@each
def test_an_issuer_that_is_an_object(format_: Format) -> None:
    issuer: Any = {"id": ISSUER.short.text, "name": "Acme"}
    read = read_credential(credential(format_, issuer=issuer))
    assert read.issuer == ISSUER.short


@each
def test_what_is_secured_already_is_not_enveloped(format_: Format) -> None:
    """Nor read from an envelope: what nobody verifies is not to stand there."""
    document = {**unsecured(), "proof": {"type": "DataIntegrityProof"}}
    with pytest.raises(Invalid) as raised:
        secure_credential(document, ISSUER.key, issuer=ISSUER.did, created=NOW, format=format_)
    assert raised.value.code == "invalid_envelope"


@each
def test_limits(format_: Format) -> None:
    """JSON of the limit fits; what is longer is not looked at."""
    room = LIMITS.json_bytes - len(credential(Format.LDP_VC)) - 1000
    large = credential(format_, evidence={"type": "x", "text": "x" * room})
    read_credential(large).proof.verify(ISSUER.key.public_key())
    with pytest.raises(Invalid) as raised:
        read_credential(credential(format_, evidence={"type": "x", "text": "x" * 400_000}))
    assert raised.value.code in ("invalid_jwt", "cbor_too_large")
    with pytest.raises(Invalid):
        read_credential(large, format_, max_bytes=1000)
    with pytest.raises(Invalid):
        read_presentation(presentation(format_, [(large, format_)] * 3))
