"""The decision: is the thing at the door the device that it says it is, and is it wanted?

The verifier checks, at one moment and in this order:

1. *Format.* The presentation is in one of the formats (``did.vc.formats``), which is strict, is
   secured once, by an Ed25519 key, and holds at least one credential, each well formed, in any of
   the formats.
2. *Challenge.* It answers a challenge of this verifier, made for this audience (and for this DID,
   if it was made for one), which has not expired and was not answered before.
3. *Holder.* The holder's DID is registered on the pinned log, known recently enough; the key that
   signed is its current one, as settled as the policy asks, with nothing pending against it.
4. *Presentation signature.* That key signed holder, credentials, challenge and audience, and its
   proof, if it states a beginning or an end, is in force.
5. *Single use.* The challenge is recorded as used: by now somebody has proven something.
6. For each credential:

   1. *Type.* It has a type of its own, and is not a configuration credential.
   2. *Trusted issuer.* The trust root believes its issuer, for all its types and at its
      ``validFrom``.
   3. *Issuer's key.* The key that signed is not marked compromised, and was the issuer's current
      one at ``validFrom``; the issuer is not deactivated. Of a did:web: its document, fetched
      recently enough, lists the key for assertions now; there is no telling since when.
   4. *Credential signature.* That key signed the credential.
   5. *Validity.* It has begun and has not ended.
   6. *Log.* It is bound to the pinned log.
   7. *Subject.* It speaks of the holder.
   8. *Status.* It is neither revoked nor suspended, by a list that is fresh enough.
   9. *Policy.* Model and roles are what the policy asks.

7. *Device.* Exactly one of the credentials is a ``DeviceProvisioningCredential``.

An answer may come in several presentations (``verify_all``): steps 1 to 4 are taken for each, and
all are of one holder; the challenge is used once, and step 7 counts over all of them.

It does **not** check: the presentation's ``created`` (devices have poor clocks; the challenge
proves that it is new); claims that the policy does not name; that the device's software is
unharmed; that nobody relays between the device and this verifier (a channel must see to that).
``verify_credential`` leaves out steps 1 to 5, 6.7 and 7: it says nothing of who hands it over.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from msgspec import Struct

from did.challenge import Challenge
from did.errors import Invalid, KeybornError, Refused
from did.identifier import Did, KeybornDid
from did.keys import PublicKey
from did.resolution import AtHand, NotAtHandError, Resolver
from did.timestamps import format_time
from did.vc.credential import Credential
from did.vc.formats import Format, read_credential, read_presentation
from did.vc.presentation import Presentation
from verifier.acceptance import TrustedIssuersAlone
from verifier.challenges import ChallengeBook, check_audience, check_first, expired
from verifier.conclusion import (
    AuthenticatedDevice,
    check_key,
    conclude,
    decision,
    registrable,
)
from verifier.credentials import CredentialChecks
from verifier.decision import Check, Decision, Trail
from verifier.inquiry import Inquiry, at_hand
from verifier.known_issuers import KnownIssuers
from verifier.proofs_only import ProofVerifier
from verifier.rechecks import Rechecks
from verifier.statuses import Statuses
from verifier.tally import Tally, counted
from verifier.trust_root import TrustRoot
from verifier.usual_case import UsualCase


class VerifiedCredential(Struct, frozen=True):
    """A credential that is to be believed, and how that was decided; who holds it is unknown."""

    credential: Credential
    decision: Decision


@dataclass(frozen=True, slots=True)
class Proven:
    """An answer by which somebody has proven something, and on which nothing is decided yet.

    Steps 1 to 4 were taken, and where it comes out of ``Verifier.admit_all``, step 5.

    Attributes:
        presentations: What it is made of.
        challenge: What it answers.
        holder: Who has proven to be there.
        key: The key that signed.
        inquiry: What the decision has asked of the log so far.
        trail: The steps.
    """

    presentations: tuple[Presentation, ...]
    challenge: Challenge
    holder: KeybornDid
    key: PublicKey
    inquiry: Inquiry
    trail: Trail


class Verifier:
    """Decides, by one trust root, over one log.

    Raises from its methods: ``Invalid`` (malformed, or a proof that does not hold), ``Refused``
    (proven, but not wanted) or ``Undecided`` (could not be found out), each with its ``step``.
    How often each came of it is in ``tally``.
    """

    def __init__(
        self,
        *,
        trust_root: TrustRoot,
        resolver: Resolver,
        statuses: Statuses,
        challenges: ChallengeBook,
        tally: Tally | None = None,
        known: KnownIssuers | None = None,
    ) -> None:
        """Put one together.

        Args:
            trust_root: Whom it believes.
            resolver: Of the log that the trust root pins.
            statuses: The status lists.
            challenges: Its challenges.
            tally: Where its decisions are counted.
            known: What is known of issuers already, and will be learnt, where ``resolver`` and
                ``statuses`` are of one moment.
        """
        self.tally = tally or Tally()
        self._root = trust_root
        self._digest = trust_root.digest
        self._resolver = resolver
        self._statuses = statuses
        self._challenges = challenges
        self._known = known
        self._usual = None if known is None else UsualCase(trust_root, known)

    @property
    def trust_root(self) -> TrustRoot:
        """Whom it believes."""
        return self._root

    @property
    def resolver(self) -> Resolver:
        """Of the log that it believes."""
        return self._resolver

    @property
    def audience(self) -> str:
        """Its name: what presentations to it are made for."""
        return self._challenges.audience

    def called(self, audience: str) -> "Verifier":
        """The same verifier under another name: challenges and answers of the two do not mix."""
        return Verifier(
            trust_root=self._root,
            resolver=self._resolver,
            statuses=self._statuses,
            challenges=self._challenges.called(audience),
            tally=self.tally,
            known=self._known,
        )

    def at_hand(self) -> "Verifier":
        """The same verifier as of one moment from now on, for many decisions in a row.

        The log is brought up to date now, once; a status list is as it was kept when it is first
        asked for. Nothing is fetched: where something would have to be, ``NotAtHandError``.
        """
        resolver, statuses = at_hand(self._resolver), self._statuses.at_hand()
        of_one_moment = isinstance(self._resolver, AtHand)
        return Verifier(
            trust_root=self._root,
            resolver=resolver,
            statuses=statuses,
            challenges=self._challenges,
            tally=self.tally,
            known=KnownIssuers(self._root, resolver, statuses) if of_one_moment else None,
        )

    def proofs(self) -> ProofVerifier:
        """What verifies proofs, and nothing of who presents them, by the same trust root."""
        return ProofVerifier(
            trust_root=self._root,
            resolver=self._resolver,
            statuses=self._statuses,
            acceptance=TrustedIssuersAlone(self._root),
        )

    def rechecks(self) -> Rechecks:
        """What judges devices again that this verifier has admitted, without a new presentation."""
        return Rechecks(trust_root=self._root, resolver=self._resolver, statuses=self._statuses)

    def challenge(self, *, at: datetime, did: Did | None = None) -> Challenge:
        """A new challenge, for ``did`` alone if that is given; nothing is stored."""
        self.tally.challenge()
        return self._challenges.issue(at=at, did=did)

    def check_store(self) -> None:
        """Return if what it remembers can be read and written; raises as ``verifier.store``."""
        self._challenges.check_store()

    def kept_lists(self) -> tuple[int, datetime | None, datetime | None]:
        """How many status lists are kept; when the oldest and the newest were fetched."""
        return self._statuses.kept()

    def was_answered(self, challenge: Challenge) -> bool:
        """Whether somebody who has proven something has answered ``challenge``."""
        return self._challenges.was_used(challenge)

    def verify(
        self,
        presentation: bytes,
        *,
        challenge: Challenge,
        at: datetime,
        format: Format | None = None,  # noqa: A002 - the field's name
        trail: Trail | None = None,
    ) -> AuthenticatedDevice:
        """The device that answers ``challenge`` with ``presentation``.

        Args:
            presentation: As it arrived, in any format.
            challenge: The caller's own, which it has kept; ``admit`` is for one it has not kept.
            at: The moment of the decision: the clock, read once.
            format: The format that it must have; None to tell it from the bytes.
            trail: Filled with the steps as they are taken, for who wants them when this raises.

        Raises:
            Invalid, Refused, Undecided: With the step, one of ``verifier.decision.Check``.
        """
        return self.verify_all([(presentation, format)], challenge=challenge, at=at, trail=trail)

    @counted
    def verify_all(
        self,
        presentations: Sequence[tuple[bytes, Format | None]],
        *,
        challenge: Challenge,
        at: datetime,
        trail: Trail | None = None,
    ) -> AuthenticatedDevice:
        """As ``verify``, for an answer in several presentations, all of them by one device.

        ``presentations`` are each with the format that it must have, or None.
        """
        trail = Trail() if trail is None else trail
        parsed = [_parse(data, format_, trail) for data, format_ in presentations]
        if not parsed:
            with trail.step(Check.FORMAT):
                raise Invalid("invalid_presentation", "the answer holds no presentation")
        for each in parsed:
            with trail.step(Check.CHALLENGE) as found:
                found.facts.update({"audience": each.audience, "holder": each.holder.text})
                check_audience(challenge.audience, self.audience)
                _check_challenge(each, challenge, at)
                self._challenges.check_unused(challenge)
                found.facts["expires"] = format_time(challenge.expires)
        inquiry = Inquiry(self._root, self._resolver, at)
        proven = self._redeemed(self._prove(parsed, challenge, inquiry, trail))
        return self._concluded(proven, self._statuses)

    @counted
    def admit(
        self,
        presentation: bytes,
        *,
        at: datetime,
        format: Format | None = None,  # noqa: A002 - the field's name
        trail: Trail | None = None,
    ) -> AuthenticatedDevice:
        """As ``verify``, for the challenge that the presentation names.

        It must be one that this verifier, or another process with the same store, made.
        """
        trail = Trail() if trail is None else trail
        parsed = _parse(presentation, format, trail)
        check_unused = self._challenges.check_unused
        proven = self._admitted(parsed, at, trail, self._resolver, check_unused)
        return self._concluded(self._redeemed(proven), self._statuses)

    def admit_all(
        self, presentations: Sequence[tuple[bytes, Format | None]], *, at: datetime
    ) -> list[AuthenticatedDevice | Proven | KeybornError]:
        """As ``admit``, for many at once.

        What costs the same for one as for many is done once: the log is brought up to date, and
        the challenges are recorded, in one transaction. Nothing else is waited for, so that nobody
        waits for somebody else's issuer.

        Args:
            presentations: Each as it arrived, with the format that it must have, or None.
            at: The moment of the decisions.

        Returns:
            Of each, in their order: the device, or the error that ``admit`` would raise. Or, where
            something would have to be fetched, what is proven so far, for ``finish``.

        Raises:
            KeybornError: What concerns all of them: the log cannot be read, or the store.
        """
        try:
            outcomes = self._admit_all(presentations, at)
        except KeybornError as error:
            self.tally.failed(error, len(presentations))
            raise
        for outcome in outcomes:
            if isinstance(outcome, KeybornError):
                self.tally.failed(outcome)
            elif isinstance(outcome, AuthenticatedDevice):
                self.tally.accepted()
        return outcomes

    def _admit_all(
        self, presentations: Sequence[tuple[bytes, Format | None]], at: datetime
    ) -> list[AuthenticatedDevice | Proven | KeybornError]:
        outcomes: dict[int, AuthenticatedDevice | Proven | KeybornError] = {}
        parsed: dict[int, tuple[Presentation, Trail]] = {}
        for number, (data, format_) in enumerate(presentations):
            trail = Trail()
            try:
                parsed[number] = _parse(data, format_, trail), trail
            except KeybornError as error:
                outcomes[number] = error
        shown = [each for each, _ in parsed.values()]
        resolver = at_hand(self._resolver, [each.holder for each in shown])
        statuses = self._statuses.at_hand()
        check_unused = self._challenges.unused_among([each.challenge for each in shown])
        proven: dict[int, Proven] = {}
        for number, (each, trail) in parsed.items():
            try:
                proven[number] = self._admitted(each, at, trail, resolver, check_unused)
            except KeybornError as error:
                outcomes[number] = error
        challenges = [each.challenge for each in proven.values()]
        in_time = self._challenges.redeem_all(challenges, at=at) if challenges else []
        for (number, answer), use in zip(proven.items(), in_time, strict=True):
            try:
                with answer.trail.step(Check.SINGLE_USE):
                    check_first(use)
                outcomes[number] = self._concluded(answer, statuses)
            except KeybornError as error:
                outcomes[number] = error
            except NotAtHandError:
                outcomes[number] = answer
        return [outcomes[number] for number in range(len(presentations))]

    @counted
    def finish(self, proven: Proven) -> AuthenticatedDevice:
        """The device of an answer that ``admit_all`` left open, with all that is to be fetched."""
        inquiry = replace(proven.inquiry, resolver=self._resolver)
        return self._concluded(replace(proven, inquiry=inquiry), self._statuses)

    def verify_credential(
        self,
        credential: bytes,
        *,
        at: datetime,
        format: Format | None = None,  # noqa: A002 - the field's name
        trail: Trail | None = None,
    ) -> VerifiedCredential:
        """The credential that ``credential`` is, in any format, if it is to be believed.

        It says nothing of who hands it over: whoever has a copy can. Raises as ``verify``.
        """
        try:
            parsed = read_credential(credential, format)
        except KeybornError:
            with (Trail() if trail is None else trail).step(Check.FORMAT):
                raise
        usual = None if self._usual is None else self._usual.decide(parsed, at)
        if usual is not None:
            if trail is not None:
                trail.steps.extend(usual.steps)
            return VerifiedCredential(parsed, usual)
        trail = Trail() if trail is None else trail
        with trail.step(Check.FORMAT) as found:
            found.facts.update({"format": parsed.format.value, "credentials": 1})
        inquiry = Inquiry(self._root, self._resolver, at)
        CredentialChecks(inquiry, self._statuses, trail, holder=None).check(parsed, 0)
        if self._known is not None:
            self._known.learn(parsed, at)
        return VerifiedCredential(parsed, decision(inquiry, trail, self._digest))

    def _admitted(
        self,
        parsed: Presentation,
        at: datetime,
        trail: Trail,
        resolver: Resolver,
        check_unused: Callable[[Challenge], None],
    ) -> Proven:
        """Steps 2 to 4, for the challenge that the presentation names."""
        with trail.step(Check.CHALLENGE) as found:
            found.facts.update({"audience": parsed.audience, "holder": parsed.holder.text})
            challenge = self._challenges.recall(
                parsed.challenge, audience=parsed.audience, holder=parsed.holder, at=at
            )
            check_unused(challenge)
            found.facts["expires"] = format_time(challenge.expires)
        return self._prove([parsed], challenge, Inquiry(self._root, resolver, at), trail)

    def _prove(
        self,
        presentations: Sequence[Presentation],
        challenge: Challenge,
        inquiry: Inquiry,
        trail: Trail,
    ) -> Proven:
        """Steps 3 and 4."""
        holder, key = self._holder(presentations, inquiry, trail)
        return Proven(tuple(presentations), challenge, holder, key, inquiry, trail)

    def _redeemed(self, proven: Proven) -> Proven:
        """Step 5."""
        with proven.trail.step(Check.SINGLE_USE):
            self._challenges.redeem(proven.challenge, at=proven.inquiry.at)
        return proven

    def _concluded(self, proven: Proven, statuses: Statuses) -> AuthenticatedDevice:
        """Steps 6 and 7; where they cannot be taken now, the trail is as it was before them."""
        shown = [parsed.credentials for parsed in proven.presentations]
        return conclude(
            shown,
            holder=(proven.holder, proven.key),
            inquiry=proven.inquiry,
            statuses=statuses,
            trail=proven.trail,
            digest=self._digest,
        )

    def _holder(
        self, presentations: Sequence[Presentation], inquiry: Inquiry, trail: Trail
    ) -> tuple[KeybornDid, PublicKey]:
        """The one holder of ``presentations`` and its key, by steps 3 and 4 for each of them."""
        holders: list[tuple[KeybornDid, PublicKey]] = []
        for parsed in presentations:
            with trail.step(Check.HOLDER) as found:
                holder, key = registrable(parsed.holder), parsed.proof.method.key()
                check_key(holder, key, inquiry, found)
                holders.append((holder, key))
                _check_one_holder(holders)
            with trail.step(Check.PRESENTATION_SIGNATURE):
                parsed.proof.verify(key)
                _check_in_force(parsed, inquiry.at, self._root.policy.clock_skew)
        return holders[0]


def _parse(
    presentation: bytes,
    format: Format | None,  # noqa: A002 - the field's name
    trail: Trail,
) -> Presentation:
    with trail.step(Check.FORMAT) as found:
        parsed = read_presentation(presentation, format)
        found.facts["format"] = parsed.format.value
        found.facts["credentials"] = len(parsed.credentials)
        return parsed


def _check_challenge(parsed: Presentation, challenge: Challenge, at: datetime) -> None:
    check_audience(parsed.audience, challenge.audience)
    if parsed.challenge != challenge.nonce:
        raise Refused(
            "wrong_challenge",
            "the presentation answers another challenge",
            value=parsed.challenge,
            hint="present anew, for this challenge",
        )
    if challenge.did is not None and challenge.did.canonical != parsed.holder:
        raise Refused(
            "wrong_holder",
            "the challenge was made for another DID than the one that presents",
            value=parsed.holder.text,
            hint="present with the DID that the challenge names",
        )
    if at >= challenge.expires:
        raise expired()


def _check_one_holder(holders: Sequence[tuple[KeybornDid, PublicKey]]) -> None:
    if holders[-1] != holders[0]:
        raise Refused(
            "holders_differ",
            "the presentations of one answer are not all by the same holder",
            value=holders[-1][0].text,
            hint="have one device answer, with its own credentials",
        )


def _check_in_force(parsed: Presentation, at: datetime, skew: timedelta) -> None:
    begins, ends = parsed.proof.not_before, parsed.proof.expires
    if begins is not None and at < begins - skew:
        raise Refused(
            "presentation_not_yet_valid",
            "the presentation begins in the future, as its proof says",
            value=format_time(begins),
            hint="check the device's clock; it need not say when a presentation begins",
        )
    if ends is not None and at >= ends:
        raise Refused(
            "presentation_expired",
            "the presentation has ended, as its proof says",
            value=format_time(ends),
            hint="present anew",
        )
