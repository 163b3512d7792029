"""What one decision asks of the log, and of the hosts of did:web issuers: each DID once.

The log is the pinned one, known recently enough. A host is asked only if the trust root names its
DID as an issuer, and its answer may be as old as a status list may be: to take a key out of the
document is to revoke it.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from did.errors import Invalid, KeybornError, Refused, Unavailable, Undecided
from did.identifier import Did, DidUrl, KeyDid
from did.jcs import JsonObject
from did.keys import PublicKey
from did.resolution import (
    RETRY_UNTIL_FINAL,
    AtHand,
    Registration,
    Resolution,
    Resolver,
    Version,
    check_fresh,
    named_key,
    resolve_offline,
)
from did.timestamps import format_time
from did.web_identifier import WebDid
from verifier.decision import Evidence, age
from verifier.trust_root import TrustRoot
from verifier.window import Window, around


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
        """What the log says of ``did``; a did:key says it by itself, and for a did:web its host.

        Raises:
            Undecided: ``ledger_stale``, ``ledger_ahead`` (it is of the future, or the clock here
                is wrong), ``did_web_stale``, or why log or host cannot be read.
            Refused: ``wrong_log``: the resolver is of another log than the trust root;
                ``untrusted_issuer``: a did:web that the trust root does not name;
                ``did_not_found``: one whose host has no document any more.
        """
        if isinstance(did, KeyDid):
            return resolve_offline(did)
        if did not in self._known:
            self._known[did] = self._ask(did)
        return self._known[did]

    def answering(self, resolution: Resolution) -> Window | None:
        """When ``resolve`` gives ``resolution``, as it does now, if it is of the log or a did:key.

        None for a did:web.
        """
        if resolution.web is not None:
            return None
        if resolution.as_of is None:
            return Window()
        policy = self.trust_root.policy
        oldest = policy.max_ledger_age + timedelta.resolution  # the last moment counts
        return around(resolution.as_of, before=policy.clock_skew, after=oldest)

    def named_key(self, method: DidUrl) -> PublicKey:
        """The key that ``method`` names, as ``did.resolution.named_key``; raises as ``resolve``."""
        if isinstance(method.did, WebDid):
            return named_key(self.resolve(method.did), method)
        return method.key()

    def note(self, evidence: Evidence, resolution: Resolution) -> None:
        """Write into ``evidence`` what was asked of the log, and how old its answer is."""
        evidence.facts["did"] = resolution.did.text
        if resolution.as_of is not None:
            evidence.facts["asOf"] = format_time(resolution.as_of)
            evidence.age = age(self.at, resolution.as_of)

    def _ask(self, did: Did) -> Resolution:
        if isinstance(did, WebDid) and not self.trust_root.may_fetch(did):
            self.trust_root.issuer(did)  # which it does not have
        try:
            resolution = self.resolver.resolve(did)
        except (Invalid, Unavailable) as error:
            # It is the ledger or the host that contradicts itself or is away, not the device.
            raise Undecided(
                error.code,
                error.message,
                value=error.value,
                hint=error.hint,
                retry_after=error.retry_after,
            ) from error
        if resolution.web is not None:
            self._check_document_age(resolution)
            return resolution
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

    def _check_document_age(self, resolution: Resolution) -> None:
        fetched, most = resolution.as_of, self.trust_root.policy.max_status_age
        if fetched is None or self.at - fetched > most:
            raise Undecided(
                "did_web_stale",
                "the document of the did:web was fetched longer ago than max_status_age",
                value=None if fetched is None else format_time(fetched),
                hint="give the verifier a resolver that fetches it as often",
                retry_after=RETRY_UNTIL_FINAL,
            )


def version_facts(version: Version) -> JsonObject:
    """What an entry of a decision record tells of the version that counted."""
    return {"versionId": version.id, "finality": version.finality.value}


def at_hand(resolver: Resolver, dids: Collection[Did] = ()) -> Resolver:
    """``resolver`` as of one moment from now on, if it can be had so.

    Where that moment cannot be known, whoever comes to resolve is told so in that step.
    """
    if not isinstance(resolver, AtHand):
        return resolver
    try:
        return resolver.at_hand(dids)
    except KeybornError as error:
        return _Unreadable(error)


@dataclass(frozen=True, slots=True)
class _Unreadable:
    """A log that could not be read just now."""

    error: KeybornError

    def resolve(self, did: Did, *, at: str | datetime | None = None) -> Resolution:  # noqa: ARG002
        raise self.error.again()
