"""Documents that would say other as RDF than as JSON are not verified as RDF."""

from typing import Any

import pytest
from data_model_cases import ABSENT, but

from did.errors import Invalid
from did.vc.contexts import DATA_INTEGRITY, UNDEFINED_TERMS, V1, V2
from did.vc.plain_json_ld import read_plain
from did.vc.published_contexts import EXAMPLES
from did.vc.rdf import canonical_rdf

STATUS: dict[str, Any] = {
    "type": "BitstringStatusListEntry",
    "statusPurpose": "revocation",
    "statusListIndex": "5",
    "statusListCredential": "https://issuer.example/status/1",
}
CREDENTIAL: dict[str, Any] = {
    "@context": [V2, EXAMPLES],
    "id": "urn:uuid:1",
    "type": ["VerifiableCredential"],
    "issuer": "did:example:issuer",
    "credentialSubject": {"id": "did:example:subject", "role": "gate", "more": {"n": [1, True]}},
    "validUntil": "2026-01-31T12:00:00Z",
    "credentialStatus": STATUS,
}
PRESENTATION: dict[str, Any] = {
    "@context": [V2],
    "type": ["VerifiablePresentation"],
    "verifiableCredential": [CREDENTIAL],
}
OWN = {"term": "https://example.org/#term"}
CRED = "https://www.w3.org/2018/credentials#"

PLAIN: list[dict[str, Any]] = [
    {},
    {"@context": [V2, EXAMPLES, OWN], "term": "x"},
    {"@context": [V2, DATA_INTEGRITY, UNDEFINED_TERMS]},
    {"@context": [V2, EXAMPLES, {"@protected": True, "@vocab": "https://example.org/#"}]},
    {"@context": [V2, EXAMPLES, {"term": {"@id": "https://example.org/t", "@type": "@id"}}]},
    {"type": ["VerifiableCredential", "https://example.org/#Type"]},
    {"name": [{"@value": "Tor", "@language": "de"}, "gate"]},
    {"evidence": [{"type": "A"}, {"type": "A"}]},
    {"credentialSubject": [{"id": "did:example:issuer", "a": "x"}, {"b": {"c": "x"}}]},
]

# What is not plain, and what is said of it.
NOT_PLAIN: list[tuple[dict[str, Any], str]] = [
    # 1 contexts
    ({"@context": [V2, "https://example.org/c"]}, "not known"),
    ({"@context": [V2, {"until": f"{CRED}validUntil"}]}, "that has a term another"),
    ({"@context": [V2, {"until": {"@id": f"{CRED}validUntil"}}]}, "that has a term another"),
    ({"@context": [V2, {"@vocab": CRED}]}, "that have terms others"),
    ({"@context": [V2, {"@vocab": "https://www.w3.org/"}]}, "that have terms others"),
    ({"@context": [V2, EXAMPLES, {"key": "@id"}]}, "more than a URL"),
    ({"@context": [V2, EXAMPLES, {"@base": "https://example.org/"}]}, "more than name terms"),
    ({"@context": [V2, EXAMPLES, {"@language": "de"}]}, "more than name terms"),
    (
        {"@context": [V2, EXAMPLES, {"t": {"@id": "https://e.org/t", "@container": "@list"}}]},
        "more than a URL",
    ),
    (
        {"@context": [V2, EXAMPLES, {"t": {"@id": "https://e.org/t", "@type": "@json"}}]},
        "type that is no URL",
    ),
    ({"@context": [V2, EXAMPLES, {"e": "https://e.org/#"}], "id": "e:1"}, "short for a URL"),
    # 2 members and types
    ({"validUntil": ABSENT, f"{CRED}validUntil": "2026-01-31T12:00:00Z"}, "is no term"),
    ({"credentialStatus": ABSENT, f"{CRED}credentialStatus": STATUS}, "is no term"),
    ({"@included": [{"id": "urn:uuid:1", "a": "b"}]}, "is no term"),
    ({"@reverse": {}}, "is no term"),
    (
        {
            "credentialStatus": {
                **STATUS,
                "type": "https://www.w3.org/ns/credentials/status#BitstringStatusListEntry",
            }
        },
        "URL that has a term",
    ),
    ({"@context": [V2], "more": "x"}, "no context defines a member"),
    ({"@context": [V2], "type": ["VerifiableCredential", "More"]}, "no context defines a type"),
    ({"credentialSubject": {"@context": [V2], "a": "x"}}, "is no term"),
    # 3 ids
    ({"id": "relative"}, "not an absolute URL"),
    ({"id": "_:b0"}, "not an absolute URL"),
    ({"credentialSubject": {"id": ["did:example:a"], "a": "x"}}, "has no characters"),
    # 4 values
    ({"credentialSubject": {"a": None}}, "null"),
    ({"credentialSubject": {"a": []}}, "empty list"),
    ({"credentialSubject": {"a": [["x"]]}}, "list in a list"),
    ({"credentialSubject": {"a": {"@value": "x", "@direction": "ltr"}}}, "more than a language"),
    ({"credentialSubject": {"a": {"@value": "5", "@type": f"{CRED}x"}}}, "more than a language"),
    ({"credentialSubject": {"a": {"@value": "x", "@language": "not a tag"}}}, "more than a lang"),
    ({"cnf": {"jwk": {"kty": "OKP"}}}, "JSON of its own"),
    ({"name": "\uffff"}, "has no characters"),
    # 5 said in one place
    (
        {"credentialSubject": {"a": {"id": "urn:uuid:1", "b": "x"}}},
        "about one thing",
    ),
    (
        {"credentialStatus": [{**STATUS, "id": "urn:s"}], "evidence": {"id": "urn:s", "type": "A"}},
        "about one thing",
    ),
    ({"credentialStatus": [{**STATUS, "id": "urn:s"}] * 2}, "about one thing"),
]

# What a JSON-LD processor leaves out without a word, or takes for one.
LEFT_OUT: list[dict[str, Any]] = [
    {"termsOfUse": "relative"},
    {"id": "urn:x:%zz"},
    {"credentialSubject": {"a": ["x", "x"]}},
    {"credentialSubject": [{"id": "did:example:a"}, {"id": "did:example:a"}]},
]


@pytest.mark.parametrize("change", PLAIN, ids=repr)
def test_plain_documents(change: dict[str, Any]) -> None:
    document = but(CREDENTIAL, change)
    assert read_plain(document).statements == canonical_rdf(document).count(b"\n")
    held = {**PRESENTATION, "verifiableCredential": [document]}
    assert read_plain(held).statements == canonical_rdf(held).count(b"\n")


@pytest.mark.parametrize(("change", "said"), NOT_PLAIN, ids=repr)
def test_what_is_not_plain(change: dict[str, Any], said: str) -> None:
    document = but(CREDENTIAL, change)
    for each in (document, {**PRESENTATION, "verifiableCredential": [document]}):
        with pytest.raises(Invalid, match=said) as raised:
            canonical_rdf(each)
        assert raised.value.code == "data_loss"


@pytest.mark.parametrize("change", LEFT_OUT, ids=repr)
def test_what_would_be_left_out(change: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match="less than its members do") as raised:
        canonical_rdf(but(CREDENTIAL, change))
    assert raised.value.code == "data_loss"


def test_presentations_and_what_they_embed() -> None:
    proof = {
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-jcs-2022",
        "@context": CREDENTIAL["@context"],
        "verificationMethod": "did:example:issuer#key",
        "proofPurpose": "assertionMethod",
        "proofValue": "z1",
    }
    enveloped = {
        "@context": V2,
        "id": "data:application/vc+jwt,eyJh.e30.c2ln",
        "type": "EnvelopedVerifiableCredential",
    }
    proven = {**CREDENTIAL, "proof": [proof]}
    document = {**PRESENTATION, "verifiableCredential": [proven, enveloped]}
    assert read_plain(document).statements == canonical_rdf(document).count(b"\n")
    read_plain({**PRESENTATION, "verifiableCredential": []})
    for wrong in (
        {**proven, "proof": [{**proof, "@context": [V2]}]},
        {**proven, "proof": [{**proof, "more": "x"}]} | {"@context": [V2]},
        but(proven, {"@context": ABSENT}),
        {**proven, "@context": [V1]},
        {**proven, "@context": []},
    ):
        with pytest.raises(Invalid) as raised:
            read_plain({**PRESENTATION, "verifiableCredential": [wrong]})
        assert raised.value.code == "data_loss"
