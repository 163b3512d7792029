"""Canonical RDF: what is too much work, and where there is nothing that does it."""

import sys
from typing import Any

import pytest

from did.errors import Invalid
from did.vc.contexts import V2
from did.vc.published_contexts import EXAMPLES
from did.vc.rdf import canonical_rdf


def credential(*subjects: Any) -> dict[str, Any]:
    return {
        "@context": [V2, EXAMPLES],
        "type": ["VerifiableCredential"],
        "issuer": "did:example:issuer",
        "credentialSubject": list(subjects),
    }


def test_objects_that_look_alike() -> None:
    alike = {"has": {"part": "x"}}
    document = canonical_rdf(credential(*[alike] * 12)).decode()
    assert document.count("examples#has") == 12
    assert document == canonical_rdf(credential(*[alike] * 12)).decode()


def test_too_many_that_look_alike_each_with_others() -> None:
    """Each order of the parts of each is tried: ten times ten factorial."""
    for parts in (10, 60):
        subject = {"has": [{"part": "x"} for _ in range(parts)]}
        with pytest.raises(Invalid, match="look alike") as raised:
            canonical_rdf(credential(subject, subject))
        assert raised.value.code == "not_canonicalizable"
        told = [{"has": {"id": f"urn:{n}", "part": "x"}} for n in range(parts)]
        assert canonical_rdf(credential(*told))


def test_without_pyoxigraph(monkeypatch: pytest.MonkeyPatch) -> None:
    document = credential({"id": "did:example:subject"})
    assert canonical_rdf(document)
    monkeypatch.setitem(sys.modules, "pyoxigraph", None)
    with pytest.raises(Invalid, match="not installed") as raised:
        canonical_rdf(document)
    assert raised.value.code == "unsupported_cryptosuite"
