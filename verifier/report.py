"""Decisions as people read them: a checklist."""

from collections.abc import Sequence
from typing import Final

from did.errors import KeybornError
from did.jcs import Json, JsonObject
from keyborn.output import printable
from verifier.decision import Outcome, Step, outcome_of

_MARKS: Final = {
    Outcome.HELD: "✓",
    Outcome.INVALID: "✗",
    Outcome.REFUSED: "✗",
    Outcome.UNDECIDED: "?",
}
_WIDTH: Final = 26  # of a step's name
_LONG: Final = 44  # characters of a DID, key or hash that are too many for a line of a checklist


def checklist(steps: Sequence[Step]) -> str:
    """One line for each step: how it ended, its name, what was found, how old that is.

    DIDs, keys and hashes are cut in the middle; the record as JSON has them whole.
    """
    several = any(step.credential for step in steps)
    return "\n".join(_line(step, several=several) for step in steps)


def refusal(steps: Sequence[Step], error: KeybornError) -> JsonObject:
    """The record of a decision that ended with ``error``, as an object."""
    return {
        "outcome": outcome_of(error).value,
        "code": error.code,
        "steps": [step.to_json() for step in steps],
    }


def _line(step: Step, *, several: bool) -> str:
    name = step.check.value
    if several and step.credential is not None:
        name = f"{name} [{step.credential}]"
    # Of two names for one time, its age says more.
    facts = {key: value for key, value in step.evidence.items() if key != "asOf"}
    found = [f"{key} {_shown(value)}" for key, value in facts.items()]
    if step.age is not None:
        found.append(f"{step.age} s old")
    return f"  {_MARKS[step.outcome]} {name:<{_WIDTH}} {', '.join(found)}".rstrip()


def _shown(value: Json) -> str:
    if isinstance(value, list):
        return " ".join(_shown(item) for item in value) or "none"
    text = printable(str(value))
    return text if len(text) <= _LONG or "/" in text else f"{text[:22]}…{text[-6:]}"
