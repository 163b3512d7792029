"""Logs for the test vectors: signatures that satisfy what some libraries check."""

import hashlib
from collections.abc import Callable
from typing import Any, Final

from curve import ORDER as GROUP_ORDER
from curve import TORSION, Holder, challenge, multiply
from forgery import SMALL_ORDER
from vector_parts import AFTER, ALPHA, BETA, LOG, NOT_CANONICAL, Log

from did.identifier import Genesis
from ledger.operations import (
    Create,
    Update,
    rotation_message,
)
from ledger.state import DidState, advance

HOLDER: Final = Holder.of(ALPHA.next_key)  # whose scalar a forger of odd signatures needs


def signatures() -> list[Log]:
    """Signatures that satisfy an equation which some libraries check, by who holds the scalar."""
    made = []
    forgeries: list[tuple[str, dict[str, Any]]] = [
        ("S is L more", {"nonce": 7, "excess": 1}),
        ("S is 8 L more", {"nonce": 7, "excess": 8}),
        (
            "R has a part of small order: the cofactored equation holds",
            {"nonce": 7, "torsion": TORSION},
        ),
        ("R is of small order, the identity: the equation holds", {"nonce": 0}),
        ("R is of small order 8: the cofactored equation holds", {"nonce": 0, "torsion": TORSION}),
    ]
    for name, forge in forgeries:
        log, state, message = born(name, HOLDER.point)
        log.add(update(state, HOLDER.point, HOLDER.sign(message, **forge)), note="ignored")
        honest = HOLDER.sign(message, nonce=7)
        made.append(log.add(update(state, HOLDER.point, honest), note="takes effect"))

    name = "R is the identity, not canonical: the equation holds for what it decodes to"
    log, state, message = born(name, HOLDER.point)
    s = challenge(NOT_CANONICAL, HOLDER.point, message) * HOLDER.scalar % GROUP_ORDER
    log.add(update(state, HOLDER.point, NOT_CANONICAL + s.to_bytes(32, "little")), note="ignored")
    made.append(log.add(update(state, HOLDER.point, HOLDER.sign(message, nonce=9))))

    mixed = HOLDER.with_torsion()
    log, state, message = born("A is of mixed order: the equation holds", mixed.point)
    signature = first_where(
        lambda nonce: mixed.sign(message, nonce=nonce),
        lambda made_: challenge(made_[:32], mixed.point, message) % 8 == 0,
    )
    made.append(log.add(update(state, mixed.point, signature), note="ignored"))

    for point in SMALL_ORDER:
        # Two of the list are such points only to who takes the sign for a 256th bit of y.
        what = "no point" if point[-1] & 128 else "of small order"
        log, state, message = born(f"A is {what}: {point.hex()}", point)
        signature = first_where(
            lambda nonce: multiply(nonce) + nonce.to_bytes(32, "little"),
            lambda made_, p=point, m=message: challenge(made_[:32], p, m) % 8 == 0,
        )
        made.append(log.add(update(state, point, signature), note="ignored"))
    return made


def first_where(make: Callable[[int], bytes], holds: Callable[[bytes], bool]) -> bytes:
    return next(made for made in map(make, range(1, 1000)) if holds(made))


def born(name: str, reveal: bytes) -> tuple[Log, DidState, bytes]:
    """A log with a DID that has promised ``reveal``, and what an update of it signs."""
    operation = Create(Genesis(BETA.key.public_key().raw, hashlib.sha256(reveal).digest()))
    state = advance(None, operation, LOG)
    message = rotation_message(LOG, state.id, state.operation, reveal, AFTER)
    return Log(name).add(operation), state, message


def update(state: DidState, reveal: bytes, signature: bytes) -> Update:
    return Update(state.id, reveal, AFTER, signature)
