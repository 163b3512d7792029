"""What we say of contexts without loading them, and what a JSON-LD processor says that has them.

It runs in its safe mode, which drops nothing. In a few cases, which are named, the two are asked
different questions.
"""

import pytest
from data_model_cases import ABSENT, BAD, DEFINED, EXAMPLES, GOOD, MINIMAL, UNDEFINED, but
from peer import Peer, PeerError
from published import contexts

from did.vc.contexts import V2
from did.vc.data_model import check_credential_terms

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
