"""What we say of contexts without loading them, and what a JSON-LD processor says that has them.

It runs in its safe mode, which drops nothing. In a few cases, which are named, the two are asked
different questions.
"""

import pytest
from data_model_cases import ABSENT, BAD, EXAMPLES, GOOD, MINIMAL, but
from peer import Peer, PeerError
from published import contexts

from did.vc.contexts import V2
from did.vc.data_model import check_credential

pytestmark = pytest.mark.npm

# A context that neither has; and members deeper down, which a verifier leaves to who signed them.
OTHER_CONTEXT = "https://example.org/c"
DEEPER = ("more", "claim", "undefined")
# The data model's own rules: an ordered set, and what it begins with.
ORDER = (V2, [EXAMPLES], [EXAMPLES, V2])


def expands(peer: Peer, document: object) -> bool:
    try:
        peer.ask("expand", document=document, documents=contexts())
    except PeerError:
        return False
    return True


def test_what_keeps_the_rules_expands(digitalbazaar: Peer) -> None:
    for change in GOOD:
        if OTHER_CONTEXT in change.get("@context", []):
            continue
        document = but(MINIMAL, change)
        strange = check_credential(document).undefined(document)
        deeper = any(f"'{name}'" in repr(change) for name in DEEPER)
        assert expands(digitalbazaar, document) == (not strange and not deeper), change


def test_contexts_and_types_that_break_them_do_not(digitalbazaar: Peer) -> None:
    changes = [change for change in BAD if {*change} & {"@context", "type"}]
    assert len(changes) > 40
    for change in changes:
        if ABSENT in change.values() or change.get("@context") in ORDER:
            continue
        assert not expands(digitalbazaar, but(MINIMAL, change)), change
