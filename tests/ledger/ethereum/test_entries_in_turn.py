from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import httpx
import pytest
from ethereum_support import Proxy, proxied

from did.errors import Invalid, KeybornError, Unavailable
from ledger.ethereum.anvil import AnvilNode
from ledger.ethereum.deploy import Deployment
from ledger.ethereum.headers import NodeHeaders
from ledger.ethereum.ledger import EthereumLedger
from ledger.ethereum.node import Node
from ledger.ethereum.nodes import Nodes
from ledger.ethereum.source import EthereumLog

pytestmark = [pytest.mark.ethereum, pytest.mark.npm]

Append = Callable[..., bytes]


@pytest.fixture
def proxies(anvil: AnvilNode, client: httpx.Client) -> Iterator[list[Proxy]]:
    with ExitStack() as stack:
        yield [stack.enter_context(proxied(anvil.url, client)) for _ in range(2)]


@pytest.fixture
def log(
    anvil: AnvilNode, deployed: Deployment, append: Append, proxies: list[Proxy]
) -> Iterator[EthereumLog]:
    """A log of three entries, from two nodes, the first of which is asked first."""
    for _ in range(3):
        append()
    with ExitStack() as stack:
        nodes = Nodes([stack.enter_context(Node(proxy.url)) for proxy in proxies])
        yield EthereumLog(
            nodes,
            deployed.pin,
            headers=NodeHeaders(anvil.node),
            first_block=deployed.block_number,
            blocks_per_query=1,
        )


def sequences(log: EthereumLog, start: int, stop: int) -> list[int]:
    return [entry.sequence for entry in log.entries(start, stop)]


def named(log: EthereumLog) -> list[tuple[str, str]]:
    return [(each.source, each.code) for each in log.warnings()]


def without(sequence: int) -> Callable[[Any], Any]:
    topic = f"0x{sequence:064x}"
    return lambda logs: [log for log in logs if log["topics"][1] != topic]


def test_where_one_node_breaks_off_the_next_one_goes_on(
    log: EthereumLog, ledger: EthereumLedger, proxies: list[Proxy]
) -> None:
    truth = list(ledger.entries(1, 3))
    proxies[0].tamper["eth_getLogs"] = without(2)
    assert list(log.entries(1, 3)) == truth
    assert named(log) == [(proxies[0].url, "ledger_entry_missing")]
    proxies[0].be_honest()
    proxies[1].tamper["eth_getLogs"] = without(3)
    assert list(log.entries(1, 3)) == truth
    assert named(log) == []  # it was the first one's turn again
    assert list(log.entries(1, 3)) == truth
    assert named(log) == [(proxies[1].url, "ledger_entry_missing")]


def test_where_none_goes_on_it_is_raised(log: EthereumLog, proxies: list[Proxy]) -> None:
    for proxy in proxies:
        proxy.tamper["eth_getLogs"] = without(2)
    with pytest.raises(Unavailable) as caught:
        sequences(log, 1, 3)
    assert caught.value.code == "ledger_entry_missing"
    proxies[1].tamper["eth_getLogs"] = lambda _: "nothing"
    with pytest.raises(Invalid) as worse:  # what is wrong tells more than what is not there
        sequences(log, 1, 3)
    assert worse.value.code == "ledger_malformed_answer"
    assert worse.value.message.startswith(proxies[1].url)
    proxies[1].be_honest()
    assert sequences(log, 1, 3) == [1, 2, 3]


def test_a_chain_said_to_be_endless_is_not_searched_to_its_end(
    log: EthereumLog, proxies: list[Proxy]
) -> None:
    """A node that answers at once, and finds nothing in 2^62 blocks, stopped a reader for good."""
    log.heads()
    proxies[0].invent["eth_getLogs"] = lambda _: []
    proxies[0].tamper["eth_blockNumber"] = lambda number: hex(int(number, 16) + 1_000)
    proxies[0].calls.clear()
    assert sequences(log, 1, 3) == [1, 2, 3]
    assert named(log) == [(proxies[0].url, "ledger_entry_missing")]
    assert proxies[0].calls.count("eth_getLogs") < 300


def test_who_asks_again_is_given_the_entries_by_another_node(
    log: EthereumLog, proxies: list[Proxy]
) -> None:
    asked = []
    for start, stop in ((1, 3), (1, 3), (2, 3), (4, 3), (1, 2)):
        for proxy in proxies:
            proxy.calls.clear()
        sequences(log, start, stop)
        asked.append(["eth_getLogs" in proxy.calls for proxy in proxies])
    assert asked == [[True, False], [False, True], [True, False], [False, False], [True, False]]


def alter(logs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**log, "blockTimestamp": "0x1"} for log in logs]


def test_entries_that_do_not_lead_from_head_to_head_are_somebody_s(
    log: EthereumLog, append: Append, proxies: list[Proxy]
) -> None:
    log.heads()
    proxies[0].tamper["eth_getLogs"] = alter
    assert sequences(log, 1, 3) == [1, 2, 3]
    assert named(log) == [(proxies[0].url, "ledger_entry_altered")]
    assert sequences(log, 1, 3) == [1, 2, 3]  # now the other one's
    proxies[0].be_honest()
    assert sequences(log, 1, 3) == [1, 2, 3]
    assert named(log) == []

    append()
    log.heads()
    for proxy in proxies:
        proxy.tamper["eth_getLogs"] = alter
    assert sequences(log, 4, 4) == [4]  # from the head after entry 3, which is known
    assert [code for _, code in named(log)] == ["ledger_entry_altered"]


def test_where_a_head_is_not_known_nobody_is_named(log: EthereumLog, proxies: list[Proxy]) -> None:
    proxies[0].tamper["eth_getLogs"] = alter
    assert sequences(log, 1, 3) == [1, 2, 3]
    log.heads()
    assert sequences(log, 3, 3) == [3]
    assert named(log) == []


def test_of_two_nodes_that_gave_a_part_each_nobody_is_named(
    log: EthereumLog, proxies: list[Proxy]
) -> None:
    log.heads()
    proxies[0].tamper["eth_getLogs"] = lambda logs: alter(without(2)(logs))
    assert sequences(log, 1, 3) == [1, 2, 3]
    assert named(log) == [(proxies[0].url, "ledger_entry_missing")]


def test_heads_are_remembered_up_to_a_number(log: EthereumLog) -> None:
    heads = log.heads()
    for sequence in range(1, 100):
        log._entries.learn(replace(heads, latest=replace(heads.latest, sequence=sequence)), 1, 1)
    assert len(log._entries._proven) == 32


def test_one_node_that_matches_the_pin_is_enough(log: EthereumLog, proxies: list[Proxy]) -> None:
    proxies[0].tamper["eth_chainId"] = lambda _: "0x1"
    log._heads.check_pin()
    assert named(log) == [(proxies[0].url, "ledger_wrong_chain")]
    assert log.heads().latest.sequence == 3
    proxies[1].tamper["eth_getProof"] = lambda _: None
    with pytest.raises(KeybornError) as caught:
        log.heads()
    assert caught.value.code in ("ledger_wrong_chain", "ledger_malformed_answer")
    proxies[1].be_honest()
    assert log.heads().latest.sequence == 3
