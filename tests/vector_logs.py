"""Logs for the test vectors: lives, and everything that has no effect."""

import hashlib
from dataclasses import replace

from actors import Actor, actor
from operations import Life, batch, create
from vector_parts import AFTER, ALPHA, BETA, LOG, NOT_CANONICAL, OTHER_LOG, Log, signed

from did.identifier import Genesis
from ledger.operations import (
    Create,
)
from ledger.state import apply


def lives() -> list[Log]:
    life, other = Life(ALPHA, LOG), Life(BETA, LOG)
    whole = (
        Log("a life: created, rotated twice, deactivated")
        .add(life.create(), other.create())
        .add(life.rotate())
        .add(life.rotate(), other.rotate())
        .add(life.deactivate())
    )
    life = Life(ALPHA, LOG)
    at_once = Log("all of a life in one batch, in the order of the updates").add(
        life.create(), life.rotate(), life.rotate(), life.deactivate()
    )
    life = Life(ALPHA, LOG)
    first, rotation = life.create(), life.rotate()
    void = (
        Log("void batches between")
        .add_bytes(b"")
        .add(first)
        .add_bytes(batch(rotation) + b"\0", "void: the rotation in it has no effect")
        .add_bytes(bytes(200))
        .add(rotation)
        .add()
    )
    twins = [replace_next(ALPHA, name) for name in ("one", "two")]
    shared = Log("two DIDs with one key").add(*twins)
    bad = [
        Create(Genesis(key, ALPHA.did.genesis.next))  # type: ignore[union-attr]
        for key in (bytes(32), b"\xff" * 32, NOT_CANONICAL)
    ]
    no_keys = Log("created with bytes that are no key").add(
        *bad, note="a create does not fail on its key"
    )
    rescued = Life(ALPHA, LOG)
    rescued.state = apply(None, bad[0], LOG)
    no_keys.add(rescued.rotate(), note="rotated to one that is")
    return [Log("an empty log"), whole, at_once, void, shared, no_keys]


def replace_next(born: Actor, name: str) -> Create:
    next_key = actor(name).next_key.public_key()
    return Create(Genesis.of(born.key.public_key(), next_key))


def ignored() -> list[Log]:
    """Each has an operation without effect, and then the same repaired, which has one."""
    return [*out_of_place(), *unauthorised(), *elsewhere(), *beside_others()]


def started(made: list[Log], name: str, log_id: bytes = LOG) -> tuple[Log, Life]:
    life, log = Life(ALPHA, log_id), Log(name, log_id)
    made.append(log.add(life.create()))
    return log, life


def out_of_place() -> list[Log]:
    made: list[Log] = []
    log, life = started(made, "a repeated create")
    log.add(create(ALPHA), create(ALPHA), note="ignored")
    log.add(life.rotate()).add(create(ALPHA), note="ignored: it does not bring the first key back")
    log.add(life.deactivate()).add(create(ALPHA), note="ignored: deactivation is for good")

    life = Life(ALPHA, LOG)
    first, rotation = life.create(), life.rotate()
    made.append(
        Log("an update before its create")
        .add(rotation, note="ignored: there is no such DID")
        .add(first)
        .add(rotation)
    )

    log, life = started(made, "updates after the deactivation")
    end = life.deactivate()
    living = Life(ALPHA, LOG)
    living.create()
    log.add(end).add(end, note="ignored").add(living.rotate(), note="ignored")

    return made


def unauthorised() -> list[Log]:
    made: list[Log] = []
    log, life = started(made, "a wrong commitment")
    before = life.current
    log.add(
        signed(ALPHA.key, before, AFTER),
        signed(BETA.next_key, before, AFTER),
        note="ignored: signed by the current key, and by a stranger's",
    )
    log.add(life.rotate())

    log, life = started(made, "a wrong signature")
    rotation = life.rotate()
    last = bytes([rotation.signature[-1] ^ 1])
    log.add(
        replace(rotation, signature=bytes(64)),
        replace(rotation, signature=rotation.signature[:-1] + last),
        replace(rotation, next=hashlib.sha256(b"another").digest()),
        replace(rotation, next=None),
        note="ignored: no signature, an altered one, and one for another next",
    )
    log.add(rotation)

    return made


def elsewhere() -> list[Log]:
    made: list[Log] = []
    log, life = started(made, "an update is replayed")
    one = life.rotate()
    log.add(one, one, note="the first takes effect").add(one, note="ignored")
    log.add(life.rotate()).add(one, note="ignored").add(life.deactivate()).add(one, note="ignored")

    log, life = started(made, "an update of another log", OTHER_LOG)
    there = Life(ALPHA, LOG)
    there.create()
    log.add(there.rotate(), note="ignored: it signs the other log's id")
    log.add(life.rotate())

    log, life = started(made, "an update that skips one")
    life.rotate()
    log.add(life.rotate(), note="ignored: the rotation before it is not on the log")
    again = Life(ALPHA, LOG)
    again.create()
    log.add(again.rotate()).add(again.rotate())

    log, life = started(made, "an update that names another previous operation")
    before = life.current
    log.add(signed(ALPHA.next_key, replace(before, operation=bytes(32)), AFTER), note="ignored")
    log.add(life.rotate())

    return made


def beside_others() -> list[Log]:
    made: list[Log] = []
    log, life = started(made, "an update under another DID")
    other = Life(BETA, LOG)
    log.add(other.create())
    log.add(replace(life.rotate(), id=BETA.did.id), note="ignored")
    log.add(other.rotate())

    log, life = started(made, "two updates for one place")
    before = life.current
    log.add(life.rotate(), note="the first on the log takes effect")
    log.add(signed(ALPHA.next_key, before, hashlib.sha256(b"another").digest()), note="ignored")

    log, life = started(made, "what is ignored does not stop what follows in its batch")
    one = life.rotate()
    log.add(replace(one, signature=bytes(64)), one, life.rotate())
    return made
