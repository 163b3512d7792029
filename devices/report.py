"""What a device is, as data and as text for people."""

from collections.abc import Mapping
from datetime import datetime
from typing import cast

from devices.agent import Agent
from did.jcs import Json, JsonObject
from did.timestamps import format_time
from did.vc.credential import parse_credential

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
    credential = parse_credential(document)
    return {
        "name": name,
        "file": str(agent.store.credential_path(name)),
        "id": credential.id,
        "type": credential.types[-1],
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


def as_text(value: JsonObject) -> str:
    """``value`` for people: one line for each member, nested ones indented, none left out."""
    return "\n".join(_lines(value, ""))


def _lines(value: Mapping[str, Json], indent: str) -> list[str]:
    width = max((len(name) for name in value), default=0)
    lines: list[str] = []
    for name, member in value.items():
        if isinstance(member, Mapping) and member:
            lines += [f"{indent}{name}", *_lines(member, f"{indent}  ")]
        elif isinstance(member, list) and member and isinstance(member[0], Mapping):
            for item in member:
                lines += [f"{indent}{name}", *_lines(cast("JsonObject", item), f"{indent}  ")]
        else:
            lines.append(f"{indent}{name:<{width}}  {_word(member)}")
    return lines


def _word(value: Json) -> str:
    if value is None or (isinstance(value, list | Mapping) and not value):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_word(item) for item in value)
    return str(value)
