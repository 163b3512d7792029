from datetime import timedelta

import pytest
from actors import DEVICE, STRANGER, Actor, actor
from issuing import URL, World

from did.errors import KeybornError, Refused, Undecided
from did.identifier import Did
from did.nonce import mint
from did.possession import JWT, sign_possession
from did.resolution import Resolution, resolve_offline
from issuer.possession import MAX_AGE, MAX_SKEW, NONCE_LIFETIME, check_possession, mint_nonce

SECOND = timedelta(seconds=1)
ROTATED = Actor(DEVICE.next_key, actor("after").key)


def check(world: World, token: str) -> Did:
    return check_possession(
        token,
        JWT,
        issuer=URL,
        nonce_key=world.issuer.keys.nonce,
        resolver=world.reader,
        at=world.clock(),
    ).did


def refusal(world: World, token: str) -> tuple[str, str | None]:
    with pytest.raises(KeybornError) as caught:
        check(world, token)
    return caught.value.code, caught.value.step


def test_long_form_before_registration(world: World) -> None:
    assert check(world, world.proof(DEVICE)) == DEVICE.did


def test_short_form_once_registered(world: World) -> None:
    token = world.proof(DEVICE, did=DEVICE.short)
    assert refusal(world, token) == ("not_registered", "possession")
    world.register(DEVICE)
    assert check(world, token) == DEVICE.short
    assert check(world, world.proof(DEVICE)) == DEVICE.did


def test_the_log_wins_over_the_long_form(world: World) -> None:
    world.register(DEVICE)
    world.rotate(DEVICE, ROTATED.next_key)
    for did in (DEVICE.did, DEVICE.short):
        assert refusal(world, world.proof(DEVICE, did=did)) == ("key_superseded", "possession")
        assert check(world, world.proof(ROTATED, did=did)) == did


def test_a_deactivated_did_is_at_an_end(world: World) -> None:
    world.register(DEVICE)
    world.deactivate(DEVICE)
    assert refusal(world, world.proof(DEVICE)) == ("deactivated", "device")


def test_a_key_that_is_not_of_the_did(world: World) -> None:
    token = world.proof(DEVICE, signer=STRANGER.key)
    assert refusal(world, token) == ("unknown_verification_method", "possession")
    world.register(DEVICE)
    token = world.proof(DEVICE, signer=STRANGER.key)
    assert refusal(world, token) == ("unknown_verification_method", "possession")


def test_a_did_of_another_method(world: World) -> None:
    token = world.proof(DEVICE, did=DEVICE.key_did)
    assert refusal(world, token) == ("method_not_supported", "possession")


def test_another_audience(world: World) -> None:
    for audience in (f"{URL}/", "https://other.example", ""):
        token = world.proof(DEVICE, audience=audience)
        assert refusal(world, token) == ("wrong_audience", "possession")


def test_age(world: World) -> None:
    now = world.clock()
    for issued in (now - MAX_AGE, now, now + MAX_SKEW):
        assert check(world, world.proof(DEVICE, issued=issued)) == DEVICE.did
    for issued in (now - MAX_AGE - SECOND, now + MAX_SKEW + SECOND):
        token = world.proof(DEVICE, issued=issued)
        assert refusal(world, token) == ("proof_not_recent", "possession")


def test_nonce(world: World) -> None:
    at = world.clock()
    fresh = mint_nonce(world.issuer.keys.nonce, issuer=URL, at=at)
    assert fresh.expires == at + NONCE_LIFETIME
    assert check(world, world.proof(DEVICE, nonce=fresh.text)) == DEVICE.did
    key = world.issuer.keys.nonce
    others = (
        mint(key, purpose="challenge", context=URL.encode(), expires=fresh.expires),
        mint_nonce(key, issuer="https://other.example", at=at),
        mint_nonce(bytes(32), issuer=URL, at=at),
    )
    for other in others:
        token = world.proof(DEVICE, nonce=other.text)
        assert refusal(world, token) == ("invalid_nonce", "nonce")
    world.clock.advance(NONCE_LIFETIME.total_seconds())
    token = world.proof(DEVICE, nonce=fresh.text)
    assert refusal(world, token) == ("nonce_expired", "nonce")


def test_a_signature_that_does_not_hold(world: World) -> None:
    token = world.proof(DEVICE)
    assert refusal(world, token[:-8] + "AAAAAAAA")[1] == "possession"
    other = world.proof(STRANGER).split(".")[2]
    spliced = ".".join([*token.split(".")[:2], other])
    assert refusal(world, spliced) == ("invalid_signature", "possession")


def test_a_log_that_cannot_be_read_decides_nothing(world: World) -> None:
    class Dark:
        def resolve(self, did: Did, *, at: object = None) -> Resolution:
            raise Undecided("ledger_unreachable", f"no word of {did} at {at}")

    class Unasked:
        def resolve(self, did: Did, *, at: object = None) -> Resolution:
            assert at is None
            return resolve_offline(did)

    def check_with(resolver: Dark | Unasked) -> None:
        check_possession(
            world.proof(DEVICE),
            JWT,
            issuer=URL,
            nonce_key=world.issuer.keys.nonce,
            resolver=resolver,
            at=world.clock(),
        )

    for resolver in (Dark(), Unasked()):
        with pytest.raises(Undecided):
            check_with(resolver)


def test_a_birth_key_that_is_no_key(world: World) -> None:
    """A create is not checked for its point, so one can be registered with bytes that are none."""
    token = sign_possession(
        DEVICE.did, STRANGER.key, audience=URL, nonce=world.nonce(), issued=world.clock()
    )
    with pytest.raises(KeybornError):
        check(world, token)
    with pytest.raises(Refused):
        check(world, world.proof(DEVICE, did=STRANGER.short))
