from dataclasses import replace

import pytest
from actors import DEVICE, LOG_ID, OTHER_LOG_ID, STRANGER
from operations import Life, create, spare

from did.errors import Conflict, Invalid, KeybornError, Refused
from did.keys import SigningKey
from ledger.operations import Batch, Operation, sign_update
from ledger.state import DidState, advance, apply, apply_batch


def born() -> tuple[Life, DidState]:
    life = Life(DEVICE)
    life.create()
    return life, life.current


def refusal(state: DidState | None, operation: Operation, log_id: bytes = LOG_ID) -> KeybornError:
    """Why it has no effect; and it has none."""
    assert apply(state, operation, log_id) is state
    with pytest.raises(KeybornError) as caught:
        advance(state, operation, log_id)
    return caught.value


def test_a_life_from_creation_to_deactivation() -> None:
    life, state = born()
    assert state == DidState(
        DEVICE.did.id, 0, DEVICE.did.id, DEVICE.key.public_key().raw, create(DEVICE).genesis.next
    )
    for number in (1, 2, 3):
        before, update = life.current, life.rotate()
        after = apply(before, update, LOG_ID)
        assert after == life.current
        assert (after.number, after.key) == (number, spare(DEVICE, number - 1).public_key().raw)
        assert after.operation not in (before.operation, DEVICE.did.id)
    before, update = life.current, life.deactivate()
    after = apply(before, update, LOG_ID)
    assert after is not None
    assert (after.number, after.key, after.next) == (4, None, None)


def test_a_repeated_creation_is_nothing() -> None:
    life, state = born()
    assert isinstance(refusal(state, create(DEVICE)), Conflict)
    life.rotate()
    assert refusal(life.current, create(DEVICE)).code == "already_registered"
    life.deactivate()
    assert refusal(life.current, create(DEVICE)).code == "already_registered"


def test_an_update_of_what_does_not_exist_is_nothing() -> None:
    life, state = born()
    error = refusal(None, life.rotate())
    assert (type(error), error.code) == (Refused, "not_registered")
    stranger = Life(STRANGER)
    stranger.create()
    assert refusal(state, stranger.rotate()).code == "not_registered"


def test_nothing_follows_a_deactivation() -> None:
    life, _ = born()
    life.deactivate()
    ended = life.current
    for signer in (DEVICE.key, DEVICE.next_key, spare(DEVICE, 1)):
        update = sign_update(
            signer,
            log_id=LOG_ID,
            id_=ended.id,
            prev=ended.operation,
            next_key=STRANGER.key.public_key(),
        )
        error = refusal(ended, update)
        assert (type(error), error.code) == (Refused, "deactivated")


@pytest.mark.parametrize("signer", [DEVICE.key, STRANGER.key, spare(DEVICE, 1)])
def test_only_the_committed_key_rotates(signer: SigningKey) -> None:
    """The thief of the current key among the others: pre-rotation is what stops them."""
    life, state = born()
    update = sign_update(
        signer, log_id=LOG_ID, id_=state.id, prev=state.id, next_key=STRANGER.key.public_key()
    )
    error = refusal(state, update)
    assert (type(error), error.code) == (Invalid, "wrong_next_key")
    assert apply(state, life.rotate(), LOG_ID) is not state


def test_an_update_is_for_one_log() -> None:
    life, state = born()
    update = life.rotate()
    assert refusal(state, update, OTHER_LOG_ID).code == "invalid_signature"
    assert apply(state, update, LOG_ID) == life.current


def test_an_update_is_for_one_place() -> None:
    """A rotation whose next key is the one that it reveals could be replayed, but for ``prev``."""
    _, state = born()
    update = sign_update(
        DEVICE.next_key,
        log_id=LOG_ID,
        id_=state.id,
        prev=state.id,
        next_key=DEVICE.next_key.public_key(),
    )
    after = advance(state, update, LOG_ID)
    assert refusal(after, update).code == "invalid_signature"


@pytest.mark.parametrize(
    "change",
    [
        {"next": b"n" * 32},
        {"next": None},
        {"signature": bytes(64)},
    ],
)
def test_an_altered_update_is_nothing(change: dict[str, bytes | None]) -> None:
    life, state = born()
    update = life.rotate()
    assert refusal(state, replace(update, **change)).code == "invalid_signature"
    assert apply(state, update, LOG_ID) is not state


def test_a_deactivation_cannot_be_made_a_rotation() -> None:
    life, state = born()
    update = life.deactivate()
    assert refusal(state, replace(update, next=b"n" * 32)).code == "invalid_signature"


def test_in_a_batch_creations_come_first_and_updates_follow_in_order() -> None:
    life, _ = born()
    first, second = life.rotate(), life.rotate()
    batch = Batch((create(DEVICE), create(STRANGER), create(DEVICE)), (first, second, first))
    effects = apply_batch({}, batch, LOG_ID)
    assert [(s.id, s.number) for s in effects] == [
        (DEVICE.did.id, 0),
        (STRANGER.did.id, 0),
        (DEVICE.did.id, 1),
        (DEVICE.did.id, 2),
    ]
    swapped = apply_batch({}, replace(batch, updates=(second, first)), LOG_ID)
    assert [s.number for s in swapped] == [0, 0, 1]
