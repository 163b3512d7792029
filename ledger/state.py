"""What operations do to a DID: one pure function, the same for every reader of every ledger.

The rules of an update, in the order in which they are checked (``docs/did-method.md``, "Update"):

1. the DID exists;
2. it is not deactivated;
3. SHA-256 of ``reveal`` is the commitment (so that garbage costs a hash and nothing more);
4. ``reveal`` is a canonical point of prime order;
5. the signature holds over ``rotation_message``, by the consensus rule for Ed25519: cofactorless,
   S below the group order, A and R canonical, A of prime order, R not of small order.

A create has one rule: the DID does not exist yet. It never fails on its key; bytes that are no
key make a DID whose resolution says ``invalid_public_key``, which harms its maker alone.

What breaks a rule is ignored, and the state stays as it was.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from did.errors import Conflict, Invalid, KeybornError, Refused
from did.keys import PublicKey
from ledger.operations import Batch, Create, Operation, Update, rotation_message


@dataclass(frozen=True, slots=True)
class DidState:
    """Where a DID stands after its newest effective operation.

    Attributes:
        id: The DID's id, 32 bytes.
        number: Of the version: 0 after the creation, one more with each effective operation.
        operation: The hash of that operation, 32 bytes; what the next update names as ``prev``.
        key: The raw current public key, 32 bytes, of a creation not checked; None if deactivated.
        next: The commitment to the key that may rotate, 32 bytes; None if deactivated.
    """

    id: bytes
    number: int
    operation: bytes
    key: bytes | None
    next: bytes | None


def apply(state: DidState | None, operation: Operation, log_id: bytes) -> DidState | None:
    """The state after ``operation``; the very same object where it has no effect.

    Args:
        state: Of the DID that the operation names; None if it does not exist.
        operation: What stands next on the log for this DID.
        log_id: The log that it stands on, 32 bytes.
    """
    try:
        return advance(state, operation, log_id)
    except KeybornError:
        return state


def advance(state: DidState | None, operation: Operation, log_id: bytes) -> DidState:
    """As ``apply``, but telling why an operation has no effect; for who is about to send one.

    Raises:
        Conflict: ``already_registered``.
        Refused: ``not_registered``, ``deactivated``.
        Invalid: ``wrong_next_key`` (the commitment is to another key), ``invalid_public_key``,
            ``invalid_signature``.
    """
    if isinstance(operation, Create):
        return _create(state, operation)
    return _update(state, operation, log_id)


def _create(state: DidState | None, create: Create) -> DidState:
    if state is not None:
        raise Conflict("already_registered", "the DID is on the log already")
    genesis = create.genesis
    id_ = genesis.id
    return DidState(id_, 0, id_, genesis.key, genesis.next)


def _update(state: DidState | None, update: Update, log_id: bytes) -> DidState:
    if state is None or state.id != update.id:
        raise Refused("not_registered", "the DID is not on the log", hint="register it first")
    if state.next is None:
        raise Refused("deactivated", "the DID is deactivated, for good")
    if hashlib.sha256(update.reveal).digest() != state.next:
        raise Invalid(
            "wrong_next_key",
            "the DID's newest operation commits to another key than the one revealed",
            hint="sign with the next key that was made at birth or at the last rotation",
        )
    key = PublicKey(update.reveal)
    message = rotation_message(log_id, state.id, state.operation, update.reveal, update.next)
    key.verify(update.signature, message)
    return DidState(
        state.id,
        state.number + 1,
        hashlib.sha256(message).digest(),  # its operation hash
        None if update.next is None else update.reveal,
        update.next,
    )


def apply_batch(
    states: Mapping[bytes, DidState], batch: Batch, log_id: bytes
) -> tuple[DidState, ...]:
    """The state after each effective operation of ``batch``, in the order in which they apply.

    Args:
        states: By id, of those DIDs of the batch that exist before it.
        batch: The batch.
        log_id: The log that it stands on, 32 bytes.
    """
    return tuple(state for _, state in apply_in_order(states, batch.operations, log_id))


def apply_in_order(
    states: Mapping[bytes, DidState], operations: Iterable[Operation], log_id: bytes
) -> list[tuple[int, DidState]]:
    """The state after each effective one of ``operations``, with its place among them from 0.

    Args:
        states: By id, of those DIDs named that exist before.
        operations: In the order in which they apply.
        log_id: The log that they stand on, 32 bytes.
    """
    current = dict(states)
    effects = []
    for place, operation in enumerate(operations):
        id_ = operation.id
        before = current.get(id_)
        after = apply(before, operation, log_id)
        if after is not None and after is not before:
            current[id_] = after
            effects.append((place, after))
    return effects
