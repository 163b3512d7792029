"""What is known here of the published contexts, held against them."""

import base64
import hashlib
from typing import Any

from published import contexts as published
from published import folder, vectors

from did.vc import contexts, digests
from did.vc.contexts import V2
from did.vc.data_model import check_credential

CONTEXTS = published()


def terms(context: dict[str, Any]) -> set[str]:
    return {term for term in context if not term.startswith("@")}


def test_the_terms_that_each_defines() -> None:
    for url, known in contexts._KNOWN.items():
        assert CONTEXTS[url]["@context"]["@protected"] is True
        assert known == terms(CONTEXTS[url]["@context"])


def test_the_members_of_a_credential() -> None:
    scoped = terms(CONTEXTS[V2]["@context"]["VerifiableCredential"]["@context"])
    assert (scoped - contexts._KNOWN[V2]) | {"@context"} == contexts._OF_CREDENTIALS


def test_those_that_give_every_term_a_name() -> None:
    for url in contexts._VOCABULARIES:
        assert CONTEXTS[url]["@context"].keys() == {"@vocab"}


def test_the_digests_of_the_base_context() -> None:
    (listed,) = [entry for entry in vectors("contexts/manifest.json") if entry["url"] == V2]
    content = (folder() / "contexts" / listed["file"]).read_bytes()
    for algorithm, digest in digests._FIXED[V2].items():
        assert hashlib.new(algorithm, content).digest() == digest
        text = f"{algorithm}-{base64.b64encode(digest).decode()}"
        resource = {"id": V2, "digestSRI": text, "mediaType": "application/ld+json"}
        subject = {"id": "did:example:subject"}
        check_credential(
            {
                "@context": [V2],
                "type": ["VerifiableCredential"],
                "issuer": "did:example:issuer",
                "credentialSubject": subject,
                "relatedResource": resource,
            }
        )
