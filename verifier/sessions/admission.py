"""Sessions are opened for devices that were admitted, looked at for each request, and closed.

A look takes these steps, in this order:

1. The token is of a session of this verifier that has not ended.
2. The device would be admitted now (``verifier.rechecks``), by status lists and a log that are as
   fresh as for any decision. Nothing that was decided before counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from did.errors import Invalid, KeybornError
from verifier.conclusion import AuthenticatedDevice
from verifier.rechecks import Shown, shown_by
from verifier.sessions.session import (
    LIFETIME,
    MAX_LIFETIME,
    STEP,
    Session,
    check_current,
    digest_of,
    ends,
    new_token,
    unknown,
)
from verifier.sessions.store import SessionStore
from verifier.verifier import Verifier


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A session that is open, of a device on which something has to be fetched to decide."""

    shown: Shown


class Sessions:
    """The sessions of one verifier.

    Args:
        verifier: Who decides; sessions are with it alone, by its audience.
        store: Where they are kept.
        lifetime: The longest that one may last.

    Raises:
        Invalid: ``invalid_session_lifetime``.
    """

    def __init__(
        self, verifier: Verifier, store: SessionStore, *, lifetime: timedelta = LIFETIME
    ) -> None:
        if not timedelta(seconds=1) <= lifetime <= MAX_LIFETIME:
            raise Invalid(
                "invalid_session_lifetime",
                f"a session lasts 1 to {int(MAX_LIFETIME.total_seconds())} seconds",
                step=STEP,
                value=int(lifetime.total_seconds()),
                hint="choose a shorter one; a device opens another session when it ends",
            )
        self._audience = verifier.audience
        self._rechecks = verifier.rechecks()
        self._store = store
        self._lifetime = lifetime

    def open(self, device: AuthenticatedDevice, *, at: datetime) -> tuple[str, datetime]:
        """A session of ``device``, durable when this returns: its token, and when it ends.

        Raises:
            Refused: ``credential_expired``.
        """
        token = new_token()
        expires = ends(device, self._lifetime, at=at)
        session = Session(digest_of(token), self._audience, shown_by(device), expires)
        self._store.add(session, at=at)
        return token, expires

    def look_all(
        self, digests: Sequence[bytes], *, at: datetime
    ) -> list[AuthenticatedDevice | Unfinished | KeybornError]:
        """Of each token, by its digest, the device whose session it is, if it is wanted now.

        Returns:
            In their order: the device, or why it may not pass; or, where something would have to
            be fetched, what ``finish`` takes. An error whose step is ``STEP`` is of the token.

        Raises:
            KeybornError: What concerns all of them: the store cannot be read.
        """
        found = self._store.find_all(set(digests))
        outcomes: dict[int, AuthenticatedDevice | Unfinished | KeybornError] = {}
        current: dict[int, Shown] = {}
        for number, digest in enumerate(digests):
            try:
                session = check_current(found.get(digest), self._audience, at=at)
                current[number] = session.shown
            except KeybornError as error:
                outcomes[number] = error
        judged = self._rechecks.check_all(list(current.values()), at=at) if current else []
        for (number, shown), outcome in zip(current.items(), judged, strict=True):
            outcomes[number] = Unfinished(shown) if outcome is None else outcome
        return [outcomes[number] for number in range(len(digests))]

    def finish(self, unfinished: Unfinished, *, at: datetime) -> AuthenticatedDevice:
        """The device of a session that ``look_all`` left open, with all that is to be fetched.

        Raises:
            Invalid, Refused, Undecided: It may not pass.
        """
        return self._rechecks.check(unfinished.shown, at=at)

    def close(self, digest: bytes) -> None:
        """End the session whose token has this digest, durably.

        Raises:
            Refused: ``unknown_session``.
        """
        if not self._store.remove(digest):
            raise unknown()
