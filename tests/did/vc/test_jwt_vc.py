"""VC 1.1 as JWTs: what stands in a claim and in the document (VC Data Model 1.1, section 6.3.1)."""

from datetime import timedelta
from typing import Any

import pytest
from actors import DEVICE, ISSUER, NOW, STRANGER
from forgery import forge_jws
from formats import at, credential, unsecured

from did.errors import Invalid
from did.vc.formats import Format, read_credential, secure_credential

V1 = Format.JWT_VC_JSON
HEADER = {"alg": "EdDSA", "typ": "JWT", "kid": ISSUER.method.text}
WHOLE = unsecured(V1)
CLAIMED = ("issuer", "id", "issuanceDate", "expirationDate")
CLAIMS = {
    "iss": ISSUER.short.text,
    "sub": DEVICE.short.text,
    "jti": WHOLE["id"],
    "nbf": at(NOW),
    "exp": at(NOW + timedelta(days=365)),
}


def token(document: Any, claims: Any = CLAIMS, header: Any = HEADER) -> bytes:
    return forge_jws(header, {**claims, "vc": document}, ISSUER.key).encode()


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in WHOLE.items() if name not in names}


def test_what_stands_in_a_claim_alone() -> None:
    subject = dict(WHOLE["credentialSubject"])  # type: ignore[call-overload] # an object
    del subject["id"]
    document = {**without(*CLAIMED), "credentialSubject": subject}
    read = read_credential(token(document))
    assert read.document == WHOLE
    read.proof.verify(ISSUER.key.public_key())
    assert read.document == read_credential(token(WHOLE)).document


def test_what_stands_in_the_document_alone() -> None:
    read = read_credential(token(WHOLE, {"iss": ISSUER.short.text}))
    assert read.document == WHOLE
    assert (read.valid_from, read.valid_until) == (NOW, NOW + timedelta(days=365))


def test_ours_stands_in_both() -> None:
    read = read_credential(credential(V1))
    assert read.document == WHOLE
    assert read.envelope == credential(V1)


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": {"id": ISSUER.short.text, "name": "Acme"}},
        {"issuer": {"name": "Acme"}},
        {"credentialSubject": [WHOLE["credentialSubject"]]},
        {"issuanceDate": "2026-01-31T12:00:00.25Z"},
        {"issuanceDate": "2026-01-31T13:00:00+01:00"},
    ],
    ids=str,
)
def test_forms_that_agree(change: Any) -> None:
    read = read_credential(token({**WHOLE, **change}))
    assert (read.issuer, read.subject_did()) == (ISSUER.short, DEVICE.short)


def test_the_objects_of_a_document_are_kept() -> None:
    read = read_credential(token({**WHOLE, "issuer": {"name": "Acme"}}))
    assert read.document["issuer"] == {"id": ISSUER.short.text, "name": "Acme"}


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": STRANGER.short.text},
        {"issuer": {"id": STRANGER.short.text}},
        {"id": "urn:uuid:2"},
        {"issuanceDate": "2026-01-31T12:00:01Z"},
        {"expirationDate": "2026-01-31T12:00:01Z"},
        {"credentialSubject": {"id": STRANGER.short.text}},
        {"credentialSubject": [{"id": DEVICE.short.text}, {"id": STRANGER.short.text}]},
        {"credentialSubject": "a text"},
    ],
    ids=str,
)
def test_a_claim_that_contradicts_the_document(change: Any) -> None:
    with pytest.raises(Invalid) as raised:
        read_credential(token({**WHOLE, **change}))
    assert raised.value.code == "invalid_claims"


def test_a_time_that_is_none() -> None:
    with pytest.raises(Invalid) as raised:
        read_credential(token({**WHOLE, "issuanceDate": "yesterday"}))
    assert raised.value.code == "invalid_time"


def test_neither_nbf_nor_issuance_date() -> None:
    with pytest.raises(Invalid) as raised:
        read_credential(token(without(*CLAIMED), {"iss": ISSUER.short.text}))
    assert raised.value.code == "invalid_credential"


def test_a_whole_number_may_have_a_fraction_of_none() -> None:
    """As some write a NumericDate (RFC 7519, section 2); a fraction of a second is refused."""
    text = b'{"iss":"%s","nbf":%d.0,"vc":' % (ISSUER.short.text.encode(), at(NOW))
    from did.jcs import canonicalize  # noqa: PLC0415

    rest = canonicalize(without("issuer", "issuanceDate"))
    data = forge_jws(HEADER, text + rest + b"}", ISSUER.key).encode()
    assert read_credential(data).valid_from == NOW
    for wrong in (b".5", b".", b"e0", b".0e0"):
        data = forge_jws(HEADER, text.replace(b".0", wrong) + rest + b"}", ISSUER.key).encode()
        with pytest.raises(Invalid):
            read_credential(data)


def test_no_kid() -> None:
    """A ``did:key`` has the one key; of any other DID, the token must say which."""
    header = {"alg": "EdDSA"}
    document = {**WHOLE, "issuer": ISSUER.key_did.text}
    claims = {**CLAIMS, "iss": ISSUER.key_did.text}
    read = read_credential(token(document, claims, header))
    assert read.proof.method.did == ISSUER.key_did
    read.proof.verify(read.proof.method.key())
    for bad in (token(WHOLE, CLAIMS, header), token(document, claims, {**header, "kid": None})):
        with pytest.raises(Invalid) as raised:
            read_credential(bad)
        assert raised.value.code == "invalid_jwt"


@pytest.mark.parametrize(
    "document",
    [
        without("issuer"),
        without("issuanceDate"),
        {**WHOLE, "issuer": 5},
        {**WHOLE, "issuer": {"name": "Acme"}},
    ],
    ids=str,
)
def test_what_cannot_be_encoded(document: Any) -> None:
    with pytest.raises(Invalid) as raised:
        secure_credential(document, ISSUER.key, issuer=ISSUER.did, created=NOW, format=V1)
    assert raised.value.code == "invalid_credential"


def test_what_need_not_be_there() -> None:
    document = {**without("id", "expirationDate"), "issuer": {"id": ISSUER.short.text}}
    document["credentialSubject"] = [{"model": "Lamp 3"}, {"model": "Lamp 4"}]
    data = secure_credential(document, ISSUER.key, issuer=ISSUER.did, created=NOW, format=V1)
    read = read_credential(data)
    assert read.document == document
    assert (read.id, read.valid_until, len(read.subjects)) == (None, None, 2)
