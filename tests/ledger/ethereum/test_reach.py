from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.ethereum.reach import Reach


def test_it_shrinks_to_one_and_then_no_further() -> None:
    reach = Reach(10, 4)
    sizes = [(reach.blocks, reach.entries)]
    while reach.refused(reach.blocks):
        sizes.append((reach.blocks, reach.entries))
    assert sizes == [(10, 4), (5, 4), (2, 4), (1, 4), (1, 2), (1, 1)]
    assert not reach.refused(reach.blocks)


def test_it_shrinks_from_what_was_asked_for() -> None:
    """The newest blocks may be far fewer than it would have gone for."""
    reach = Reach(10_000, 4)
    assert reach.refused(20)
    assert reach.blocks == 10


def test_it_grows_again_to_where_it_began() -> None:
    reach = Reach(10, 4)
    while reach.refused(reach.blocks):
        pass
    for _ in range(20):
        reach.answered()
    assert (reach.blocks, reach.entries) == (10, 4)


@settings(max_examples=30)
@given(st.integers(1, 10_000), st.integers(1, 10_000), st.integers(1, 16))
def test_it_settles_near_what_is_answered(most: int, limit: int, entries: int) -> None:
    """However a node limits its answers, few queries are lost, and few are small."""
    reach = Reach(most, entries)
    covered = refused = 0
    for _ in range(1_000):
        if reach.blocks <= limit:
            covered += reach.blocks
            reach.answered()
        else:
            refused += 1
            assert reach.refused(reach.blocks)
    assert refused <= 40
    assert covered >= 0.45 * min(most, limit) * 960


def test_entries_that_are_too_many_are_fewer_while_blocks_come_back() -> None:
    reach = Reach(1_000, 16)
    asked: list[tuple[int, int]] = []
    for _ in range(400):
        asked.append((reach.blocks, reach.entries))
        if reach.entries <= 5:
            reach.answered()
        else:
            reach.refused(reach.blocks)
    assert asked[-1][1] <= 8
    assert max(blocks for blocks, entries in asked[-100:] if entries <= 5) == 1_000
