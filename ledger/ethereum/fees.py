"""What a transaction offers for its gas (EIP-1559), up to a ceiling, and when it is stuck, more.

All amounts are in wei for one unit of gas. What is not needed of the cap is not paid: a block takes
its base fee and the tip. So the cap is generous where the ceiling allows it, and the tip is not.

A pool takes one transaction in the place of another, of the same nonce, if it raises both amounts
by a tenth (geth, Reth, Erigon, Nethermind, Besu) or by an eighth (others before them); here it is
an eighth, rounded up.
"""

from dataclasses import dataclass
from typing import Final

from did.errors import Unavailable
from ledger.ethereum.encoding import fields, quantity
from ledger.ethereum.node import Node

GWEI: Final = 10**9

_RAISE: Final = 8  # an eighth more
# A transaction that is priced as the market is, and still in no block, is raised to so many times
# the market's tip and no further: more would not help, and it is paid in the end.
_URGENCY: Final = 4
_RETRY: Final = 12  # seconds, Ethereum's time between blocks


@dataclass(frozen=True, slots=True)
class Market:
    """What gas costs: the newest block's base fee, and the tip that the node advises."""

    base: int
    tip: int


@dataclass(frozen=True, slots=True)
class Fees:
    """What a transaction offers: ``maxFeePerGas`` and ``maxPriorityFeePerGas``."""

    cap: int
    tip: int


def read_market(node: Node) -> Market:
    """What gas costs now, by the word of the node.

    Raises:
        Unavailable: the node's own.
        Invalid: ``ledger_malformed_answer``.
    """
    latest = fields(node.call("eth_getBlockByNumber", "latest", False), "the block")
    return Market(
        base=quantity(latest.get("baseFeePerGas"), "the base fee"),
        tip=quantity(node.call("eth_maxPriorityFeePerGas"), "the priority fee"),
    )


def opening_fees(market: Market, ceiling: int | None) -> Fees:
    """What a new transaction offers: enough for six full blocks in a row.

    Raises:
        Unavailable: ``ledger_too_dear``.
    """
    _refuse_dear(market, ceiling)
    return Fees(cap=_cap(market, market.tip, ceiling), tip=market.tip)


def raised_fees(old: Fees, market: Market, ceiling: int | None) -> Fees | None:
    """What the replacement of a transaction offers; None where it would be no better off.

    Raises:
        Unavailable: ``ledger_too_dear``.
    """
    _refuse_dear(market, ceiling)
    least = Fees(_raised(old.cap), _raised(old.tip))
    if ceiling is not None and least.cap > ceiling:
        return None
    priced = old.cap >= market.base + market.tip and old.tip >= market.tip
    if priced and least.tip > _URGENCY * market.tip:
        return None
    tip = max(market.tip, least.tip)
    return Fees(cap=max(_cap(market, tip, ceiling), least.cap), tip=tip)


def _raised(amount: int) -> int:
    return max(amount + 1, amount + -(-amount // _RAISE))


def _cap(market: Market, tip: int, ceiling: int | None) -> int:
    """Twice the base fee and the tip; near the ceiling less, so that one raise has room."""
    generous = 2 * market.base + tip
    if ceiling is None:
        return generous
    reserve = ceiling * _RAISE // (_RAISE + 1)  # raised, this is the ceiling
    if market.base + tip > reserve:
        return ceiling
    return min(generous, reserve)


def _refuse_dear(market: Market, ceiling: int | None) -> None:
    price = market.base + market.tip
    if ceiling is not None and price > ceiling:
        raise Unavailable(
            "ledger_too_dear",
            f"gas costs {price / GWEI:g} gwei, and the ceiling is {ceiling / GWEI:g}",
            step="price the transaction",
            hint="Wait until it is cheaper, or raise --max-fee-gwei.",
            retry_after=_RETRY,
        )
