"""Reading as of one block hash: through ``PinnedHeader``, a reader, and the commands."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from actors import DEVICE
from click.testing import CliRunner, Result
from ethereum_support import Proxy
from operations import Life, batch

from did.errors import Invalid, KeybornError, Unavailable
from did.resolution import Finality, Registration
from keyborn.cli import cli
from ledger.embedded.store import EmbeddedLedger
from ledger.ethereum.anvil import AnvilNode
from ledger.ethereum.deploy import Deployment
from ledger.ethereum.headers import PinnedHeader, block_by_number
from ledger.ethereum.ledger import EthereumLedger
from ledger.ethereum.node import Node
from ledger.ethereum.nodes import Nodes
from ledger.network import Network, open_reader, open_reader_at, write_network

pytestmark = [pytest.mark.ethereum, pytest.mark.npm]


def pinned_to(node: Node, block_hash: bytes) -> PinnedHeader:
    return PinnedHeader(Nodes([node]), block_hash)


def failure(ask: Callable[[], object]) -> KeybornError:
    with pytest.raises(KeybornError) as caught:
        ask()
    assert caught.value.step
    assert caught.value.hint
    return caught.value


def test_whatever_the_finality_it_is_the_pinned_block(anvil: AnvilNode) -> None:
    block = block_by_number(anvil.node, 1)
    headers = pinned_to(anvil.node, block.hash)
    assert {headers.header(finality) for finality in Finality} == {block}


def test_a_block_that_the_node_does_not_know(anvil: AnvilNode) -> None:
    error = failure(lambda: pinned_to(anvil.node, bytes(32)).header(Finality.LATEST))
    assert (type(error), error.code) == (Unavailable, "ledger_block_unknown")
    assert anvil.node.name in error.message


def test_another_block_than_the_pinned_one(anvil: AnvilNode, proxy: Proxy, liar: Node) -> None:
    block, other = block_by_number(anvil.node, 1), block_by_number(anvil.node, 0)
    headers = pinned_to(liar, block.hash)
    proxy.rewrite["eth_getBlockByHash"] = lambda _: ["0x" + other.hash.hex(), False]
    error = failure(lambda: headers.header(Finality.LATEST))
    assert (type(error), error.code) == (Invalid, "ledger_forged_header")
    assert liar.name in error.message
    proxy.be_honest()
    assert headers.header(Finality.LATEST) == block


def test_a_block_that_a_reorganisation_dropped(anvil: AnvilNode, proxy: Proxy, liar: Node) -> None:
    """A node may know it still; its own chain has another one there."""
    anvil.mine(3)
    dropped = anvil.node.call("eth_getBlockByNumber", "latest", False)
    block = block_by_number(anvil.node, Finality.LATEST)
    # Empty, and in the same second, it would be the same block again.
    anvil.node.call("anvil_setCoinbase", "0x" + "11" * 20)
    anvil.reorg(1)
    proxy.invent["eth_getBlockByHash"] = lambda _: dropped
    error = failure(lambda: pinned_to(liar, block.hash).header(Finality.LATEST))
    assert (type(error), error.code) == (Invalid, "ledger_block_off_chain")
    assert liar.name in error.message
    proxy.be_honest()
    there = block_by_number(anvil.node, Finality.LATEST)
    assert pinned_to(liar, there.hash).header(Finality.LATEST) == there


def test_one_node_that_has_it_is_enough(anvil: AnvilNode, proxy: Proxy, liar: Node) -> None:
    block = block_by_number(anvil.node, 1)
    proxy.invent["eth_getBlockByHash"] = lambda _: None
    nodes = Nodes([liar, anvil.node])
    assert PinnedHeader(nodes, block.hash).header(Finality.LATEST) == block
    assert [(each.source, each.code) for each in nodes.warnings()] == [
        (liar.name, "ledger_block_unknown")
    ]


@pytest.fixture
def life(anvil: AnvilNode, ledger: EthereumLedger, deployed: Deployment) -> tuple[Life, list[str]]:
    """A device that was created and rotated, and the newest block after each."""
    device = Life(DEVICE, deployed.pin.log_id)
    blocks = []
    for operation in (device.create, device.rotate):
        ledger.submit(ledger.prepare(batch(operation())))
        anvil.mine()
        found: Any = anvil.node.call("eth_getBlockByNumber", "latest", False)
        blocks.append(found["hash"])
    return device, blocks


@pytest.fixture
def network(anvil: AnvilNode, deployed: Deployment) -> Network:
    return Network(deployed.pin, "http://127.0.0.1:1", (anvil.url,), deployed.block_number)


def test_a_state_is_as_of_the_pinned_block(
    anvil: AnvilNode, network: Network, life: tuple[Life, list[str]]
) -> None:
    _, blocks = life
    for number, block_hash in enumerate(blocks, 1):
        with open_reader_at(network, bytes.fromhex(block_hash[2:])) as reader:
            found = reader.resolve(DEVICE.short)
            assert len(found.versions) == number
            assert {version.finality for version in found.versions} == {Finality.FINALIZED}
            block: Any = anvil.node.call("eth_getBlockByHash", block_hash, False)
            assert found.as_of is not None
            assert found.as_of.timestamp() == int(block["timestamp"], 16)
            assert reader.warnings() == ()


def test_an_embedded_ledger_has_no_blocks_to_pin(tmp_path: Path) -> None:
    with EmbeddedLedger(tmp_path) as ledger:
        network = Network(ledger.pin, "http://127.0.0.1:1")
    error = failure(lambda: open_reader_at(network, bytes(32)))
    assert (type(error), error.code) == (Invalid, "not_ethereum")


def run(*args: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(arg) for arg in args])


def test_the_commands_read_as_of_a_block(
    network: Network, life: tuple[Life, list[str]], tmp_path: Path
) -> None:
    _, (first, second) = life
    file = tmp_path / "network.toml"
    write_network(file, network)
    status = run("ledger", "status", "--network", file, "--block-hash", first, "--json")
    assert status.exit_code == 0, status.output
    heads = json.loads(status.stdout)["heads"]
    assert {head["sequence"] for head in heads.values()} == {1}
    for block_hash, number in ((first, "0-"), (second.upper().replace("X", "x"), "1-")):
        shown = run(
            "resolve", DEVICE.short.text, "--network", file, "--block-hash", block_hash, "--json"
        )
        assert shown.exit_code == 0, shown.output
        metadata = json.loads(shown.stdout)["didDocumentMetadata"]
        assert metadata["versionId"].startswith(number)


def test_what_the_commands_do_not_take(network: Network, tmp_path: Path) -> None:
    file = tmp_path / "network.toml"
    write_network(file, network)
    for command in (["ledger", "status"], ["resolve", DEVICE.short.text]):
        asked = [*command, "--network", file, "--block-hash"]
        for wrong in ("0x12", "12" * 32, "0x" + "g" * 64):
            result = run(*asked, wrong)
            assert result.exit_code == 2
            assert "0x and 64 hexadecimal digits" in result.stderr
        result = run(*asked, "0x" + "12" * 32, "--index", tmp_path / "index")
        assert result.exit_code == 2
        assert "leave --index out" in result.stderr
        assert not (tmp_path / "index").exists()
        unknown = run(*asked, "0x" + "12" * 32)
        assert unknown.exit_code == 3
        assert "ledger_block_unknown" in unknown.stderr


def test_the_status_names_the_node_that_does_not_serve(
    anvil: AnvilNode, proxy: Proxy, network: Network, tmp_path: Path
) -> None:
    file = tmp_path / "network.toml"
    dead = "http://127.0.0.1:1/secret"
    write_network(file, replace(network, rpc=(dead, anvil.url, proxy.url)))
    shown = run("ledger", "status", "--network", file, "--json")
    assert shown.exit_code == 0, shown.output
    (warning,) = json.loads(shown.stdout)["warnings"]
    assert (warning["source"], warning["code"]) == ("http://127.0.0.1:1", "ledger_unreachable")
    text = run("ledger", "status", "--network", file)
    assert (
        "\nwarning       the Ethereum node at http://127.0.0.1:1 cannot be reached" in text.stdout
    )
    assert "secret" not in shown.output + text.output
    write_network(file, replace(network, rpc=(anvil.url, proxy.url)))
    assert json.loads(run("ledger", "status", "--network", file, "--json").stdout)["warnings"] == []


def test_a_registration_is_seen_by_a_quorum_and_resolved(
    anvil: AnvilNode, proxy: Proxy, network: Network, life: tuple[Life, list[str]]
) -> None:
    assert life
    with open_reader(replace(network, rpc=(anvil.url, proxy.url))) as reader:
        assert reader.resolve(DEVICE.short).registration is Registration.YES
        assert reader.warnings() == ()
