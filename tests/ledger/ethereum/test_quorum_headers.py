"""Headers by a quorum: proxies of one anvil that lag, fail, fork or keep silent."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import pytest
from ethereum_support import Proxy, proxied
from forged_chain import rehashed

from did.errors import Undecided
from did.resolution import Finality
from ledger.ethereum.anvil import AnvilNode
from ledger.ethereum.header import Header
from ledger.ethereum.headers import block_by_number
from ledger.ethereum.node import Node
from ledger.ethereum.nodes import Nodes
from ledger.ethereum.quorum_headers import TOLERANCE, QuorumHeaders

pytestmark = [pytest.mark.ethereum, pytest.mark.npm]

NEWEST = Finality.LATEST
FAR = TOLERANCE[NEWEST] + 1


@pytest.fixture
def proxies(anvil: AnvilNode, client: httpx.Client) -> Iterator[list[Proxy]]:
    with ExitStack() as stack:
        yield [stack.enter_context(proxied(anvil.url, client)) for _ in range(3)]


@contextmanager
def asking(*proxies: Proxy, quorum: int, **options: Any) -> Iterator[tuple[QuorumHeaders, Nodes]]:
    with ExitStack() as stack:
        nodes = Nodes([stack.enter_context(Node(proxy.url, timeout=30)) for proxy in proxies])
        headers = QuorumHeaders(nodes, quorum, **options)
        yield headers, nodes
        for proxy in proxies:
            proxy.gate.set()
        headers.settle()


def named(headers: QuorumHeaders, nodes: Nodes) -> set[tuple[str, str]]:
    headers.settle()
    return {(warning.source, warning.code) for warning in nodes.warnings()}


def lag(proxy: Proxy, anvil: AnvilNode, blocks: int) -> None:
    """Be so many blocks behind."""
    height = newest(anvil).number - blocks

    def rewritten(params: list[Any]) -> list[Any]:
        number = int(params[0], 16) if params[0].startswith("0x") else height
        return [hex(min(number, height)), *params[1:]]

    proxy.rewrite["eth_getBlockByNumber"] = rewritten


def fork(proxy: Proxy) -> None:
    """Show another block in the place of each."""
    proxy.tamper["eth_getBlockByNumber"] = lambda block: rehashed({**block, "extraData": "0xab"})


def newest(anvil: AnvilNode) -> Header:
    return block_by_number(anvil.node, NEWEST)


def refusal(ask: Callable[[], object]) -> Undecided:
    with pytest.raises(Undecided) as caught:
        ask()
    assert caught.value.step
    assert caught.value.hint
    assert caught.value.retry_after
    return caught.value


@pytest.mark.parametrize("finality", list(Finality))
def test_nodes_in_step_agree(anvil: AnvilNode, proxies: list[Proxy], finality: Finality) -> None:
    with asking(*proxies, quorum=3) as (headers, nodes):
        assert headers.header(finality) == block_by_number(anvil.node, finality)
        assert named(headers, nodes) == set()


def test_a_block_or_two_behind_is_nothing(anvil: AnvilNode, proxies: list[Proxy]) -> None:
    anvil.mine(3)
    lag(proxies[0], anvil, 2)
    lag(proxies[1], anvil, 1)
    top = newest(anvil).number
    for quorum, height in ((3, top - 2), (2, top - 1)):
        with asking(*proxies, quorum=quorum, patience=5) as (headers, nodes):
            assert headers.header(NEWEST) == block_by_number(anvil.node, height)
            assert named(headers, nodes) == set()
    with asking(*proxies, quorum=1) as (headers, _):  # whoever answers first
        assert top - 2 <= headers.header(NEWEST).number <= top


def test_a_newer_block_is_not_waited_for_for_ever(anvil: AnvilNode, proxies: list[Proxy]) -> None:
    """One node is a block behind, and the third silent: half a second, and not the deadline."""
    late, _, silent = proxies
    anvil.mine()
    lag(late, anvil, 1)
    silent.gate.clear()
    with asking(*proxies, quorum=2) as (headers, nodes):
        assert headers.header(NEWEST) == block_by_number(anvil.node, newest(anvil).number - 1)
        assert not silent.gate.is_set()
        # Who has the block is asked for proofs first.
        assert [node.name for node in nodes.in_turn()] == [late.url, proxies[1].url, silent.url]


def test_who_is_behind_is_named_and_harms_nobody_while_a_quorum_stands(
    anvil: AnvilNode, proxies: list[Proxy]
) -> None:
    anvil.node.call("anvil_mine", "0x2", hex(FAR))
    lag(proxies[0], anvil, 1)
    with asking(*proxies, quorum=2) as (headers, nodes):
        assert headers.header(NEWEST) == newest(anvil)
        assert named(headers, nodes) == {(proxies[0].url, "ledger_node_behind")}
        proxies[0].be_honest()
        assert headers.header(NEWEST) == newest(anvil)
        assert named(headers, nodes) == set()


def test_a_quorum_that_holds_by_who_is_behind_is_none(
    anvil: AnvilNode, proxies: list[Proxy]
) -> None:
    frozen, honest, dead = proxies
    anvil.node.call("anvil_mine", "0x2", hex(FAR))
    lag(frozen, anvil, 1)
    dead.tamper["eth_getBlockByNumber"] = lambda _: None
    for chosen in ((frozen, honest), (frozen, honest, dead)):
        with asking(*chosen, quorum=2) as (headers, _):
            error = refusal(lambda headers=headers: headers.header(NEWEST))  # type: ignore[misc]
            assert error.code == "ledger_node_behind"
            assert f"{frozen.url} is {FAR} s behind" in error.message
    dead.be_honest()
    with asking(*proxies, quorum=2) as (headers, _):
        assert headers.header(NEWEST) == newest(anvil)


def test_a_slow_node_is_waited_for_where_it_makes_the_difference(
    anvil: AnvilNode, proxies: list[Proxy]
) -> None:
    """The fast ones agree on an old block alone, for one of them withholds the newer ones."""
    frozen, _, slow = proxies
    anvil.node.call("anvil_mine", "0x2", hex(FAR))
    lag(frozen, anvil, 1)
    slow.gate.clear()
    with asking(*proxies, quorum=2, patience=0.05) as (headers, nodes):
        threading.Timer(0.4, slow.gate.set).start()
        assert headers.header(NEWEST) == newest(anvil)
        assert named(headers, nodes) == {(frozen.url, "ledger_node_behind")}


def test_a_chain_of_its_own_is_named(anvil: AnvilNode, proxies: list[Proxy]) -> None:
    forked, honest, _ = proxies
    fork(forked)
    with asking(forked, honest, quorum=2) as (headers, _):
        error = refusal(lambda: headers.header(NEWEST))
        assert error.code == "ledger_nodes_disagree"
        assert forked.url in error.message
        assert honest.url in error.message
    with asking(*proxies, quorum=2) as (headers, nodes):
        assert headers.header(NEWEST) == newest(anvil)
        assert named(headers, nodes) == {(forked.url, "ledger_nodes_disagree")}


def test_a_lower_chain_of_its_own_is_named(anvil: AnvilNode, proxies: list[Proxy]) -> None:
    """Guards against a node on another chain that is as young, and unnoticed as it is lower."""
    anvil.mine(3)
    other = proxies[0]
    fork(other)
    lag(other, anvil, 2)
    with asking(*proxies, quorum=2) as (headers, nodes):
        assert headers.header(NEWEST) == newest(anvil)
        assert named(headers, nodes) == {(other.url, "ledger_nodes_disagree")}
        other.be_honest()
        lag(other, anvil, 2)
        assert headers.header(NEWEST) == newest(anvil)
        assert named(headers, nodes) == set()


def test_who_is_far_ahead_is_named_and_makes_nobody_late(
    anvil: AnvilNode, proxies: list[Proxy]
) -> None:
    """It confirms what the others have, but shows a newest block that nobody else has."""
    top: Any = anvil.node.call("eth_getBlockByNumber", "latest", False)
    number, when = (int(top[name], 16) for name in ("number", "timestamp"))
    far = rehashed({**top, "number": hex(number + 9), "timestamp": hex(when + FAR)})
    proxies[0].tamper["eth_getBlockByNumber"] = lambda _: far
    with asking(*proxies, quorum=2) as (headers, nodes):
        assert headers.header(NEWEST) == newest(anvil)
        first = named(headers, nodes)
        assert {source for source, _ in first} == {proxies[0].url}

    tags: list[Any] = []
    proxies[0].be_honest()
    proxies[0].rewrite["eth_getBlockByNumber"] = lambda params: [tags.append(params[0]), params][1]
    proxies[0].tamper["eth_getBlockByNumber"] = lambda block: (
        far if tags.pop(0) == "latest" else block
    )
    with asking(*proxies, quorum=2) as (headers, nodes):
        assert headers.header(NEWEST) == newest(anvil)
        assert named(headers, nodes) == {(proxies[0].url, "ledger_nodes_disagree")}


@pytest.mark.parametrize("finality", list(Finality))
def test_fewer_answers_than_a_quorum(proxies: list[Proxy], finality: Finality) -> None:
    for proxy in proxies[:2]:
        proxy.tamper["eth_getBlockByNumber"] = lambda _: None
    with asking(*proxies, quorum=2) as (headers, _):
        error = refusal(lambda: headers.header(finality))
        assert error.code == "ledger_no_quorum"
        assert error.message.startswith("1 of 3 nodes")
        assert all(proxy.url in error.message for proxy in proxies[:2])
        proxies[0].be_honest()
        headers.header(finality)


def test_a_node_that_contradicts_itself_gives_no_vote(
    anvil: AnvilNode, proxies: list[Proxy]
) -> None:
    """It shows a newest block, and another one than asked for where it should confirm it."""
    liar, late, _ = proxies
    anvil.mine()
    top = newest(anvil)
    lag(late, anvil, 1)
    liar.rewrite["eth_getBlockByNumber"] = lambda params: [hex(top.number), *params[1:]]
    with asking(liar, late, quorum=2) as (headers, _):
        error = refusal(lambda: headers.header(NEWEST))
        assert error.code == "ledger_no_quorum"
        assert liar.url in error.message
    with asking(*proxies, quorum=2, patience=5) as (headers, nodes):
        assert headers.header(NEWEST) == top
        assert named(headers, nodes) <= {(liar.url, "ledger_malformed_answer")}


def test_what_was_final_once_stays(anvil: AnvilNode, proxies: list[Proxy]) -> None:
    anvil.mine(3)
    with asking(*proxies[:2], quorum=2) as (headers, _):
        final = headers.header(Finality.FINALIZED)
        for proxy in proxies:
            lag(proxy, anvil, 5)
        assert headers.header(Finality.FINALIZED) == final
        assert headers.header(NEWEST).number < final.number


def test_a_node_that_owes_answers_is_not_asked_more(anvil: AnvilNode, proxies: list[Proxy]) -> None:
    silent = proxies[0]
    silent.gate.clear()
    with asking(*proxies, quorum=2) as (headers, nodes):
        for _ in range(4):
            assert headers.header(NEWEST) == newest(anvil)
        assert [(each.source, each.code) for each in nodes.warnings()] == [
            (silent.url, "ledger_unreachable")
        ]
        silent.gate.set()
        headers.settle()
        assert len(silent.calls) == 2
        assert headers.header(NEWEST) == newest(anvil)
        assert named(headers, nodes) == set()


def test_once_closed_it_tells_nothing_of_late_answers(proxies: list[Proxy]) -> None:
    silent = proxies[0]
    silent.gate.clear()
    silent.tamper["eth_getBlockByNumber"] = lambda _: None
    with asking(*proxies, quorum=2) as (headers, nodes):
        headers.header(NEWEST)
        headers.close()
        silent.gate.set()
        assert named(headers, nodes) == set()


def test_a_failure_that_is_no_answer_is_raised(proxies: list[Proxy]) -> None:
    """As where the connections are closed while it asks."""
    nodes = Nodes([Node(proxy.url) for proxy in proxies[:2]])
    for node in nodes.in_turn():
        node.close()
    with pytest.raises(RuntimeError, match="closed"):
        QuorumHeaders(nodes, 2).header(NEWEST)


def test_the_nodes_list_is_told_once(
    anvil: AnvilNode, proxies: list[Proxy], caplog: pytest.LogCaptureFixture
) -> None:
    fork(proxies[0])
    with asking(*proxies, quorum=2) as (headers, nodes), caplog.at_level("INFO"):
        for finality in (*Finality, NEWEST):
            headers.header(finality)
            headers.settle()
        proxies[0].be_honest()
        for finality in Finality:
            headers.header(finality)
            headers.settle()
        assert nodes.warnings() == ()
    told = [record.message for record in caplog.records if "ledger.ethereum" in record.name]
    assert len(told) == 2
    assert told[0].endswith("[ledger_nodes_disagree]")
    assert told[1] == f"{proxies[0].url} serves again"
    assert anvil.url not in told[0]
