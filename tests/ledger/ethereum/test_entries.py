"""Entries from nodes that limit what they answer, each in its own way."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from threading import Event
from typing import Any

import httpx
import orjson
import pytest
from eth_account import Account
from ethereum_support import Proxy, batch_of, http_server, reply

from did.errors import Invalid, KeybornError, Unavailable
from ledger.chain import LogEntry
from ledger.ethereum.anvil import AnvilNode
from ledger.ethereum.deploy import deploy
from ledger.ethereum.entries import NodeEntries
from ledger.ethereum.ledger import EthereumLedger
from ledger.ethereum.node import Node
from ledger.ethereum.pin import EthereumPin

pytestmark = [pytest.mark.ethereum, pytest.mark.npm]

COUNT = 12  # entries, two in each of six blocks with empty ones between
SPREAD = 20  # blocks from the one with two entries to the next


@dataclass(frozen=True)
class Written:
    """A log with entries on it, and the block in which it begins."""

    ledger: EthereumLedger
    pin: EthereumPin
    first_block: int

    def entries(self) -> list[LogEntry]:
        return list(self.ledger.entries(1, COUNT))


@pytest.fixture(scope="module")
def written(anvil: AnvilNode) -> Written:
    sender = Account.create()
    anvil.fund(sender.address)
    made = deploy(anvil.node, sender, pause=anvil.mine)
    ledger = EthereumLedger(anvil.node, made.pin, sender=sender, first_block=made.block_number)
    for number in range(COUNT):
        ledger.submit(ledger.prepare(batch_of(bytes([number]) * 64)))
        if number % 2:
            anvil.mine(SPREAD)
    return Written(ledger, made.pin, made.block_number)


@dataclass
class Provider:
    """A node that refuses some of what it is asked."""

    proxy: Proxy
    refuses: Callable[[int, list[Any]], bool] = lambda _blocks, _logs: False
    how: str = "error"
    asked: list[tuple[int, bool]] = field(default_factory=list)  # blocks, and whether refused
    over: Event = field(default_factory=Event)

    def __call__(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        request = orjson.loads(body)
        answer = self.proxy.answer(request)
        if request["method"] == "eth_getLogs":
            (criteria,) = request["params"]
            blocks = int(criteria["toBlock"], 16) - int(criteria["fromBlock"], 16) + 1
            refused = self.refuses(blocks, orjson.loads(answer)["result"])
            self.asked.append((blocks, refused))
            if refused:
                self._refuse(handler, request["id"])
                return
        reply(handler, answer)

    def _refuse(self, handler: BaseHTTPRequestHandler, number: int) -> None:
        if self.how == "error":
            error = {"code": -32005, "message": "query returned more than 10000 results"}
            reply(handler, orjson.dumps({"jsonrpc": "2.0", "id": number, "error": error}))
        elif self.how == "stall":
            self.over.wait(30)
        elif self.how == "long":
            reply(handler, b" " * 70_000)
        else:
            reply(handler, b"", int(self.how))


@pytest.fixture
def provider(anvil: AnvilNode, client: httpx.Client) -> Iterator[Provider]:
    made = Provider(Proxy(anvil.url, client))
    with http_server(made) as url:
        made.proxy.url = url
        try:
            yield made
        finally:
            made.over.set()


@pytest.fixture
def entries(provider: Provider, written: Written) -> Iterator[NodeEntries]:
    with Node(provider.proxy.url, timeout=1, ceiling=65_536) as node:
        yield NodeEntries(node, written.pin, first_block=written.first_block)


@pytest.mark.parametrize(
    ("most", "how"),
    [(1, "error"), (7, "error"), (50, "413"), (50, "400"), (50, "504"), (7, "long")],
)
def test_a_limit_on_blocks_is_found_and_kept_to(
    provider: Provider, written: Written, entries: NodeEntries, most: int, how: str
) -> None:
    provider.refuses = lambda blocks, _: blocks > most
    provider.how = how
    assert list(entries.entries(1, COUNT)) == written.entries()
    answered = [blocks for blocks, refused in provider.asked if not refused]
    assert max(answered) <= most
    assert sum(refused for _, refused in provider.asked) <= 20
    provider.asked.clear()  # what was learnt is not forgotten
    assert len(list(entries.entries(1, COUNT))) == COUNT
    assert sum(refused for _, refused in provider.asked) <= 4


@pytest.mark.parametrize("most", [1, 5])
def test_a_limit_on_results_is_found_and_kept_to(
    provider: Provider, written: Written, entries: NodeEntries, most: int
) -> None:
    """Also where one block has more than the limit: then fewer of its entries are asked for."""
    provider.refuses = lambda _, logs: len(logs) > most
    assert list(entries.entries(1, COUNT)) == written.entries()


def test_a_range_that_takes_too_long_is_halved(
    provider: Provider, written: Written, entries: NodeEntries
) -> None:
    provider.refuses = lambda blocks, _: blocks > 100
    provider.how = "stall"
    found = list(entries.entries(1, COUNT))
    assert found == written.entries()
    assert any(refused for _, refused in provider.asked)


def test_it_grows_again_once_the_node_answers_more(
    provider: Provider, written: Written, entries: NodeEntries
) -> None:
    provider.refuses = lambda blocks, _: blocks > 1
    assert len(list(entries.entries(1, COUNT))) == COUNT
    provider.refuses = lambda _blocks, _logs: False
    list(entries.entries(1, COUNT))
    provider.asked.clear()
    assert list(entries.entries(1, COUNT)) == written.entries()
    assert max(blocks for blocks, _ in provider.asked) > SPREAD


@pytest.mark.parametrize(
    ("how", "code", "queries"),
    [
        ("error", "ledger_node_error", 25),
        ("500", "ledger_unreachable", 25),
        ("long", "ledger_malformed_answer", 25),
        ("stall", "ledger_unreachable", 3),
        ("429", "ledger_unreachable", 1),
        ("404", "ledger_unreachable", 1),
    ],
)
def test_a_node_that_refuses_everything_is_given_up(
    provider: Provider, entries: NodeEntries, how: str, code: str, queries: int
) -> None:
    provider.refuses = lambda _blocks, _logs: True
    provider.how = how
    with pytest.raises(KeybornError) as caught:
        list(entries.entries(1, COUNT))
    assert isinstance(caught.value, Unavailable | Invalid)
    assert caught.value.code == code
    assert 1 <= len(provider.asked) <= queries
    provider.refuses = lambda _blocks, _logs: False
    assert len(list(entries.entries(1, COUNT))) == COUNT
