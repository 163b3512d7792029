"""What one decision asks of the log: each DID once, of the pinned log, known recently enough."""

from dataclasses import dataclass, field
from datetime import datetime

from did.errors import Invalid, Refused, Unavailable, Undecided
from did.identifier import Did, KeyDid
from did.jcs import JsonObject
from did.resolution import (
    RETRY_UNTIL_FINAL,
    Registration,
    Resolution,
    Resolver,
    Version,
    check_fresh,
    resolve_offline,
)
from did.timestamps import format_time
from verifier.decision import Evidence, age
from verifier.trust_root import TrustRoot


@dataclass(slots=True)
class Inquiry:
    """One decision's view of the log.

    Attributes:
        trust_root: Whose log, and how fresh and settled it must be.
        resolver: Of that log.
        at: The moment of the decision.
    """

    trust_root: TrustRoot
    resolver: Resolver
    at: datetime
    _known: dict[Did, Resolution] = field(default_factory=dict)

    def resolve(self, did: Did) -> Resolution:
        """What the pinned log says of ``did``; a did:key says it by itself.

        Raises:
            Undecided: ``ledger_stale``, ``ledger_ahead`` (it is of the future, or the clock here
                is wrong), or why the log cannot be read.
            Refused: ``wrong_log``: the resolver is of another log than the trust root.
        """
        if isinstance(did, KeyDid):
            return resolve_offline(did)
        if did not in self._known:
            self._known[did] = self._ask(did)
        return self._known[did]

    def note(self, evidence: Evidence, resolution: Resolution) -> None:
        """Write into ``evidence`` what was asked of the log, and how old its answer is."""
        evidence.facts["did"] = resolution.did.text
        if resolution.as_of is not None:
            evidence.facts["asOf"] = format_time(resolution.as_of)
            evidence.age = age(self.at, resolution.as_of)

    def _ask(self, did: Did) -> Resolution:
        try:
            resolution = self.resolver.resolve(did)
        except (Invalid, Unavailable) as error:
            # It is the ledger that contradicts its pin or is away, not the device that is wrong.
            raise Undecided(
                error.code,
                error.message,
                value=error.value,
                hint=error.hint,
                retry_after=error.retry_after,
            ) from error
        if resolution.registration is Registration.UNKNOWN or resolution.as_of is None:
            raise Undecided(
                "ledger_unreachable",
                "the log was not asked; a DID alone authenticates nobody",
                hint="see that the ledger can be reached, then try again",
            )
        if resolution.log_id != self.trust_root.log_id:
            raise Refused(
                "wrong_log",
                "the resolver is of another log than the one that the trust root pins",
                value=None if resolution.log_id is None else resolution.log_id.hex(),
                hint="give the verifier a reader of the log that its trust root pins",
            )
        policy = self.trust_root.policy
        check_fresh(resolution, at=self.at, max_age=policy.max_ledger_age, step="")
        if resolution.as_of - self.at > policy.clock_skew:
            raise Undecided(
                "ledger_ahead",
                "the newest verified head of the log is of the future",
                value=format_time(resolution.as_of),
                hint="set the clock of this machine, or of the ledger",
                retry_after=RETRY_UNTIL_FINAL,
            )
        return resolution


def version_facts(version: Version) -> JsonObject:
    """What an entry of a decision record tells of the version that counted."""
    return {"versionId": version.id, "finality": version.finality.value}
