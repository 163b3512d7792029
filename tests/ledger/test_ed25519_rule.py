"""The rule of signatures is consensus: cofactorless, S below the order, A and R canonical, A of
prime order, R not of small order. Each departure, on the log, has no effect; beside it stands the
same update, repaired, which has."""

import hashlib
from collections.abc import Callable, Iterator

import pytest
from actors import DEVICE, LOG_ID, STRANGER
from curve import IDENTITY, ORDER, TORSION, Holder, challenge, multiply
from forgery import SMALL_ORDER
from operations import create, packed
from published import vectors

from did.errors import Invalid
from did.identifier import Genesis
from did.keys import PublicKey
from ledger.operations import Create, Update, rotation_message
from ledger.state import DidState, advance, apply
from ledger.states import MemoryStates, bring_forward

SPECCHECK = vectors("ed25519-speccheck/cases.json")["cases"]
NEXT = hashlib.sha256(STRANGER.key.public_key().raw).digest()
HOLDER = Holder.of(DEVICE.next_key)


def born(reveal: bytes) -> tuple[Create, DidState]:
    """A DID whose next key is to be ``reveal``, whatever these bytes are."""
    operation = Create(Genesis(DEVICE.key.public_key().raw, hashlib.sha256(reveal).digest()))
    state = apply(None, operation, LOG_ID)
    assert state is not None
    return operation, state


def message(state: DidState, reveal: bytes) -> bytes:
    return rotation_message(LOG_ID, state.id, state.operation, reveal, NEXT)


def refusal(state: DidState, update: Update) -> str:
    assert apply(state, update, LOG_ID) is state
    with pytest.raises(Invalid) as caught:
        advance(state, update, LOG_ID)
    return caught.value.code


def test_there_are_twelve_cases() -> None:
    assert len(SPECCHECK) == 12


@pytest.mark.parametrize("number", range(12))
def test_no_speccheck_case_has_an_effect(number: int) -> None:
    case = {name: bytes.fromhex(text) for name, text in SPECCHECK[number].items()}
    creation, state = born(case["pub_key"])
    update = Update(state.id, case["pub_key"], NEXT, case["signature"])
    states = MemoryStates()
    bring_forward(states, 1, packed(creation, update), LOG_ID)
    assert states.states([state.id]) == {state.id: state}
    # Nor is it the message alone that does it: the case fails on its own message too.
    with pytest.raises(Invalid):
        PublicKey(case["pub_key"]).verify(case["signature"], case["message"])


def test_an_honest_signature_has_an_effect() -> None:
    _, state = born(HOLDER.point)
    for signature in (
        DEVICE.next_key.sign(message(state, HOLDER.point)),
        HOLDER.sign(message(state, HOLDER.point), nonce=7),
    ):
        after = apply(state, Update(state.id, HOLDER.point, NEXT, signature), LOG_ID)
        assert after is not None
        assert (after.number, after.key, after.next) == (1, HOLDER.point, NEXT)


@pytest.mark.parametrize(
    ("what", "forge"),
    [
        ("torsion in R, which a cofactored verifier passes", {"nonce": 7, "torsion": TORSION}),
        ("R of small order, of order 8", {"nonce": 0, "torsion": TORSION}),
        ("R of small order, the identity", {"nonce": 0}),
        ("S not below the order", {"nonce": 7, "excess": 1}),
        ("S far above the order", {"nonce": 7, "excess": 8}),
    ],
)
def test_a_signature_by_the_holder_that_departs_from_the_rule(
    what: str, forge: dict[str, object]
) -> None:
    _, state = born(HOLDER.point)
    signature = HOLDER.sign(message(state, HOLDER.point), **forge)  # type: ignore[arg-type]
    update = Update(state.id, HOLDER.point, NEXT, signature)
    assert refusal(state, update) == "invalid_signature", what


def test_the_torsioned_signature_satisfies_the_cofactored_equation() -> None:
    """Or the case above would show nothing: 8 S B = 8 R + 8 k A, in scalars 8 s = 8 r + 8 k a."""
    _, state = born(HOLDER.point)
    text = message(state, HOLDER.point)
    signature = HOLDER.sign(text, nonce=7, torsion=TORSION)
    assert signature[:32] != multiply(7)
    k = challenge(signature[:32], HOLDER.point, text)
    s = int.from_bytes(signature[32:], "little")
    assert 8 * s % ORDER == (8 * 7 + 8 * k * HOLDER.scalar) % ORDER


def test_a_key_of_mixed_order_is_refused_though_its_signature_satisfies_the_equation() -> None:
    mixed = HOLDER.with_torsion()
    _, state = born(mixed.point)
    text = message(state, mixed.point)
    # Where the challenge is a multiple of 8 the torsion vanishes, and the equation holds exactly.
    signature = next(
        signed
        for signed in (mixed.sign(text, nonce=nonce) for nonce in range(1, 1000))
        if challenge(signed[:32], mixed.point, text) % 8 == 0
    )
    update = Update(state.id, mixed.point, NEXT, signature)
    assert refusal(state, update) == "invalid_public_key"


@pytest.mark.parametrize("point", SMALL_ORDER, ids=lambda point: point.hex()[:8])
def test_a_key_of_small_order_is_refused(point: bytes) -> None:
    _, state = born(point)
    # Under the identity as key, S B = R holds for every message.
    signature = multiply(7) + (7).to_bytes(32, "little")
    assert refusal(state, Update(state.id, point, NEXT, signature)) == "invalid_public_key"


def non_canonical() -> Iterator[bytes]:
    """Every encoding of a y of 2^255 - 19 or more, with either sign."""
    for y in range(2**255 - 19, 2**255):
        yield y.to_bytes(32, "little")
        yield (y | 1 << 255).to_bytes(32, "little")


def test_no_key_that_is_not_canonical_is_accepted() -> None:
    for point in non_canonical():
        _, state = born(point)
        update = Update(state.id, point, NEXT, HOLDER.sign(message(state, point), nonce=7))
        assert refusal(state, update) == "invalid_public_key"


def test_no_r_that_is_not_canonical_is_accepted() -> None:
    _, state = born(HOLDER.point)
    text = message(state, HOLDER.point)
    for r in non_canonical():
        s = challenge(r, HOLDER.point, text) * HOLDER.scalar % ORDER  # right for R = identity
        update = Update(state.id, HOLDER.point, NEXT, r + s.to_bytes(32, "little"))
        assert refusal(state, update) == "invalid_signature"


def test_a_creation_never_fails_on_its_key() -> None:
    for point in (*SMALL_ORDER, IDENTITY, b"\xff" * 32):
        state = apply(None, Create(Genesis(point, NEXT)), LOG_ID)
        assert state is not None
        assert state.key == point


def test_the_commitment_is_checked_before_the_point_and_the_signature(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Garbage costs a hash: the key is not even made."""
    made: list[bytes] = []
    plain: Callable[[PublicKey], None] = PublicKey.__post_init__
    monkeypatch.setattr(
        PublicKey, "__post_init__", lambda self: (made.append(self.raw), plain(self))
    )
    state = apply(None, create(DEVICE), LOG_ID)
    assert state is not None
    wrong = STRANGER.key.public_key().raw
    made.clear()
    assert refusal(state, Update(state.id, wrong, NEXT, bytes(64))) == "wrong_next_key"
    assert made == []
    right = Update(state.id, HOLDER.point, NEXT, HOLDER.sign(message(state, HOLDER.point), nonce=7))
    assert advance(state, right, LOG_ID).number == 1
    assert made == [HOLDER.point]
