import pytest
from actors import DEVICE, ISSUER, STRANGER
from gatehouse import Gatehouse
from outcomes import invalid, refused

from did.identifier import DidUrl, KeyDid
from did.keys import x25519_multibase
from verifier.controllers import controller_of
from verifier.inquiry import Inquiry

KEY = KeyDid(STRANGER.key.public_key())
METHOD = DidUrl(KEY, KEY.key.multibase).text


@pytest.fixture
def inquiry(house: Gatehouse) -> Inquiry:
    return Inquiry(house.trust_root(), house.reader, house.now)


def test_a_did_key_for_what_its_document_lists(inquiry: Inquiry) -> None:
    for purpose in ("assertionMethod", "authentication", "capabilityDelegation"):
        found = controller_of(METHOD, purpose=purpose, signed=None, inquiry=inquiry)
        assert (found.did, found.key) == (KEY, KEY.key)


@pytest.mark.parametrize("purpose", ["keyAgreement", "id", "@context", "verificationMethod", ""])
def test_a_purpose_that_the_document_does_not_list(inquiry: Inquiry, purpose: str) -> None:
    with invalid("method_not_authorized"):
        controller_of(METHOD, purpose=purpose, signed=None, inquiry=inquiry)


def test_a_did_keyborn_for_what_its_document_lists(house: Gatehouse, inquiry: Inquiry) -> None:
    for purpose in ("assertionMethod", "authentication", "capabilityInvocation"):
        found = controller_of(ISSUER.method.text, purpose=purpose, signed=None, inquiry=inquiry)
        assert found.did == ISSUER.short
        found = controller_of(
            ISSUER.method.text, purpose=purpose, signed=house.now, inquiry=inquiry
        )
        assert found.key == ISSUER.key.public_key()
    with invalid("method_not_authorized"):
        controller_of(
            ISSUER.method.text, purpose="capabilityDelegation", signed=None, inquiry=inquiry
        )
    with refused("not_registered"):
        controller_of(DEVICE.method.text, purpose="authentication", signed=None, inquiry=inquiry)


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("did:example:a#b", "method_not_supported"),
        ("", "invalid_verification_method_url"),
        (KEY.text, "invalid_verification_method_url"),
        (f"{KEY.text}#", "invalid_verification_method_url"),
        (f"{KEY.text}?a=b#{KEY.key.multibase}", "invalid_verification_method_url"),
        ("https://example.org/keys#1", "invalid_verification_method_url"),
        (f"{METHOD}\n", "invalid_verification_method_url"),
        (f"{KEY.text}#key-1", "invalid_verification_method"),
        (f"{KEY.text}#{x25519_multibase(KEY.key.x25519())}", "invalid_verification_method"),
        (f"{KEY.text}#{DEVICE.key.public_key().multibase}", "unknown_verification_method"),
        (f"{DEVICE.did.text}#{KEY.key.multibase}", "invalid_verification_method_url"),
    ],
)
def test_methods_that_are_none(inquiry: Inquiry, method: str, code: str) -> None:
    with invalid(code):
        controller_of(method, purpose="assertionMethod", signed=None, inquiry=inquiry)
