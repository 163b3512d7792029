"""What is known of trusted issuers before a credential comes: their keys, and their status lists.

It is learnt from credentials that passed ``verifier.credentials``, as of one moment of the log
(``Verifier.at_hand``). Of that moment none of it changes but with the time of the decision, and
when it does is kept with it. Nothing of the credential itself is kept: not even that it passed.

There is no more of it than versions of the issuers on the trust root, and lists that are kept.
"""

from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from did.errors import KeybornError
from did.identifier import Did, DidUrl, KeybornDid, parse_did
from did.keys import PublicKey
from did.resolution import Resolution, Resolver, Version, asserting_version
from did.vc.credential import CONFIGURATION, Credential
from did.vc.status_list import REVOCATION, SUSPENSION, StatusEntry
from verifier.credentials import ANY_CREDENTIAL
from verifier.decision import Check
from verifier.inquiry import Inquiry
from verifier.status_standing import Standing
from verifier.statuses import Statuses
from verifier.store import KeptList
from verifier.trust_root import TrustedIssuer, TrustRoot
from verifier.window import Window, since, until

_BEFORE: Final = 2**33  # seconds since 1970 in which a float still tells microseconds apart


class KnownList(Struct, frozen=True):
    """A status list that counts for one issuer, and has a bit for each entry.

    Attributes:
        kept: The list, as it is kept.
        bits: Its entries; set is revoked, or suspended.
        entries: How many there are.
        serves: At which moments of decision it counts.
    """

    kept: KeptList
    bits: bytes
    entries: int
    serves: Window


class KnownKey(Struct, frozen=True):
    """A key that is or was a trusted issuer's, settled, and is not marked compromised.

    Attributes:
        key: The key.
        issuer: Whose.
        types: For which credentials the issuer is trusted, of those that may be presented.
        resolution: What the log says of the issuer.
        version: The one version of the issuer's DID that has the key.
        signs: For which ``validFrom`` it is good, by the log and by the trust root.
        answers: At which moments of decision the log is fresh.
        lists: The issuer's status lists, by URL and purpose.
    """

    key: PublicKey
    issuer: TrustedIssuer
    types: frozenset[str]
    resolution: Resolution
    version: Version
    signs: Window
    answers: Window
    lists: dict[tuple[str, str], KnownList]


class KnownIssuers:
    """What was learnt by one trust root at one moment of its log."""

    def __init__(self, trust_root: TrustRoot, resolver: Resolver, statuses: Statuses) -> None:
        """Learn from ``resolver`` and ``statuses``, both of that moment."""
        self._root = trust_root
        self._resolver = resolver
        self._statuses = statuses
        self._keys: dict[DidUrl, KnownKey] = {}
        self._lists: dict[Did, dict[tuple[str, str], KnownList]] = {}

    def key(self, method: DidUrl) -> KnownKey | None:
        """The key that ``method`` names, if it is known."""
        return self._keys.get(method)

    def learn(self, passed: Credential, at: datetime) -> None:
        """Learn of the issuer of a credential that has passed every check at this moment.

        What is out of the ordinary is not learnt: a did:web or did:key, a key that an issuer has
        taken up again, lists of messages.
        """
        inquiry = Inquiry(self._root, self._resolver, at)
        try:
            known = self.key(passed.proof.method) or self._key(passed, inquiry)
            if known is None:
                return
            for entry in passed.statuses:
                if (entry.list_url, entry.purpose) not in known.lists:
                    self._learn_list(entry, known, inquiry)
        except KeybornError:  # then it did not pass; nothing is to be learnt of it
            return

    def _key(self, passed: Credential, inquiry: Inquiry) -> KnownKey | None:
        method, signed = passed.proof.method, passed.valid_from
        if not isinstance(method.did, KeybornDid) or signed is None:
            return None
        issuer, key = self._root.issuer(method.did), method.key()
        resolution = inquiry.resolve(method.did)
        version = asserting_version(
            resolution,
            key,
            signed=signed,
            finality=self._root.policy.finality,
            step=Check.ISSUER_KEY,
        )
        current = _current(resolution, version)
        answers = inquiry.answering(resolution)
        if current is None or answers is None or key in issuer.compromised_keys:
            return None
        known = self._keys[method] = KnownKey(
            key=key,
            issuer=issuer,
            types=frozenset(issuer.types) - {ANY_CREDENTIAL, CONFIGURATION},
            resolution=resolution,
            version=version,
            signs=current.both(since(issuer.since)).both(until(issuer.until)),
            answers=answers,
            lists=self._lists.setdefault(method.did, {}),
        )
        return known

    def _learn_list(self, entry: StatusEntry, known: KnownKey, inquiry: Inquiry) -> None:
        issuer, url = known.issuer, entry.list_url
        if entry.purpose not in (REVOCATION, SUSPENSION) or issuer.status_prefix(url) is None:
            return
        kept = self._statuses.at_once(url)
        if kept is None or kept.list.size not in (None, 1):
            return
        standing = Standing(issuer, inquiry.resolve, self._root.policy, inquiry.at)
        standing.status(kept, StatusEntry(entry.purpose, 0, url))  # is for that, and long enough
        serves = standing.serving(kept)
        answers = inquiry.answering(inquiry.resolve(parse_did(kept.issuer)))
        if serves is not None and answers is not None:
            known.lists[url, entry.purpose] = KnownList(
                kept, kept.list.bits, len(kept.list.bits) * 8, serves.both(answers)
            )


def _current(resolution: Resolution, version: Version) -> Window | None:
    """When ``version`` is the current one, by its block and the next one's; None if unusual.

    For ``asserting_version`` any other time in it comes to the same, unless another version has the
    same key.
    """
    versions = resolution.versions
    if [each for each in versions if each.key == version.key] != [version]:
        return None
    times = [each.time for each in versions[version.number : version.number + 2]]
    if not all(0 <= time < _BEFORE for time in times):
        return None
    begins, ends = ([datetime.fromtimestamp(time, UTC) for time in times] + [None])[:2]
    return since(begins).both(until(ends))
