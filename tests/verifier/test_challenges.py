from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from actors import DEVICE, NOW, STRANGER
from gatehouse import AUDIENCE
from outcomes import invalid, refused

from did.challenge import Challenge
from did.errors import Invalid, Refused
from did.nonce import mint
from keyborn.storage.eras import KEPT_AFTER_EXPIRY
from verifier.challenges import LIFETIME, ChallengeBook
from verifier.store import Store, open_store

SECOND = timedelta(seconds=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path / "verifier")) as store:
        yield store


def recall(book: ChallengeBook, challenge: Challenge, **changes: object) -> Challenge:
    given = {"audience": challenge.audience, "holder": DEVICE.short, "at": NOW, **changes}
    return book.recall(challenge.nonce, **given)  # type: ignore[arg-type] # as the test wishes


def test_a_challenge_is_recalled_as_it_was_made(store: Store) -> None:
    book = ChallengeBook(store=store, audience=AUDIENCE)
    for challenge in (book.issue(at=NOW), book.issue(at=NOW, did=DEVICE.did)):
        assert recall(book, challenge) == challenge
        assert challenge.expires == NOW + LIFETIME
        assert challenge.audience == AUDIENCE
    assert challenge.did == DEVICE.short
    assert book.issue(at=NOW).nonce != book.issue(at=NOW).nonce


@pytest.mark.parametrize("lives", [timedelta(minutes=5), None])
def test_what_somebody_else_gave_out_stays_used_in_every_era(
    store: Store, lives: timedelta | None
) -> None:
    book = ChallengeBook(store=store, audience=AUDIENCE)
    ends = datetime.max.replace(tzinfo=UTC) if lives is None else NOW + lives
    theirs = Challenge("a-nonce-of-somebody-else", AUDIENCE, ends)
    book.redeem(theirs, at=NOW)
    ahead = NOW + timedelta(days=2)
    book.redeem(book.issue(at=ahead), at=ahead)
    before = store.era()
    right = NOW + 9 * SECOND
    with suppress(Refused):  # what was given out in the era before
        book.redeem(book.issue(at=right), at=right)
    book.redeem(book.issue(at=right), at=right)
    assert store.era() > before
    with refused("challenge_used"):
        book.redeem(theirs, at=right)


def test_its_key_outlives_the_process(store: Store, tmp_path: Path) -> None:
    challenge = ChallengeBook(store=store, audience=AUDIENCE).issue(at=NOW)
    store.close()

    with closing(open_store(tmp_path / "verifier")) as again:
        book = ChallengeBook(store=again, audience=AUDIENCE)
        assert recall(book, challenge) == challenge
        book.redeem(challenge, at=NOW)

    with closing(open_store(tmp_path / "verifier")) as again:
        book = ChallengeBook(store=again, audience=AUDIENCE)
        with refused("challenge_used"):
            book.check_unused(challenge)
        with refused("challenge_used"):
            book.redeem(challenge, at=NOW)
        book.redeem(book.issue(at=NOW), at=NOW)


def test_a_challenge_is_for_its_purpose_audience_and_holder(store: Store, tmp_path: Path) -> None:
    book = ChallengeBook(store=store, audience=AUDIENCE)
    bound = book.issue(at=NOW, did=DEVICE.did)
    foreign = mint(store.challenge_key(), purpose="other", expires=NOW + LIFETIME)

    with invalid("unknown_challenge"):
        recall(book, bound, holder=STRANGER.short)
    with refused("wrong_audience"):
        recall(book, bound, audience="https://other.example")
    with refused("wrong_audience"):
        recall(book, bound, audience=f"{AUDIENCE}/")
    for text in (foreign.text, "", "x", "z" * 10_000):
        with invalid("unknown_challenge"):
            book.recall(text, audience=AUDIENCE, holder=DEVICE.short, at=NOW)
    # One store, two names: a challenge is for the name that it was made under.
    renamed = ChallengeBook(store=store, audience="https://other.example")
    with invalid("unknown_challenge"):
        recall(renamed, bound, audience="https://other.example")
    with closing(open_store(tmp_path / "other")) as other, invalid("unknown_challenge"):
        recall(ChallengeBook(store=other, audience=AUDIENCE), bound)

    assert recall(book, bound) == bound


def test_it_ends(store: Store) -> None:
    book = ChallengeBook(store=store, audience=AUDIENCE, lifetime=timedelta(seconds=5))
    challenge = book.issue(at=NOW)

    with refused("challenge_expired"):
        recall(book, challenge, at=NOW + timedelta(seconds=5))
    assert recall(book, challenge, at=NOW + timedelta(seconds=4)) == challenge


def test_one_of_many_answers_at_once_is_the_first(store: Store) -> None:
    book = ChallengeBook(store=store, audience=AUDIENCE)
    challenge = book.issue(at=NOW)

    def redeem(_number: int) -> str:
        try:
            book.redeem(challenge, at=NOW)
        except Refused as error:
            return error.code
        return "redeemed"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(redeem, range(16)))
    assert sorted(outcomes) == ["challenge_used"] * 15 + ["redeemed"]


def test_what_ended_is_forgotten_and_not_before(store: Store) -> None:
    book = ChallengeBook(store=store, audience=AUDIENCE)
    challenge = book.issue(at=NOW)
    book.redeem(challenge, at=NOW)
    kept_until = challenge.expires + KEPT_AFTER_EXPIRY

    book.redeem(book.issue(at=kept_until), at=kept_until)
    with refused("challenge_used"):
        book.check_unused(challenge)

    later = kept_until + 10 * SECOND  # it is not looked for at each use
    book.redeem(book.issue(at=later), at=later)
    book.check_unused(challenge)
    # Forgotten, but over: it opens nothing, whatever a clock says.
    with refused("challenge_expired"):
        recall(book, challenge, at=later)
    with refused("challenge_expired"):
        book.redeem(challenge, at=NOW)


def test_a_verifier_has_a_name(store: Store) -> None:
    with pytest.raises(Invalid, match="needs a name"):
        ChallengeBook(store=store, audience="")
