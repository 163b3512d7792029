"""What the store says of all that a group of wishes is about, and what changes with them.

It is read with one statement for each table, however many wishes there are; changed in memory as
they are decided, one after the other, so that each sees what those before it in the group did; and
written with one statement for each table. What must happen once is held by the store's constraints:
where somebody else was quicker, a write fails, and with it the whole transaction.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from did.jcs import canonicalize
from issuer import claims, inventory, status_indexes
from issuer.claim import Claim, Holder
from issuer.inventory import Record
from issuer.possession import NONCE_LIFETIME
from issuer.status_indexes import TakenEntry
from issuer.store import answers, grants, holders, settings, transactions, used_nonces
from issuer.wishes import Wish
from keyborn.storage import Era, settle

# Built once: to build a statement takes as long as to run it.
_USED: Final = select(used_nonces.c.digest).where(
    used_nonces.c.digest.in_(bindparam("digests", expanding=True))
)
_KNOWN_ANSWERS: Final = select(answers.c.notification).where(
    answers.c.notification.in_(bindparam("notifications", expanding=True))
)
_NEW: Final = {
    table.name: insert(table) for table in (used_nonces, holders, transactions, grants, answers)
}

Granted = tuple[str, str, str]  # claim, DID, configuration id
Asked = tuple[str, str, bytes]  # claim, configuration id, DIDs as canonical JSON


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with credentials, by its notification id."""

    notification: str
    claim: str
    configuration: str
    dids: bytes


@dataclass(frozen=True, slots=True)
class Effects:
    """What one wish changes.

    Attributes:
        nonces: Digests of the nonces that it uses, by when these expire.
        holders: The places of its claim that it takes.
        begun: The transaction that it is deferred with, if it is.
        ended: Whether it ends the transaction that it names.
        granted: New credentials, each with its ``validFrom``.
        entries: The entries of status lists that these have.
        records: What is known of their devices from now on.
        answer: What it is answered with, if with credentials.
        completed: Whether its claim is completed with it.
    """

    nonces: Mapping[bytes, datetime]
    holders: Sequence[Holder] = ()
    begun: str | None = None
    ended: bool = False
    granted: Mapping[Granted, tuple[bytes, datetime]] = field(default_factory=dict)
    entries: Sequence[TakenEntry] = ()
    records: Sequence[Record] = ()
    answer: Answer | None = None
    completed: bool = False


@dataclass(slots=True)
class Books:
    """What the store says, changed by what was decided.

    Attributes:
        era: Which nonces count.
        nonces: Digests of the nonces that were used.
        claims: By id, those that there are.
        granted: By claim, to which DID which configuration was granted.
        credentials: Those that were granted to the DIDs in question, as the bytes of their format.
        devices: The rows of the devices in question that are known, by DID.
        waiting: Transaction ids of what was asked for under claims that need approval.
        over: Transactions that have ended, of those that wishes name.
    """

    era: Era
    nonces: set[bytes]
    claims: dict[str, Claim]
    granted: dict[str, set[tuple[str, str]]]
    credentials: dict[Granted, bytes]
    devices: Mapping[str, Row[Any]]
    waiting: dict[Asked, str]
    over: set[str]

    def enter(self, wish: Wish, effects: Effects) -> None:
        """Have those who come next see what ``wish`` changes."""
        self.nonces.update(effects.nonces)
        claim = self.claims[wish.claim]
        if effects.holders:
            held = sorted((*claim.holders, *effects.holders), key=lambda each: each.place)
            self.claims[wish.claim] = claim.with_holders(tuple(held))
        if effects.begun is not None:
            self.waiting[asked(wish)] = effects.begun
        if effects.ended and wish.transaction is not None:
            self.over.add(wish.transaction)
        for (claim_, did, configuration), (credential, _) in effects.granted.items():
            self.granted[claim_].add((did, configuration))
            self.credentials[claim_, did, configuration] = credential


def asked(wish: Wish) -> Asked:
    """What of a wish names its transaction, where it is deferred.

    The order of the DIDs is a part of it: it is that of the credentials that come of it.
    """
    dids = canonicalize([did.text for did in wish.dids])
    return wish.claim, wish.configuration.id, dids


def read(connection: Connection, wishes: Sequence[Wish]) -> Books:
    """What the store says of all that ``wishes`` are about, in this transaction."""
    ids = list(dict.fromkeys(wish.claim for wish in wishes))
    dids = list(dict.fromkeys(did.text for wish in wishes for did in wish.dids))
    found = claims.find_all(connection, ids)
    granted = claims.granted(connection, ids)
    served = {did for each in granted.values() for did, _ in each}.intersection(dids)
    awaited = [id_ for id_, claim in found.items() if claim.terms.approval]
    named = [wish.transaction for wish in wishes if wish.transaction is not None]
    moment = min(wish.at for wish in wishes)
    return Books(
        era=settle(connection, settings, used_nonces, at=moment, lifetime=NONCE_LIFETIME),
        nonces=_used(connection, [digest for wish in wishes for digest in wish.digests]),
        claims=found,
        granted=granted,
        credentials=_credentials(connection, ids, served) if served else {},
        devices=inventory.find(connection, dids),
        waiting=_waiting(connection, awaited) if awaited else {},
        over=_over(connection, named) if named else set(),
    )


def write(connection: Connection, books: Books, decided: Sequence[tuple[Wish, Effects]]) -> None:
    """Write what was decided by ``books``, in the transaction in which these were read.

    Raises:
        IntegrityError: Somebody else was quicker with something that happens once.
    """
    rows = _rows(decided)
    rows[used_nonces.name].sort(key=lambda row: row["digest"])  # so that no two groups wait for
    for table in (used_nonces, holders, transactions):  # each other
        if rows[table.name]:
            connection.execute(_NEW[table.name], rows[table.name])
    _end(connection, [wish for wish, effects in decided if effects.ended])
    records = _newest(effects.records for _, effects in decided)
    if records:
        inventory.record(connection, records, known=books.devices.keys())
    status_indexes.take(connection, [each for _, effects in decided for each in effects.entries])
    if rows[grants.name]:
        connection.execute(_NEW[grants.name], rows[grants.name])
    _answer(connection, [effects for _, effects in decided])
    done = {wish.claim: wish.at for wish, effects in decided if effects.completed}
    if done:
        claims.mark_completed(connection, done)


def _used(connection: Connection, digests: Sequence[bytes]) -> set[bytes]:
    return set(connection.execute(_USED, {"digests": digests}).scalars())


def _credentials(
    connection: Connection, ids: Sequence[str], dids: Collection[str]
) -> dict[Granted, bytes]:
    query = select(grants.c.claim, grants.c.did, grants.c.configuration, grants.c.credential)
    mine = query.where(grants.c.claim.in_(ids), grants.c.did.in_(dids))
    return {
        (row.claim, row.did, row.configuration): bytes(row.credential)
        for row in connection.execute(mine)
    }


def _waiting(connection: Connection, ids: Sequence[str]) -> dict[Asked, str]:
    query = select(transactions).where(transactions.c.claim.in_(ids))
    return {
        (row.claim, row.configuration, bytes(row.dids)): row.id for row in connection.execute(query)
    }


def _over(connection: Connection, ids: Sequence[str]) -> set[str]:
    query = select(transactions.c.id).where(
        transactions.c.id.in_(ids), transactions.c.collected.is_not(None)
    )
    return set(connection.execute(query).scalars())


def _rows(decided: Sequence[tuple[Wish, Effects]]) -> dict[str, list[dict[str, Any]]]:
    """New rows, by the name of their table."""
    rows: dict[str, list[dict[str, Any]]] = {
        table.name: [] for table in (used_nonces, holders, transactions, grants)
    }
    for wish, effects in decided:
        moment = int(wish.at.timestamp())
        rows[used_nonces.name] += [
            {"digest": digest, "expires": int(expires.timestamp())}
            for digest, expires in effects.nonces.items()
        ]
        rows[holders.name] += [
            {"claim": wish.claim, "place": each.place, "did": each.did, "taken": moment}
            for each in effects.holders
        ]
        if effects.begun is not None:
            claim, configuration, dids = asked(wish)
            rows[transactions.name].append(
                {
                    "id": effects.begun,
                    "claim": claim,
                    "configuration": configuration,
                    "dids": dids,
                    "created": moment,
                }
            )
        rows[grants.name] += [
            {
                "claim": claim,
                "did": did,
                "configuration": configuration,
                "credential": credential,
                "valid_from": int(valid_from.timestamp()),
                "granted": moment,
            }
            for (claim, did, configuration), (credential, valid_from) in effects.granted.items()
        ]
    return rows


def _end(connection: Connection, wishes: Sequence[Wish]) -> None:
    """Note that the credentials of transactions are handed out."""
    if wishes:
        connection.execute(
            update(transactions)
            .where(transactions.c.id == bindparam("which"))
            .values(collected=bindparam("moment")),
            [{"which": each.transaction, "moment": int(each.at.timestamp())} for each in wishes],
        )


def _newest(records: Iterable[Sequence[Record]]) -> list[Record]:
    """Of each device one record: its newest terms, and whether any of them provisioned it."""
    newest: dict[str, Record] = {}
    for each in chain.from_iterable(records):
        before = newest.get(each.did)
        provisioned = each.provisioned or (before is not None and before.provisioned)
        newest[each.did] = replace(each, provisioned=provisioned)
    return list(newest.values())


def _answer(connection: Connection, effects: Sequence[Effects]) -> None:
    """Keep what was answered; an answer that grants nothing new may be known."""
    made = {each.answer.notification: each.answer for each in effects if each.answer is not None}
    repeats = [each.answer.notification for each in effects if each.answer and not each.granted]
    if repeats:
        for known in connection.execute(_KNOWN_ANSWERS, {"notifications": repeats}).scalars():
            made.pop(known, None)
    if made:
        connection.execute(_NEW[answers.name], [_row(each) for each in made.values()])


def _row(answer: Answer) -> dict[str, Any]:
    return {
        "notification": answer.notification,
        "claim": answer.claim,
        "configuration": answer.configuration,
        "dids": answer.dids,
    }
