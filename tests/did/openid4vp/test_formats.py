"""Formats in which credentials are presented."""

from typing import Any

import pytest
from actors import DEVICE, NOW
from scripted_issuer import credential

from did.errors import Invalid
from did.jcs import canonicalize
from did.openid4vp.formats import LDP_VC, SUPPORTED, accepts, candidate, from_entry, to_entry
from did.vc.credential import PROVISIONING, parse_credential


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
    assert accepts(theirs, LDP_VC) is taken


def test_no_format_is_taken_that_is_not_supported_here() -> None:
    assert not accepts({"mso_mdoc": {}}, "mso_mdoc")


def test_a_credential_as_what_may_answer() -> None:
    document = credential(DEVICE.did, at=NOW)
    made = candidate("it", parse_credential(document), LDP_VC)
    assert (made.name, made.format, made.claims) == ("it", LDP_VC, document)
    assert PROVISIONING in made.types
    assert "https://www.w3.org/2018/credentials#VerifiableCredential" in made.types


def test_there_and_back() -> None:
    data = canonicalize(credential(DEVICE.did, at=NOW))
    assert from_entry(to_entry(data, LDP_VC), LDP_VC) == data


@pytest.mark.parametrize(("entry", "format_"), [("eyJ", LDP_VC), ({"a": 1}, "mso_mdoc")])
def test_an_entry_of_another_form(entry: Any, format_: str) -> None:
    with pytest.raises(Invalid) as caught:
        from_entry(entry, format_)
    assert caught.value.code == "invalid_vp_token"
