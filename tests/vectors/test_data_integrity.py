"""W3C Data Integrity EdDSA Cryptosuites 1.0: every intermediate value of the published proofs."""

import copy
import hashlib
import json
from typing import Any

import pytest
from published import vectors

from did.errors import Invalid
from did.identifier import parse_did_url
from did.jcs import canonicalize
from did.keys import PublicKey, SigningKey
from did.multibase import multibase_decode, multibase_encode
from did.timestamps import parse_time
from did.vc.data_integrity import add_proof, hash_data, parse_proof
from did.vc.proof_set import read_proofs
from did.vc.rdf import canonical_rdf

PUBLISHED = vectors("di-eddsa/eddsa-jcs-2022.json")
KEYS = PUBLISHED["keyPair"]
ED25519_PRIVATE = bytes.fromhex("8026")

each = pytest.mark.parametrize(
    "case", PUBLISHED["vectors"], ids=[case["unsigned"]["id"] for case in PUBLISHED["vectors"]]
)
Case = dict[str, Any]


def signer() -> SigningKey:
    private = multibase_decode(KEYS["privateKeyMultibase"])
    assert private.startswith(ED25519_PRIVATE)
    return SigningKey(private.removeprefix(ED25519_PRIVATE))


def test_key_pair() -> None:
    assert signer().public_key().multibase == KEYS["publicKeyMultibase"]


@each
def test_canonical_forms(case: Case) -> None:
    assert canonicalize(case["proofConfig"]).decode() == case["canonicalProofConfig"]
    assert canonicalize(case["unsigned"]).decode() == case["canonicalDocument"]


@each
def test_hashes(case: Case) -> None:
    configuration = hashlib.sha256(canonicalize(case["proofConfig"])).hexdigest()
    document = hashlib.sha256(canonicalize(case["unsigned"])).hexdigest()
    assert (configuration, document) == (case["proofHashHex"], case["docHashHex"])
    combined = hash_data(case["unsigned"], case["proofConfig"])
    assert combined.hex() == case["combinedHashHex"]


@each
def test_signature(case: Case) -> None:
    signature = signer().sign(bytes.fromhex(case["combinedHashHex"]))
    assert signature.hex() == case["signatureHex"]
    assert multibase_encode(signature) == case["signatureBase58btc"]


@each
def test_the_proof_is_made_again_byte_for_byte(case: Case) -> None:
    configuration = case["proofConfig"]
    secured = add_proof(
        case["unsigned"],
        signer(),
        method=parse_did_url(configuration["verificationMethod"]),
        purpose=configuration["proofPurpose"],
        created=parse_time(configuration["created"]),
    )
    assert json.dumps(secured) == json.dumps(case["signed"])


@each
def test_the_published_proof_verifies(case: Case) -> None:
    proof = parse_proof(case["signed"], purpose="assertionMethod")
    assert proof.signed.hex() == case["combinedHashHex"]
    assert proof.signature.hex() == case["signatureHex"]
    assert proof.method.key() == PublicKey.from_multibase(KEYS["publicKeyMultibase"])
    proof.verify(proof.method.key())


@each
def test_the_published_proof_of_another_document_does_not(case: Case) -> None:
    altered = copy.deepcopy(case["signed"])
    altered["credentialSubject"]["alumniOf"] += "!"
    proof = parse_proof(altered, purpose="assertionMethod")
    with pytest.raises(Invalid) as raised:
        proof.verify(proof.method.key())
    assert raised.value.code == "invalid_signature"


def test_the_other_cryptosuite_is_verified_for_others() -> None:
    case, with_another_context = vectors("di-eddsa/eddsa-rdfc-2022.json")["vectors"]
    assert canonical_rdf(case["unsigned"]).decode() == case["canonicalDocument"]
    assert canonical_rdf(case["proofConfig"]).decode() == case["canonicalProofConfig"]
    (proof,) = read_proofs(case["signed"])
    assert proof.signed.hex() == case["combinedHashHex"]
    proof.verify(parse_did_url(proof.method).key())

    altered = copy.deepcopy(case["signed"])
    altered["credentialSubject"]["alumniOf"] += "!"
    (other,) = read_proofs(altered)
    with pytest.raises(Invalid, match="does not hold"):
        other.verify(parse_did_url(proof.method).key())
    with pytest.raises(Invalid, match="citizenship") as raised:
        read_proofs(with_another_context["signed"])
    assert raised.value.code == "data_loss"


def test_and_of_a_device_it_is_refused() -> None:
    for case in vectors("di-eddsa/eddsa-rdfc-2022.json")["vectors"]:
        with pytest.raises(Invalid, match="eddsa-jcs-2022") as raised:
            parse_proof(case["signed"], purpose="assertionMethod")
        assert (raised.value.code, raised.value.value) == (
            "unsupported_cryptosuite",
            "eddsa-rdfc-2022",
        )
