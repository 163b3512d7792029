import os
from collections.abc import Callable
from dataclasses import replace

import pytest
import rlp
from eth_account import Account
from eth_account.signers.local import LocalAccount
from ethereum_support import Proxy, batch_of, http_server

from did.errors import Conflict, Invalid, KeybornError, Unavailable
from ledger.chain import next_head
from ledger.ethereum.anvil import FINALITY_DEPTH, AnvilNode
from ledger.ethereum.deploy import Deployment
from ledger.ethereum.ledger import EthereumLedger
from ledger.ethereum.node import Node

pytestmark = [pytest.mark.ethereum, pytest.mark.npm]

Append = Callable[..., bytes]


def code_of(ask: Callable[[], object]) -> str:
    with pytest.raises(KeybornError) as raised:
        ask()
    assert raised.value.step
    assert raised.value.hint
    return raised.value.code


@pytest.fixture
def lied_to(liar: Node, deployed: Deployment, sender: LocalAccount) -> EthereumLedger:
    return EthereumLedger(liar, deployed.pin, sender=sender)


def test_appending_takes_three_steps(ledger: EthereumLedger, anvil: AnvilNode) -> None:
    submission = ledger.prepare(batch_of(bytes(64)))
    assert ledger.receipt(submission) is None
    assert ledger.heads().latest.sequence == 0
    ledger.submit(submission)
    assert ledger.receipt(submission) is None
    anvil.mine()
    receipt = ledger.receipt(submission)
    assert receipt is not None
    assert receipt.sequence == 1
    assert receipt.transaction is not None
    assert receipt.transaction.startswith("0x")
    entry = next(ledger.entries(1, 1))
    assert (entry.block_number, entry.block_time) == (receipt.block_number, receipt.block_time)


def test_submitting_again_has_one_effect(ledger: EthereumLedger, anvil: AnvilNode) -> None:
    submission = ledger.prepare(batch_of(bytes(64)))
    for _ in range(3):  # while it waits
        ledger.submit(submission)
    anvil.mine()
    for _ in range(3):  # once it stands in a block
        ledger.submit(submission)
    anvil.mine(3)
    ledger.submit(submission)
    assert ledger.heads().finalized.sequence == 1


def test_a_second_batch_waits_behind_the_first(ledger: EthereumLedger, anvil: AnvilNode) -> None:
    submissions = []
    for number in range(3):
        submissions.append(ledger.prepare(batch_of(bytes([number]) * 64)))
        ledger.submit(submissions[-1])
    anvil.mine()
    receipts = [ledger.receipt(submission) for submission in submissions]
    assert [receipt.sequence for receipt in receipts if receipt is not None] == [1, 2, 3]


def test_a_batch_that_lost_its_place_is_to_be_prepared_again(
    ledger: EthereumLedger, anvil: AnvilNode
) -> None:
    first, second = ledger.prepare(batch_of(bytes(64))), ledger.prepare(batch_of(b"2" * 64))
    ledger.submit(first)
    anvil.mine()
    # As things are it can never land; but a reorganisation may still give it its place back.
    assert code_of(lambda: ledger.submit(second)) == "ledger_place_contested"
    anvil.mine(FINALITY_DEPTH)
    with pytest.raises(Conflict) as raised:
        ledger.submit(second)
    assert raised.value.code == "ledger_nonce_taken"
    assert ledger.receipt(second) is None
    again = ledger.prepare(batch_of(b"2" * 64))
    ledger.submit(again)
    anvil.mine()
    receipt = ledger.receipt(again)
    assert receipt is not None
    assert receipt.sequence == 2


def test_gas_is_as_measured(ledger: EthereumLedger, append: Append) -> None:
    append()
    alone = ledger.receipt(append(os.urandom(64)))
    many = ledger.receipt(append(os.urandom(64 * 2_000)))
    assert alone is not None
    assert many is not None
    assert alone.gas is not None
    assert many.gas is not None
    assert alone.gas <= 36_443
    assert many.gas / 2_000 <= 2_600


def test_a_reorganisation_takes_the_receipt_and_the_resubmission_lands_once(
    ledger: EthereumLedger, append: Append, anvil: AnvilNode
) -> None:
    append(b"1" * 64)
    anvil.mine(3)
    submission = append(b"2" * 64)
    settled = ledger.heads().safe
    assert ledger.receipt(submission) is not None
    assert ledger.heads().latest.sequence == 2

    anvil.reorg(1)
    assert ledger.receipt(submission) is None
    heads = ledger.heads()
    assert heads.latest.sequence == 1
    assert heads.latest.head == settled.head

    ledger.submit(submission)
    ledger.submit(submission)
    anvil.mine()
    receipt = ledger.receipt(submission)
    assert receipt is not None
    assert receipt.sequence == 2
    ledger.submit(submission)
    anvil.mine(3)
    heads = ledger.heads()
    assert heads.finalized.sequence == heads.latest.sequence == 2
    entries = list(ledger.entries(1, 2))
    assert [entry.batch for entry in entries] == [batch_of(b"1" * 64), batch_of(b"2" * 64)]
    assert next_head(next_head(ledger.log_id, entries[0]), entries[1]) == heads.latest.head


def test_the_largest_batches_are_refused_with_their_reason(
    ledger: EthereumLedger, anvil: AnvilNode
) -> None:
    for batch in (bytes(131_073), bytes(131_072)):
        with pytest.raises(Invalid) as raised:
            ledger.prepare(batch)
        assert raised.value.code == "ledger_transaction_too_large"
        assert raised.value.hint
    submission = ledger.prepare(b"\xff" * 130_800)
    assert len(submission) <= 131_072
    ledger.submit(submission)
    anvil.mine()
    assert ledger.receipt(submission) is not None


def test_a_transaction_beyond_the_gas_limit_is_refused(
    lied_to: EthereumLedger, proxy: Proxy
) -> None:
    proxy.tamper["eth_estimateGas"] = lambda _: hex(2**24)
    assert code_of(lambda: lied_to.prepare(b"")) == "ledger_gas_limit"
    del proxy.tamper["eth_estimateGas"]
    lied_to.prepare(b"")


def test_nothing_is_signed_for_another_chain(
    anvil: AnvilNode, deployed: Deployment, sender: LocalAccount
) -> None:
    other = EthereumLedger(anvil.node, replace(deployed.pin, chain_id=1), sender=sender)
    assert code_of(lambda: other.prepare(b"")) == "ledger_wrong_chain"


def test_a_sender_that_cannot_pay_is_named(
    anvil: AnvilNode, deployed: Deployment, ledger: EthereumLedger, sender: LocalAccount
) -> None:
    poor = Account.create()
    with pytest.raises(Unavailable) as raised:
        EthereumLedger(anvil.node, deployed.pin, sender=poor).prepare(b"")
    assert raised.value.code == "ledger_insufficient_funds"
    assert poor.address in str(raised.value.hint)

    submission = ledger.prepare(b"")
    anvil.fund(sender.address, 1)
    assert code_of(lambda: ledger.submit(submission)) == "ledger_insufficient_funds"
    anvil.fund(sender.address)
    ledger.submit(submission)


def test_a_refusal_of_the_node_is_told(
    ledger: EthereumLedger, sender: LocalAccount, deployed: Deployment
) -> None:
    foreign = sender.sign_transaction(
        {
            "type": 2,
            "chainId": 5,
            "nonce": 7,
            "to": deployed.pin.contract,
            "value": 0,
            "data": b"",
            "gas": 100_000,
            "maxFeePerGas": 10**10,
            "maxPriorityFeePerGas": 1,
        }
    )
    with pytest.raises(Unavailable) as raised:
        ledger.submit(bytes(foreign.raw_transaction))
    assert raised.value.code == "ledger_submission_refused"
    assert raised.value.value


@pytest.mark.parametrize(
    "submission",
    [b"", b"\2", b"\2\xc0", os.urandom(200), b"\2" + rlp.encode([b"\1"] * 12), bytes(131_072)],
)
def test_what_is_no_submission_is_refused(ledger: EthereumLedger, submission: bytes) -> None:
    assert code_of(lambda: ledger.submit(submission)) == "ledger_bad_submission"
    assert code_of(lambda: ledger.receipt(submission)) == "ledger_bad_submission"


def test_a_transaction_that_failed_in_its_block_is_to_be_prepared_again(
    anvil: AnvilNode, lied_to: EthereumLedger, proxy: Proxy
) -> None:
    # 20,000 are added; too little for an append, enough to be taken into a block.
    proxy.tamper["eth_estimateGas"] = lambda _: hex(10_000)
    submission = lied_to.prepare(batch_of(bytes(64)))
    lied_to.submit(submission)
    anvil.mine()
    assert code_of(lambda: lied_to.receipt(submission)) == "ledger_place_contested"
    anvil.mine(FINALITY_DEPTH)
    with pytest.raises(Conflict) as raised:
        lied_to.receipt(submission)
    assert raised.value.code == "ledger_transaction_failed"
    assert raised.value.hint


def test_a_receipt_whose_block_is_gone_is_none(
    append: Append, lied_to: EthereumLedger, proxy: Proxy
) -> None:
    submission = append()
    assert lied_to.receipt(submission) is not None
    proxy.tamper["eth_getBlockByHash"] = lambda _: None
    assert lied_to.receipt(submission) is None


def test_a_receipt_without_the_log_s_event_is_refused(
    append: Append, lied_to: EthereumLedger, proxy: Proxy
) -> None:
    submission = append()
    proxy.tamper["eth_getTransactionReceipt"] = lambda receipt: {**receipt, "logs": []}
    assert code_of(lambda: lied_to.receipt(submission)) == "ledger_malformed_answer"
    proxy.tamper["eth_getTransactionReceipt"] = lambda receipt: {**receipt, "contractAddress": 1}
    assert code_of(lambda: lied_to.receipt(submission)) == "ledger_malformed_answer"


GARBAGE = [None, 1, "", "0x", "0xzz", [], {}, "0x" + "f" * 70]


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize(
    "method",
    [
        "eth_getTransactionCount",
        "eth_getBlockByNumber",
        "eth_maxPriorityFeePerGas",
        "eth_estimateGas",
        "eth_getBalance",
        "eth_chainId",
        "eth_call",
    ],
)
def test_whatever_a_node_answers_ends_as_a_value_or_one_of_our_errors(
    method: str, garbage: object, lied_to: EthereumLedger, proxy: Proxy
) -> None:
    proxy.tamper[method] = lambda _: garbage
    try:
        lied_to.prepare(b"")
    except KeybornError as error:
        assert error.code.startswith("ledger_")  # noqa: PT017 - either outcome is right


def test_a_node_that_is_down_is_unreachable(deployed: Deployment, sender: LocalAccount) -> None:
    with http_server(lambda *_: None) as url:
        pass
    with Node(url) as node:
        ledger = EthereumLedger(node, deployed.pin, sender=sender)
        assert code_of(lambda: ledger.prepare(b"")) == "ledger_unreachable"
