"""What resolving a DID yields, and what that says of a key (W3C DID Resolution 1.0).

A ``Resolution`` carries every version that the log holds of a DID, each with how settled it is,
and the time up to which the log is known. Whether a key may speak for the DID is then a pure
question, answered by ``authenticating_version`` and ``asserting_version``.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Protocol, runtime_checkable

from did.document import document, key_document
from did.errors import Invalid, Refused, Undecided
from did.identifier import Did, DidUrl, Genesis, KeybornDid, KeyDid
from did.jcs import JsonObject
from did.keys import PublicKey
from did.timestamps import format_time
from did.web_document import ASSERTION, WebDocument
from did.web_identifier import WebDid

RETRY_UNTIL_FINAL = 5  # seconds; a block or a few


class Finality(StrEnum):
    """How settled an entry of the log is; in rising order."""

    LATEST = "latest"
    SAFE = "safe"
    FINALIZED = "finalized"

    def reaches(self, needed: "Finality") -> bool:
        """Whether this is at least as settled as ``needed``."""
        order = list(Finality)
        return order.index(self) >= order.index(needed)


class Registration(StrEnum):
    """Whether a DID is on the log."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"  # the log was not asked
    NOT_APPLICABLE = "not-applicable"  # did:key, did:web


@dataclass(frozen=True, slots=True)
class Version:
    """One effective operation of a DID.

    Attributes:
        number: 0 for the creation, one more with each effective operation.
        operation: The operation's 32-byte hash.
        key: The raw public key from here on, 32 bytes, not checked; None if deactivated.
        time: The block's time, seconds since 1970 (UTC).
        sequence: The log entry that holds it.
        finality: How settled that entry is.
        block_number: The block that carries that entry; None where that was not learnt.
    """

    number: int
    operation: bytes
    key: bytes | None
    time: int
    sequence: int
    finality: Finality
    block_number: int | None = None

    @property
    def id(self) -> str:
        """The ``versionId``: ``<number>-<operation hash, hex>``."""
        return f"{self.number}-{self.operation.hex()}"


@dataclass(frozen=True, slots=True)
class Resolution:
    """All that is known of a DID.

    Attributes:
        did: As asked for (short or long form).
        registration: Whether it is on the log.
        versions: Oldest first, the unsettled ones included; empty unless registered.
        log_id: The log that was asked, 32 bytes.
        as_of: Time of the newest verified head of that log: what is here was complete then. Of a
            did:web, when its document was fetched.
        selected: The version that the query selected: an index into ``versions``.
        web: The document of a did:web, which has one version, the present one.
    """

    did: Did
    registration: Registration
    versions: tuple[Version, ...] = ()
    log_id: bytes | None = None
    as_of: datetime | None = None
    selected: int = -1
    web: WebDocument | None = None

    def document(self) -> JsonObject:
        """The DID document of the selected version.

        Raises:
            Invalid: ``invalid_public_key``: the DID was made with bytes that are no key.
            Refused: ``not_registered``: there is nothing to show.
        """
        if isinstance(self.did, KeyDid):
            return key_document(self.did)
        if self.web is not None:
            return self.web.content
        if self.registration is Registration.YES:
            raw = self.versions[self.selected].key
        elif isinstance(self.did, KeybornDid) and self.did.genesis is not None:
            raw = self.did.genesis.key
        else:
            raise not_registered(self)
        return document(self.did.canonical, None if raw is None else PublicKey(raw))

    def metadata(self) -> JsonObject:
        """The ``didDocumentMetadata`` (DID Resolution 1.0, section 5; DID Core, 7.1.3)."""
        value: JsonObject = {
            "canonicalId": self.did.canonical.text,
            "registered": self.registration,
        }
        if self.log_id is not None:
            value["logId"] = self.log_id.hex()
        if self.as_of is not None:
            value["asOf"] = format_time(self.as_of.replace(microsecond=0))
        if self.registration is not Registration.YES:
            return value
        version = self.versions[self.selected]
        value["created"] = _stamp(self.versions[0].time)
        if version.number > 0:
            value["updated"] = _stamp(version.time)
        value["versionId"] = version.id
        value["position"] = str(
            version.sequence
        )  # no value is a number (DID Core 1.0, section 7.3)
        value["finality"] = version.finality
        following = version.number + 1
        if following < len(self.versions):
            value["nextVersionId"] = self.versions[following].id
            value["nextUpdate"] = _stamp(self.versions[following].time)
        if version.key is None:
            value["deactivated"] = True
        return value

    def to_json(self) -> JsonObject:
        """The resolution result: document, resolution metadata, document metadata."""
        return {
            "didDocument": self.document(),
            "didResolutionMetadata": {"contentType": "application/did"},
            "didDocumentMetadata": self.metadata(),
        }

    def at(self, moment: str | datetime) -> "Resolution":
        """This resolution with the version selected that ``moment`` names.

        Args:
            moment: A ``versionId``, or an aware time (``versionTime``).

        Raises:
            Refused: ``version_not_found``.
            Invalid: ``feature_not_supported``: a did:web has versions that nobody kept.
        """
        if self.web is not None:
            raise Invalid(
                "feature_not_supported",
                "a did:web has no history here: its former documents are not to be had",
                hint="ask for it without versionId and versionTime",
            )
        if isinstance(moment, str):
            found = [v.number for v in self.versions if v.id == moment]
        else:
            found = [v.number for v in self.versions if v.time <= moment.timestamp()]
        if not found:
            shown = moment if isinstance(moment, str) else format_time(moment)
            raise Refused("version_not_found", "the DID has no such version", value=shown)
        return replace(self, selected=found[-1])


class Resolver(Protocol):
    """All that a verifier needs of a ledger."""

    def resolve(self, did: Did, *, at: str | datetime | None = None) -> Resolution:
        """What is known of ``did``, with the version selected that ``at`` names.

        Raises:
            Refused: ``version_not_found``.
            Undecided: the log cannot be read, or what was read does not hold.
            Invalid: ``ledger_…``, what the ledger answered contradicts what is pinned or was seen.
        """
        ...


class NotAtHandError(Exception):
    """What is asked would have to be fetched, and whoever asks wants nothing fetched now."""


@runtime_checkable
class AtHand(Resolver, Protocol):
    """A resolver that can be asked about many DIDs as of one moment."""

    def at_hand(self, dids: Collection[Did] = ()) -> Resolver:
        """What resolves by what is known at one moment from now on, and fetches nothing more.

        What it would have to fetch for, it answers with ``NotAtHandError``. ``dids`` will be asked
        about: what is known of them is looked up together.

        Raises:
            KeybornError: As ``resolve``, where that moment cannot be known.
        """
        ...


def resolve_offline(did: Did) -> Resolution:
    """What a DID says of itself with no log asked: a did:key, or a long form (enrolment only).

    Raises:
        Invalid: ``method_not_supported``: a did:web is what its host says.
    """
    if isinstance(did, WebDid):
        raise Invalid(
            "method_not_supported",
            "a did:web says nothing of itself, and its host is not asked here",
            value=did.text,
        )
    known = Registration.NOT_APPLICABLE if isinstance(did, KeyDid) else Registration.UNKNOWN
    return Resolution(did, known)


def named_key(resolution: Resolution, method: DidUrl) -> PublicKey:
    """The key that a verification method for assertions names.

    Of a did:keyborn and a did:key the name is the key. Of a did:web its document says, which must
    have it in ``assertionMethod`` now.

    Raises:
        Invalid: As ``DidUrl.key`` and ``WebDocument.key``.
        Refused: ``key_not_authorized``.
    """
    if resolution.web is not None:
        return resolution.web.key(method, ASSERTION)
    return method.key()


def birth_key(genesis: Genesis) -> PublicKey:
    """The first key of a DID; raises ``Invalid`` (``invalid_public_key``) if it is none."""
    return PublicKey(genesis.key)


def check_fresh(resolution: Resolution, *, at: datetime, max_age: timedelta, step: str) -> None:
    """Return if the log was known recently enough, or the DID is of a method that needs no log.

    Raises:
        Undecided: ``ledger_stale``; also where nothing says how old the knowledge is.
    """
    if resolution.registration is Registration.NOT_APPLICABLE:
        return
    known = resolution.as_of
    if known is None or at - known > max_age:
        raise Undecided(
            "ledger_stale",
            f"the newest verified head of the log is older than {int(max_age.total_seconds())} s",
            step=step,
            value=None if known is None else format_time(known),
            hint="see that the ledger is reachable and its clock is right, then try again",
            retry_after=RETRY_UNTIL_FINAL,
        )


def not_registered(resolution: Resolution, step: str | None = None) -> Refused:
    """The refusal of a DID that is not on the log."""
    return Refused(
        "not_registered",
        "the DID is not registered on this log",
        step=step,
        value=resolution.did.canonical.text,
        hint="register it (keyborn device register), then try again",
    )


def authenticating_version(
    resolution: Resolution, key: PublicKey, *, finality: Finality, step: str
) -> Version:
    """The version under which ``key`` may speak for the DID *now*.

    Args:
        resolution: Of the DID in question, fresh.
        key: The key that signed.
        finality: How settled the version must be.
        step: Named in errors.

    Raises:
        Refused: ``not_registered``, ``deactivated``, ``key_superseded`` (rotated away), or
            ``key_suspect`` (an unsettled operation replaces it).
        Undecided: ``not_final``, the key is new and not settled yet.
        Invalid: ``unknown_verification_method``, never a key of this DID.
    """
    if resolution.registration is not Registration.YES:
        raise not_registered(resolution, step)
    settled, pending = _split(resolution, finality)
    if settled and settled[-1].key is None:
        raise _deactivated(resolution, step)
    if pending:
        if pending[-1].key == key.raw:
            raise _not_final(resolution, step)
        if settled and settled[-1].key == key.raw:
            raise _suspect(resolution, step)
    elif settled and settled[-1].key == key.raw:
        return settled[-1]
    if any(version.key == key.raw for version in resolution.versions):
        raise Refused(
            "key_superseded",
            "the key was rotated away; it no longer speaks for the DID",
            step=step,
            value=key.multibase,
            hint="sign with the current key",
        )
    raise _unknown(key, step)


def asserting_version(
    resolution: Resolution, key: PublicKey, *, signed: datetime, finality: Finality, step: str
) -> Version:
    """The version under which ``key`` signed a credential that is valid from ``signed``.

    A former key of an issuer counts for what it signed while it was current: from its own block's
    time until the block time of the operation that replaced it.

    Raises:
        Refused: ``issuer_not_registered``, ``issuer_deactivated``, ``issuer_key_interval`` (the
            key was not current then), ``issuer_key_suspect``.
        Undecided: ``not_final``.
        Invalid: ``unknown_verification_method``.
    """
    if resolution.registration is not Registration.YES:
        raise Refused(
            "issuer_not_registered",
            "the issuer's DID is not registered on this log",
            step=step,
            value=resolution.did.canonical.text,
        )
    settled, pending = _split(resolution, finality)
    if any(version.key is None for version in resolution.versions):
        if settled and settled[-1].key is None:
            raise Refused("issuer_deactivated", "the issuer's DID is deactivated", step=step)
        raise Refused("issuer_key_suspect", "the issuer's DID is being deactivated", step=step)
    moment = signed.timestamp()
    mine = [version for version in resolution.versions if version.key == key.raw]
    if not mine:
        raise _unknown(key, step)
    for version in mine:
        following = resolution.versions[version.number + 1 : version.number + 2]
        if moment < version.time or (following and moment >= following[0].time):
            continue
        if version in pending:
            raise _not_final(resolution, step)
        return version
    last = mine[-1]
    if last in settled and pending and moment >= last.time and pending[0].number == last.number + 1:
        raise Refused(
            "issuer_key_suspect",
            "the issuer's key is being rotated away, and signed after that began",
            step=step,
            value=key.multibase,
        )
    raise Refused(
        "issuer_key_interval",
        "the issuer's key was not the current one at the credential's validFrom",
        step=step,
        value=format_time(signed),
    )


def check_current(resolution: Resolution, key: PublicKey, *, finality: Finality, step: str) -> None:
    """Return if ``key`` may make assertions for the DID *now*, whatever its method.

    Raises:
        KeybornError: As ``authenticating_version``; ``key_not_authorized``.
    """
    if resolution.web is not None:
        if not resolution.web.authorizes(key, ASSERTION):
            raise Refused(
                "key_not_authorized",
                f"the document of the did:web does not have the key in {ASSERTION}",
                step=step,
                value=key.multibase,
                hint="sign with a key that is listed there",
            )
    elif isinstance(resolution.did, KeyDid):
        return  # has the one key, which its verification method names
    else:
        authenticating_version(resolution, key, finality=finality, step=step)


def _split(
    resolution: Resolution, finality: Finality
) -> tuple[tuple[Version, ...], tuple[Version, ...]]:
    settled = tuple(v for v in resolution.versions if v.finality.reaches(finality))
    return settled, resolution.versions[len(settled) :]


def _deactivated(resolution: Resolution, step: str) -> Refused:
    return Refused(
        "deactivated",
        "the DID is deactivated, for good",
        step=step,
        value=resolution.did.canonical.text,
        hint="give the device a new DID",
    )


def _suspect(resolution: Resolution, step: str) -> Refused:
    return Refused(
        "key_suspect",
        "an operation that is not settled yet replaces this key",
        step=step,
        value=resolution.did.canonical.text,
        hint="use the new key, once its rotation is final",
    )


def _not_final(resolution: Resolution, step: str) -> Undecided:
    return Undecided(
        "not_final",
        "the operation that makes this key current is not final yet",
        step=step,
        value=resolution.did.canonical.text,
        hint="try again when the ledger has finalised it",
        retry_after=RETRY_UNTIL_FINAL,
    )


def _unknown(key: PublicKey, step: str) -> Invalid:
    return Invalid(
        "unknown_verification_method",
        "the key never was one of this DID",
        step=step,
        value=key.multibase,
    )


def _stamp(time: int) -> str:
    return format_time(datetime.fromtimestamp(time, UTC))
