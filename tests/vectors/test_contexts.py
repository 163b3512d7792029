"""What is known here of the published contexts, held against them."""

import base64
import hashlib
from typing import Any

from published import contexts as published
from published import folder, vectors

from did.vc import digests
from did.vc.contexts import V2
from did.vc.data_model import check_credential
from did.vc.published_contexts import PUBLISHED, VOCABULARIES, Scope

CONTEXTS = published()


def scope(context: dict[str, Any]) -> Scope:
    """As ``PUBLISHED`` has it; scoped contexts are objects or null, and terms whole URLs."""
    found: dict[str, Scope | None] = {}
    for term, definition in context.items():
        if term.startswith("@"):
            continue
        inner = definition.get("@context", {}) if isinstance(definition, dict) else {}
        literal = isinstance(definition, dict) and definition.get("@type") == "@json"
        found[term] = None if literal or inner is None else scope(inner)
    return found


def test_the_terms_that_each_defines() -> None:
    for url, known in PUBLISHED.items():
        assert CONTEXTS[url]["@context"]["@protected"] is True
        assert known == scope(CONTEXTS[url]["@context"])


def test_those_that_give_every_term_a_name() -> None:
    for url in VOCABULARIES:
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
