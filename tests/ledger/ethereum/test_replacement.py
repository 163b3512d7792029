"""A transaction in the place of one that is stuck: either may land, exactly one does."""

from dataclasses import replace

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from ethereum_support import batch_of

from did.errors import KeybornError
from ledger.ethereum.anvil import FINALITY_DEPTH, AnvilNode
from ledger.ethereum.deploy import Deployment
from ledger.ethereum.fees import GWEI
from ledger.ethereum.ledger import EthereumLedger
from ledger.ethereum.transaction import Sent, read_submission

pytestmark = [pytest.mark.ethereum, pytest.mark.npm]

BATCH = batch_of(bytes(64))


@pytest.fixture(autouse=True)
def _cheap(anvil: AnvilNode) -> None:
    """A base fee that earlier tests did not drive up."""
    price(anvil, GWEI)


def price(anvil: AnvilNode, base: int) -> None:
    """Have the next block cost so much, and mine it."""
    anvil.node.call("anvil_setNextBlockBaseFeePerGas", hex(base))
    anvil.mine()


def under(
    ledger: EthereumLedger, deployed: Deployment, sender: LocalAccount, ceiling: int
) -> EthereumLedger:
    return EthereumLedger(ledger._node, deployed.pin, sender=sender, ceiling=ceiling)


def code_of(ask: object) -> str:
    assert callable(ask)
    with pytest.raises(KeybornError) as raised:
        ask()
    return raised.value.code


def pool(anvil: AnvilNode, sender: LocalAccount) -> list[str]:
    """Hashes of what waits of this sender."""
    content = anvil.node.call("txpool_content")
    assert isinstance(content, dict)
    waiting = [
        transactions
        for part in ("pending", "queued")
        for address, transactions in content[part].items()
        if address.lower() == sender.address.lower()
    ]
    return [each["hash"] for transactions in waiting for each in transactions.values()]


def test_a_stuck_transaction_is_replaced_and_one_lands(
    anvil: AnvilNode, ledger: EthereumLedger, sender: LocalAccount
) -> None:
    first = ledger.prepare(BATCH)
    ledger.submit(first)
    price(anvil, 10 * GWEI)  # more than it offers
    assert ledger.receipt(first) is None
    second = ledger.replace(first)
    assert second is not None
    ledger.submit(second)
    assert pool(anvil, sender) == [read_submission(second).hash]
    anvil.mine(FINALITY_DEPTH + 1)
    receipt = ledger.receipt(second)
    assert receipt is not None
    assert receipt.gas_price is not None
    assert receipt.gas_price <= read_submission(second).fees.cap
    assert ledger.receipt(first) is None
    assert code_of(lambda: ledger.submit(first)) == "ledger_nonce_taken"
    ledger.submit(second)
    anvil.mine()
    assert ledger.heads().latest.sequence == 1


def test_the_replaced_one_may_be_it(anvil: AnvilNode, ledger: EthereumLedger) -> None:
    first = ledger.prepare(BATCH)
    ledger.submit(first)
    second = ledger.replace(first)
    assert second is not None
    anvil.mine(FINALITY_DEPTH + 1)
    assert ledger.receipt(first) is not None
    assert code_of(lambda: ledger.submit(second)) == "ledger_nonce_taken"
    assert ledger.heads().latest.sequence == 1


def test_a_reorganisation_may_bring_back_the_older_of_the_two(
    anvil: AnvilNode, ledger: EthereumLedger
) -> None:
    first = ledger.prepare(BATCH)
    second = ledger.replace(first)
    assert second is not None
    ledger.submit(second)
    anvil.mine()
    assert ledger.receipt(second) is not None
    anvil.reorg(1)
    assert ledger.receipt(second) is None
    ledger.submit(first)
    anvil.mine()
    assert ledger.receipt(first) is not None
    assert code_of(lambda: ledger.submit(second)) == "ledger_place_contested"
    anvil.mine(FINALITY_DEPTH)
    assert code_of(lambda: ledger.submit(second)) == "ledger_nonce_taken"
    assert ledger.heads().latest.sequence == 1


def test_a_replacement_differs_in_its_fees_alone(ledger: EthereumLedger) -> None:
    first = ledger.prepare(BATCH)
    second = ledger.replace(first)
    assert second is not None
    old, new = read_submission(first), read_submission(second)
    assert replace(new, hash=old.hash, fees=old.fees) == old
    assert isinstance(new, Sent)
    assert new.fees.cap * 8 >= old.fees.cap * 9
    assert new.fees.tip * 8 >= old.fees.tip * 9


def test_the_ceiling_is_waited_under(
    anvil: AnvilNode, ledger: EthereumLedger, deployed: Deployment, sender: LocalAccount
) -> None:
    careful = under(ledger, deployed, sender, 4 * GWEI)
    first = careful.prepare(BATCH)
    assert read_submission(first).fees.cap <= 4 * GWEI
    price(anvil, 10 * GWEI)
    assert code_of(lambda: careful.prepare(BATCH)) == "ledger_too_dear"
    assert code_of(lambda: careful.replace(first)) == "ledger_too_dear"
    price(anvil, GWEI)
    second = careful.replace(first)
    assert second is not None
    assert read_submission(second).fees.cap <= 4 * GWEI
    third = careful.replace(second)
    assert third is None or read_submission(third).fees.cap <= 4 * GWEI


def test_the_next_place_is_behind_what_the_node_forgot(
    anvil: AnvilNode, ledger: EthereumLedger, sender: LocalAccount
) -> None:
    first = ledger.prepare(BATCH)
    ledger.submit(first)
    anvil.node.call("anvil_dropAllTransactions")
    assert read_submission(ledger.prepare(BATCH)).nonce == read_submission(first).nonce
    second = ledger.prepare(batch_of(b"2" * 64), after=first)
    assert read_submission(second).nonce == read_submission(first).nonce + 1
    ledger.submit(second)
    ledger.submit(first)
    anvil.mine()
    receipts = [ledger.receipt(each) for each in (first, second)]
    assert [each and each.sequence for each in receipts] == [1, 2]
    assert pool(anvil, sender) == []


def test_another_key_has_places_of_its_own(
    anvil: AnvilNode, ledger: EthereumLedger, deployed: Deployment
) -> None:
    first = ledger.prepare(BATCH)
    other = Account.create()
    anvil.fund(other.address)
    theirs = EthereumLedger(anvil.node, deployed.pin, sender=other)
    assert theirs.replace(first) is None
    assert read_submission(theirs.prepare(BATCH, after=first)).nonce == 0
    theirs.submit(first)  # which needs no key
    anvil.mine()
    assert theirs.receipt(first) is not None
