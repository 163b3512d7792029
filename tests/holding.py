"""A device with a credential in its store, that never was anywhere; its clock stands still."""

from pathlib import Path
from typing import Any, Final

from actors import NOW
from scripted_issuer import credential
from scripted_verifier import ScriptedVerifier

from devices.agent import Agent
from devices.connections import Connections
from devices.openid4vp.holder import answer_link
from devices.store import Store
from did.openid4vp.link import RequestLink
from did.resolution import Resolver

MODEL: Final = "thermo-2"


def holding(directory: Path, connections: Connections) -> Agent:
    """The device in ``directory``, made if there is none."""
    Agent.born(directory, connections)
    agent = Agent(Store.open(directory), connections, lambda: NOW)
    agent.store.save_credential(
        "provisioning", credential(agent.did, at=NOW, model=MODEL, roles=["sensor", "lamp"])
    )
    return agent


def no_log() -> Resolver:
    """For who asks by a ``did:key``: no log is asked."""
    raise AssertionError("nobody needs the log here")


def answered(
    agent: Agent, verifier: ScriptedVerifier, link: RequestLink | None = None, **how: Any
) -> dict[str, Any]:
    """What the device reports, having answered ``verifier``."""
    return answer_link(agent, link or verifier.link(), **{"resolver": no_log, **how})
