from datetime import timedelta
from itertools import product

import pytest
from actors import DEVICE, ISSUER, LOG_ID, NOW
from formats import AUDIENCE, ENDS, NONCE, V2, as_v1, at, credential, presentation, unsecured
from tampered import sign, take, whole

from did.errors import Invalid
from did.jcs import canonicalize
from did.limits import LIMITS
from did.strict_json import parse_object
from did.vc.credential import PROVISIONING, sign_credential
from did.vc.data_urls import format_of_media_type, media_type, wrap
from did.vc.enveloping import CREDENTIAL, PRESENTATION
from did.vc.formats import (
    PRESENTATION_LIFETIME,
    Format,
    read_credential,
    read_presentation,
    secure_credential,
)
from did.vc.recognition import kind_of

ALL = tuple(Format)


@pytest.mark.parametrize("format_", ALL)
@pytest.mark.parametrize("told", [True, False])
def test_a_credential_is_the_same_in_every_format(format_: Format, told: bool) -> None:  # noqa: FBT001 - a parameter
    data = credential(format_)
    read = read_credential(data, format_ if told else None)
    assert read.format is format_
    assert read.issuer == ISSUER.short
    assert read.types == ("VerifiableCredential", PROVISIONING)
    assert (read.valid_from, read.valid_until) == (NOW, NOW + timedelta(days=365))
    assert read.subject == unsecured()["credentialSubject"]
    assert read.subject_did() == DEVICE.short
    assert (read.log_id, len(read.statuses)) == (LOG_ID, 1)
    assert read.id == unsecured()["id"]
    assert read.proof.method == ISSUER.method
    assert (read.proof.created, read.proof.purpose) == (NOW, "assertionMethod")
    read.proof.verify(ISSUER.key.public_key())
    assert read.to_bytes() == data


@pytest.mark.parametrize("format_", ALL)
@pytest.mark.parametrize("told", [True, False])
def test_a_presentation_is_the_same_in_every_format(format_: Format, told: bool) -> None:  # noqa: FBT001 - a parameter
    data = presentation(format_)
    read = read_presentation(data, format_ if told else None)
    assert read.format is format_
    assert read.holder == DEVICE.short
    assert (read.challenge, read.audience) == (NONCE, AUDIENCE)
    assert read.proof.method == DEVICE.method
    assert (read.proof.created, read.proof.expires) == (NOW, ENDS)
    assert read.proof.purpose == "authentication"
    read.proof.verify(DEVICE.key.public_key())
    assert [held.format for held in read.credentials] == [format_]
    read.credentials[0].proof.verify(ISSUER.key.public_key())
    assert read.to_bytes() == data


@pytest.mark.parametrize(("outer", "inner"), list(product(V2, ALL)), ids=str)
def test_a_presentation_holds_credentials_of_other_formats(outer: Format, inner: Format) -> None:
    held = [(credential(inner), inner), (credential(Format.LDP_VC), Format.LDP_VC)]
    read = read_presentation(presentation(outer, held))
    assert [found.format for found in read.credentials] == [inner, Format.LDP_VC]
    assert read.credentials[0].to_bytes() == held[0][0]
    for found in read.credentials:
        found.proof.verify(ISSUER.key.public_key())


def test_a_presentation_of_vc_1_1_holds_tokens_as_they_are_and_json() -> None:
    held = [
        (credential(Format.JWT_VC_JSON), Format.JWT_VC_JSON),
        (credential(Format.LDP_VC), Format.LDP_VC),
    ]
    read = read_presentation(presentation(Format.JWT_VC_JSON, held))
    assert [found.format for found in read.credentials] == [Format.JWT_VC_JSON, Format.LDP_VC]
    for enveloped in (Format.VC_JWT, Format.VC_COSE):
        with pytest.raises(Invalid) as raised:
            presentation(Format.JWT_VC_JSON, [(credential(enveloped), enveloped)])
        assert raised.value.code == "invalid_presentation"


@pytest.mark.parametrize(("format_", "as_"), list(product(ALL, ALL)), ids=str)
def test_bytes_of_one_format_never_parse_as_those_of_another(format_: Format, as_: Format) -> None:
    if format_ is as_:
        read_credential(credential(format_), as_)
        read_presentation(presentation(format_), as_)
        return
    for read, data in ((read_credential, credential), (read_presentation, presentation)):
        with pytest.raises(Invalid):
            read(data(format_), as_)  # type: ignore[operator] # two functions of one shape


@pytest.mark.parametrize("format_", ALL)
def test_a_credential_is_no_presentation_and_the_other_way_round(format_: Format) -> None:
    for given in (format_, None):
        with pytest.raises(Invalid):
            read_presentation(credential(format_), given)
        with pytest.raises(Invalid):
            read_credential(presentation(format_), given)


@pytest.mark.parametrize("format_", ALL)
def test_what_is_read_at_all_says_of_which_kind_it_is(format_: Format) -> None:
    """Of a token whose payload is larger than some 190 KB, ``kind_of`` could not tell."""
    size = LIMITS.json_bytes * 9 // 10
    large = credential(format_, description="x" * size)
    shown = presentation(format_, [(credential(format_, description="x" * (size // 2)), format_)])
    assert read_credential(large).document["description"] == "x" * size
    assert kind_of(large) is CREDENTIAL
    assert kind_of(shown) is PRESENTATION


@pytest.mark.parametrize("format_", [Format.VC_JWT, Format.VC_COSE, Format.JWT_VC_JSON])
def test_what_is_enveloped_is_read_where_json_may_be(format_: Format) -> None:
    inner = credential(format_)
    wrapped = canonicalize(wrap(inner, format_, CREDENTIAL))
    assert read_credential(wrapped).to_bytes() == inner
    with pytest.raises(Invalid):
        read_credential(wrapped, Format.LDP_VC)
    shown = presentation(format_)
    wrapped = canonicalize(wrap(shown, format_, PRESENTATION))
    assert read_presentation(wrapped).to_bytes() == shown
    with pytest.raises(Invalid):
        read_presentation(wrapped, Format.LDP_VC)


@pytest.mark.parametrize("format_", ALL)
def test_the_wrong_version_of_the_data_model(format_: Format) -> None:
    if format_ is Format.LDP_VC:
        return  # carries both, below
    other = unsecured() if format_ is Format.JWT_VC_JSON else as_v1(unsecured())
    with pytest.raises(Invalid) as raised:
        secure_credential(other, ISSUER.key, issuer=ISSUER.did, created=NOW, format=format_)
    assert raised.value.code == "invalid_credential"


def test_data_integrity_carries_vc_1_1_too() -> None:
    document = as_v1(unsecured())
    data = secure_credential(
        document, ISSUER.key, issuer=ISSUER.did, created=NOW, format=Format.LDP_VC
    )
    read = read_credential(data)
    assert (read.valid_from, read.valid_until) == (NOW, NOW + timedelta(days=365))
    read.proof.verify(ISSUER.key.public_key())
    shown = read_presentation(presentation(Format.LDP_VC, [(data, Format.LDP_VC)]))
    assert shown.credentials == (read,)


def test_vc_1_1_has_an_issuance_date() -> None:
    document = as_v1(unsecured())
    del document["issuanceDate"]
    data = canonicalize(sign_credential(document, ISSUER.key, issuer=ISSUER.did, created=NOW))
    with pytest.raises(Invalid) as raised:
        read_credential(data)
    assert raised.value.code == "invalid_credential"


@pytest.mark.parametrize("format_", [Format.VC_JWT, Format.VC_COSE])
def test_the_wrong_version_in_an_envelope(format_: Format) -> None:
    """What an honest writer would not make, under a signature that holds."""
    data = credential(format_)
    taken = take(data, format_)
    read_credential(whole(sign(taken, ISSUER.key)))
    payload = {**as_v1(unsecured()), "iat": at(NOW)}
    with pytest.raises(Invalid) as raised:
        read_credential(whole(sign(taken.put(payload=payload), ISSUER.key)))
    assert raised.value.code == "invalid_credential"


def test_an_id_that_its_claim_repeats() -> None:
    taken = take(credential(Format.VC_JWT), Format.VC_JWT)
    for claims, good in (
        ({"jti": unsecured()["id"], "sub": DEVICE.short.text, "iss": ISSUER.short.text}, True),
        ({"jti": "urn:uuid:2"}, False),
    ):
        token = whole(sign(taken.put(payload={**taken.parts["payload"], **claims}), ISSUER.key))
        if good:
            read_credential(token).proof.verify(ISSUER.key.public_key())
            continue
        with pytest.raises(Invalid) as raised:
            read_credential(token)
        assert raised.value.code == "invalid_claims"


def test_a_presentation_ends_by_itself() -> None:
    for format_ in ALL:
        ends = read_presentation(presentation(format_, expires=None)).proof.expires
        expected = None if format_ is Format.LDP_VC else NOW + PRESENTATION_LIFETIME
        assert ends == expected


@pytest.mark.parametrize("data", [b"", b"\x00", b"no dots", b"\xff.\xff.\xff", b"[]", b"e30"])
def test_bytes_of_no_format(data: bytes) -> None:
    for read in (read_credential, read_presentation):
        with pytest.raises(Invalid):
            read(data)


def test_json_may_begin_with_white_space() -> None:
    data = credential(Format.LDP_VC)
    assert read_credential(b" \r\n\t" + data).document == parse_object(data)


def test_media_types() -> None:
    assert [media_type(format_) for format_ in ALL] == [
        "application/vc",
        "application/vc+jwt",
        "application/vc+cose",
        "application/jwt",
    ]
    for kind in (CREDENTIAL, PRESENTATION):
        for format_ in ALL:
            named = media_type(format_, kind)
            assert format_of_media_type(f"{named.upper()}; charset=utf-8", kind) is format_
    assert format_of_media_type("application/json") is None
    assert format_of_media_type("application/vp+jwt") is None
