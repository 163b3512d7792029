from actors import DEVICE

from did.document import DID_CONTEXT, MULTIKEY_CONTEXT, document, key_document
from did.keys import x25519_multibase

KEY = DEVICE.key.public_key()
DID = DEVICE.short.text
METHOD = f"{DID}#{KEY.multibase}"


def test_document_of_a_keyborn_did() -> None:
    assert document(DEVICE.short, KEY) == {
        "@context": [DID_CONTEXT, MULTIKEY_CONTEXT],
        "id": DID,
        "verificationMethod": [
            {
                "id": METHOD,
                "type": "Multikey",
                "controller": DID,
                "publicKeyMultibase": KEY.multibase,
            }
        ],
        "authentication": [METHOD],
        "assertionMethod": [METHOD],
        "capabilityInvocation": [METHOD],
    }


def test_document_of_a_deactivated_did_has_no_key() -> None:
    assert document(DEVICE.short, None) == {"@context": [DID_CONTEXT], "id": DID}


def test_a_fragment_is_the_key_so_that_none_is_used_again() -> None:
    other = DEVICE.next_key.public_key()
    assert document(DEVICE.short, other)["authentication"] == [f"{DID}#{other.multibase}"]


def test_document_of_a_did_key_has_its_agreement_key_too() -> None:
    did = DEVICE.key_did
    value = key_document(did)
    agreement = x25519_multibase(KEY.x25519())
    assert value["keyAgreement"] == [f"{did.text}#{agreement}"]
    assert (
        value["capabilityDelegation"] == value["authentication"] == [f"{did.text}#{KEY.multibase}"]
    )
    methods = value["verificationMethod"]
    assert isinstance(methods, list)
    assert [method["publicKeyMultibase"] for method in methods] == [KEY.multibase, agreement]  # type: ignore[index,call-overload]
    assert {method["controller"] for method in methods} == {did.text}  # type: ignore[index,call-overload]
