"""The header source of the how-to page does what the page says."""

import importlib.util
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from actors import DEVICE
from ethereum_support import Proxy, http_server, reply
from operations import Life, batch
from pages import DOCS, fence

from did.errors import Invalid, KeybornError, Undecided
from ledger.ethereum.anvil import AnvilNode
from ledger.ethereum.deploy import Deployment
from ledger.ethereum.ledger import EthereumLedger
from ledger.network import Network, write_network

pytestmark = [pytest.mark.ethereum, pytest.mark.npm]

PAGE = (DOCS / "how-to" / "bring-your-own-headers.md").read_text()
FILE = DOCS / "examples" / "published_headers.py"


def test_the_class_on_the_page_is_the_example() -> None:
    assert fence(PAGE, FILE.name) == FILE.read_text()


def test_what_is_published_is_believed_and_no_node(
    anvil: AnvilNode, deployed: Deployment, ledger: EthereumLedger, proxy: Proxy, tmp_path: Path
) -> None:
    spec = importlib.util.spec_from_file_location(FILE.stem, FILE)
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)

    published: dict[str, str] = {}

    def publish() -> None:
        for finality in ("latest", "safe", "finalized"):
            block: Any = anvil.node.call("eth_getBlockByNumber", finality, False)
            published[f"/{finality}"] = block["hash"]

    def answer(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        found = published.get(handler.path)
        reply(handler, f"{found}\n".encode(), 200 if found else 404)

    device = Life(DEVICE, deployed.pin.log_id)
    ledger.submit(ledger.prepare(batch(device.create())))
    anvil.mine()
    publish()
    network = Network(deployed.pin, "http://127.0.0.1:1", (proxy.url,), deployed.block_number)
    write_network(tmp_path / "network.toml", replace(network, rpc=(proxy.url, anvil.url)))
    with (
        http_server(answer) as url,
        example.open_published(tmp_path / "network.toml", url, tmp_path / "index") as reader,
    ):
        assert len(reader.resolve(DEVICE.short).versions) == 1
        ledger.submit(ledger.prepare(batch(device.rotate())))
        anvil.mine()
        assert len(reader.resolve(DEVICE.short).versions) == 1  # as of what is published
        publish()
        assert len(reader.resolve(DEVICE.short).versions) == 2

        proxy.invent["eth_getBlockByHash"] = lambda _: None
        assert len(reader.resolve(DEVICE.short).versions) == 2
        assert [warning.source for warning in reader.warnings()] == [proxy.url]

        for wrong, kind in (({"/latest": "0x12"}, Invalid), ({"/latest": ""}, Undecided)):
            published.update(wrong)
            with pytest.raises(KeybornError) as caught:
                reader.resolve(DEVICE.short)
            assert type(caught.value) is kind
        publish()
        assert len(reader.resolve(DEVICE.short).versions) == 2
