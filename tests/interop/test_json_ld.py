"""What we say of contexts without loading them, and what a JSON-LD processor says that has them.

It runs in its safe mode, which drops nothing. In a few cases, which are named, the two are asked
different questions.
"""

from typing import Any

import pytest
from data_model_cases import (
    ABSENT,
    BAD,
    DEFINED,
    EXAMPLES,
    GOOD,
    MINIMAL,
    PRESENTATION,
    UNDEFINED,
    but,
)
from peer import Peer, PeerError
from published import contexts

from did.errors import Invalid
from did.vc.contexts import V2
from did.vc.data_model import check_credential_terms
from did.vc.rdf import canonical_rdf

pytestmark = pytest.mark.npm

# A context that neither has.
OTHER_CONTEXT = "https://example.org/c"
# The data model's own rules: an ordered set, and what it begins with.
ORDER = (V2, [EXAMPLES], [EXAMPLES, V2])


def expands(peer: Peer, document: object) -> bool:
    try:
        peer.ask("expand", document=document, documents=contexts())
    except PeerError:
        return False
    return True


def test_what_keeps_the_rules_expands(digitalbazaar: Peer) -> None:
    for change in [*GOOD, *DEFINED]:
        if OTHER_CONTEXT in change.get("@context", []):
            continue
        document = but(MINIMAL, change)
        check_credential_terms(document)
        assert expands(digitalbazaar, document), change


def test_terms_that_are_not_defined_do_not(digitalbazaar: Peer) -> None:
    for change, first in UNDEFINED:
        assert not expands(digitalbazaar, but(MINIMAL, change)), first


def test_contexts_and_types_that_break_them_do_not(digitalbazaar: Peer) -> None:
    changes = [change for change in BAD if {*change} & {"@context", "type"}]
    assert len(changes) > 40
    for change in changes:
        if ABSENT in change.values() or change.get("@context") in ORDER:
            continue
        assert not expands(digitalbazaar, but(MINIMAL, change)), change


def canonical(document: dict[str, Any]) -> str | None:
    try:
        return canonical_rdf(document).decode()
    except Invalid:
        return None


def test_what_is_taken_as_rdf_is_what_the_processor_makes_of_it(digitalbazaar: Peer) -> None:
    """Of plain documents; others are refused, though some have a form that it would sign."""
    number = 0
    for change in [*GOOD, *DEFINED, *(change for change, _ in UNDEFINED)]:
        document = but(MINIMAL, change)
        held = {**PRESENTATION, "holder": "did:example:h", "verifiableCredential": [document]}
        for each in (document, held):
            ours = canonical(each)
            if ours is not None:
                assert ours == digitalbazaar.ask("canonize", document=each, documents=contexts())
                number += 1
    assert number > 120
