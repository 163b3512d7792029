"""What a transaction offers for its gas: pure arithmetic, with a ceiling that nothing exceeds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from did.errors import Unavailable
from ledger.ethereum.fees import GWEI, Fees, Market, opening_fees, raised_fees

AMOUNTS = st.integers(0, 2**45)
MARKETS = st.builds(Market, base=AMOUNTS, tip=AMOUNTS)
CEILINGS = st.none() | st.integers(1, 2**46)


def test_an_offer_holds_for_six_full_blocks_in_a_row() -> None:
    fees = opening_fees(Market(base=10 * GWEI, tip=GWEI), 50 * GWEI)
    assert fees == Fees(cap=21 * GWEI, tip=GWEI)
    base = 10 * GWEI
    for _ in range(5):  # what follows a full block may cost an eighth more
        base += base // 8
    assert fees.cap - fees.tip >= base


def test_near_the_ceiling_an_offer_leaves_room_for_one_raise() -> None:
    ceiling = 45 * GWEI
    fees = opening_fees(Market(base=30 * GWEI, tip=GWEI), ceiling)
    assert fees.cap == 40 * GWEI
    dearer = raised_fees(fees, Market(base=43 * GWEI, tip=2 * GWEI), ceiling)
    assert dearer == Fees(cap=ceiling, tip=2 * GWEI)
    assert raised_fees(dearer, Market(base=43 * GWEI, tip=2 * GWEI), ceiling) is None


def test_a_chain_dearer_than_the_ceiling_is_waited_for() -> None:
    market = Market(base=50 * GWEI, tip=1)
    for ask in (
        lambda: opening_fees(market, 50 * GWEI),
        lambda: raised_fees(Fees(GWEI, 1), market, 50 * GWEI),
    ):
        with pytest.raises(Unavailable) as raised:
            ask()
        assert raised.value.code == "ledger_too_dear"
        assert raised.value.retry_after
        assert "--max-fee-gwei" in str(raised.value.hint)
    assert opening_fees(market, 50 * GWEI + 1).cap == 50 * GWEI + 1


def test_what_is_priced_as_the_market_is_raised_to_four_times_its_tip_and_no_further() -> None:
    market = Market(base=GWEI, tip=GWEI)
    fees: Fees | None = opening_fees(market, None)
    tips = []
    while fees is not None:
        tips.append(fees.tip)
        fees = raised_fees(fees, market, None)
    assert len(tips) > 5
    assert 3 * GWEI < tips[-1] <= 4 * GWEI
    # The market moved: then it counts again.
    assert raised_fees(Fees(2 * GWEI, tips[-1]), Market(3 * GWEI, GWEI), None) is not None


@given(MARKETS, CEILINGS)
def test_an_offer_gets_into_the_next_block_or_is_not_made(
    market: Market, ceiling: int | None
) -> None:
    try:
        fees = opening_fees(market, ceiling)
    except Unavailable:
        assert ceiling is not None
        assert market.base + market.tip > ceiling
        return
    assert market.base + market.tip <= fees.cap
    assert fees.tip == market.tip
    assert ceiling is None or fees.cap <= ceiling


@given(MARKETS, MARKETS, CEILINGS)
def test_a_raise_is_what_pools_ask_for_and_within_the_ceiling(
    before: Market, now: Market, ceiling: int | None
) -> None:
    try:
        old = opening_fees(before, ceiling)
        new = raised_fees(old, now, ceiling)
    except Unavailable:
        assert ceiling is not None
        return
    if new is None:
        return
    for was, is_ in ((old.cap, new.cap), (old.tip, new.tip)):
        assert is_ * 8 >= was * 9
        assert is_ > was
    assert now.base + now.tip <= new.cap
    assert new.tip <= new.cap
    assert ceiling is None or new.cap <= ceiling
