"""Formats in which credentials are presented."""

from typing import Any

import pytest
from formats import credential, presentation

from did.errors import Invalid
from did.openid4vp.formats import SUPPORTED, accepts, candidate, from_entry, to_entry
from did.vc.credential import PROVISIONING
from did.vc.formats import Format, read_credential


@pytest.mark.parametrize(
    ("theirs", "taken"),
    [
        (None, True),
        ({}, False),
        ({"ldp_vc": {}}, True),
        ({"dc+sd-jwt": {}}, False),
        ({"ldp_vc": {"proof_type_values": ["DataIntegrityProof"]}}, True),
        ({"ldp_vc": {"proof_type_values": ["Ed25519Signature2020"]}}, False),
        ({"ldp_vc": {"cryptosuite_values": ["ecdsa-rdfc-2019", "eddsa-jcs-2022"]}}, True),
        ({"ldp_vc": {"cryptosuite_values": ["ecdsa-rdfc-2019"]}}, False),
        ({"ldp_vc": {"cryptosuite_values": "eddsa-jcs-2022"}}, False),
        ({"ldp_vc": {"something_else": ["x"]}, "x": {}}, True),
        (SUPPORTED, True),
    ],
)
def test_what_a_verifier_takes(theirs: Any, *, taken: bool) -> None:
    assert accepts(theirs, Format.LDP_VC) is taken


@pytest.mark.parametrize(
    ("format_", "values", "taken"),
    [
        (Format.VC_JWT, ["ES256", "EdDSA"], True),
        (Format.JWT_VC_JSON, ["Ed25519"], False),  # what is presented has EdDSA in its header
        (Format.JWT_VC_JSON, ["Ed25519", "EdDSA"], True),
        (Format.JWT_VC_JSON, ["ES256"], False),
        (Format.VC_COSE, [-19], False),
        (Format.VC_COSE, [-19, -8], True),
        (Format.VC_COSE, [-7], False),
        (Format.VC_COSE, ["EdDSA"], False),
    ],
)
def test_algorithms_that_a_verifier_takes(
    format_: Format, values: list[Any], *, taken: bool
) -> None:
    assert accepts({format_.value: {"alg_values": values}}, format_) is taken
    assert accepts({format_.value: {}}, format_)


def test_no_format_is_taken_that_is_not_supported_here() -> None:
    assert not accepts({"mso_mdoc": {}}, "mso_mdoc")
    assert SUPPORTED.keys() == set(Format)


@pytest.mark.parametrize("format_", Format)
def test_a_credential_as_what_may_answer(format_: Format) -> None:
    parsed = read_credential(credential(format_), format_)
    made = candidate("it", parsed)
    assert (made.name, made.format, made.claims) == ("it", format_.value, parsed.document)
    assert PROVISIONING in made.types
    assert "https://www.w3.org/2018/credentials#VerifiableCredential" in made.types


@pytest.mark.parametrize("format_", Format)
def test_there_and_back(format_: Format) -> None:
    data = presentation(format_)
    entry = to_entry(data, format_)
    assert isinstance(entry, dict if format_ is Format.LDP_VC else str)
    assert from_entry(entry, format_.value) == (data, format_)


@pytest.mark.parametrize(
    ("entry", "format_"),
    [
        ("eyJ", "ldp_vc"),
        ({"a": 1}, "vc+jwt"),
        ({"a": 1}, "jwt_vc_json"),
        ({"a": 1}, "vc+cose"),
        ("e\u00e4J", "vc+jwt"),
        ({"a": 1}, "mso_mdoc"),
        ("eyJ", "dc+sd-jwt"),
    ],
)
def test_an_entry_of_another_form(entry: Any, format_: str) -> None:
    with pytest.raises(Invalid) as caught:
        from_entry(entry, format_)
    assert caught.value.code == "invalid_vp_token"


def test_a_message_is_in_base64url_of_one_spelling() -> None:
    for entry in ("A", "AA==", "A/A", "AB"):
        with pytest.raises(Invalid) as caught:
            from_entry(entry, "vc+cose")
        assert caught.value.code == "invalid_base64url"
