"""Digital Bazaar's library and our VC-API: each issues and verifies for the other, over HTTPS."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from data_model_cases import EXAMPLES
from peer import Peer
from suite import VALID, Suite, running_suite

from conformance.identity import DidMethod, Identity
from did.document import MULTIKEY_CONTEXT
from did.vc.contexts import V2
from keyborn.clock import now

pytestmark = pytest.mark.npm

LIST = "https://lists.example/1"
THEIR_CREDENTIAL = {**VALID, "@context": [V2, EXAMPLES], "name": "Théirs"}


@pytest.fixture(scope="module", params=list(DidMethod), ids="did:{}".format)
def suite(request: pytest.FixtureRequest) -> Iterator[Suite]:
    with running_suite(request.param) as found:
        yield found


def documents(suite: Suite, *dids: str) -> dict[str, Any]:
    """What their loader is asked for, as our resolver has it."""
    resolver = suite.endpoint("didResolvers", "did-key")["endpoint"]
    found: dict[str, Any] = {}
    for did in dids:
        document = suite.get(f"{resolver}/{did}", accept="application/did").json()
        found[did] = document
        for method in document["verificationMethod"]:
            found[method["id"]] = {"@context": MULTIKEY_CONTEXT, **method}
    return found


def secret(identity: Identity) -> dict[str, str]:
    return {"seed": identity.signer.seed.hex(), "did": identity.did(DidMethod.KEY).text}


def they_issue(peer: Peer, suite: Suite, credential: dict[str, Any]) -> Any:
    them = secret(suite.identity)
    return peer.ask(
        "issue",
        credential={**credential, "id": f"urn:uuid:{uuid.uuid4()}", "issuer": them["did"]},
        documents=documents(suite, them["did"]),
        created=now().isoformat(),
        now=now().isoformat(),
        **them,
    )


def test_they_verify_what_we_issue(digitalbazaar: Peer, suite: Suite) -> None:
    several = {**VALID, "credentialSubject": [{"name": "é"}, {"id": "did:example:b"}]}
    for document in (VALID, several, {**VALID, "@context": [V2, EXAMPLES], "extra": [1, None]}):
        issued = suite.issue(document)
        known = documents(suite, suite.did)
        question = {"documents": known, "now": now().isoformat()}
        answer = digitalbazaar.ask("verifyCredential", credential=issued, **question)
        assert answer == {"verified": True, "errors": []}
        altered = {**issued, "id": "urn:uuid:another"}
        answer = digitalbazaar.ask("verifyCredential", credential=altered, **question)
        assert not answer["verified"]


def test_we_verify_what_they_issue(digitalbazaar: Peer, suite: Suite) -> None:
    issued = they_issue(digitalbazaar, suite, THEIR_CREDENTIAL)
    answer = suite.verify(issued)
    assert answer.status_code == 200, answer.text
    assert suite.verify({**issued, "name": "Ours"}).status_code == 400


def test_we_verify_what_they_present(digitalbazaar: Peer, suite: Suite) -> None:
    them = secret(suite.identity)
    shown = digitalbazaar.ask(
        "present",
        credentials=[they_issue(digitalbazaar, suite, THEIR_CREDENTIAL), suite.issue()],
        challenge="abc",
        domain="verifier.example",
        documents=documents(suite, them["did"]),
        created=now().isoformat(),
        now=now().isoformat(),
        **them,
    )
    asked = {"challenge": "abc", "domain": "verifier.example"}
    answer = suite.verify_presentation(shown, **asked)
    assert answer.status_code == 200, answer.text
    assert suite.verify_presentation(shown, **{**asked, "challenge": "d"}).status_code == 400
    shown["verifiableCredential"][0]["name"] = "Ours"
    assert suite.verify_presentation(shown, **asked).status_code == 400


def test_they_read_the_status_that_we_set(digitalbazaar: Peer, suite: Suite) -> None:
    issued = suite.issue(tag="BitstringStatusList")

    def status() -> Any:
        url = issued["credentialStatus"]["statusListCredential"]
        known = {**documents(suite, suite.did), url: suite.get(url).json()}
        return digitalbazaar.ask("checkStatus", credential=issued, documents=known)

    before = status()
    assert before["verified"], before
    assert before["set"] == [False]
    assert suite.set_status(issued["id"], "revocation").status_code == 200
    after = status()
    assert after["set"] == [True], after
    assert suite.verify(issued, checks=["credentialStatus"]).json()["code"] == "revoked"


def test_we_verify_a_status_list_that_they_make(digitalbazaar: Peer, suite: Suite) -> None:
    them = secret(suite.identity)
    signed = digitalbazaar.ask(
        "issueList",
        id=LIST,
        length=131_072,
        set=[7],
        statusPurpose="revocation",
        more={"issuer": them["did"], "validFrom": now().isoformat()},
        documents=documents(suite, them["did"]),
        created=now().isoformat(),
        now=now().isoformat(),
        **them,
    )
    answer = suite.verify(signed)
    assert answer.status_code == 200, answer.text
