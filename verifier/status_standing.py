"""Whether a status list counts for one issuer at one moment: pure, over bytes and values.

A list counts if

a. it is a Bitstring Status List 1.0 credential, of VC 2.0 in any of its formats, that names the
   URL it was fetched from as its ``id``, so that no list can stand in for another;
b. the credential's own issuer signed it, or one whom the trust root lets sign its lists, with a
   key that is its current one, settled, and not marked compromised on the trust root;
c. it is in force now. One that states no end is good for ever to whoever has not seen a newer one,
   so it counts only from where nobody on the way can replace it: over TLS, or from this machine;
d. it is for the purpose that is asked, its entries are of the size that is asked, and there are
   enough of them.

Where it comes short of a to c, or is too short, the status is *undecided*: the device has done
nothing wrong. A list that counts and that the credential's entry contradicts, in its purpose, the
size of its entries or its length, is a defect of the credential (docs/adr/0010).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from did.errors import Invalid, KeybornError, Refused, Undecided
from did.identifier import Did, DidUrl, parse_did
from did.keys import PublicKey
from did.resolution import Resolution, check_current, named_key
from did.timestamps import format_time
from did.vc.credential import CREDENTIALS_CONTEXT, Credential
from did.vc.formats import read_credential
from did.vc.status_list import (
    CREDENTIAL_TYPE,
    Status,
    StatusEntry,
    parse_list_subject,
    read_status,
)
from did.web_identifier import WebDid
from keyborn.client import LOOPBACK
from verifier.decision import Check
from verifier.store import KeptList
from verifier.trust_root import Policy, TrustedIssuer
from verifier.window import Window, around, since, until

MAX_BYTES: Final = 2 * 1_048_576  # a million incompressible bytes in base64, and what is around
RETRY: Final = 5  # seconds
_OF_THE_CREDENTIAL: Final = frozenset(
    {"status_index_out_of_range", "status_purpose_mismatch", "status_size_mismatch"}
)


class StatusPendingError(Exception):
    """A list that cannot count yet; one that was kept may stand in for it, if it is young."""

    def __init__(self, error: Undecided) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass(frozen=True, slots=True)
class Standing:
    """Who issued the credential in question, and the moment and policy it is judged by.

    Attributes:
        issuer: On the trust root.
        resolve: What the log says of a DID, fresh.
        policy: For freshness, finality and clocks.
        at: The moment of the decision.
    """

    issuer: TrustedIssuer
    resolve: Callable[[Did], Resolution]
    policy: Policy
    at: datetime

    @property
    def latest(self) -> datetime:
        """The latest version that can be of now, by a clock as far off as policy lets it be."""
        return self.at + self.policy.clock_skew

    def serves(self, kept: KeptList) -> bool:
        """Whether a kept list serves with no newer one asked for."""
        ttl = kept.list.ttl
        return (
            self.is_young(kept)
            and (ttl is None or self.at - kept.fetched < timedelta(milliseconds=ttl))
            and self._is_current(kept)
        )

    def serving(self, kept: KeptList) -> Window | None:
        """When a kept list serves, as far as its own times say; None where it does not now."""
        if not self.serves(kept):
            return None
        skew, ttl = self.policy.clock_skew, kept.list.ttl
        window = around(kept.fetched, before=skew, after=self.policy.max_status_age)
        window = window.both(since(kept.version, before=skew))
        if ttl is not None:
            window = window.both(until(kept.fetched, after=timedelta(milliseconds=ttl)))
        return window.both(until(kept.ends, after=skew))

    def is_young(self, kept: KeptList) -> bool:
        """Whether policy lets a kept list decide: fetched recently, in force, its key trusted.

        One of the future counts as little as if it were fetched now (docs/adr/0031).
        """
        age = self.at - kept.fetched
        return -self.policy.clock_skew <= age < self.policy.max_status_age and self._holds(kept)

    def may_be_confirmed(self, kept: KeptList) -> bool:
        """Whether a kept list, whatever its age, serves if it is said to be unchanged."""
        return self._holds(kept) and self._is_current(kept)

    def confirmed(self, kept: KeptList, entry: StatusEntry) -> KeptList:
        """``kept`` as of now, since it was said to be unchanged; raises as ``status``."""
        self.status(kept, entry)
        return replace(kept, fetched=self.at)

    def status(self, kept: KeptList, entry: StatusEntry) -> Status:
        """What a list that counts says of the credential's ``entry``.

        Raises:
            Undecided: ``status_invalid``.
            Invalid: ``status_index_out_of_range``, ``status_purpose_mismatch``,
                ``status_size_mismatch``: the issuer signed it into the credential, and no newer
                copy of its list heals that.
        """
        try:
            return read_status(kept.list, entry)
        except Invalid as error:
            if error.code in _OF_THE_CREDENTIAL:
                raise
            raise undecided("status_invalid", error.message, kept.list.url) from error

    def read(self, body: bytes, entry: StatusEntry, etag: str | None = None) -> KeptList:
        """The list that was fetched for ``entry``, checked in everything but roll-back.

        Raises:
            Undecided: ``status_invalid``, ``status_issuer_mismatch``, ``status_key_compromised``,
                ``status_expired``, or as ``status``.
            Invalid: As ``status``.
            StatusPendingError: ``status_key_not_current``.
        """
        url = entry.list_url
        try:
            credential = read_credential(body, max_bytes=MAX_BYTES)
            version = _version(credential, url)
            if not self._may_sign(credential.issuer.text):
                raise undecided(
                    "status_issuer_mismatch",
                    "the status list is neither of the credential's issuer, nor of one that the"
                    " trust root lets sign its lists",
                    credential.issuer.text,
                )
            key = self._named(credential.proof.method)
            self._check_key(credential.issuer, key)
            credential.proof.verify(key)
            list_ = parse_list_subject(url, credential.subject)
        except Invalid as error:
            raise undecided(
                "status_invalid", f"the status list is not valid: {error.message}", url
            ) from error
        ends = _end(credential)
        self._check_in_force(version, ends, url)
        kept = KeptList(
            list=list_,
            issuer=credential.issuer.text,
            key=key.raw,
            version=version,
            ends=ends,
            fetched=self.at,
            etag=etag,
        )
        self.status(kept, entry)
        return kept

    def _may_sign(self, issuer: str) -> bool:
        return issuer in {did.text for did in (self.issuer.did, *self.issuer.status_issuers)}

    def _holds(self, kept: KeptList) -> bool:
        return (
            self._may_sign(kept.issuer)
            and kept.version <= self.latest
            and not self._has_ended(kept.ends)
            and PublicKey(kept.key) not in self.issuer.compromised_keys
        )

    def _is_current(self, kept: KeptList) -> bool:
        return self._why_not_current(parse_did(kept.issuer), PublicKey(kept.key)) is None

    def _check_key(self, signer: Did, key: PublicKey) -> None:
        if key in self.issuer.compromised_keys:
            raise undecided(
                "status_key_compromised",
                "the status list is signed with a key that the trust root marks as compromised",
                key.multibase,
            )
        why = self._why_not_current(signer, key)
        if why is not None:
            raise _not_current(why, key.multibase)

    def _named(self, method: DidUrl) -> PublicKey:
        if not isinstance(method.did, WebDid):
            return method.key()
        try:
            return named_key(self.resolve(method.did), method)
        except Refused as error:
            raise _not_current(error, method.text) from error

    def _why_not_current(self, signer: Did, key: PublicKey) -> KeybornError | None:
        try:
            resolution = self.resolve(signer)
        except Refused as error:  # of a did:web, that it is gone
            return error
        try:
            check_current(resolution, key, finality=self.policy.finality, step=Check.STATUS)
        except KeybornError as error:
            return error
        return None

    def _check_in_force(self, version: datetime, ends: datetime | None, url: str) -> None:
        if ends is None and not _is_protected(url):
            raise undecided(
                "status_invalid",
                "the status list states no end, and anybody on the way could show an old one",
                url,
                hint="have it state validUntil, or fetch it over https",
            )
        if version > self.latest:
            raise undecided(
                "status_invalid", "the status list is of the future", format_time(version)
            )
        if ends is not None and self._has_ended(ends):
            raise undecided("status_expired", "the status list has ended", format_time(ends))

    def _has_ended(self, ends: datetime | None) -> bool:
        return ends is not None and self.at - self.policy.clock_skew >= ends


def _not_current(why: KeybornError, value: str) -> StatusPendingError:
    return StatusPendingError(
        undecided(
            "status_key_not_current",
            f"the status list's key is not its issuer's current one: {why.message}",
            value,
            hint="the issuer signs its lists anew once its rotation is settled",
        )
    )


def undecided(code: str, message: str, value: object, *, hint: str | None = None) -> Undecided:
    """The outcome of a status that could not be found out."""
    return Undecided(
        code,
        message,
        value=value,
        hint=hint or "see that the issuer's status service works, then try again",
        retry_after=RETRY,
    )


def _version(credential: Credential, url: str) -> datetime:
    context = credential.document["@context"]
    if not isinstance(context, list) or context[0] != CREDENTIALS_CONTEXT:
        raise Invalid("invalid_status_list", "it is not a Verifiable Credential 2.0")
    if CREDENTIAL_TYPE not in credential.types:
        raise Invalid("invalid_status_list", f"it is not a {CREDENTIAL_TYPE}")
    if credential.id != url:
        raise Invalid("invalid_status_list", "its id is not the URL it was fetched from")
    version = credential.valid_from or credential.proof.created
    if version is None:
        raise Invalid("invalid_status_list", "it has no validFrom, which is its version")
    return version


def _end(credential: Credential) -> datetime | None:
    """The earlier of the ends of the list and of its proof."""
    return min(filter(None, (credential.valid_until, credential.proof.expires)), default=None)


def _is_protected(url: str) -> bool:
    """Whether nobody on the way can replace what is fetched there."""
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in LOOPBACK
