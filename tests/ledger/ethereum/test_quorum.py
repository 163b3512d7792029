from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from ledger.ethereum.header import Header
from ledger.ethereum.quorum import (
    ahead,
    behind,
    dissent,
    having,
    lower,
    newest,
    split,
    stand,
)

SLOT = 12


def block(number: int, chain: str = "") -> Header:
    name = f"{chain}{number}".encode().rjust(32, b"\0")
    return Header(name, bytes(32), number, number * SLOT, bytes(32))


def blocks(*numbers: int, chain: str = "") -> dict[int, Header]:
    return {number: block(number, chain) for number in numbers}


def test_the_newest_blocks_of_a_quorum_need_no_further_question() -> None:
    standing = stand({"a": blocks(9), "b": blocks(9)}, 2)
    assert (standing.agreed, standing.questions) == (block(9), ())


def test_who_is_ahead_is_asked_for_the_block_that_the_others_have() -> None:
    shown = {"a": blocks(9), "b": blocks(8)}
    standing = stand(shown, 2)
    assert (standing.agreed, standing.questions) == (None, (("a", 8),))
    shown["a"] |= blocks(8)
    assert stand(shown, 2).agreed == block(8)


def test_a_newer_block_may_still_be_confirmed_when_an_older_one_is() -> None:
    shown = {"a": blocks(9), "b": blocks(8), "c": blocks(8)}
    assert stand(shown, 2).agreed == block(8)
    assert stand(shown, 2).questions == ()  # nobody else has come to block 9
    shown = {"a": blocks(9), "b": blocks(10), "c": blocks(8), "d": blocks(8)}
    standing = stand(shown, 2)
    assert (standing.agreed, standing.questions) == (block(8), (("b", 9),))


def test_one_that_answers_no_more_is_asked_no_more() -> None:
    standing = stand({"a": blocks(9), "b": blocks(8)}, 2, deaf={"a"})
    assert (standing.agreed, standing.questions) == (None, ())


def test_too_few_are_no_quorum() -> None:
    assert stand({}, 1).agreed is None
    assert stand({"a": blocks(9)}, 2).agreed is None
    assert stand({"a": blocks(9)}, 1).agreed == block(9)


def test_another_block_at_the_same_height_is_no_vote() -> None:
    shown = {"a": blocks(9), "b": blocks(9, chain="x")}
    assert stand(shown, 2).agreed is None
    assert split(shown) == {"a": block(9), "b": block(9, "x")}
    shown["c"] = blocks(9)
    assert stand(shown, 2).agreed == block(9)
    assert [name for name in shown if dissent(shown, block(9), name)] == ["b"]
    assert having(shown, block(9)) == ["a", "c"]


def test_nobody_differs() -> None:
    assert split({}) is None
    assert split({"a": blocks(9), "b": blocks(8, 9)}) is None


def test_who_is_far_ahead_and_who_is_far_behind() -> None:
    shown = {"a": blocks(1), "b": blocks(6), "c": blocks(11), "d": blocks(12)}
    assert behind(shown, block(6), 5 * SLOT - 1) == ["a"]
    assert behind(shown, block(6), 5 * SLOT) == []
    assert ahead(shown, block(6), 5 * SLOT) == ["d"]
    assert newest(blocks(3, 5, 4)) == block(5)


HEIGHTS = st.integers(1, 6)


@given(
    honest=st.lists(HEIGHTS, min_size=2, max_size=5),
    liars=st.lists(st.tuples(HEIGHTS, st.sampled_from("xy")), max_size=1),
)
def test_fewer_liars_than_honest_nodes_move_a_quorum_nowhere(
    honest: list[int], liars: list[tuple[int, str]]
) -> None:
    """Whatever the heights: it is on the honest chain, and no lower than most of them are."""
    chains = {f"honest {place}": (height, "") for place, height in enumerate(honest)}
    chains |= {f"liar {place}": liar for place, liar in enumerate(liars)}
    quorum = len(chains) // 2 + 1
    shown = {name: blocks(height, chain=chain) for name, (height, chain) in chains.items()}
    standing = stand(shown, quorum)
    for _ in range(10):
        for name, height in standing.questions:
            shown[name][height] = block(height, chains[name][1])
        standing = stand(shown, quorum)
    assert not standing.questions
    if len(honest) < quorum:
        assert standing.agreed is None
        return
    assert standing.agreed == block(reached_by(honest, quorum))


def reached_by(heights: Iterable[int], count: int) -> int:
    """The greatest height that so many have come to."""
    return sorted(heights, reverse=True)[count - 1]


def test_who_is_lower_is_compared_with_what_leads_to_the_block() -> None:
    shown = {"a": blocks(9), "b": blocks(9), "c": blocks(4, chain="c"), "d": blocks(5)}
    assert lower(shown, block(9)) == {4, 5}
    assert dissent(shown, block(9), "c") is None
    shown["a"] |= blocks(4, 5)
    assert lower(shown, block(9)) == set()
    assert dissent(shown, block(9), "c") == (block(4, chain="c"), block(4))
    assert dissent(shown, block(9), "d") is None
