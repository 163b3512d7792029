"""The W3C's test suites as callers: requests as theirs, to endpoints that a manifest names."""

import copy
import ssl
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

import httpx
from serving import serving_named

from conformance.certificate import certificate_in
from conformance.identity import DidMethod, Identity
from conformance.instance import instance
from conformance.manifest import manifest
from did.identifier import DidUrl, KeyDid
from did.jcs import JsonObject, canonicalize
from did.multibase import multibase_encode
from did.vc.contexts import V2
from did.vc.data_integrity import hash_data
from did.vc.proof_set import RDFC_CRYPTOSUITE
from did.vc.rdf import canonical_rdf
from keyborn.clock import now

VALID: Final[dict[str, Any]] = {
    "@context": [V2],
    "type": ["VerifiableCredential"],
    "credentialSubject": {
        "id": "did:key:z6MktKwz7Ge1Yxzr4JHavN33wiwa8y81QdcMRLXQsrH9T53b",
        "name": "ExampleClaim",
    },
}


class Suite:
    """What ``vc-test-suite-implementations`` makes of a manifest."""

    def __init__(
        self, manifest: JsonObject, trusted: ssl.SSLContext | None, identity: Identity
    ) -> None:
        self.manifest: dict[str, Any] = dict(manifest)
        self.identity = identity
        self.client = httpx.Client(verify=trusted or True, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def endpoint(self, kind: str, tag: str) -> dict[str, Any]:
        return next(each for each in self.manifest[kind] if tag in each["tags"])

    @property
    def did(self) -> str:
        return str(self.manifest["issuers"][0]["id"])

    @property
    def own_did(self) -> str:
        """Of the key that the suite itself signs with."""
        return KeyDid(self.identity.signer.public_key()).text

    def get(self, url: str, **headers: str) -> httpx.Response:
        return self.client.get(url, headers=headers)

    def post(self, endpoint: str, body: Any) -> httpx.Response:
        return self.client.post(endpoint, json=body)

    def post_issue(self, body: Any, tag: str = "vc2.0") -> httpx.Response:
        return self.post(self.endpoint("issuers", tag)["endpoint"], body)

    def request_issue(self, credential: dict[str, Any], tag: str = "vc2.0") -> httpx.Response:
        """As ``createRequestBody``: the issuer's name where there is none, and its options."""
        issuer = self.endpoint("issuers", tag)
        document = copy.deepcopy(credential)
        given = document.get("issuer")
        if isinstance(given, dict):
            given["id"] = given.get("id") or issuer["id"]
        else:
            document["issuer"] = given or issuer["id"]
        return self.post_issue({"credential": document, "options": issuer["options"]}, tag)

    def issue(self, credential: dict[str, Any] = VALID, tag: str = "vc2.0") -> dict[str, Any]:
        document = {"id": f"urn:uuid:{uuid.uuid4()}", **credential}
        answer = self.request_issue(document, tag)
        assert answer.status_code == 201, answer.text
        return dict(answer.json()["verifiableCredential"])

    def set_status(self, credential_id: str, purpose: str, **more: Any) -> httpx.Response:
        entry = {"type": "BitstringStatusListEntry", "statusPurpose": purpose}
        body = {"credentialId": credential_id, "credentialStatus": entry, **more}
        return self.post(self.endpoint("setStatusLists", "BitstringStatusList")["endpoint"], body)

    def verify(self, credential: Any, **options: Any) -> httpx.Response:
        body = {"verifiableCredential": credential, "options": {"checks": ["proof"], **options}}
        return self.post(self.endpoint("verifiers", "vc2.0")["endpoint"], body)

    def verify_presentation(self, presentation: Any, **options: Any) -> httpx.Response:
        body = {"verifiablePresentation": presentation, "options": {"checks": [], **options}}
        return self.post(self.endpoint("vpVerifiers", "vc2.0")["endpoint"], body)

    def present(self, presentation: dict[str, Any], **proof: Any) -> dict[str, Any]:
        """``presentation`` with a proof of a key that only the suite has."""
        return self.prove(presentation, proofPurpose="authentication", **proof)

    def prove(
        self, document: dict[str, Any], *, by: Identity | None = None, **members: Any
    ) -> dict[str, Any]:
        """As a suite's own generator makes a proof, with whatever members."""
        signer = (by or self.identity).signer
        did = KeyDid(signer.public_key())
        proof = {
            "type": "DataIntegrityProof",
            "cryptosuite": "eddsa-jcs-2022",
            "created": "2026-01-31T12:00:00Z",
            "verificationMethod": DidUrl(did, signer.public_key().multibase).text,
            "proofPurpose": "assertionMethod",
            **members,
        }
        configuration = {name: value for name, value in proof.items() if value is not None}
        signed, canonical = configuration, canonicalize
        if proof["cryptosuite"] == RDFC_CRYPTOSUITE:
            signed = {**configuration, "@context": document["@context"]}
            canonical = canonical_rdf
        signature = multibase_encode(signer.sign(hash_data(document, signed, canonical)))
        return {**document, "proof": {**configuration, "proofValue": signature}}


@contextmanager
def running_suite(method: DidMethod = DidMethod.KEY) -> Iterator[Suite]:
    """An instance over HTTPS, by its manifest."""
    identity = Identity("test")
    with tempfile.TemporaryDirectory() as folder:
        made = certificate_in(Path(folder), at=now())
        opened = instance(Path(folder), identity=identity, method=method, authorities=made.client)
        with (
            opened as built,
            serving_named(built.make_app, tls=made.server) as url,
            Suite(manifest(url, built.did), made.client, identity) as found,
        ):
            yield found
