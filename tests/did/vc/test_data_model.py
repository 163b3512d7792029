"""Each statement of the data model, with documents that keep it and documents that break it."""

import copy
from typing import Any

import pytest
from data_model_cases import (
    ABSENT,
    BAD,
    DEFINED,
    ENVELOPE,
    EX,
    EXAMPLES,
    GOOD,
    MINIMAL,
    NAMED,
    NOT_A_URL,
    OLD,
    PRESENTATION,
    TYPED,
    UNDEFINED,
    but,
)

from did.errors import Invalid
from did.vc.contexts import DATA_INTEGRITY, UNDEFINED_TERMS, V1, V2, is_url
from did.vc.data_model import (
    check_credential,
    check_credential_terms,
    check_envelope,
    check_presentation,
)


@pytest.mark.parametrize("change", [*GOOD, *DEFINED], ids=repr)
def test_credentials_that_keep_the_rules(change: dict[str, Any]) -> None:
    document = but(MINIMAL, change)
    before = copy.deepcopy(document)
    check_credential(document)
    check_credential_terms(document)
    assert document == before


@pytest.mark.parametrize("change", BAD, ids=repr)
def test_credentials_that_break_one(change: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as caught:
        check_credential(but(MINIMAL, change))
    assert caught.value.code == "invalid_credential"


@pytest.mark.parametrize("change", BAD, ids=repr)
def test_the_property_that_is_wrong_is_named(change: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as caught:
        check_credential(but(MINIMAL, change))
    assert any(name in caught.value.message for name in change)


@pytest.mark.parametrize("document", [None, 5, "text", [], [MINIMAL]], ids=repr)
def test_no_object_at_all(document: Any) -> None:
    with pytest.raises(Invalid, match="not a JSON object"):
        check_credential(document)
    with pytest.raises(Invalid, match="not a JSON object"):
        check_presentation(document)
    with pytest.raises(Invalid, match="not a JSON object"):
        check_envelope(document, "EnvelopedVerifiableCredential")


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"expirationDate": "2024-02-26T00:37:06Z"},
        {"issuer": {"id": "did:example:issuer", "name": "Issuer"}},
        {"credentialStatus": {"id": "https://example.org/s/1", "type": "AnyStatus"}},
        {"credentialSchema": {"id": "https://example.org/s/1", "type": "AnySchema"}},
        {"termsOfUse": {"type": "IssuerPolicy"}, "evidence": [{"type": "AnyEvidence"}]},
        {"validFrom": "nothing that 1.1 defines"},
    ],
    ids=repr,
)
def test_credentials_of_1_1(change: dict[str, Any]) -> None:
    check_credential(but(OLD, change))


@pytest.mark.parametrize(
    "change",
    [
        {"issuanceDate": ABSENT},
        {"issuanceDate": "2023-02-26"},
        {"expirationDate": "tomorrow"},
        {"expirationDate": "2022-02-26T00:37:06Z"},
        {"issuer": ABSENT},
        {"credentialSubject": ABSENT},
        {"credentialSubject": {}},
        {"id": "not-a-url"},
        {"type": ["UniversityDegreeCredential"]},
        {"type": ["VerifiableCredential", 5]},
        {"@context": [V1, "not a url"]},
        {"@context": [V1, 5]},
        {"@context": [V1, {"VerifiableCredential": "https://example.org/x"}]},
        {"credentialStatus": {"type": "AnyStatus"}},
        {"credentialSchema": {"type": "AnySchema"}},
        {"refreshService": {"type": "AnyService"}},
        {"evidence": [{}]},
    ],
    ids=repr,
)
def test_credentials_of_1_1_that_break_a_rule(change: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as caught:
        check_credential(but(OLD, change))
    assert caught.value.code == "invalid_credential"


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"id": "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33"},
        {"@context": [V2, EX], "type": ["VerifiablePresentation", "ExampleType"]},
        {"@context": [V2, EXAMPLES]},
        {"verifiableCredential": []},
        {"verifiableCredential": MINIMAL},
        {"verifiableCredential": [MINIMAL, OLD, ENVELOPE]},
        {"holder": "did:example:holder"},
        {"holder": {"id": "did:example:holder", "name": "Holder"}},
        {"termsOfUse": TYPED},
        {"@context": [V1], "verifiableCredential": [OLD]},
    ],
    ids=repr,
)
def test_presentations_that_keep_the_rules(change: dict[str, Any]) -> None:
    check_presentation(but(PRESENTATION, change))


@pytest.mark.parametrize(
    "change",
    [
        {"@context": ABSENT},
        {"@context": [EXAMPLES]},
        {"@context": [V2, NOT_A_URL]},
        {"@context": [V2, 5]},
        {"type": ABSENT},
        {"type": ["CredentialManagerPresentation"]},
        {"type": ["VerifiablePresentation", "Unmapped"]},
        {"id": "not-a-url"},
        {"holder": None},
        {"holder": "not-a-url"},
        {"holder": {}},
        {"holder": {"name": "no id"}},
        {"holder": ["did:example:holder"]},
        {"termsOfUse": {}},
        {"verifiableCredential": None},
        {"verifiableCredential": "did:example:credential"},
        {"verifiableCredential": [5]},
        {"verifiableCredential": [[MINIMAL]]},
        {"verifiableCredential": [but(MINIMAL, {"type": ABSENT})]},
        {"verifiableCredential": [but(ENVELOPE, {"type": ABSENT})]},
        {"verifiableCredential": [MINIMAL, but(ENVELOPE, {"id": "eyJh.e30.c2ln"})]},
        {"verifiableCredential": [but(ENVELOPE, {"type": "EnvelopedVerifiablePresentation"})]},
        {"verifiableCredential": [MINIMAL] * 17},
    ],
    ids=repr,
)
def test_presentations_that_break_one(change: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as caught:
        check_presentation(but(PRESENTATION, change))
    assert caught.value.code in ("invalid_presentation", "invalid_credential", "invalid_envelope")


@pytest.mark.parametrize(
    "kind", ["EnvelopedVerifiableCredential", "EnvelopedVerifiablePresentation"]
)
def test_envelopes(kind: str) -> None:
    good = {**ENVELOPE, "type": kind}
    for change in ({}, {"@context": [V2, EXAMPLES]}, {"type": [kind]}):
        assert check_envelope(but(good, change), kind) == good["id"]
    for change in (
        {"@context": []},
        {"@context": ABSENT},
        {"@context": EXAMPLES},
        {"@context": [EXAMPLES]},
        {"id": ABSENT},
        {"id": "eyJh.e30.c2ln"},
        {"id": "data:application/vc+jwt"},
        {"id": 5},
        {"type": ABSENT},
        {"type": "VerifiableCredential"},
        {"type": [kind, "VerifiableCredential"]},
        {"type": [kind, kind]},
        {"type": [kind, 5]},
        {"@context": [EXAMPLES, V2]},
        {"@context": [V2, V1]},
        {"@context": [V2, 5]},
        {"@context": [V2, None]},
        {"@context": [V2, [V2]]},
        {"@context": [V2, {kind: "https://evil.example/#Other"}]},
        {"@context": [V2, "https://evil.example/context"]},
        {"@context": {"@vocab": "https://evil.example/#"}},
        {"issuer": "did:example:issuer"},
        {"proof": {}},
        {"more": None},
    ):
        with pytest.raises(Invalid):
            check_envelope(but(good, change), kind)


@pytest.mark.parametrize(("change", "first"), UNDEFINED, ids=repr)
def test_terms_that_no_context_defines(change: dict[str, Any], first: str) -> None:
    document = but(MINIMAL, change)
    check_credential(document)  # who decides for itself leaves them to who signed
    with pytest.raises(Invalid, match=f"'{first}'") as caught:
        check_credential_terms(document)
    assert caught.value.code == "undefined_terms"
    for context in (UNDEFINED_TERMS, "https://example.org/c"):
        contexts = [*document["@context"], context]
        check_credential_terms({**document, "@context": contexts})


@pytest.mark.parametrize("change", NAMED, ids=repr)
def test_names_of_what_a_credential_speaks_of(change: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as caught:
        check_credential_terms(but(MINIMAL, change))
    assert caught.value.code == "invalid_credential"


def test_terms_of_1_1() -> None:
    plain = {**OLD, "@context": [V1], "type": ["VerifiableCredential"]}
    ends = {"expirationDate": "2024-01-01T00:00:00Z"}
    check_credential_terms({**plain, **ends, "proof": {"cryptosuite": "x"}})
    for change in (
        {"member": 1},
        {"type": ["VerifiableCredential", "Foo"]},
        {"credentialSubject": {"name": "1.1 has none"}},
    ):
        check_credential({**plain, **change})
        with pytest.raises(Invalid) as caught:
            check_credential_terms({**plain, **change})
        assert caught.value.code == "undefined_terms"
        check_credential_terms({**plain, **change, "@context": [V1, UNDEFINED_TERMS]})


@pytest.mark.parametrize(
    ("contexts", "version_1"),
    [([V1, V2], True), ([V1, UNDEFINED_TERMS, V2], True), ([V2, V1], False)],
)
def test_no_document_is_of_both_versions(contexts: list[str], version_1: bool) -> None:  # noqa: FBT001
    """What one version reads as the end of a credential, the other does not see."""
    document = OLD if version_1 else MINIMAL
    with pytest.raises(Invalid, match="two versions"):
        check_credential({**document, "@context": contexts})
    rest = [context for context in contexts[1:] if context not in (V1, V2)]
    check_credential({**document, "@context": [contexts[0], *rest, DATA_INTEGRITY, "urn:x"]})


def test_what_offends_is_named() -> None:
    for change, said in (
        ({"id": "foo"}, "id is not a URL: 'foo'"),
        ({"@context": [V2, "no url"]}, "an entry of @context is not a URL: 'no url'"),
        ({"x" * 500: 1}, f"'{'x' * 120}'… "),
        ({"evidence": {}}, "an evidence has no type"),
        ({"credentialStatus": {}}, "a credentialStatus has no type"),
    ):
        with pytest.raises(Invalid) as caught:
            check_credential_terms(but(MINIMAL, change))
        assert said in caught.value.message
        assert str(caught.value).count("foo") < 2


def test_urls() -> None:
    assert all(map(is_url, ("did:a:b", "urn:x", "https://a", "HTTP://a/b?c#d", "data:,x")))
    assert not any(map(is_url, (None, 5, "", "a", "a b:c", "https:", "http:///x", "x:\x7f", "x:<")))
