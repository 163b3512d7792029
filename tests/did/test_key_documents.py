"""The options of did:key: formats, contexts, derivation, and what is refused of them."""

from typing import Any

import pytest
from actors import DEVICE

from did.document import key_document
from did.errors import Invalid
from did.key_documents import (
    DID_CONTEXT,
    MULTIKEY_CONTEXT,
    NEWER_DID_CONTEXT,
    KeyOptions,
    expand,
)
from did.keys import x25519_multibase
from did.multibase import base58_decode, base64url_decode, multibase_encode

KEY = DEVICE.key.public_key()
ED25519 = KEY.multibase
X25519 = x25519_multibase(KEY.x25519())
DID = f"did:key:{ED25519}"
SUITES = "https://w3id.org/security/suites"

# Format, the type of the key agreement beside it, the context of each, whether it is experimental.
FORMATS = [
    ("Multikey", "Multikey", MULTIKEY_CONTEXT, MULTIKEY_CONTEXT, False),
    (
        "JsonWebKey",
        "JsonWebKey",
        "https://w3id.org/security/jwk/v1",
        "https://w3id.org/security/jwk/v1",
        False,
    ),
    ("JsonWebKey2020", "JsonWebKey2020", f"{SUITES}/jws-2020/v1", f"{SUITES}/jws-2020/v1", False),
    (
        "Ed25519VerificationKey2020",
        "X25519KeyAgreementKey2020",
        f"{SUITES}/ed25519-2020/v1",
        f"{SUITES}/x25519-2020/v1",
        False,
    ),
    (
        "Ed25519VerificationKey2018",
        "X25519KeyAgreementKey2019",
        f"{SUITES}/ed25519-2018/v1",
        f"{SUITES}/x25519-2019/v1",
        True,
    ),
]


def raw(method: dict[str, Any]) -> bytes:
    if "publicKeyJwk" in method:
        assert set(method["publicKeyJwk"]) == {"kty", "crv", "x"}
        return base64url_decode(method["publicKeyJwk"]["x"])
    if "publicKeyBase58" in method:
        return base58_decode(method["publicKeyBase58"], length=32)
    return base58_decode(method["publicKeyMultibase"][1:])[2:]


@pytest.mark.parametrize(("name", "agreement", "context", "other", "experimental"), FORMATS)
def test_each_format(
    name: str, agreement: str, context: str, other: str, *, experimental: bool
) -> None:
    options = KeyOptions(public_key_format=name, enable_experimental_public_key_types=experimental)
    found: Any = expand(ED25519, options)
    assert found["@context"] == list(dict.fromkeys([DID_CONTEXT, context, other]))
    first, second = found["verificationMethod"]
    assert (first["id"], first["type"], first["controller"]) == (f"{DID}#{ED25519}", name, DID)
    assert (second["id"], second["type"]) == (f"{DID}#{X25519}", agreement)
    assert raw(first) == KEY.raw
    assert raw(second) == KEY.x25519()
    assert found["keyAgreement"] == [second["id"]]
    for relationship in (
        "authentication",
        "assertionMethod",
        "capabilityInvocation",
        "capabilityDelegation",
    ):
        assert found[relationship] == [first["id"]]


def test_the_defaults_are_the_document_of_a_did_key() -> None:
    assert expand(ED25519) == key_document(DEVICE.key_did)


def test_without_a_derived_key() -> None:
    found: Any = expand(ED25519, KeyOptions(enable_encryption_key_derivation=False))
    assert [method["id"] for method in found["verificationMethod"]] == [f"{DID}#{ED25519}"]
    assert "keyAgreement" not in found


def test_version_1_1_of_the_context_has_the_published_types() -> None:
    for name in ("Multikey", "JsonWebKey", "Ed25519VerificationKey2020"):
        options = KeyOptions(public_key_format=name, default_context=(NEWER_DID_CONTEXT,))
        assert expand(ED25519, options)["@context"] == [NEWER_DID_CONTEXT]
    older = KeyOptions(public_key_format="JsonWebKey2020", default_context=(NEWER_DID_CONTEXT,))
    assert expand(ED25519, older)["@context"] == [NEWER_DID_CONTEXT, f"{SUITES}/jws-2020/v1"]


@pytest.mark.parametrize(
    ("name", "context"),
    [
        ("Multikey", MULTIKEY_CONTEXT),
        ("X25519KeyAgreementKey2020", f"{SUITES}/x25519-2020/v1"),
    ],
)
def test_an_x25519_key_is_there_to_encrypt_to(name: str, context: str) -> None:
    did = f"did:key:{X25519}"
    assert expand(X25519, KeyOptions(public_key_format=name)) == {
        "@context": [DID_CONTEXT, context],
        "id": did,
        "verificationMethod": [
            {
                "id": f"{did}#{X25519}",
                "type": name,
                "controller": did,
                "publicKeyMultibase": X25519,
            }
        ],
        "keyAgreement": [f"{did}#{X25519}"],
    }


ED25519_2018 = KeyOptions("Ed25519VerificationKey2018")
REFUSED: list[tuple[str, KeyOptions, str]] = [
    (ED25519, KeyOptions("unknown"), "unsupported_public_key_type"),
    (ED25519, KeyOptions("multikey"), "unsupported_public_key_type"),
    (ED25519, ED25519_2018, "invalid_public_key_type"),
    (X25519, ED25519_2018, "invalid_public_key_type"),
    (ED25519, KeyOptions("X25519KeyAgreementKey2020"), "invalid_public_key_type"),
    (X25519, KeyOptions("Ed25519VerificationKey2020"), "invalid_public_key_type"),
    (X25519, KeyOptions("X25519KeyAgreementKey2019"), "invalid_public_key_type"),
]


@pytest.mark.parametrize(("identifier", "options", "code"), REFUSED)
def test_a_format_that_is_not_to_be_had(identifier: str, options: KeyOptions, code: str) -> None:
    with pytest.raises(Invalid) as raised:
        expand(identifier, options)
    assert raised.value.code == code


@pytest.mark.parametrize(
    ("identifier", "code"),
    [
        ("", "invalid_did"),
        ("6Mk", "invalid_did"),
        ("u7QE", "invalid_did"),
        (f"1:{ED25519}", "invalid_did"),
        ("z" + "1" * 300, "invalid_did"),
        (multibase_encode(b"\xe7\x01" + bytes(33)), "invalid_public_key_type"),
        (multibase_encode(b"\xec\x01" + bytes(31)), "invalid_public_key_length"),
        (multibase_encode(b"\xed\x01" + bytes(33)), "invalid_public_key_length"),
        (multibase_encode(b"\xec\x01" + bytes(32)), "invalid_public_key"),
        (multibase_encode(b"\xec\x01" + b"\x01" + bytes(31)), "invalid_public_key"),
        (multibase_encode(b"\xed\x01" + b"\x01" + bytes(31)), "invalid_public_key"),
    ],
)
def test_what_is_no_did_key(identifier: str, code: str) -> None:
    with pytest.raises(Invalid) as raised:
        expand(identifier)
    assert raised.value.code == code


def test_no_secret_is_in_any_form() -> None:
    for name, *_ in FORMATS:
        options = KeyOptions(public_key_format=name, enable_experimental_public_key_types=True)
        methods: Any = expand(ED25519, options)["verificationMethod"]
        assert all("d" not in method.get("publicKeyJwk", {}) for method in methods)
        assert all("private" not in member for method in methods for member in method)
