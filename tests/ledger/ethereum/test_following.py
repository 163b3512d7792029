"""Following a log on Ethereum: woken by the node, and with no logs of it at all."""

from contextlib import ExitStack
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from ethereum_support import batch_of, http_server, reply
from mirrors import fill, sequences

from did.errors import Undecided
from keyborn.polling import poll
from ledger.cli_follow import _announcements
from ledger.ethereum.anvil import AnvilNode
from ledger.ethereum.deploy import Deployment
from ledger.ethereum.ledger import EthereumLedger
from ledger.following.follower import News
from ledger.network import Network, open_reader, open_source

pytestmark = [pytest.mark.ethereum, pytest.mark.npm]

SECONDS = 30


@pytest.fixture
def network(anvil: AnvilNode, deployed: Deployment) -> Network:
    return Network(deployed.pin, "http://127.0.0.1:1", (anvil.url,), deployed.block_number)


def test_a_node_without_logs_is_enough_where_there_is_a_mirror(
    anvil: AnvilNode,
    client: httpx.Client,
    ledger: EthereumLedger,
    network: Network,
    tmp_path: Path,
) -> None:
    for number in range(3):
        ledger.submit(ledger.prepare(batch_of(bytes([number]) * 64)))
        anvil.mine()
    fill(tmp_path / "mirror", ledger)
    asked: list[str] = []

    def without_logs(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        request: dict[str, Any] = orjson.loads(body)
        asked.append(request["method"])
        if request["method"] == "eth_getLogs":
            error = {"code": -32601, "message": "the method is not available"}
            answer = orjson.dumps({"jsonrpc": "2.0", "id": request["id"], "error": error})
        else:
            headers = {"content-type": "application/json"}
            answer = client.post(anvil.url, content=body, headers=headers).content
        reply(handler, answer)

    with http_server(without_logs) as url:
        mirrored = replace(network, rpc=(url,), mirror=str(tmp_path / "mirror"))
        with open_reader(mirrored) as reader:
            assert reader.sync().latest.sequence == 3
        assert "eth_getLogs" not in asked
        with (
            open_reader(replace(network, rpc=(url,))) as reader,
            pytest.raises(Undecided) as caught,
        ):
            reader.sync()
        assert caught.value.code == "ledger_unreachable"
        with ExitStack() as opened:
            source = open_source(mirrored, opened)
            fill(tmp_path / "copy", source)
    assert sequences(tmp_path / "copy") == [1, 2, 3]


def test_a_node_that_announces_its_blocks_is_waited_for(anvil: AnvilNode, network: Network) -> None:
    news = News()
    with ExitStack() as opened:
        patience = _announcements(network, 1.0, news, opened)
        assert poll(lambda: patience() == 30.0 or None, SECONDS)
        news.wait(SECONDS)  # the subscription itself
        anvil.mine()
        news.wait(600)
    assert patience() == 1.0


def test_a_node_that_does_not_is_asked_as_often_as_one_is_told_to(network: Network) -> None:
    elsewhere = replace(network, ws="ws://127.0.0.1:1")
    for each in (elsewhere, replace(network, rpc=())):
        with ExitStack() as opened:
            assert _announcements(each, 2.5, News(), opened)() == 2.5
