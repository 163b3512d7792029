"""Status lists: fetched where the trust root says, judged, kept, and never going back.

A list is fetched below the URL prefixes that the trust root has for the credential's issuer and
nowhere else, with no redirects. It is fetched anew when its ``ttl`` or the policy's
``max_status_age`` is over, or when its key is no longer its issuer's current one. Where that does
not succeed, the one that was kept serves until it reaches ``max_status_age``. The highest version
(``validFrom``) seen for each URL is kept over restarts, and an older one is not accepted.

Only a bit that is set is a refusal; a list that cannot be had or does not count is undecided.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

import httpx

from did.errors import KeybornError, Refused
from did.resolution import Resolution
from did.timestamps import format_time
from did.vc.status_list import PURPOSES, REVOCATION, StatusEntry, is_set
from keyborn.client import connect as connect_http
from keyborn.client import request
from verifier.status_standing import (
    MAX_BYTES,
    Standing,
    StatusPendingError,
    check_purpose,
    undecided,
)
from verifier.store import KeptList, Store
from verifier.trust_root import Policy, TrustedIssuer

_ATTEMPTS: Final = 3


class Statuses:
    """The status lists of the issuers on a trust root."""

    def __init__(
        self, *, store: Store, connect: Callable[[str], httpx.Client] = connect_http
    ) -> None:
        self._store = store
        self._connect = connect
        self._clients: dict[str, httpx.Client] = {}  # by URL prefix

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            client.close()

    def check(
        self,
        entry: StatusEntry,
        *,
        issuer: TrustedIssuer,
        resolution: Resolution,
        policy: Policy,
        at: datetime,
    ) -> KeptList:
        """Return the list in which ``entry`` is not set.

        Args:
            entry: Of the credential in question, whose signature has been verified.
            issuer: The credential's issuer, on the trust root.
            resolution: Of that issuer, fresh.
            policy: For freshness, finality and clocks.
            at: The moment of the decision.

        Raises:
            Refused: ``revoked``, ``suspended``; ``status_not_trusted``, no prefix covers the URL;
                ``status_purpose_unknown``.
            Undecided: ``status_unavailable``, ``status_stale``, ``status_rolled_back``,
                ``status_key_not_current``, or as ``Standing.read``.
            Invalid: ``status_index_out_of_range``.
        """
        if entry.purpose not in PURPOSES:
            raise Refused(
                "status_purpose_unknown",
                "the credential has a status whose purpose is not known here",
                value=entry.purpose,
                hint="have it issued with revocation and suspension alone",
            )
        prefix = issuer.status_prefix(entry.list_url)
        if prefix is None:
            raise Refused(
                "status_not_trusted",
                "the credential's status list is not where the trust root says its issuer's are",
                value=entry.list_url,
                hint="if it is the issuer's, add its URL to the issuer's status in the trust root",
            )
        standing = Standing(issuer, resolution, policy, at)
        kept = self._store.status_list(entry.list_url)
        if kept is None or not standing.serves(kept):
            kept = self._renew(prefix, kept, entry, standing)
        check_purpose(kept.purpose, entry)
        if is_set(kept.bits, entry.index):
            raise _set(entry, kept)
        return kept

    def _renew(
        self, prefix: str, kept: KeptList | None, entry: StatusEntry, standing: Standing
    ) -> KeptList:
        try:
            return self._newest(prefix, entry, standing)
        except StatusPendingError as pending:
            if kept is None:
                raise pending.error from pending
            if not standing.is_young(kept):
                raise undecided(
                    "status_stale",
                    f"the status list that was kept is too old, and {pending.error.message}",
                    format_time(kept.fetched),
                    hint=pending.error.hint,
                ) from pending
            return kept

    def _newest(self, prefix: str, entry: StatusEntry, standing: Standing) -> KeptList:
        """Fetch a list and keep it.

        One that is older than what is kept may only have been overtaken on its way, by the answer
        to another decision's question; so it is asked for again before it counts as a roll-back.
        """
        for _ in range(_ATTEMPTS):
            new = standing.read(self._fetch(prefix, entry.list_url), entry)
            if self._store.keep_status_list(new):
                return new
        raise undecided(
            "status_rolled_back",
            "the status list is older than one that was seen before",
            format_time(new.version),
            hint="somebody on the way serves an old list, or the issuer restored an old state",
        )

    def _fetch(self, prefix: str, url: str) -> bytes:
        if prefix not in self._clients:
            # Two threads may get here at once; a client that was not used yet holds nothing open.
            self._clients.setdefault(prefix, self._connect(prefix))
        headers = {"accept": "application/vc, application/json"}
        try:
            return request(
                self._clients[prefix],
                "GET",
                url,
                step="status",
                headers=headers,
                max_bytes=MAX_BYTES,
            ).body
        except KeybornError as error:
            raise StatusPendingError(
                undecided(
                    "status_unavailable",
                    f"the status list cannot be fetched: {error.message}",
                    url,
                    hint="see that the issuer's status service can be reached from here",
                )
            ) from error


def _set(entry: StatusEntry, kept: KeptList) -> Refused:
    version = format_time(kept.version)
    if entry.purpose == REVOCATION:
        return Refused(
            "revoked",
            f"the credential is revoked, says its status list of {version}",
            hint="the device needs a new credential from its issuer",
        )
    return Refused(
        "suspended",
        f"the credential is suspended, says its status list of {version}",
        hint="its issuer can reinstate it",
    )
