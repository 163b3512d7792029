"""Whether a status list counts for one issuer at one moment: pure, over bytes and values.

A list counts if

a. it is a Bitstring Status List 1.0 credential that names the URL it was fetched from as its
   ``id``, so that no list can stand in for another;
b. the credential's own issuer signed it, with a key that is its current one, settled, and not
   marked compromised on the trust root;
c. it is in force now, and for the purpose that is asked. A list that states no ``validUntil`` ends
   with its ``ttl``, counted from its ``validFrom``, so that a copy is not good for ever.

Where it comes short of that, the status is *undecided*: the device has done nothing wrong.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from did.errors import Invalid, KeybornError, Refused, Undecided
from did.identifier import DidUrl
from did.keys import PublicKey
from did.resolution import Resolution, check_current, named_key
from did.strict_json import parse_object
from did.timestamps import format_time
from did.vc.credential import Credential, parse_credential
from did.vc.status_list import CREDENTIAL_TYPE, StatusEntry, StatusList, parse_list_subject
from verifier.decision import Check
from verifier.store import KeptList
from verifier.trust_root import Policy, TrustedIssuer

MAX_BYTES: Final = 2 * 1_048_576  # a million incompressible bytes in base64, and what is around
RETRY: Final = 5  # seconds


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
        resolution: Of the issuer, fresh.
        policy: For freshness, finality and clocks.
        at: The moment of the decision.
    """

    issuer: TrustedIssuer
    resolution: Resolution
    policy: Policy
    at: datetime

    def serves(self, kept: KeptList) -> bool:
        """Whether a kept list serves with no newer one asked for."""
        return (
            self.is_young(kept)
            and (kept.ttl is None or self.at - kept.fetched < kept.ttl)
            and self._why_not_current(PublicKey(kept.key)) is None
        )

    def is_young(self, kept: KeptList) -> bool:
        """Whether policy lets a kept list decide: fetched recently, in force, its key trusted."""
        age = self.at - kept.fetched
        return (
            kept.issuer == self.issuer.did.text
            and -self.policy.clock_skew <= age < self.policy.max_status_age
            and not self._has_ended(kept.ends)
            and PublicKey(kept.key) not in self.issuer.compromised_keys
        )

    def read(self, body: bytes, entry: StatusEntry) -> KeptList:
        """The list that was fetched for ``entry``, checked in everything but roll-back.

        Raises:
            Undecided: ``status_invalid``, ``status_issuer_mismatch``, ``status_purpose_mismatch``,
                ``status_key_compromised``, ``status_expired``.
            StatusPendingError: ``status_key_not_current``.
        """
        url = entry.list_url
        try:
            credential = parse_credential(parse_object(body, max_bytes=MAX_BYTES))
            version = _version(credential, url)
            if credential.issuer != self.issuer.did:
                raise undecided(
                    "status_issuer_mismatch",
                    "the status list is not of the credential's issuer",
                    credential.issuer.text,
                )
            key = self._named(credential.proof.method)
            self._check_key(key)
            credential.proof.verify(key)
            list_ = parse_list_subject(url, credential.subject)
            ends = _end(credential, version, list_)
        except Invalid as error:
            raise undecided(
                "status_invalid", f"the status list is not valid: {error.message}", url
            ) from error
        self._check_in_force(version, ends)
        check_purpose(list_.purpose, entry)
        return KeptList(
            url=url,
            issuer=credential.issuer.text,
            key=key.raw,
            purpose=list_.purpose,
            version=version,
            ends=credential.valid_until,
            ttl=None if list_.ttl is None else timedelta(milliseconds=list_.ttl),
            fetched=self.at,
            bits=list_.bits,
        )

    def _check_key(self, key: PublicKey) -> None:
        if key in self.issuer.compromised_keys:
            raise undecided(
                "status_key_compromised",
                "the status list is signed with a key that the trust root marks as compromised",
                key.multibase,
            )
        why = self._why_not_current(key)
        if why is not None:
            raise _not_current(why, key.multibase)

    def _named(self, method: DidUrl) -> PublicKey:
        try:
            return named_key(self.resolution, method)
        except Refused as error:
            raise _not_current(error, method.text) from error

    def _why_not_current(self, key: PublicKey) -> KeybornError | None:
        try:
            check_current(self.resolution, key, finality=self.policy.finality, step=Check.STATUS)
        except KeybornError as error:
            return error
        return None

    def _check_in_force(self, version: datetime, ends: datetime) -> None:
        if version > self.at + self.policy.clock_skew:
            raise undecided(
                "status_invalid", "the status list is of the future", format_time(version)
            )
        if self._has_ended(ends):
            raise undecided("status_expired", "the status list has ended", format_time(ends))

    def _has_ended(self, ends: datetime | None) -> bool:
        return ends is not None and self.at >= ends + self.policy.clock_skew


def _not_current(why: KeybornError, value: str) -> StatusPendingError:
    return StatusPendingError(
        undecided(
            "status_key_not_current",
            f"the status list's key is not its issuer's current one: {why.message}",
            value,
            hint="the issuer signs its lists anew once its rotation is settled",
        )
    )


def check_purpose(purpose: str, entry: StatusEntry) -> None:
    """Return if a list is for the purpose that the credential's ``entry`` names.

    Raises:
        Undecided: ``status_purpose_mismatch``.
    """
    if purpose != entry.purpose:
        raise undecided(
            "status_purpose_mismatch",
            f"the credential's entry is for {entry.purpose}, its status list for another purpose",
            purpose,
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
    if CREDENTIAL_TYPE not in credential.types:
        raise Invalid("invalid_status_list", f"it is not a {CREDENTIAL_TYPE}")
    if credential.id != url:
        raise Invalid("invalid_status_list", "its id is not the URL it was fetched from")
    if credential.valid_from is None:
        raise Invalid("invalid_status_list", "it has no validFrom, which is its version")
    return credential.valid_from


def _end(credential: Credential, version: datetime, list_: StatusList) -> datetime:
    if credential.valid_until is not None:
        return credential.valid_until
    if list_.ttl is None:
        raise Invalid("invalid_status_list", "it states no end: neither validUntil nor ttl")
    try:
        return version + timedelta(milliseconds=list_.ttl)
    except OverflowError as error:
        raise Invalid("invalid_status_list", "its ttl is out of range") from error
