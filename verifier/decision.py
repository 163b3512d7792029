"""Decision records: every step that a verifier took, with its evidence and the evidence's age."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from msgspec import Struct

from did.errors import KeybornError, Refused, Unavailable, Undecided
from did.jcs import Json, JsonObject
from did.timestamps import format_time


class Check(StrEnum):
    """The steps of ``verifier.verifier``, by number and name; an error's ``step`` is one of these.

    Those that begin with 6 are taken for each credential of a presentation.
    """

    FORMAT = "1 format"
    CHALLENGE = "2 challenge"
    HOLDER = "3 holder"
    PRESENTATION_SIGNATURE = "4 presentation signature"
    SINGLE_USE = "5 single use"
    TYPE = "6.1 credential type"
    ISSUER = "6.2 trusted issuer"
    ISSUER_KEY = "6.3 issuer's key"
    CREDENTIAL_SIGNATURE = "6.4 credential signature"
    VALIDITY = "6.5 validity"
    LOG = "6.6 log"
    SUBJECT = "6.7 subject"
    STATUS = "6.8 status"
    POLICY = "6.9 policy"
    DEVICE = "7 device"


class Outcome(StrEnum):
    """How a step ended; the names of the three outcomes of a decision, and of a step that held."""

    HELD = "held"
    INVALID = "invalid"
    REFUSED = "refused"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Step:
    """One step that was taken.

    Attributes:
        check: Which.
        outcome: How it ended.
        credential: For the steps of a credential, its position in the presentation, from 0.
        evidence: What was looked at, as JSON; for a step that did not hold, its ``code`` too.
        age: How old the evidence was, in seconds; None for what has no age.
    """

    check: Check
    outcome: Outcome
    credential: int | None
    evidence: JsonObject
    age: int | None

    def to_json(self) -> JsonObject:
        """As an object; what is None is left out."""
        value: JsonObject = {"step": self.check.value, "outcome": self.outcome.value}
        if self.credential is not None:
            value["credential"] = self.credential
        if self.age is not None:
            value["age"] = self.age
        return {**value, "evidence": self.evidence}


class Decision(Struct, frozen=True, dict=True):
    """How a verifier came to its acceptance.

    Attributes:
        at: The one moment that everything was judged at.
        trust_root: SHA-256 over what the trust root says, hex.
        log_id: The pinned log, 32 bytes.
        taken: ``steps``, or what writes them down when somebody reads them.
    """

    at: datetime
    trust_root: str
    log_id: bytes
    taken: tuple[Step, ...] | Callable[[], tuple[Step, ...]]

    def __eq__(self, other: object) -> bool:
        """Whether it is the same decision, written down yet or not."""
        if not isinstance(other, Decision):
            return NotImplemented
        return (self.at, self.trust_root, self.log_id, self.steps) == (
            *(other.at, other.trust_root, other.log_id, other.steps),
        )

    def __hash__(self) -> int:
        """Of all but the steps."""
        return hash((self.at, self.trust_root, self.log_id))

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """In the order in which they were taken; all of them held."""
        return self.taken if isinstance(self.taken, tuple) else self.taken()

    def to_json(self) -> JsonObject:
        """As an object."""
        return {
            "outcome": "accepted",
            "at": format_time(self.at),
            "trustRoot": self.trust_root,
            "logId": self.log_id.hex(),
            "steps": [step.to_json() for step in self.steps],
        }


@dataclass(slots=True)
class Evidence:
    """What an open step has found so far."""

    facts: dict[str, Json] = field(default_factory=dict)
    age: int | None = None


@dataclass(slots=True)
class Trail:
    """The steps of a decision while it is being made.

    Hand one to the verifier to see how far it came when it raises.
    """

    steps: list[Step] = field(default_factory=list)

    def step(self, check: Check, credential: int | None = None) -> "OpenStep":
        """Take one step: recorded as held, or with the error that leaves the block.

        The error carries on, with ``check`` as its ``step``.
        """
        return OpenStep(self, check, credential)


class OpenStep:
    """A step that is being taken, for a ``with`` block; what it yields is filled with evidence.

    A class, and no generator: a decision takes some fifteen steps, and their bookkeeping is a good
    part of what it costs beside its signatures.
    """

    __slots__ = ("_check", "_credential", "_found", "_trail")

    def __init__(self, trail: Trail, check: Check, credential: int | None) -> None:
        self._trail = trail
        self._check = check
        self._credential = credential
        self._found = Evidence()

    def __enter__(self) -> Evidence:
        """What was found so far: nothing."""
        return self._found

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: object
    ) -> None:
        """Record how it ended; what is no error of the tree is not a step's outcome."""
        found = self._found
        if error is None:
            outcome, facts = Outcome.HELD, found.facts
        elif isinstance(error, KeybornError):
            error.step = self._check.value
            outcome, facts = outcome_of(error), {**found.facts, "code": error.code}
        else:
            return
        self._trail.steps.append(Step(self._check, outcome, self._credential, facts, found.age))


def outcome_of(error: KeybornError) -> Outcome:
    """Which of the three outcomes ``error`` is; what could not be found out is undecided."""
    if isinstance(error, Refused):
        return Outcome.REFUSED
    if isinstance(error, Undecided | Unavailable):
        return Outcome.UNDECIDED
    return Outcome.INVALID


def age(at: datetime, known: datetime) -> int:
    """Whole seconds from ``known`` to ``at``; what is known from after ``at`` is of age 0."""
    return max(0, int((at - known).total_seconds()))
