"""What a device is, as data and as text for people."""

from datetime import datetime

from devices.agent import Agent
from did.jcs import JsonObject
from did.timestamps import format_time
from did.vc.formats import credential_in

_NAMES = ("provisioning", "configuration")


def describe(agent: Agent) -> JsonObject:
    """All that the store knows of the device, without its secrets; nothing is asked for."""
    network, progress = agent.store.network(), agent.store.progress()
    enrolment: JsonObject | None = None
    if progress is not None:
        enrolment = {
            "issuer": progress.issuer,
            "complete": progress.complete,
            "missing": list(progress.missing),
        }
        if progress.awaited:
            enrolment["awaited"] = [each.configuration for each in progress.awaited]
    return {
        "did": agent.did.canonical.text,
        "longForm": agent.did.text,
        "key": agent.controller.signer.public_key().multibase,
        "directory": str(agent.store.directory),
        "network": None if network is None else {"logId": network.log_id.hex(), "url": network.url},
        "enrolment": enrolment,
        "credentials": [found for name in _NAMES if (found := _credential(agent, name))],
    }


def _credential(agent: Agent, name: str) -> JsonObject | None:
    document = agent.store.credential(name)
    if document is None:
        return None
    credential = credential_in(document)
    return {
        "name": name,
        "file": str(agent.store.credential_path(name)),
        "id": credential.id,
        "type": credential.types[-1],
        "format": credential.format.value,
        "issuer": credential.issuer.text,
        "validFrom": _time(credential.valid_from),
        "validUntil": _time(credential.valid_until),
    }


def _time(time: datetime | None) -> str | None:
    return None if time is None else format_time(time)


def without_steps(decided: JsonObject) -> JsonObject:
    """What a verifier decided, for people: whom it admits, not by which steps it came to that."""
    decision = decided["decision"]
    if isinstance(decision, dict):
        decision = {name: value for name, value in decision.items() if name != "steps"}
    return {**decided, "decision": decision}
