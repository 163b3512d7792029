"""Granting credentials: the one transaction in which everything single-use is used.

A claim's places are taken by the first DIDs that prove possession, and each of them gets one
credential of each configuration. Repeating a request, with a fresh nonce, gives the credentials
that were granted, as the same bytes; so an answer that got lost costs nothing. Where the claim
needs approval, nonce and place are used all the same, and the answer is a transaction to come back
with (``issuer.deferral``).

Many requests are granted in one transaction: what the store says of all of them is read, each is
decided in turn and sees what those before it changed, and all that changes is written
(``issuer.books``). One that is refused changes nothing, and is no matter to the others.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row

from did.configurations import CredentialConfiguration
from did.errors import Conflict, Invalid, KeybornError, Unavailable
from did.identifier import KeybornDid
from did.jcs import canonicalize
from did.openid4vci import PROVISIONING_CONFIGURATION
from did.vc.status_list import MESSAGE
from issuer import books, claims, deferral, inventory
from issuer.books import Answer, Books, Effects
from issuer.claim import Claim
from issuer.credentials import issue, subject_of
from issuer.deferral import Deferred
from issuer.identity import Assertion, confirm
from issuer.inventory import Record
from issuer.notifications import answer_id
from issuer.possession import Possession, check_not_ended, nonce_over
from issuer.service import Issuer
from issuer.status_indexes import FreeEntry, TakenEntry, find_for_devices
from issuer.taking import denied, take
from issuer.tokens import Access
from issuer.wishes import Wish
from keyborn.faults import FaultPoint
from keyborn.storage import perform, reading

_DEVICE: Final = "device"
_NONCE: Final = "nonce"

_BEFORE_COMMIT: Final = FaultPoint("issuer.grant.before_commit")
_AFTER_COMMIT: Final = FaultPoint("issuer.grant.after_commit")


@dataclass(frozen=True, slots=True)
class Granted:
    """Credentials, one for each DID in the order in which its proofs came.

    Attributes:
        configuration: What they are.
        credentials: Each as the bytes of its format.
        notification: The notification id of this answer.
    """

    configuration: CredentialConfiguration
    credentials: tuple[bytes, ...]
    notification: str


def grant(
    issuer: Issuer,
    *,
    claim: str,
    configuration: CredentialConfiguration,
    possessions: Sequence[Possession],
    at: datetime,
) -> Granted | Deferred:
    """The credentials that ``claim`` gives the devices: to all of them, or to none.

    Args:
        issuer: Who grants.
        claim: The id that the access token is for.
        configuration: Which credential.
        possessions: Of the devices' DIDs, at least one.
        at: Now.

    Raises:
        Invalid: ``nonce_used`` (step ``nonce``).
        Refused: ``nonce_expired`` (step ``nonce``): whether it was used cannot be known any more.
        Refused: ``claim_cancelled``, ``claim_denied``, ``not_offered``, and as ``issuer.taking``.
        Conflict: ``device_revoked``, ``device_suspended``.
        Unavailable: ``rotation_pending``.
        Undecided: The log cannot be read.
    """
    return _one(issuer, Wish.proven(claim, configuration, possessions, at=at))


def collect(
    issuer: Issuer, *, access: Access, transaction: str, encrypted: bool, at: datetime
) -> Granted | Deferred:
    """What has become of a request that was deferred; as ``grant``.

    A transaction ends when its credentials are handed out. Should that answer get lost, a new
    request at the credential endpoint gives them again.

    Args:
        issuer: Who grants.
        access: What the access token is for.
        transaction: The transaction id.
        encrypted: Whether the answer will be.
        at: Now.

    Raises:
        Invalid: ``unknown_transaction`` (step ``transaction``).
        Refused: ``claim_cancelled``, ``claim_denied``, ``deactivated``; ``encryption_required``.
        Conflict: ``device_revoked``, ``device_suspended``.
        Unavailable: ``rotation_pending``.
        Undecided: The log cannot be read.
    """
    with reading(issuer.engine) as connection:
        asked = deferral.find(connection, transaction, access=access, encrypted=encrypted)
        found = _open(claims.find(connection, access.claim))
        pending = deferral.is_pending(found, asked.dids)
        known = inventory.find(connection, [did.text for did in asked.dids])
    for did in asked.dids:
        _refuse_stopped(known.get(did.text))
    if pending:
        return Deferred(transaction, issuer.approval_interval)
    check_not_ended(asked.dids, issuer.log)
    return _one(issuer, Wish(access.claim, asked.configuration, asked.dids, (), transaction, at))


def grant_all(issuer: Issuer, wishes: Sequence[Wish]) -> list[Granted | Deferred | KeybornError]:
    """What each of ``wishes`` is answered with, in one transaction: in their order, or an error.

    Where somebody else was quicker with something that happens once, nothing is written, and all
    are decided anew, by what there is then.

    Raises:
        KeybornError: What concerns all of them: no key to sign with, no store; as ``grant``.
    """
    assertion = issuer.identity.signing()

    def work(connection: Connection) -> list[Granted | Deferred | KeybornError]:
        outcomes = _decide_all(issuer, connection, assertion, wishes)
        _BEFORE_COMMIT.reached()
        return outcomes

    outcomes = perform(issuer.engine, work)
    _AFTER_COMMIT.reached()
    return outcomes


def _one(issuer: Issuer, wish: Wish) -> Granted | Deferred:
    (outcome,) = grant_all(issuer, [wish])
    if isinstance(outcome, KeybornError):
        raise outcome
    return outcome


def _decide_all(
    issuer: Issuer, connection: Connection, assertion: Assertion, wishes: Sequence[Wish]
) -> list[Granted | Deferred | KeybornError]:
    known = books.read(connection, wishes)
    issuer.eras.learn(known.era)
    desk = _Desk(
        issuer,
        assertion,
        _pending_rotation(connection, assertion),
        known,
        _free(issuer, connection, known, wishes),
    )
    outcomes: list[Granted | Deferred | KeybornError] = []
    decided: list[tuple[Wish, Effects]] = []
    for wish in wishes:
        try:
            outcome, effects = desk.decide(wish)
        except KeybornError as error:
            outcomes.append(error)
            continue
        known.enter(wish, effects)
        decided.append((wish, effects))
        outcomes.append(outcome)
    if decided:
        books.write(connection, known, decided)
    return outcomes


def _free(
    issuer: Issuer, connection: Connection, known: Books, wishes: Sequence[Wish]
) -> Iterator[tuple[FreeEntry, ...]]:
    """Free entries of status lists, for as many credentials as can come of ``wishes``."""
    most = len(
        {(wish.claim, did.text, wish.configuration.id) for wish in wishes for did in wish.dids}
        - known.credentials.keys()
    )
    return iter(find_for_devices(connection, most, url=issuer.url, terms=issuer.statuses))


@dataclass(frozen=True, slots=True)
class _Issued:
    """A credential with its ``validFrom``, and its entries of status lists."""

    secured: tuple[bytes, datetime]
    entries: Sequence[TakenEntry]


@dataclass(frozen=True, slots=True)
class _Desk:
    """Where wishes are decided, by the books of one transaction.

    Attributes:
        issuer: Who grants.
        assertion: The key that signs.
        pending: Why it does not any more, if it does not.
        books: What the store says.
        free: Entries of status lists that nobody has.
    """

    issuer: Issuer
    assertion: Assertion
    pending: Unavailable | None
    books: Books
    free: Iterator[tuple[FreeEntry, ...]]

    def decide(self, wish: Wish) -> tuple[Granted | Deferred, Effects]:
        """The answer to one wish, and what changes with it; raises as ``grant``."""
        if wish.transaction is not None and wish.transaction in self.books.over:
            raise deferral.unknown()
        if not all(map(self.books.era.admits, wish.nonces)):
            raise nonce_over()
        digests = wish.digests
        if not self.books.nonces.isdisjoint(digests):
            raise Invalid(
                "nonce_used",
                "the nonce was used before",
                step=_NONCE,
                hint="take a fresh c_nonce; to repeat a request is safe",
            )
        nonces = {digest: nonce.expires for digest, nonce in zip(digests, wish.nonces, strict=True)}
        claim = _open(self.books.claims.get(wish.claim))
        if wish.configuration.id not in claim.terms.configurations():
            raise denied("not_offered", f"the claim does not offer {wish.configuration.id}")
        places = take(claim, wish.dids, at=wish.at)
        claim = claim.with_holders((*claim.holders, *places))
        pending = deferral.is_pending(claim, wish.dids)
        for did in wish.dids:
            _refuse_stopped(self.books.devices.get(did.text))
        if pending:
            known = self.books.waiting.get(books.asked(wish))
            transaction = known or deferral.new_transaction()
            effects = Effects(nonces, places, begun=None if known else transaction)
            return Deferred(transaction, self.issuer.approval_interval), effects
        return self._grant(wish, claim, Effects(nonces, places))

    def _grant(self, wish: Wish, claim: Claim, used: Effects) -> tuple[Granted, Effects]:
        """The credentials that a claim gives; ``used`` is what the request uses up."""
        id_ = wish.configuration.id
        had = {did.text: self.books.credentials.get((claim.id, did.text, id_)) for did in wish.dids}
        new = [did for did in wish.dids if had[did.text] is None]
        if new and self.pending is not None:
            raise self.pending
        made = {did.text: self._issue(wish, claim, did) for did in new}
        texts = [did.text for did in wish.dids]
        all_ = {*self.books.granted[claim.id], *((text, id_) for text in made)}
        notification = answer_id(
            self.issuer.keys.notification, claim=claim.id, configuration=id_, dids=texts
        )
        effects = replace(
            used,
            ended=wish.transaction is not None,
            granted={(claim.id, text, id_): each.secured for text, each in made.items()},
            entries=[entry for each in made.values() for entry in each.entries],
            records=[
                Record(
                    text,
                    claim.terms,
                    provisioned=wish.configuration.kind == PROVISIONING_CONFIGURATION,
                    at=wish.at,
                )
                for text in made
            ],
            answer=Answer(notification, claim.id, id_, canonicalize(sorted(texts))),
            completed=bool(new) and claim.completed is None and claims.is_complete(claim, all_),
        )
        credentials = tuple(had[text] or made[text].secured[0] for text in texts)
        return Granted(wish.configuration, credentials, notification), effects

    def _issue(self, wish: Wish, claim: Claim, did: KeybornDid) -> _Issued:
        free = next(self.free)
        row = self.books.devices.get(did.text)
        said = None if row is None else row.message
        messages = self.issuer.statuses.messages
        entries = [
            TakenEntry(
                each,
                did=did.text,
                value=messages.index(said)
                if each.entry.purpose == MESSAGE and said in messages
                else 0,
            )
            for each in free
        ]
        subject = subject_of(wish.configuration.kind, did, self.issuer.log_id, claim.terms)
        secured = issue(
            wish.configuration,
            subject,
            self.assertion,
            statuses=[each.entry for each in free],
            at=wish.at,
        )
        return _Issued(secured, entries)


def _open(claim: Claim | None) -> Claim:
    if claim is None or claim.cancelled is not None:
        raise denied("claim_cancelled", "the claim was withdrawn")
    return claim


def _refuse_stopped(row: Row[Any] | None) -> None:
    try:
        inventory.refuse_stopped(row)
    except Conflict as error:
        raise error.at(_DEVICE) from error


def _pending_rotation(connection: Connection, assertion: Assertion) -> Unavailable | None:
    """Why nothing can be signed any more, if nothing can."""
    try:
        confirm(connection, assertion)
    except Unavailable as error:
        return error
    return None
