"""Operations that the actors of the tests make."""

import hashlib
from dataclasses import dataclass, field

from actors import LOG_ID, Actor

from did.keys import SigningKey
from ledger.operations import (
    Batch,
    Create,
    PackedBatch,
    Update,
    encode_batch,
    sign_update,
    unpack_batch,
)
from ledger.state import DidState, advance


def create(actor: Actor) -> Create:
    genesis = actor.did.genesis
    assert genesis is not None
    return Create(genesis)


def spare(actor: Actor, number: int) -> SigningKey:
    """The key that is next after ``number`` rotations; after none it is the actor's own next."""
    if number == 0:
        return actor.next_key
    return SigningKey(hashlib.sha256(actor.next_key.seed + bytes([number])).digest())


@dataclass
class Life:
    """A DID as its holder drives it: each call gives the operation that comes next."""

    actor: Actor
    log_id: bytes = LOG_ID
    state: DidState | None = field(default=None, init=False)

    def create(self) -> Create:
        operation = create(self.actor)
        self.state = advance(self.state, operation, self.log_id)
        return operation

    def rotate(self) -> Update:
        number = self.current.number
        return self._update(spare(self.actor, number), spare(self.actor, number + 1))

    def deactivate(self) -> Update:
        return self._update(spare(self.actor, self.current.number), None)

    @property
    def current(self) -> DidState:
        assert self.state is not None
        return self.state

    @property
    def key(self) -> SigningKey:
        """The key that speaks for the DID now."""
        number = self.current.number
        return self.actor.key if number == 0 else spare(self.actor, number - 1)

    def _update(self, signer: SigningKey, next_key: SigningKey | None) -> Update:
        operation = sign_update(
            signer,
            log_id=self.log_id,
            id_=self.current.id,
            prev=self.current.operation,
            next_key=None if next_key is None else next_key.public_key(),
        )
        self.state = advance(self.state, operation, self.log_id)
        return operation


def packed(*operations: Create | Update) -> PackedBatch:
    """The batch of these operations, as a replay takes it in."""
    return unpack_batch(batch(*operations))


def batch(*operations: Create | Update) -> bytes:
    """The batch of these operations, encoded."""
    return encode_batch(
        Batch(
            tuple(o for o in operations if isinstance(o, Create)),
            tuple(o for o in operations if isinstance(o, Update)),
        )
    )
