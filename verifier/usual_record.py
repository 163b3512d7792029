"""The record of a credential that was decided by ``verifier.usual_case``, written when it is read.

It says what ``verifier.credentials`` would have written while it judged, of values that do not
change any more.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from msgspec import Struct

from did.jcs import JsonObject
from did.timestamps import format_time
from did.vc.securing import Format
from did.vc.status_list import REVOCATION, StatusEntry
from verifier.decision import Check, Outcome, Step, age
from verifier.inquiry import version_facts
from verifier.known_issuers import KnownKey, KnownList


class UsualRecord(Struct, frozen=True):
    """What there is to be told of such a decision.

    Attributes:
        at: The moment of the decision.
        log_id: The pinned log, in hex.
        format: The credential's.
        type: Its own type.
        signed: Its ``validFrom``.
        ends: Its ``validUntil``.
        known: The key that signed it, and its issuer.
        statuses: Its entries, each with the list that it was looked up in.
        claims: What step 6.9 tells.
    """

    at: datetime
    log_id: str
    format: Format
    type: str
    signed: datetime
    ends: datetime | None
    known: KnownKey
    statuses: Sequence[tuple[StatusEntry, KnownList]]
    claims: JsonObject

    def steps(self) -> tuple[Step, ...]:
        """Step 1 and those of 6 that were taken, in their order."""
        read: JsonObject = {"format": self.format.value, "credentials": 1}
        first = Step(Check.FORMAT, Outcome.HELD, None, read, None)
        judged = (Step(check, Outcome.HELD, 0, facts, age) for check, facts, age in self._judged())
        return (first, *judged)

    def _judged(self) -> Iterator[tuple[Check, JsonObject, int | None]]:
        """Each step with its facts, and their age."""
        known, issuer = self.known, self.known.issuer.did.text
        signed = format_time(self.signed)
        yield Check.TYPE, {"types": [self.type]}, None
        yield Check.ISSUER, {"issuer": issuer, "validFrom": signed}, None
        key: JsonObject = {"key": known.key.multibase, "did": known.resolution.did.text}
        as_of = known.resolution.as_of
        assert as_of is not None  # it is on the log
        key["asOf"] = format_time(as_of)
        yield Check.ISSUER_KEY, {**key, **version_facts(known.version)}, age(self.at, as_of)
        yield Check.CREDENTIAL_SIGNATURE, {}, None
        ends: JsonObject = {} if self.ends is None else {"validUntil": format_time(self.ends)}
        yield Check.VALIDITY, ends, age(self.at, self.signed)
        yield Check.LOG, {"logId": self.log_id}, None
        # In the order in which they are judged, revocation first.
        for entry, found in sorted(self.statuses, key=lambda each: each[0].purpose != REVOCATION):
            where: JsonObject = {
                "purpose": entry.purpose,
                "list": entry.list_url,
                "index": entry.index,
                "version": format_time(found.kept.version),
            }
            yield Check.STATUS, where, age(self.at, found.kept.fetched)
        yield Check.POLICY, self.claims, None
