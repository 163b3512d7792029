"""A device answers a real verifier's links."""

from typing import Any

import pytest
from onboarding import Services

from devices.agent import Agent
from devices.ledger_access import LedgerAccess
from devices.openid4vp.holder import answer_link
from did.openid4vp.link import parse_link


def answered(agent: Agent, ledger: LedgerAccess, link: str, **how: Any) -> dict[str, Any]:
    return answer_link(agent, parse_link(link), resolver=lambda: ledger.reader, **how)


@pytest.mark.parametrize("mode", ["direct_post", "direct_post.jwt"])
def test_a_device_answers_and_is_admitted(
    world: Services, ready: Agent, ledger: LedgerAccess, mode: str
) -> None:
    asked = world.ask(response_mode=mode)
    assert world.outcome(asked) == {"id": asked["id"], "status": "pending"}
    said = answered(ready, ledger, asked["request"])
    found = world.outcome(asked)
    assert found["status"] == "accepted"
    assert found["device"]["did"] == ready.did.canonical.text
    assert found["decision"]["outcome"] == "accepted"
    assert found["credentials"] == {"device": [ready.credential()]}
    assert said["verifier"].startswith("did:key:")
