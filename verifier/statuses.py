"""Status lists: fetched where the trust root says, judged, kept, and never going back.

A list is fetched below the URL prefixes that the trust root has for the credential's issuer and
nowhere else, with no redirects. It is asked for anew when its ``ttl`` or the policy's
``max_status_age`` is over, or when its key is no longer its signer's current one; if it is said to
be unchanged (``ETag``, RFC 9110, section 13.1.2), the one that was kept is as good as fetched now.
A fetch has a limit of time as a whole, and few are under way at once (``verifier.status_fetches``).
Where none can be had, the one that was kept serves until it reaches ``max_status_age``. The highest
version (``validFrom``) seen for each URL is kept over restarts, and an older one is not accepted;
one that is of the future gives way, since a clock was wrong when it was kept (docs/adr/0031).
What is kept are the bits, unpacked, so that a decision reads and does not unpack.

A revocation or suspension that is set is a refusal; ``refresh`` and ``message`` are told, and
refuse nothing but where the policy says so. A list that cannot be had or does not count is
undecided. A purpose that the specification does not define could mean anything, also that the
credential is not to be accepted: it is refused.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

import httpx

from did.errors import KeybornError, Refused
from did.identifier import Did
from did.resolution import NotAtHandError, Resolution
from did.timestamps import MAX_CLOCK_SKEW, format_time
from did.vc.status_list import KNOWN_PURPOSES, MESSAGE, REVOCATION, SUSPENSION, Status, StatusEntry
from keyborn.client import Answer, request
from keyborn.client import connect as connect_http
from keyborn.clock import now
from verifier.status_fetches import StatusFetches
from verifier.status_standing import MAX_BYTES, Standing, StatusPendingError, undecided
from verifier.store import KeptList, Store
from verifier.trust_root import Policy, TrustedIssuer

_ATTEMPTS: Final = 3
DEADLINE: Final = 10.0  # seconds for a list, from the look-up of its host on
_ACCEPT: Final = (
    "application/vc, application/vc+jwt;q=0.9, application/vc+cose;q=0.9, application/json;q=0.5"
)
_NONE: Final[Mapping[str, str]] = MappingProxyType({})
_ETAG: Final = re.compile(r'(W/)?"[\x21\x23-\x7e]{0,256}"', re.ASCII)


@dataclass(frozen=True, slots=True)
class FoundStatus:
    """What the list says, and the list, as it was kept."""

    status: Status
    kept: KeptList


class Statuses:
    """The status lists of the issuers on a trust root."""

    def __init__(
        self, *, store: Store, connect: Callable[[str], httpx.Client] | None = connect_http
    ) -> None:
        """Use what ``store`` has kept, and fetch by ``connect``.

        None: nothing is fetched, and each list is as it was kept when it was first asked for.
        """
        self._store = store
        self._connect = connect
        self._at_hand: dict[str, KeptList] = {}
        self._clients: dict[str, httpx.Client] = {}  # by URL prefix
        self._fetches = StatusFetches()

    def at_hand(self) -> "Statuses":
        """The lists that need not be fetched: what would have to be is ``NotAtHandError``."""
        return Statuses(store=self._store, connect=None)

    def kept(self) -> tuple[int, datetime | None, datetime | None]:
        """As ``Store.kept_lists``."""
        return self._store.kept_lists()

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            client.close()

    def check(
        self,
        entry: StatusEntry,
        *,
        issuer: TrustedIssuer,
        resolve: Callable[[Did], Resolution],
        policy: Policy,
        at: datetime,
    ) -> FoundStatus:
        """What the list of ``entry`` says of it, if it says neither revoked nor suspended.

        Args:
            entry: Of the credential in question, whose signature has been verified.
            issuer: The credential's issuer, on the trust root.
            resolve: What the log says of who signs lists, fresh.
            policy: For freshness, finality and clocks.
            at: The moment of the decision.

        Raises:
            Refused: ``revoked``, ``suspended``, ``message_refused``; ``status_not_trusted``, no
                prefix covers the URL; ``status_purpose_unknown``.
            Undecided: ``status_unavailable``, ``status_stale``, ``status_rolled_back``,
                ``status_key_not_current``, as ``Standing.read``, or as ``resolve``.
            Invalid: ``status_index_out_of_range``.
        """
        if entry.purpose not in KNOWN_PURPOSES:
            raise Refused(
                "status_purpose_unknown",
                "the credential has a status whose purpose is not known here",
                value=entry.purpose,
                hint=f"have it issued with none but {', '.join(KNOWN_PURPOSES)}",
            )
        prefix = issuer.status_prefix(entry.list_url)
        if prefix is None:
            raise Refused(
                "status_not_trusted",
                "the credential's status list is not where the trust root says its issuer's are",
                value=entry.list_url,
                hint="if it is the issuer's, add its URL to the issuer's status in the trust root",
            )
        standing = Standing(issuer, resolve, policy, at)
        kept = self._kept(entry.list_url)
        if kept is None or not standing.serves(kept):
            kept = self._renew(prefix, kept, entry, standing)
        status = standing.status(kept, entry)
        if status.value and entry.purpose in (REVOCATION, SUSPENSION):
            raise _set(status, kept)
        if entry.purpose == MESSAGE and status.message in policy.refused_messages:
            raise Refused(
                "message_refused",
                "the status list says of the credential what the policy does not accept",
                value=status.message,
                hint="see refused_messages in the trust root's policy; its issuer can say another",
            )
        return FoundStatus(status, kept)

    def at_once(self, url: str) -> KeptList | None:
        """The list at ``url``, if it is kept; whether it counts is another matter."""
        return self._kept(url)

    def _kept(self, url: str) -> KeptList | None:
        if url in self._at_hand:
            return self._at_hand[url]
        kept = self._store.status_list(url)
        if kept is not None and self._connect is None:
            self._at_hand[url] = kept
        return kept

    def _renew(
        self, prefix: str, kept: KeptList | None, entry: StatusEntry, standing: Standing
    ) -> KeptList:
        if self._connect is None:
            raise NotAtHandError
        try:
            with self._fetches.turn(prefix, entry.list_url):
                by_now = self._store.status_list(entry.list_url)  # who was before may have had it
                if by_now is not None and standing.serves(by_now):
                    return by_now
                return self._newest(prefix, by_now, entry, standing)
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

    def _newest(
        self, prefix: str, kept: KeptList | None, entry: StatusEntry, standing: Standing
    ) -> KeptList:
        """Fetch a list and keep it.

        One that is older than what is kept may only have been overtaken on its way, by the answer
        to another decision's question; so it is asked for again before it counts as a roll-back.
        """
        condition = _NONE
        if kept is not None and kept.etag is not None and standing.may_be_confirmed(kept):
            condition = {"if-none-match": kept.etag}
        for _ in range(_ATTEMPTS):
            answer = self._fetch(prefix, entry.list_url, condition)
            condition = _NONE
            if kept is not None and answer.status == HTTPStatus.NOT_MODIFIED:
                new = standing.confirmed(kept, entry)
                if self._store.renew_status_list(new):
                    return new
            else:
                new = standing.read(answer.body, entry, _etag(answer))
                # By the clock of now, not the decision's: it may have waited, or be of the past.
                latest = max(standing.at, now()) + MAX_CLOCK_SKEW
                if self._store.keep_status_list(new, latest=latest):
                    return new
        raise undecided(
            "status_rolled_back",
            "the status list is older than one that was seen before",
            format_time(new.version),
            hint="somebody on the way serves an old list, or the issuer restored an old state",
        )

    def _fetch(self, prefix: str, url: str, condition: Mapping[str, str]) -> Answer:
        assert self._connect is not None  # or it would not have come to this
        if prefix not in self._clients:
            # Two threads may get here at once; a client that was not used yet holds nothing open.
            self._clients.setdefault(prefix, self._connect(prefix))
        try:
            return request(
                self._clients[prefix],
                "GET",
                url,
                step="status",
                headers={"accept": _ACCEPT, **condition},
                max_bytes=MAX_BYTES,
                deadline=DEADLINE,
            )
        except KeybornError as error:
            raise StatusPendingError(
                undecided(
                    "status_unavailable",
                    f"the status list cannot be fetched: {error.message}",
                    url,
                    hint="see that the issuer's status service can be reached from here",
                )
            ) from error


def _etag(answer: Answer) -> str | None:
    given = answer.headers.get("etag", "")
    return given if _ETAG.fullmatch(given) else None


def _set(status: Status, kept: KeptList) -> Refused:
    version = format_time(kept.version)
    if status.purpose == REVOCATION:
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
