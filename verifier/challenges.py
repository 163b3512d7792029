"""Challenges: they cost nothing to give out, and are answered once.

A challenge is random bytes and an expiry under a MAC, bound to this purpose, to the verifier's
audience and, where it is known, to the DID that may answer. Nothing is stored until a holder has
proven something: then it is recorded as used, by a unique constraint that all processes share.
"""

import hashlib
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from did.challenge import Challenge
from did.errors import Invalid, Refused
from did.identifier import Did
from did.jcs import canonicalize
from did.nonce import Nonce, mint, recognise
from keyborn.chaos import Chaos
from verifier.store import Store, Use

LIFETIME: Final = timedelta(seconds=120)

_PURPOSE: Final = "keyborn verifier challenge"
_NEVER: Final = datetime.max.replace(tzinfo=UTC)  # as long as the calendar goes
_WHENEVER: Final = datetime.fromtimestamp(0, UTC)  # before anything expires


class ChallengeBook:
    """The challenges of one verifier.

    Attributes:
        audience: The verifier's name, a URL: what its challenges are for.
    """

    def __init__(
        self,
        *,
        store: Store,
        audience: str,
        lifetime: timedelta = LIFETIME,
        chaos: Chaos | None = None,
    ) -> None:
        if not audience:
            raise Invalid(
                "invalid_audience",
                "a verifier needs a name, its URL",
                hint="give its URL as audience",
            )
        self.audience = audience
        self._store = store
        self._lifetime = lifetime
        self._chaos = chaos
        self._key = store.challenge_key()

    def called(self, audience: str) -> "ChallengeBook":
        """The challenges of the same verifier under another name, in the same store."""
        return ChallengeBook(
            store=self._store, audience=audience, lifetime=self._lifetime, chaos=self._chaos
        )

    def check_store(self) -> None:
        """Return if it can be remembered which are used; raises as ``verifier.store``."""
        self._store.check()

    def issue(self, *, at: datetime, did: Did | None = None) -> Challenge:
        """A new challenge; for ``did`` alone, if that is given (in either form)."""
        who = None if did is None else did.canonical
        nonce = mint(
            self._key,
            purpose=_PURPOSE,
            context=self._context(who),
            expires=at + self._lifetime,
            era=self._store.era(),
        )
        return Challenge(nonce.text, self.audience, nonce.expires, who)

    def recall(self, nonce: str, *, audience: str, holder: Did, at: datetime) -> Challenge:
        """The challenge that a presentation by ``holder`` names, which must be one of ours.

        Args:
            nonce: The presentation's ``challenge``.
            audience: Its ``domain``.
            holder: Who presents.
            at: Now.

        Raises:
            Refused: ``wrong_audience``, ``challenge_expired``.
            Invalid: ``unknown_challenge``: not made here, or for another DID.
        """
        check_audience(audience, self.audience)
        found = self._recall(nonce, holder, at)
        if self._chaos is not None and self._chaos.refuses_nonce():
            raise expired()
        return found

    def _recall(self, nonce: str, holder: Did, at: datetime) -> Challenge:
        try:
            free = self._recognise(nonce, None, at)
            if free is not None:
                return Challenge(nonce, self.audience, free.expires)
            bound = self._recognise(nonce, holder.canonical, at)
        except Refused as error:
            raise expired() from error
        if bound is None:
            raise Invalid(
                "unknown_challenge",
                "the challenge was not made by this verifier, or for another DID",
                value=nonce,
                hint="ask this verifier for a challenge, and answer it with the same DID",
            )
        return Challenge(nonce, self.audience, bound.expires, holder.canonical)

    def was_used(self, challenge: Challenge) -> bool:
        """Whether somebody has answered it."""
        return bool(self._store.used_among([_digest(challenge.audience, challenge.nonce)]))

    def check_unused(self, challenge: Challenge) -> None:
        """Return if nobody has answered it yet; raises ``Refused`` (``challenge_used``)."""
        if self.was_used(challenge):
            raise _used()

    def unused_among(self, nonces: Collection[str]) -> Callable[[Challenge], None]:
        """``check_unused`` as of now, for challenges of ours with these nonces."""
        digests = [_digest(self.audience, nonce) for nonce in nonces]
        used = self._store.used_among(digests) if digests else frozenset()

        def check(challenge: Challenge) -> None:
            if used and _digest(challenge.audience, challenge.nonce) in used:
                raise _used()

        return check

    def redeem(self, challenge: Challenge, *, at: datetime) -> None:
        """Record it as used, durably, before this returns.

        Raises:
            Refused: ``challenge_used``: somebody was first; ``challenge_expired``.
        """
        (use,) = self.redeem_all([challenge], at=at)
        check_first(use)

    def redeem_all(self, challenges: Sequence[Challenge], *, at: datetime) -> list[Use]:
        """Record them as used, all at once and durably; what came of each.

        Of two that are the same, the second comes too late.
        """
        uses = [
            (_digest(challenge.audience, challenge.nonce), self._spent(challenge))
            for challenge in challenges
        ]
        return self._store.use_all(uses, at=at, lifetime=self._lifetime)

    def _spent(self, challenge: Challenge) -> Nonce:
        """What is used up; one that somebody else has made stays so for good, in every era."""
        ours = self._recognise(challenge.nonce, challenge.did, _WHENEVER)
        return ours or Nonce(challenge.nonce, _NEVER, self._store.era())

    def _recognise(self, text: str, did: Did | None, at: datetime) -> Nonce | None:
        try:
            return recognise(self._key, text, purpose=_PURPOSE, context=self._context(did), at=at)
        except Invalid:
            return None

    def _context(self, did: Did | None) -> bytes:
        return canonicalize([self.audience, None if did is None else did.text])


def check_audience(found: str, due: str) -> None:
    """Return if a presentation's ``domain`` is this verifier's audience, exactly.

    Raises:
        Refused: ``wrong_audience``.
    """
    if found != due:
        raise Refused(
            "wrong_audience",
            f"the presentation was made for another verifier than {due}",
            value=found,
            hint="present to the verifier that the challenge came from",
        )


def expired() -> Refused:
    """The refusal of a challenge that has ended."""
    return Refused("challenge_expired", "the challenge has expired", hint="ask for a new challenge")


def check_first(use: Use) -> None:
    """Return if whoever answers a challenge is the first to do so, as ``redeem_all`` tells.

    Raises:
        Refused: ``challenge_used``, ``challenge_expired``.
    """
    if use is Use.OVER:
        raise expired()
    if use is Use.REPEATED:
        raise _used()


def _used() -> Refused:
    return Refused(
        "challenge_used",
        "the challenge was answered before; a presentation counts once",
        hint="ask for a new challenge",
    )


def _digest(audience: str, nonce: str) -> bytes:
    return hashlib.sha256(canonicalize([audience, nonce])).digest()
