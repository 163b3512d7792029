from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from ethereum_support import Proxy, batch_of, http_server

from did.errors import Invalid, KeybornError, Unavailable
from did.resolution import Finality
from ledger.chain import KIND_CALL_DATA, next_head
from ledger.ethereum.anvil import AnvilNode
from ledger.ethereum.deploy import Deployment
from ledger.ethereum.ledger import EthereumLedger
from ledger.ethereum.node import Node
from ledger.ethereum.pin import EthereumPin
from ledger.ethereum.source import EthereumLog
from ledger.log import Head, LogSource

pytestmark = [pytest.mark.ethereum, pytest.mark.npm]

Append = Callable[..., bytes]


def replayed(log: LogSource, stop: int) -> bytes:
    head = log.log_id
    for entry in log.entries(1, stop):
        head = next_head(head, entry)
    return head


def code_of(ask: Callable[[], object]) -> str:
    with pytest.raises(KeybornError) as raised:
        ask()
    assert raised.value.step
    assert raised.value.hint
    return raised.value.code


def test_an_empty_log_stands_at_its_log_id(ledger: EthereumLedger, deployed: Deployment) -> None:
    heads = ledger.heads()
    for head in (heads.latest, heads.safe, heads.finalized):
        # The contract is in the newest block alone; under the other two its absence is proven.
        assert (head.sequence, head.head) == (0, deployed.pin.log_id)
    assert list(ledger.entries(1, 0)) == []


def test_the_head_on_chain_is_the_one_that_a_reader_computes(
    ledger: EthereumLedger, append: Append, anvil: AnvilNode
) -> None:
    for length in (1, 0, 40):
        append(bytes(64 * length))
    latest = ledger.heads().latest
    assert latest.sequence == 3
    assert replayed(ledger, 3) == latest.head
    block: Any = anvil.node.call("eth_getBlockByNumber", "latest", False)
    assert latest.time == int(block["timestamp"], 16)
    assert "0x" + latest.evidence.hex() == block["hash"]


def test_entries_are_the_batches_in_their_order(ledger: EthereumLedger, append: Append) -> None:
    submissions = [append(bytes([number]) * 64) for number in range(3)]
    entries = list(ledger.entries(1, 3))
    assert [entry.sequence for entry in entries] == [1, 2, 3]
    assert {entry.kind for entry in entries} == {KIND_CALL_DATA}
    assert [entry.batch for entry in entries] == [batch_of(bytes([n]) * 64) for n in range(3)]
    receipts = [ledger.receipt(submission) for submission in submissions]
    assert [(entry.block_number, entry.block_time) for entry in entries] == [
        (receipt.block_number, receipt.block_time) for receipt in receipts if receipt is not None
    ]
    assert list(ledger.entries(2, 2)) == entries[1:2]


def test_finality_follows_the_chain(
    ledger: EthereumLedger, append: Append, anvil: AnvilNode
) -> None:
    append()

    def sequences() -> list[int]:
        heads = ledger.heads()
        by_finality: list[Head] = [heads.latest, heads.safe, heads.finalized]
        assert [head.finality for head in by_finality] == list(Finality)
        return [head.sequence for head in by_finality]

    assert sequences() == [1, 0, 0]
    anvil.mine()
    assert sequences() == [1, 1, 0]
    anvil.mine()
    assert sequences() == [1, 1, 1]


def test_entries_are_found_over_many_queries(
    anvil: AnvilNode, deployed: Deployment, ledger: EthereumLedger
) -> None:
    count = 40  # more than one query asks for, in blocks with several each
    for number in range(count):
        ledger.submit(ledger.prepare(batch_of(bytes([number]) * 64)))
        if number % 7 == 0:
            anvil.mine(3)
    anvil.mine()
    log = EthereumLog(
        anvil.node, deployed.pin, first_block=deployed.block_number, blocks_per_query=2
    )
    assert [entry.sequence for entry in log.entries(1, count)] == list(range(1, count + 1))
    assert replayed(log, count) == log.heads().latest.head
    assert len(list(EthereumLog(anvil.node, deployed.pin).entries(1, count))) == count


def test_what_is_final_is_not_searched_again(
    anvil: AnvilNode, deployed: Deployment, append: Append, proxy: Proxy, liar: Node
) -> None:
    log = EthereumLog(liar, deployed.pin, first_block=deployed.block_number, blocks_per_query=1)
    append()
    anvil.mine(20)
    log.heads()
    append()
    log.heads()
    proxy.calls.clear()
    assert [entry.sequence for entry in log.entries(2, 2)] == [2]
    assert proxy.calls.count("eth_getLogs") <= 3
    assert [entry.sequence for entry in log.entries(1, 2)] == [1, 2]


def test_a_node_that_gives_no_block_times_with_logs_is_asked_for_each_block_once(
    deployed: Deployment, append: Append, proxy: Proxy, liar: Node, ledger: EthereumLedger
) -> None:
    ledger.submit(ledger.prepare(batch_of(bytes(64))))
    append()  # in the same block
    append()

    def without(logs: list[dict[str, Any]]) -> object:
        return [{k: v for k, v in log.items() if k != "blockTimestamp"} for log in logs]

    proxy.tamper["eth_getLogs"] = without
    assert list(EthereumLog(liar, deployed.pin).entries(1, 3)) == list(ledger.entries(1, 3))
    assert proxy.calls.count("eth_getBlockByHash") == 2


def test_a_wrong_pin_is_named(anvil: AnvilNode, deployed: Deployment, append: Append) -> None:
    append()
    pin = deployed.pin

    def asked(other: EthereumPin) -> str:
        return code_of(EthereumLog(anvil.node, other).heads)

    assert asked(replace(pin, chain_id=1)) == "ledger_wrong_chain"
    assert asked(replace(pin, log_id=bytes(32))) == "ledger_wrong_log"
    assert asked(replace(pin, code_hash=bytes(32))) == "ledger_wrong_code"
    nobody = "0x000000000000000000000000000000000000dEaD"
    assert asked(replace(pin, contract=nobody)) == "ledger_wrong_code"
    EthereumLog(anvil.node, pin).heads()


def test_an_empty_log_of_another_id_is_named_though_the_node_lies(
    deployed: Deployment, proxy: Proxy, liar: Node
) -> None:
    other = bytes(32)
    proxy.tamper["eth_call"] = lambda _: "0x" + other.hex()
    pin = replace(deployed.pin, log_id=other)
    assert code_of(EthereumLog(liar, pin).heads) == "ledger_wrong_log"


def flipped(node: str) -> str:
    return node[:-1] + ("0" if node[-1] != "0" else "1")


def forge_account(proof: dict[str, Any]) -> object:
    return {
        **proof,
        "accountProof": [*proof["accountProof"][:-1], flipped(proof["accountProof"][-1])],
    }


def forge_slot(number: int) -> Callable[[dict[str, Any]], object]:
    def forged(proof: dict[str, Any]) -> object:
        slots = [dict(slot) for slot in proof["storageProof"]]
        slots[number]["proof"] = [*slots[number]["proof"][:-1], flipped(slots[number]["proof"][-1])]
        return {**proof, "storageProof": slots}

    return forged


def swap_slots(proof: dict[str, Any]) -> object:
    return {**proof, "storageProof": proof["storageProof"][::-1]}


def claim_other_values(proof: dict[str, Any]) -> object:
    slots = [{**slot, "value": "0x7"} for slot in proof["storageProof"]]
    return {**proof, "codeHash": "0x" + "00" * 32, "storageProof": slots}


@pytest.mark.parametrize(
    "forge", [forge_account, forge_slot(0), forge_slot(1), swap_slots, lambda _: {}, lambda _: None]
)
def test_a_forged_proof_is_found(
    forge: Callable[[Any], object],
    deployed: Deployment,
    append: Append,
    proxy: Proxy,
    liar: Node,
) -> None:
    append()
    log = EthereumLog(liar, deployed.pin)
    honest = log.heads()
    proxy.tamper["eth_getProof"] = forge
    assert code_of(log.heads) in ("ledger_forged_proof", "ledger_malformed_answer")
    del proxy.tamper["eth_getProof"]
    assert log.heads() == honest


def test_what_a_proof_merely_claims_is_not_read(
    deployed: Deployment, append: Append, proxy: Proxy, liar: Node
) -> None:
    append()
    log = EthereumLog(liar, deployed.pin)
    honest = log.heads()
    proxy.tamper["eth_getProof"] = claim_other_values
    assert log.heads() == honest


def test_a_back_dated_block_is_found(deployed: Deployment, proxy: Proxy, liar: Node) -> None:
    proxy.tamper["eth_getBlockByNumber"] = lambda block: {**block, "timestamp": "0x1"}
    assert code_of(EthereumLog(liar, deployed.pin).heads) == "ledger_forged_header"


def test_a_node_without_a_finalised_block_is_not_ready(
    deployed: Deployment, proxy: Proxy, liar: Node
) -> None:
    proxy.tamper["eth_getBlockByNumber"] = lambda _: None
    assert code_of(EthereumLog(liar, deployed.pin).heads) == "ledger_unreachable"


def test_heads_in_the_wrong_order_are_not_believed(
    anvil: AnvilNode, deployed: Deployment, append: Append, proxy: Proxy, liar: Node
) -> None:
    anvil.mine(3)
    append()
    log = EthereumLog(liar, deployed.pin)
    finalized, latest = (
        anvil.node.call("eth_getBlockByNumber", tag, False) for tag in ("finalized", "latest")
    )
    blocks = [latest, finalized, latest]
    proxy.tamper["eth_getBlockByNumber"] = lambda _: blocks.pop(0)
    with pytest.raises(Unavailable) as raised:
        log.heads()
    assert raised.value.code == "ledger_inconsistent"
    assert raised.value.retry_after is not None


@pytest.mark.parametrize("dropped", [0, 1, 2])
def test_a_dropped_entry_is_missed(
    dropped: int, deployed: Deployment, append: Append, proxy: Proxy, liar: Node
) -> None:
    for _ in range(3):
        append()
    log = EthereumLog(liar, deployed.pin)
    proxy.tamper["eth_getLogs"] = lambda logs: logs[:dropped] + logs[dropped + 1 :]
    with pytest.raises(Unavailable) as raised:
        list(log.entries(1, 3))
    assert raised.value.code == "ledger_entry_missing"
    del proxy.tamper["eth_getLogs"]
    assert len(list(log.entries(1, 3))) == 3


def test_an_altered_entry_does_not_lead_to_the_head(
    deployed: Deployment, append: Append, proxy: Proxy, liar: Node
) -> None:
    append()
    log = EthereumLog(liar, deployed.pin)
    head = log.heads().latest.head
    assert replayed(log, 1) == head
    for change in ({"blockTimestamp": "0x1"}, {"blockNumber": "0x1"}):
        proxy.tamper["eth_getLogs"] = lambda logs, change=change: [{**logs[0], **change}]
        assert replayed(log, 1) != head

    def other_batch(logs: list[dict[str, str]]) -> object:
        digits = logs[0]["data"]
        return [{**logs[0], "data": digits[:140] + flipped(digits[:141])[-1] + digits[141:]}]

    proxy.tamper["eth_getLogs"] = other_batch
    assert replayed(log, 1) != head


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {},
        [None],
        [{}],
        [{}] * 17,
        [{"topics": []}],
        [{"topics": ["0x", "0x"]}],
        [{"blockNumber": "0x1", "data": "0x"}],
        [{"topics": None}],
        [{"data": "0x00"}],
        [{"data": None}],
        [{"blockNumber": "1"}],
        [{"blockNumber": "0x8000000000000000"}],
        [{"blockTimestamp": None}],
    ],
)
def test_logs_of_another_form_are_refused(
    answer: Any, deployed: Deployment, append: Append, proxy: Proxy, liar: Node
) -> None:
    append()

    def changed(logs: list[dict[str, Any]]) -> object:
        if isinstance(answer, list) and len(answer) == 1 and answer[0]:
            return [{**logs[0], **answer[0]}]
        return answer

    proxy.tamper["eth_getLogs"] = changed
    log = EthereumLog(liar, deployed.pin)
    assert code_of(lambda: list(log.entries(1, 1))) == "ledger_malformed_answer"


def test_a_sequence_beyond_all_reason_is_refused(
    deployed: Deployment, append: Append, proxy: Proxy, liar: Node
) -> None:
    append()
    proxy.tamper["eth_getLogs"] = lambda logs: [
        {**logs[0], "topics": [logs[0]["topics"][0], "0x" + "ff" * 32]}
    ]
    log = EthereumLog(liar, deployed.pin)
    assert code_of(lambda: list(log.entries(1, 1))) == "ledger_malformed_answer"


def test_a_node_that_is_down_is_unreachable(deployed: Deployment) -> None:
    with http_server(lambda *_: None) as url:
        pass
    with Node(url) as node:
        log = EthereumLog(node, deployed.pin)
        assert code_of(log.heads) == "ledger_unreachable"
        assert code_of(lambda: list(log.entries(1, 1))) == "ledger_unreachable"


def test_a_sequence_slot_beyond_all_reason_is_refused(
    anvil: AnvilNode, deployed: Deployment, ledger: EthereumLedger
) -> None:
    # No appending gets there; a node that makes up its own state does.
    value = "0x80" + "00" * 31
    anvil.node.call("anvil_setStorageAt", deployed.pin.contract, "0x1", value)
    anvil.mine(3)
    with pytest.raises(Invalid) as raised:
        ledger.heads()
    assert raised.value.code == "ledger_malformed_answer"


def test_what_is_wrong_with_the_latest_head_alone_is_logged_once(
    anvil: AnvilNode, deployed: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    """Guards against a follower that logs it at each look, as the finalized head is still right."""
    with Node(anvil.url) as node:
        log = EthereumLog(node, deployed.pin)
        anvil.mine(3)
        log.heads()
        anvil.node.call("anvil_setCode", deployed.pin.contract, "0x")
        anvil.mine()
        codes = {code_of(log.heads) for _ in range(3)}
    (code,) = codes
    assert len([each for each in caplog.records if code in each.message]) == 1
