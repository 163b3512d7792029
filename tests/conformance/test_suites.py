"""What the W3C's suites ask of a running instance, with the outcomes that they want."""

import base64
import copy
import gzip
import json
import uuid
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
from data_model_cases import ABSENT, BAD, ENVELOPE, EXAMPLES, GOOD, MINIMAL, OLD, but
from suite import VALID, Suite

from conformance.identity import DidMethod, Identity
from did.identifier import DidUrl, KeyDid, parse_did_url
from did.keys import PublicKey, x25519_multibase
from did.multibase import multibase_decode, multibase_encode
from did.vc.claims import Claims
from did.vc.contexts import DATA_INTEGRITY, V1, V2
from did.vc.data_urls import wrap
from did.vc.enveloping import PRESENTATION, seal_cose, seal_jwt
from did.vc.proof_set import RDFC_CRYPTOSUITE as RDFC
from did.vc.securing import Format
from keyborn.clock import now

both = pytest.mark.parametrize("suite", list(DidMethod), indirect=True, ids="did:{}".format)
W3C = "https://www.w3.org/TR/vc-data-model#"
SECURITY = "https://w3id.org/security#"


def fails(answer: httpx.Response, type_: str = "") -> dict[str, Any]:
    """As the suites ask: 400 or 422; and as we do: problem details that say it in W3C's names."""
    assert answer.status_code in (400, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = dict(answer.json())
    assert {"type", "title", "detail", "status", "code", "problemDetails"} <= problem.keys()
    (first,) = problem["problemDetails"]
    assert problem["type"] == first["type"]
    assert first["type"].startswith(type_), problem
    return problem


def holds(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    result = dict(answer.json())
    assert (result["verified"], result["errors"], result["problemDetails"]) == (True, [], [])
    return result


# vc-data-model-2.0


@both
def test_the_issuer_takes_what_keeps_the_data_model_and_the_verifier_verifies_it(
    suite: Suite,
) -> None:
    for change in GOOD:
        document = but(but(MINIMAL, {"issuer": ABSENT}), change)
        answer = suite.request_issue(document)
        assert answer.status_code == 201, (change, answer.text)
        issued = answer.json()["verifiableCredential"]
        if {"validFrom", "validUntil", "credentialStatus"} & change.keys():
            continue  # in the future, in the past, or known to nobody
        holds(suite.verify(issued))


def test_the_issuer_refuses_what_breaks_it(suite: Suite) -> None:
    for change in BAD:
        document = but(MINIMAL, change)
        if change.get("issuer") is ABSENT:
            answer = suite.post_issue({"credential": document})
        elif isinstance(change.get("issuer"), dict) and not change["issuer"].get("id"):
            continue  # the suite's own caller puts the issuer's name there
        else:
            answer = suite.post_issue({"credential": document, "options": {}})
        assert fails(answer)["code"] == "invalid_credential", change


def test_what_no_context_defines_is_not_signed(suite: Suite) -> None:
    entry = {"type": "BitstringStatusListEntry", "statusListIndex": True}
    fails(suite.request_issue({**VALID, "statusEntry": entry}), f"{W3C}MALFORMED_VALUE_ERROR")
    assert suite.issue({**VALID, "@context": [V2, EXAMPLES], "statusEntry": entry})


def test_non_conforming_documents(suite: Suite) -> None:
    nonconforming = {"type": ["NonconformingDocument"]}
    for document in (nonconforming, {}, None, 5, "text", [], VALID):
        fails(suite.verify(document))
        fails(suite.verify_presentation(document))


def test_the_verifier_refuses_what_breaks_the_data_model(suite: Suite) -> None:
    """Signed well, by whoever does not check."""
    issuer = suite.own_did
    for change in BAD:
        if "issuer" in change:
            continue
        document = suite.prove(but({**MINIMAL, "issuer": issuer}, change))
        fails(suite.verify(document), W3C)
    holds(suite.verify(suite.prove({**MINIMAL, "issuer": issuer})))


def test_what_does_not_verify_is_not_given_back(suite: Suite) -> None:
    """The result of a verification that fails: its status, why, and no document."""
    issued = suite.issue()
    malformed = suite.prove(but({**MINIMAL, "issuer": suite.own_did}, {"validFrom": "soon"}))
    for document, name in (
        ({**issued, "name": "added"}, "CRYPTOGRAPHIC_SECURITY_ERROR"),
        (malformed, "MALFORMED_VALUE_ERROR"),
    ):
        problem = fails(suite.verify(document, returnCredential=True), f"{W3C}{name}")
        assert problem["verified"] is False
        assert problem["errors"] == problem["problemDetails"]
        assert "credential" not in problem
    assert holds(suite.verify(issued, returnCredential=True))["credential"] == issued


def test_the_issuer_has_its_own_name_put_in(suite: Suite) -> None:
    for given in ("did:example:issuer", {"id": "did:example:issuer", "name": "Example"}):
        issued = suite.issue({**VALID, "issuer": given})
        name = issued["issuer"]["id"] if isinstance(given, dict) else issued["issuer"]
        assert name == suite.did
        assert not isinstance(given, dict) or issued["issuer"]["name"] == "Example"
        holds(suite.verify(issued))


# vc-di-eddsa, data integrity


@both
def test_the_form_of_a_proof(suite: Suite) -> None:
    issued = suite.issue()
    proof = issued["proof"]
    assert (proof["type"], proof["cryptosuite"]) == ("DataIntegrityProof", "eddsa-jcs-2022")
    assert proof["proofPurpose"] == "assertionMethod"
    assert len(multibase_decode(proof["proofValue"])) == 64
    method = parse_did_url(proof["verificationMethod"])
    assert method.did.text == suite.did
    resolver = suite.endpoint("didResolvers", "did-key")["endpoint"]
    document = suite.get(f"{resolver}/{suite.did}", accept="application/did").json()
    (found,) = [each for each in document["verificationMethod"] if each["id"] == method.text]
    assert found["type"] == "Multikey"
    assert PublicKey.from_multibase(found["publicKeyMultibase"]) == method.key()
    assert method.text in document[proof["proofPurpose"]]


PROOF_CHANGES: list[tuple[dict[str, Any], str]] = [
    ({"type": ABSENT}, "PROOF_VERIFICATION_ERROR"),
    ({"type": "UnknownProofType"}, "PROOF_VERIFICATION_ERROR"),
    ({"cryptosuite": ABSENT}, "PROOF_VERIFICATION_ERROR"),
    ({"cryptosuite": "UnknownCryptosuite"}, "PROOF_VERIFICATION_ERROR"),
    ({"cryptosuite": "eddsa-rdfc-2022"}, ""),
    ({"cryptosuite": 5}, "PROOF_VERIFICATION_ERROR"),
    ({"verificationMethod": ABSENT}, "PROOF_VERIFICATION_ERROR"),
    ({"verificationMethod": "did:key:invalidVm"}, "INVALID_VERIFICATION_METHOD_URL"),
    ({"verificationMethod": 5}, "PROOF_VERIFICATION_ERROR"),
    ({"proofPurpose": ABSENT}, "PROOF_VERIFICATION_ERROR"),
    ({"proofPurpose": "invalidPurpose"}, "PROOF_VERIFICATION_ERROR"),
    ({"proofPurpose": "authentication"}, "PROOF_VERIFICATION_ERROR"),
    ({"proofValue": ABSENT}, "PROOF_VERIFICATION_ERROR"),
    ({"proofValue": None}, "PROOF_VERIFICATION_ERROR"),
    ({"proofValue": "z5nmMBw2u9TGKd9NxxHJtyZKgjN2Eh"}, "PROOF_VERIFICATION_ERROR"),
    ({"proofValue": "z" + "1" * 64}, ""),
    ({"created": "invalidDate"}, "PROOF_VERIFICATION_ERROR"),
    ({"created": 5}, "PROOF_VERIFICATION_ERROR"),
    ({"expires": "tomorrow"}, "PROOF_VERIFICATION_ERROR"),
    ({"domain": 5}, "PROOF_VERIFICATION_ERROR"),
    ({"domain": [5]}, "PROOF_VERIFICATION_ERROR"),
    ({"challenge": 5}, "PROOF_VERIFICATION_ERROR"),
    ({"nonce": 5}, "PROOF_VERIFICATION_ERROR"),
    ({"id": "not-a-url"}, "PROOF_VERIFICATION_ERROR"),
    ({"previousProof": "urn:uuid:nowhere"}, "PROOF_VERIFICATION_ERROR"),
    ({"previousProof": 5}, "PROOF_VERIFICATION_ERROR"),
    ({"@context": [V2, EXAMPLES]}, "PROOF_VERIFICATION_ERROR"),
]


@pytest.mark.parametrize(("change", "type_"), PROOF_CHANGES, ids=repr)
def test_proofs_that_break_a_rule(suite: Suite, change: dict[str, Any], type_: str) -> None:
    issued = suite.issue()
    holds(suite.verify(issued))
    wrong = {**issued, "proof": but(issued["proof"], change)}
    fails(suite.verify(wrong), f"{SECURITY}{type_}" if type_ else "")


def test_no_proof_and_no_object_as_proof(suite: Suite) -> None:
    issued = suite.issue()
    for proof in (ABSENT, None, "text", 5, True, [], [5], [issued["proof"], None]):
        fails(suite.verify(but(issued, {"proof": proof})))
    without_header = copy.deepcopy(issued)
    without_header["proof"]["proofValue"] = issued["proof"]["proofValue"][1:]
    fails(suite.verify(without_header), f"{SECURITY}PROOF_VERIFICATION_ERROR")


@both
def test_content_that_was_changed_after_it_was_signed(suite: Suite) -> None:
    issued = suite.issue({**VALID, "@context": [V2, EXAMPLES]})
    holds(suite.verify(issued))
    for change in (
        {"credentialSubject": {**issued["credentialSubject"], "undefinedTerm": "x"}},
        {"type": [*issued["type"], "UndefinedType"]},
        {"id": f"urn:uuid:{uuid.uuid4()}"},
        {"name": "added"},
    ):
        fails(suite.verify({**issued, **change}), f"{W3C}CRYPTOGRAPHIC_SECURITY_ERROR")


def test_the_expected_purpose(suite: Suite) -> None:
    issued = suite.issue()
    fails(
        suite.verify(issued, expectedProofPurpose="authentication"),
        f"{SECURITY}PROOF_VERIFICATION_ERROR",
    )
    holds(suite.verify(issued, expectedProofPurpose="assertionMethod"))


def test_challenge_and_domain(suite: Suite) -> None:
    issuer = {"issuer": suite.own_did}
    proven = suite.prove(
        {**VALID, **issuer},
        proofPurpose="authentication",
        domain=["domain.example", "b.example"],
        challenge="1235abcd6789",
    )
    asked = {"expectedProofPurpose": "authentication"}
    good = {"domain": ["b.example", "domain.example"], "challenge": "1235abcd6789"}
    holds(suite.verify(proven, **asked))
    holds(suite.verify(proven, **asked, **good))
    domain, challenge = f"{SECURITY}INVALID_DOMAIN_ERROR", f"{SECURITY}INVALID_CHALLENGE_ERROR"
    fails(suite.verify(proven, **asked, domain="domain.example"), domain)
    fails(suite.verify(proven, **asked, **{**good, "domain": ["b.example", "c"]}), domain)
    fails(suite.verify(proven, **asked, **{**good, "challenge": "another"}), challenge)
    bare = suite.prove({**VALID, **issuer}, proofPurpose="authentication")
    fails(suite.verify(bare, **asked, **good), domain)
    fails(suite.verify(bare, **asked, challenge="1235abcd6789"), challenge)


def test_times_of_proofs(suite: Suite) -> None:
    issuer = {"issuer": suite.own_did}
    soon, past = now() + timedelta(hours=1), now() - timedelta(seconds=5)
    for members in (
        {"created": None},
        {"created": "2026-01-31T12:00:00"},  # without an offset it is in UTC
        {"created": "2026-01-31T12:00:00.5+01:00"},
        {"expires": soon.isoformat()},
        {"expires": soon.replace(tzinfo=None).isoformat()},
        {"nonce": "n", "id": "urn:uuid:1"},
    ):
        holds(suite.verify(suite.prove({**VALID, **issuer}, **members)))
    for expires in (past.isoformat(), past.replace(tzinfo=None).isoformat()):
        proven = suite.prove({**VALID, **issuer}, expires=expires)
        fails(suite.verify(proven), f"{SECURITY}PROOF_VERIFICATION_ERROR")


def test_proof_sets_and_chains(suite: Suite) -> None:
    document = {**VALID, "issuer": suite.own_did}
    first = suite.prove(document, id="urn:uuid:first")["proof"]
    other = suite.prove(document, created="2026-02-01T12:00:00Z")["proof"]
    holds(suite.verify({**document, "proof": [first]}))
    holds(suite.verify({**document, "proof": [first, other]}))
    chained = suite.prove({**document, "proof": [first]}, previousProof="urn:uuid:first")
    # what was signed is the document with the first proof, and the configuration
    second = chained["proof"]
    holds(suite.verify({**document, "proof": [first, second]}))
    holds(suite.verify({**document, "proof": [second, first]}))
    listed = suite.prove({**document, "proof": [first]}, previousProof=["urn:uuid:first"])["proof"]
    holds(suite.verify({**document, "proof": [first, listed]}))

    fails(suite.verify({**document, "proof": second}))
    fails(suite.verify({**document, "proof": [other, second]}))
    altered = {**first, "created": "2026-03-01T12:00:00Z"}
    fails(suite.verify({**document, "proof": [altered, second]}))
    fails(suite.verify({**document, "proof": [first, first]}))
    fails(suite.verify({**document, "proof": [other] * 9}))
    circle = {**first, "previousProof": "urn:uuid:first"}
    fails(suite.verify({**document, "proof": [circle]}), f"{SECURITY}PROOF_VERIFICATION_ERROR")
    unbound = suite.prove(document, previousProof="urn:uuid:first")["proof"]
    fails(suite.verify({**document, "proof": [first, unbound]}))


def test_the_other_cryptosuite(suite: Suite) -> None:
    """Presentations and credentials of ``eddsa-rdfc-2022``, as the suites sign their own."""
    document = {**VALID, "issuer": suite.own_did}
    proven = suite.prove(document, cryptosuite=RDFC)
    holds(suite.verify(proven))
    for change in ({"name": "added"}, {"id": "urn:uuid:1"}, {"proof": {**proven["proof"], "x": 1}}):
        fails(suite.verify({**proven, **change}))
    again = suite.prove(document, cryptosuite=RDFC, id="urn:uuid:first")
    second = suite.prove(again, cryptosuite=RDFC, previousProof="urn:uuid:first")["proof"]
    chained = {**document, "proof": [again["proof"], second]}
    holds(suite.verify(chained))
    fails(suite.verify({**chained, "proof": [{**again["proof"], "nonce": "n"}, second]}))

    vp = {"@context": [V2], "type": ["VerifiablePresentation"], "holder": suite.own_did}
    for credentials in ([], [proven, suite.issue(), suite.issue(tag="vc+cose")], [document]):
        shown = suite.present({**vp, "verifiableCredential": credentials}, cryptosuite=RDFC)
        holds(suite.verify_presentation(shown))
        fails(suite.verify_presentation({**shown, "more": "x"}), W3C)
        fails(suite.verify_presentation({**shown, "id": "urn:uuid:2"}), W3C)


def test_statements_in_other_words_hide_nothing(suite: Suite) -> None:
    """The very RDF that was signed, in JSON in which its end is not where it is looked for."""
    end, cred = "2020-01-31T12:00:00Z", "https://www.w3.org/2018/credentials#"
    document = {
        **VALID,
        "@context": [V2, EXAMPLES],
        "id": "urn:uuid:5",
        "issuer": suite.own_did,
        "validUntil": end,
    }
    proven = suite.prove(document, cryptosuite=RDFC)
    fails(suite.verify(proven), f"{W3C}RANGE_ERROR")
    hidden = but(proven, {"validUntil": ABSENT})
    typed = {"@value": end, "@type": "http://www.w3.org/2001/XMLSchema#dateTime"}
    subject = proven["credentialSubject"]
    for change in (
        {f"{cred}validUntil": typed},
        {
            "@context": [V2, EXAMPLES, {"until": {"@id": f"{cred}validUntil"}}],
            "until": typed,
        },
        {"credentialSubject": {**subject, "@included": {"id": "urn:uuid:5", "validUntil": end}}},
        {"credentialSubject": {**subject, "a": {"id": "urn:uuid:5", "validUntil": end}}},
    ):
        fails(suite.verify({**hidden, **change}), f"{SECURITY}DATA_LOSS_DETECTION_ERROR")
    fails(suite.verify(hidden), f"{W3C}CRYPTOGRAPHIC_SECURITY_ERROR")
    holds(suite.verify(suite.prove(but(document, {"validUntil": ABSENT}), cryptosuite=RDFC)))


def test_a_chain_that_lacks_one_of_several(suite: Suite) -> None:
    document = {**VALID, "issuer": suite.own_did}
    first = suite.prove(document, id="urn:uuid:first")["proof"]

    def chained(*names: str) -> dict[str, Any]:
        second = suite.prove({**document, "proof": [first]}, previousProof=[*names])["proof"]
        return {**document, "proof": [first, second]}

    lacking = chained("urn:uuid:first", "urn:uuid:nowhere")
    fails(suite.verify(lacking), f"{SECURITY}PROOF_VERIFICATION_ERROR")
    holds(suite.verify(chained("urn:uuid:first")))


# vc-api-issuer, vc-api-verifier


def test_requests_to_the_issuer(suite: Suite) -> None:
    answer = suite.request_issue(VALID)
    assert answer.status_code == 201
    assert answer.json().keys() == {"verifiableCredential"}
    document = {**VALID, "issuer": suite.did}
    for body in (
        {},
        [],
        {"verifiableCredential": document},
        {"credential": None},
        {"credential": [document]},
        {"credential": document, "options": 5},
        {"credential": document, "options": []},
        {"credential": document, "options": {"unknownOption": True}},
        {"credential": document, "options": {"cryptosuite": "eddsa-rdfc-2022"}},
        {"credential": document, "options": {"format": "mso_mdoc"}},
        {"credential": document, "options": {"format": 5}},
        {"credential": document, "options": {"mediaType": "text/plain"}},
        {"credential": document, "options": {"cryptosuite": "eddsa-jcs-2022", "format": "vc+jwt"}},
        {"credential": document, "options": {"statusPurpose": "refresh"}},
        {"credential": document, "options": {"credentialStatus": "revocation"}},
        {"credential": document, "options": {"credentialStatus": {"type": "Other"}}},
        {"credential": {**document, "proof": {}}},
        {"credential": {**document, "type": ["VerifiableCredential", "Undefined"]}},
    ):
        fails(suite.post_issue(body))


@both
def test_a_credential_of_version_1(suite: Suite) -> None:
    undated = but(OLD, {"issuer": ABSENT, "issuanceDate": ABSENT})
    expiring = {**undated, "expirationDate": (now() + timedelta(days=365)).isoformat()}
    for document in (undated, expiring):
        issued = suite.issue(document)
        assert issued["@context"][0] == V1
        assert issued["@context"][-1] == DATA_INTEGRITY
        holds(suite.verify(issued))
        fails(suite.verify({**issued, "issuanceDate": "2020-01-01T00:00:00Z"}))
    fails(suite.request_issue(but(undated, {"credentialSubject": ABSENT})))


def test_each_issuer_supports_the_versions_that_its_manifest_says(suite: Suite) -> None:
    documents = {"1.1": but(OLD, {"issuer": ABSENT}), "2.0": VALID}
    for issuer in suite.manifest["issuers"]:
        for version, document in documents.items():
            body = {"credential": {**document, "issuer": suite.did}, "options": issuer["options"]}
            assert suite.post_issue(body).is_success == (version in issuer["supports"]["vc"])


def test_members_that_the_verifier_needs(suite: Suite) -> None:
    issued = suite.issue()
    wrong: dict[str, list[Any]] = {
        "@context": ["string", {}, None, 10, True, [[]], [{}], [None], [10]],
        "type": ["string", {}, None, 10, True, [[]], [{}], [None], [10]],
        "issuer": [[], None, 10, True],
        "credentialSubject": ["string", None, 10, True, []],
    }
    for name, values in wrong.items():
        for value in (ABSENT, *values):
            fails(suite.verify(but(issued, {name: value})))


@both
def test_times_of_credentials(suite: Suite) -> None:
    future, past = now() + timedelta(days=2), now() - timedelta(days=2)
    for document in (
        {**VALID, "validFrom": future.isoformat()},
        {**VALID, "validUntil": past.isoformat()},
    ):
        issued = suite.issue(document)
        problem = fails(suite.verify(issued))
        assert problem["type"] == f"{W3C}RANGE_ERROR" or suite.did.startswith("did:keyborn")


# presentations


@both
def test_presentations(suite: Suite) -> None:
    vp = {"@context": [V2], "type": ["VerifiablePresentation"]}
    holder = suite.own_did
    credential = suite.issue()
    enveloped = suite.issue(tag="vc+jwt")
    for more in (
        {},
        {"verifiableCredential": []},
        {"verifiableCredential": [credential, enveloped]},
        {"verifiableCredential": credential},
        {"holder": holder},
        {"holder": {"id": holder}, "id": "urn:uuid:1"},
    ):
        holds(suite.verify_presentation(suite.present({**vp, **more})))
    tampered = {**credential, "name": "added"}
    for more in (
        {"holder": "did:example:acme"},
        {"holder": {}},
        {"verifiableCredential": [tampered]},
        {"verifiableCredential": ["urn:uuid:1"]},
        {"verifiableCredential": [but(credential, {"proof": ABSENT})]},
        {"verifiableCredential": [but(credential, {"type": ABSENT})]},
        {"verifiableCredential": [but(enveloped, {"type": ABSENT})]},
        {"verifiableCredential": [{**enveloped, "id": enveloped["id"][:-4]}]},
    ):
        fails(suite.verify_presentation(suite.present({**vp, **more})))
    fails(suite.verify_presentation(vp))
    fails(suite.verify_presentation(suite.prove(vp)))  # of another purpose


def test_members_of_a_presentation_that_nothing_defines(suite: Suite) -> None:
    vp = {"@context": [V2], "type": ["VerifiablePresentation"], "holder": suite.own_did}
    old = {**vp, "@context": [V1, DATA_INTEGRITY]}
    key = suite.identity.signer
    method = DidUrl(KeyDid(key.public_key()), key.public_key().multibase)
    claims = Claims(issued=now(), issuer=suite.own_did, nonce="n" * 16, audience="did:example:v")

    def sealed(document: dict[str, Any]) -> dict[str, Any]:
        data = seal_jwt(document, key, PRESENTATION, method=method, claims=claims)
        return wrap(data, Format.VC_JWT, PRESENTATION)

    for document in (vp, old):
        for change, holding in (
            ({}, True),
            ({"more": "x"}, False),
            ({"termsOfUse": {"type": "https://example.org/#T", "more": "x"}}, False),
            ({"type": ["VerifiablePresentation", "More"]}, False),
        ):
            changed = {**document, **change}
            if document is old and "type" in change:
                continue  # of types of 1.1 it is not asked whether they are defined
            answers = [suite.verify_presentation(suite.present(changed))]
            if document is vp:
                answers.append(suite.verify_presentation(sealed(changed)))
            for answer in answers:
                if holding:
                    holds(answer)
                else:
                    fails(answer, f"{W3C}MALFORMED_VALUE_ERROR")
    open_to_more = {**vp, "@context": [V2, EXAMPLES], "more": "x"}
    holds(suite.verify_presentation(suite.present(open_to_more)))
    holds(suite.verify_presentation(sealed(open_to_more)))


def test_self_asserted_credentials(suite: Suite) -> None:
    holder = suite.own_did
    own = {**VALID, "issuer": holder}
    vp = {"@context": [V2], "type": ["VerifiablePresentation"], "verifiableCredential": [own]}
    holds(suite.verify_presentation(suite.present({**vp, "holder": holder})))
    fails(suite.verify_presentation(suite.present(vp)))
    fails(suite.verify_presentation(suite.present({**vp, "holder": "did:example:acme"})))
    acme = {**vp, "holder": holder, "verifiableCredential": [{**own, "issuer": "did:example:acme"}]}
    fails(suite.verify_presentation(suite.present(acme)))


def test_the_challenge_and_domain_of_a_presentation(suite: Suite) -> None:
    vp = {"@context": [V2], "type": ["VerifiablePresentation"]}
    shown = suite.present(vp, challenge="abc", domain="verifier.example")
    holds(suite.verify_presentation(shown, challenge="abc", domain="verifier.example"))
    fails(
        suite.verify_presentation(shown, challenge="def", domain="verifier.example"),
        f"{SECURITY}INVALID_CHALLENGE_ERROR",
    )
    fails(
        suite.verify_presentation(shown, challenge="abc", domain="other.example"),
        f"{SECURITY}INVALID_DOMAIN_ERROR",
    )


# enveloping proofs: vc-data-model-2.0 and vc-jose-cose


@both
def test_enveloped_credentials(suite: Suite) -> None:
    for tag, media_type in (("vc+jwt", "application/vc+jwt,"), ("vc+cose", "application/vc+cose;")):
        issued = suite.issue(tag=tag)
        assert issued["type"] == "EnvelopedVerifiableCredential"
        assert issued["@context"] == V2
        assert issued["id"].startswith(f"data:{media_type}")
        returned = holds(suite.verify(issued, returnCredential=True))["credential"]
        assert returned["credentialSubject"] == VALID["credentialSubject"]
        for change in (
            {"@context": []},
            {"@context": EXAMPLES},
            {"id": issued["id"].split(",")[1]},
            {"id": issued["id"][:-8] + "AAAAAAAA"},
            {"type": ABSENT},
            {"type": "VerifiableCredential"},
        ):
            fails(suite.verify(but(issued, change)))
        fails(suite.verify(but(ENVELOPE, {"id": f"data:{media_type}e30"})))


def test_what_is_in_a_token(suite: Suite) -> None:
    token = suite.issue(tag="EnvelopingProof")["id"].split(",")[1]
    header, payload, _ = (
        json.loads(base64.urlsafe_b64decode(part + "==")) if number < 2 else {}
        for number, part in enumerate(token.split("."))
    )
    assert header["typ"] == "vc+jwt"
    assert header["kid"].startswith(suite.did)
    assert not {"vc", "vp"} & payload.keys()
    assert payload["issuer"] == suite.did


def test_enveloped_presentations(suite: Suite) -> None:
    signer, did = suite.identity.signer, suite.identity.did(DidMethod.KEY)
    method = DidUrl(did, signer.public_key().multibase)
    credential = suite.issue(tag="vc+jwt")
    vp = {
        "@context": [V2],
        "type": ["VerifiablePresentation"],
        "verifiableCredential": [credential],
    }
    seals = {Format.VC_JWT: seal_jwt, Format.VC_COSE: seal_cose}
    at = now()

    def sealed(format_: Format, **claims: Any) -> dict[str, Any]:
        data = seals[format_](vp, signer, PRESENTATION, method=method, claims=Claims(**claims))
        return wrap(data, format_, PRESENTATION)

    hour = timedelta(hours=1)
    nonce = base64.urlsafe_b64encode(bytes(16)).decode().rstrip("=")
    for format_ in seals:
        for claims in ({}, {"not_before": at - hour, "expires": at + hour, "issued": at}):
            holds(suite.verify_presentation(sealed(format_, **claims)))
        bound = sealed(format_, nonce=nonce, audience="verifier.example")
        holds(suite.verify_presentation(bound, challenge=nonce, domain="verifier.example"))
        fails(suite.verify_presentation(bound, domain="other"), f"{SECURITY}INVALID_DOMAIN_ERROR")
        fails(
            suite.verify_presentation(bound, challenge="other"),
            f"{SECURITY}INVALID_CHALLENGE_ERROR",
        )
        for claims in ({"not_before": at + hour}, {"expires": at - hour}):
            fails(
                suite.verify_presentation(sealed(format_, **claims)),
                f"{SECURITY}PROOF_VERIFICATION_ERROR",
            )
        good = sealed(format_)
        for change in (
            {"@context": []},
            {"@context": [EXAMPLES]},
            {"id": good["id"].split(",")[1]},
            {"id": good["id"].replace("application/vp", "application/vc")},
            {"id": good["id"][:-8] + "AAAAAAAA"},
            {"type": ["VerifiablePresentation"]},
        ):
            fails(suite.verify_presentation(but(good, change)))
    old = {"@context": V2, "type": PRESENTATION.enveloped, "id": "data:application/jwt,e30.e30.AA"}
    fails(suite.verify_presentation(old), f"{W3C}PARSING_ERROR")


# vc-bitstring-status-list


@both
def test_status_entries_and_their_list(suite: Suite) -> None:
    issued = suite.issue(tag="BitstringStatusList")
    entry = issued["credentialStatus"]
    assert entry["type"] == "BitstringStatusListEntry"
    assert entry["statusPurpose"] == "revocation"
    assert str(int(entry["statusListIndex"])) == entry["statusListIndex"]
    assert entry.get("id") != entry["statusListCredential"]
    answer = suite.get(entry["statusListCredential"])
    assert answer.status_code == 200
    list_ = answer.json()
    assert "BitstringStatusListCredential" in list_["type"]
    assert list_["issuer"] == suite.did
    assert list_["credentialSubject"]["statusPurpose"] == "revocation"
    bits = gzip.decompress(multibase_of(list_["credentialSubject"]["encodedList"]))
    assert len(bits) >= 16_384
    assert not bits[int(entry["statusListIndex"]) // 8]
    holds(suite.verify(list_))
    holds(suite.verify(issued))


def multibase_of(text: str) -> bytes:
    assert text[0] == "u"
    return base64.urlsafe_b64decode(text[1:] + "=" * (-len(text[1:]) % 4))


@both
def test_a_status_that_is_set_and_unset(suite: Suite) -> None:
    checks = {"checks": ["proof", "credentialStatus"]}
    issued = suite.issue(tag="BitstringStatusList")
    holds(suite.verify(issued, **checks))
    assert suite.set_status(issued["id"], "revocation").status_code == 200
    assert fails(suite.verify(issued, **checks))["code"] == "revoked"
    holds(suite.verify(issued))  # the proof alone
    assert suite.set_status(issued["id"], "revocation", status=False).status_code == 200
    holds(suite.verify(issued, **checks))
    assert suite.set_status("urn:uuid:nobody", "revocation").status_code == 404
    assert suite.set_status(issued["id"], "suspension").status_code == 404
    fails(suite.set_status(issued["id"], "refresh"))
    fails(suite.set_status(issued["id"], "revocation", status="yes"))
    url = suite.endpoint("setStatusLists", "BitstringStatusList")["endpoint"]
    for body in ({}, {"credentialId": issued["id"]}, {"credentialId": 5, "credentialStatus": {}}):
        fails(suite.post(url, body))


def test_several_statuses_beside_those_that_are_there(suite: Suite) -> None:
    there = {"type": "https://example.org/#Status", "id": "https://example.org/status/1"}
    options = {"statusPurpose": ["suspension", "revocation"], "credentialId": "urn:x:1"}
    document = {**VALID, "issuer": suite.did, "credentialStatus": there}
    answer = suite.post_issue({"credential": document, "options": options})
    assert answer.status_code == 201, answer.text
    issued = answer.json()["verifiableCredential"]
    assert issued["id"].startswith("urn:uuid:")
    assert issued["credentialStatus"][0] == there
    purposes = [entry["statusPurpose"] for entry in issued["credentialStatus"][1:]]
    assert purposes == ["revocation", "suspension"]
    assert suite.set_status("urn:x:1", "suspension").status_code == 200
    malformed = {**VALID, "credentialStatus": {"type": "BitstringStatusListEntry"}}
    fails(suite.request_issue(malformed), f"{W3C}MALFORMED_VALUE_ERROR")


def test_statuses_of_issuers_that_nobody_told_the_verifier_of(suite: Suite) -> None:
    nobody = Identity("nobody")
    entry = {
        "type": "BitstringStatusListEntry",
        "statusPurpose": "revocation",
        "statusListIndex": "1",
        "statusListCredential": "https://evil.example/list",
    }
    other = {"type": "https://example.org/#Status"}
    for status in (entry, other, [entry, other]):
        issuer = nobody.did(DidMethod.KEY).text
        document = {**VALID, "issuer": issuer, "credentialStatus": status}
        proven = suite.prove(document, by=nobody)
        result = holds(suite.verify(proven, checks=["credentialStatus"]))
        count = len(status) if isinstance(status, list) else 1
        assert [each["title"] for each in result["warnings"]] == ["STATUS_RETRIEVAL_ERROR"] * count


# did-key


DID_KEY = "did:key:z6MktKwz7Ge1Yxzr4JHavN33wiwa8y81QdcMRLXQsrH9T53b"
_KEY = DID_KEY.removeprefix("did:key:")
_AGREEMENT = KeyDid(PublicKey.from_multibase(_KEY)).key.x25519()

_SHORT = multibase_encode(b"\xed\x01" + bytes(31))


def resolve(suite: Suite, did: str, **options: str) -> httpx.Response:
    """As the suite does: the whole DID escaped, and the older form of a result asked for."""
    resolver = suite.endpoint("didResolvers", "did-key")["endpoint"]
    query = f"?{urlencode(options)}" if options else ""
    url = f"{resolver}/{quote(did, safe='')}{query}"
    return suite.get(url, accept='application/ld+json;profile="https://w3id.org/did-resolution"')


@both
def test_resolution(suite: Suite) -> None:
    for did in (DID_KEY, suite.did):
        answer = resolve(suite, did)
        assert answer.status_code == 200
        assert answer.json().keys() >= {"@context", "didDocument", "didDocumentMetadata"}
        assert answer.json()["didDocument"]["id"] == did


@pytest.mark.parametrize(
    ("did", "options", "error"),
    [
        (f"notDid:key:{_KEY}", {}, "invalidDid"),
        (f"did:key:-4:{_KEY}", {}, "invalidDid"),
        # The suite wants invalidDid; DID Resolution has a name of its own for this.
        (f"did:experimental:{_KEY}", {}, "methodNotSupported"),
        (f"did:key:{_KEY[1:]}", {}, "invalidDid"),
        ("did:key:@", {}, "invalidDid"),
        (f"did:key:{_SHORT}", {}, "invalidPublicKeyLength"),
        (f"{DID_KEY}/^bar^/?query=`#{_KEY}", {}, "invalidDidUrl"),
        (DID_KEY, {"publicKeyFormat": "unknown"}, "unsupportedPublicKeyType"),
        (
            f"{DID_KEY}#{_KEY}",
            {
                "publicKeyFormat": "Ed25519VerificationKey2018",
                "enableExperimentalPublicKeyTypes": "false",
            },
            "invalidPublicKeyType",
        ),
        (
            f"{DID_KEY}#{x25519_multibase(_AGREEMENT)}",
            {
                "publicKeyFormat": "Ed25519VerificationKey2018",
                "enableExperimentalPublicKeyTypes": "false",
            },
            "invalidPublicKeyType",
        ),
    ],
)
def test_what_does_not_resolve(suite: Suite, did: str, options: dict[str, str], error: str) -> None:
    answer = resolve(suite, did, **options)
    assert answer.status_code >= 400
    result = answer.json()
    metadata = result.get("didResolutionMetadata") or result.get("didDereferencingMetadata")
    assert metadata["error"] == error, answer.text


def test_a_verification_method_is_dereferenced(suite: Suite) -> None:
    answer = resolve(suite, f"{DID_KEY}#{_KEY}")
    assert answer.status_code == 200
    assert DID_KEY in answer.text
