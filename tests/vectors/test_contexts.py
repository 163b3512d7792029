"""What is known here of the published contexts, held against them."""

import base64
import hashlib
from typing import Any

from published import contexts as published
from published import folder, vectors

from did.vc import digests
from did.vc.context_documents import DOCUMENTS
from did.vc.contexts import V1, V2
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


def whole(context: dict[str, Any], prefixes: dict[str, str]) -> dict[str, Any]:
    """As ``DOCUMENTS`` has it: each term an object, each URL whole."""
    prefixes = {
        **prefixes,
        **{name: url for name, url in context.items() if isinstance(url, str) and url[-1] in "#/"},
    }

    def url(text: str) -> str:
        prefix, _, rest = text.partition(":")
        return prefixes[prefix] + rest if prefix in prefixes else text

    found: dict[str, Any] = {}
    for term, definition in context.items():
        if term == "@version":
            continue
        if term.startswith("@") or definition in ("@id", "@type"):
            found[term] = definition
            continue
        members = dict(definition) if isinstance(definition, dict) else {"@id": definition}
        for name in {"@id", "@type"} & members.keys():
            members[name] = url(members[name])
        if isinstance(members.get("@context"), dict):
            members["@context"] = whole(members["@context"], prefixes)
        found[term] = members
    return found


def without_suites(context: dict[str, Any]) -> dict[str, Any]:
    """Of VC 1.1, without what is left out: the signature suites, and the names of prefixes."""
    kept = {
        term: definition
        for term, definition in context.items()
        if term not in ("cred", "sec", "xsd") and "Signature20" not in term
    }
    return {
        term: {**definition, "@context": without_suites(definition["@context"])}
        if isinstance(definition, dict) and "@context" in definition
        else definition
        for term, definition in kept.items()
    }


def test_what_each_term_stands_for() -> None:
    assert DOCUMENTS.keys() == {*PUBLISHED, *VOCABULARIES}
    for url, known in DOCUMENTS.items():
        context = whole(CONTEXTS[url]["@context"], {})
        assert known == (without_suites(context) if url == V1 else context), url
