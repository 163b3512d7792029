"""Resolvers by method: did:keyborn by the one log, did:key by itself, did:web by its host.

There is one of each at the most, and never a second to fall through to: a DID that the log does
not hold is not registered.
"""

from collections.abc import Collection
from datetime import datetime

from did.errors import Invalid
from did.identifier import Did, KeybornDid, KeyDid
from did.resolution import AtHand, Resolution, Resolver, resolve_offline
from ledger.resolving.web import KeptDocuments, WebResolver


class MethodResolver:
    """The resolver of several methods. Implements ``did.resolution.Resolver``.

    Args:
        log: Of the one log that is pinned; None where no log was named.
        web: For did:web; None where it is not to be resolved.
    """

    def __init__(
        self, log: Resolver | None, web: WebResolver | KeptDocuments | None = None
    ) -> None:
        self._log = log
        self._web = web

    def at_hand(self, dids: Collection[Did] = ()) -> Resolver:
        """As ``did.resolution.AtHand``."""
        log = self._log.at_hand(dids) if isinstance(self._log, AtHand) else self._log
        return MethodResolver(log, None if self._web is None else self._web.at_hand())

    def resolve(
        self, did: Did, *, at: str | datetime | None = None, fresh: bool = False
    ) -> Resolution:
        """What is known of ``did``.

        Args:
            did: Which DID.
            at: As ``did.resolution.Resolver``.
            fresh: Whether a did:web is fetched even if it was lately. The log always is.

        Raises:
            Invalid: ``method_not_supported``: there is no resolver for its method here.
            KeybornError: As the resolver of its method.
        """
        if isinstance(did, KeyDid):
            resolution = resolve_offline(did)
            return resolution if at is None else resolution.at(at)
        if isinstance(did, KeybornDid):
            if self._log is not None:
                return self._log.resolve(did, at=at)
        elif self._web is not None:
            resolution = self._web.resolve(did, fresh=fresh)
            return resolution if at is None else resolution.at(at)
        raise Invalid(
            "method_not_supported",
            "DIDs of this method are not resolved here",
            value=did.text,
            hint="name a log for did:keyborn; enable did:web, where it is wanted",
        )
