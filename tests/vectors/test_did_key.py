"""did:key v0.9: seeds, documents, other kinds of key, and what is no did:key at all."""

from typing import Any

import pytest
from published import vectors

from did.document import key_document
from did.errors import Invalid
from did.identifier import KeyDid, parse_did, parse_did_url
from did.key_documents import NEWER_DID_CONTEXT, KeyOptions, expand
from did.keys import SigningKey
from did.multibase import base58_decode, base64url_decode, multibase_decode

ED25519 = vectors("did-key/ed25519-x25519.json")["vectors"]
X25519 = vectors("did-key/x25519.json")["vectors"]["didDocument"]
OTHERS = {
    **vectors("did-key/other-key-types.json")["secp256k1"],
    **vectors("did-key/other-key-types.json")["nist-curves"],
}
NEGATIVE = vectors("did-key/negative.json")["cases"]
EXAMPLES = vectors("did-key/spec-examples.json")["examples"]
RELATIONSHIPS = (
    "authentication",
    "assertionMethod",
    "capabilityInvocation",
    "capabilityDelegation",
    "keyAgreement",
)
# The test suite's names of errors, and ours.
CODES = {
    "invalidDid": "invalid_did",
    "methodNotSupported": "method_not_supported",
    "invalidPublicKeyLength": "invalid_public_key_length",
    "invalidDidUrl": "invalid_did_url",
}
Document = dict[str, Any]


def key_bytes(method: Document) -> bytes:
    """The raw key of a verification method, in any of the forms that were ever used."""
    if "publicKeyJwk" in method:
        return base64url_decode(method["publicKeyJwk"]["x"])
    if "publicKeyBase58" in method:
        return base58_decode(method["publicKeyBase58"], length=32)
    return multibase_decode(method["publicKeyMultibase"])[2:]


def relationships(document: Document) -> dict[str, set[tuple[str, bytes]]]:
    """Per relationship the ids of its methods and their keys, embedded or referred to."""
    listed = {method["id"]: method for method in document["verificationMethod"]}
    found = {
        name: [entry if isinstance(entry, dict) else listed[entry] for entry in document[name]]
        for name in RELATIONSHIPS
    }
    return {name: {(m["id"], key_bytes(m)) for m in methods} for name, methods in found.items()}


@pytest.mark.parametrize("did", ED25519)
def test_seed_makes_the_did(did: str) -> None:
    key = SigningKey(bytes.fromhex(ED25519[did]["seed"])).public_key()
    assert KeyDid(key).text == did
    assert parse_did(did) == KeyDid(key)


@pytest.mark.parametrize("did", ED25519)
def test_document_has_the_published_keys(did: str) -> None:
    parsed = parse_did(did)
    assert isinstance(parsed, KeyDid)
    ours, published = key_document(parsed), ED25519[did]["didDocument"]
    assert ours["id"] == published["id"]
    assert relationships(ours) == relationships(published)


@pytest.mark.parametrize("did", ED25519)
def test_the_derived_key_is_the_published_one(did: str) -> None:
    parsed = parse_did(did)
    assert isinstance(parsed, KeyDid)
    assert parsed.key.x25519() == key_bytes(ED25519[did]["keyAgreementKeyPair"])


def options_for(published: Document) -> KeyOptions:
    """Those that make a document of the published one's types."""
    return KeyOptions(
        public_key_format=published["verificationMethod"][0]["type"],
        enable_experimental_public_key_types=True,
    )


@pytest.mark.parametrize("did", ED25519)
def test_the_published_document_is_had_with_the_options_for_it(did: str) -> None:
    published = ED25519[did]["didDocument"]
    assert expand(did.removeprefix("did:key:"), options_for(published)) == published


@pytest.mark.parametrize("did", X25519)
def test_the_published_document_of_an_x25519_key(did: str) -> None:
    assert expand(did.removeprefix("did:key:"), options_for(X25519[did])) == X25519[did]


@pytest.mark.parametrize("did", [*OTHERS, *X25519])
def test_a_key_of_another_kind_than_ed25519_acts_as_nobody(did: str) -> None:
    with pytest.raises(Invalid) as raised:
        parse_did(did)
    assert raised.value.code == "invalid_public_key_type"


@pytest.mark.parametrize("did", OTHERS)
def test_other_kinds_of_key_are_refused_by_name(did: str) -> None:
    with pytest.raises(Invalid) as raised:
        expand(did.removeprefix("did:key:"))
    assert raised.value.code == "invalid_public_key_type"


@pytest.mark.parametrize("case", NEGATIVE, ids=[case["did"] for case in NEGATIVE])
def test_negative(case: dict[str, str]) -> None:
    parse = parse_did_url if "#" in case["did"] else parse_did
    with pytest.raises(Invalid) as raised:
        parse(case["did"])
    assert raised.value.code == CODES[case["error"]]


def example_dids() -> list[str]:
    texts = [example["text"].split() for example in EXAMPLES if "text" in example]
    return [word for words in texts for word in words if word.startswith("did:key:z")]


@pytest.mark.parametrize("did", example_dids())
def test_example_of_the_specification(did: str) -> None:
    if did.startswith("did:key:z6Mk"):
        assert parse_did(did).text == did
        return
    with pytest.raises(Invalid) as raised:
        parse_did(did)
    assert raised.value.code == "invalid_public_key_type"


DOCUMENTS = [example for example in EXAMPLES if "json" in example]


@pytest.mark.parametrize("example", DOCUMENTS, ids=[example["title"] for example in DOCUMENTS])
def test_example_document_of_the_specification(example: Document) -> None:
    published = example["json"]
    did = parse_did(published["id"])
    assert isinstance(did, KeyDid)
    ours = key_document(did)
    assert relationships(ours) == relationships(published)
    newer = expand(did.key.multibase, KeyOptions(default_context=(NEWER_DID_CONTEXT,)))
    assert newer["@context"] == published["@context"]
    assert published["verificationMethod"][0] in ours["verificationMethod"]
    assert published["keyAgreement"][0] in ours["verificationMethod"]


def test_nothing_of_the_specification_is_left_out() -> None:
    assert len(example_dids()) == 8
    assert len(DOCUMENTS) == 2
