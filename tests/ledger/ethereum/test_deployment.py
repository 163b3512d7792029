"""``keyborn ledger deploy``: what it says, and that what is interrupted is finished, once."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from eth_account import Account
from eth_account.signers.local import LocalAccount
from ethereum_support import Proxy

from keyborn.cli import cli
from ledger.ethereum.anvil import AnvilNode
from ledger.ethereum.deploy import quote
from ledger.network import load_network, open_reader

pytestmark = [pytest.mark.ethereum, pytest.mark.npm]


@pytest.fixture
def key_file(tmp_path: Path, sender: LocalAccount) -> Path:
    return key_of(sender, tmp_path / "key")


def key_of(account: LocalAccount, path: Path) -> Path:
    path.write_text(account.key.hex())
    path.chmod(0o600)
    return path


def deploy(*args: str | Path) -> Result:
    return CliRunner().invoke(cli, ["ledger", "deploy", "--wait", "30", *map(str, args)])


@contextmanager
def mining(anvil: AnvilNode) -> Iterator[None]:
    """Blocks, whenever a transaction waits for one."""
    ended = threading.Event()

    def mine() -> None:
        while not ended.wait(0.02):
            status: Any = anvil.node.call("txpool_status")
            if int(status["pending"], 16):
                anvil.mine()

    thread = threading.Thread(target=mine)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_a_dry_run_says_the_cost_and_sends_nothing(
    anvil: AnvilNode, sender: LocalAccount, key_file: Path
) -> None:
    result = deploy("--rpc", anvil.url, "--key-file", key_file, "--dry-run", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["payer"] == sender.address
    assert told["sent"] is False
    assert told["missingEther"] == "0"
    assert 0 < float(told["costEther"]) < float(told["balanceEther"]) == 100
    assert anvil.node.call("eth_getTransactionCount", sender.address, "pending") == "0x0"
    assert sorted(path.name for path in key_file.parent.iterdir()) == ["key"]


def test_a_dry_run_says_what_is_missing(anvil: AnvilNode, tmp_path: Path) -> None:
    key_file = key_of(Account.create(), tmp_path / "poor")
    result = deploy("--rpc", anvil.url, "--key-file", key_file, "--dry-run", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert float(told["missingEther"]) > float(told["costEther"]) > 0
    # Guards against a dry run that finds nothing missing, and a deployment that is refused.
    cost, missing = (round(float(told[f"{name}Ether"]) * 10**18) for name in ("cost", "missing"))
    anvil.fund(told["payer"], cost)
    args = ("--rpc", anvil.url, "--key-file", key_file)
    short = deploy(*args, "--network-out", tmp_path / "n.toml")
    assert "ledger_insufficient_funds" in short.stderr
    assert json.loads(deploy(*args, "--dry-run", "--json").stdout)["missingEther"] != "0"
    anvil.fund(told["payer"], missing)
    assert json.loads(deploy(*args, "--dry-run", "--json").stdout)["missingEther"] == "0"
    with mining(anvil):
        assert deploy(*args, "--network-out", tmp_path / "n.toml").exit_code == 0


def test_a_dry_run_says_that_the_ceiling_is_too_low(anvil: AnvilNode, key_file: Path) -> None:
    args = ("--rpc", anvil.url, "--key-file", key_file, "--dry-run", "--json")
    low = deploy(*args, "--max-fee-gwei", "0.001")
    assert low.exit_code == 0
    assert "nothing would be sent" in low.stderr
    assert json.loads(low.stdout)["sent"] is False
    assert deploy(*args).stderr == ""


def test_the_quoted_address_and_gas_are_those_of_the_deployment(
    anvil: AnvilNode, sender: LocalAccount, key_file: Path, tmp_path: Path
) -> None:
    quoted = quote(anvil.node, sender.address)
    network = tmp_path / "network.toml"
    with mining(anvil):
        result = deploy("--rpc", anvil.url, "--key-file", key_file, "--network-out", network)
    assert result.exit_code == 0, result.output
    assert quoted.contract in result.stdout
    assert f"keyborn ledger status --network {network}" in result.stderr
    found = load_network(network)
    assert found.to_table()["contract"] == quoted.contract
    with open_reader(found) as reader:
        assert reader.sync().latest.sequence == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["key", "network.toml"]
    receipt: Any = anvil.node.call(
        "eth_getTransactionReceipt", result.stdout.split("transaction")[1].split()[0]
    )
    # An estimate has 1/64 for what a call may keep back (EIP-150), and no more than that.
    assert int(receipt["gasUsed"], 16) <= quoted.gas < 1.02 * int(receipt["gasUsed"], 16)


def test_what_is_interrupted_is_finished_with_the_same_transaction(
    anvil: AnvilNode, sender: LocalAccount, key_file: Path, tmp_path: Path
) -> None:
    network = tmp_path / "network.toml"
    args = ("--rpc", anvil.url, "--key-file", key_file, "--network-out", network)
    first = deploy(*args, "--wait", "0")
    assert first.exit_code == 3
    assert "ledger_deployment_pending" in first.stderr
    assert "Do the same again" in first.stderr
    assert not network.exists()
    kept = (tmp_path / "network.toml.transaction").read_bytes()
    again = deploy(*args, "--wait", "0")
    assert again.exit_code == 3
    assert (tmp_path / "network.toml.transaction").read_bytes() == kept
    anvil.mine()
    assert deploy(*args).exit_code == 0
    assert anvil.node.call("eth_getTransactionCount", sender.address, "latest") == "0x1"
    load_network(network)


def test_a_network_file_is_never_replaced(
    anvil: AnvilNode, sender: LocalAccount, key_file: Path, tmp_path: Path
) -> None:
    network = tmp_path / "network.toml"
    network.write_text("of another log")
    args = ("--rpc", anvil.url, "--key-file", key_file)
    refused = deploy(*args, "--network-out", network)
    assert refused.exit_code == 1
    assert "network_exists" in refused.stderr
    assert network.read_text() == "of another log"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["key", "network.toml"]
    assert anvil.node.call("eth_getTransactionCount", sender.address, "pending") == "0x0"
    with mining(anvil):
        assert deploy(*args, "--network-out", tmp_path / "other.toml").exit_code == 0


def test_another_key_does_not_finish_what_one_has_begun(
    anvil: AnvilNode, sender: LocalAccount, key_file: Path, tmp_path: Path
) -> None:
    args = ("--rpc", anvil.url, "--network-out", tmp_path / "n.toml")
    assert deploy(*args, "--key-file", key_file, "--wait", "0").exit_code == 3
    other = deploy(*args, "--key-file", key_of(Account.create(), tmp_path / "other"))
    assert other.exit_code == 1
    assert "deployment_of_another_key" in other.stderr
    assert sender.address in other.stderr
    anvil.mine()
    assert deploy(*args, "--key-file", key_file).exit_code == 0


def test_a_node_of_another_chain_does_not_end_what_was_begun(
    anvil: AnvilNode, key_file: Path, proxy: Proxy, tmp_path: Path
) -> None:
    """Guards against giving up a deployment that was paid for, by the word of another chain."""
    args = ("--key-file", key_file, "--network-out", tmp_path / "n.toml")
    assert deploy(*args, "--rpc", anvil.url, "--wait", "0").exit_code == 3
    proxy.tamper["eth_chainId"] = lambda _: hex(1)
    refused = deploy(*args, "--rpc", proxy.url)
    assert refused.exit_code == 1
    assert "deployment_on_another_chain" in refused.stderr
    assert (tmp_path / "n.toml.transaction").exists()
    anvil.mine()
    proxy.tamper.clear()
    assert deploy(*args, "--rpc", proxy.url).exit_code == 0


def test_a_deployment_that_cannot_land_is_prepared_anew(
    anvil: AnvilNode, key_file: Path, proxy: Proxy, tmp_path: Path
) -> None:
    args = ("--rpc", proxy.url, "--key-file", key_file, "--network-out", tmp_path / "n.toml")
    proxy.tamper["eth_estimateGas"] = lambda _: hex(60_000)
    with mining(anvil):
        failed = deploy(*args)
        assert failed.exit_code == 1
        assert "ledger_transaction_failed" in failed.stderr
        assert not (tmp_path / "n.toml.transaction").exists()
        proxy.tamper.clear()
        assert deploy(*args).exit_code == 0


def test_an_address_that_readers_would_refuse_costs_nothing(
    anvil: AnvilNode, sender: LocalAccount, key_file: Path, tmp_path: Path
) -> None:
    args = ("--rpc", anvil.url, "--key-file", key_file, "--network-out", tmp_path / "n.toml")
    refused = deploy(*args, "--url", "nowhere")
    assert refused.exit_code == 1
    assert "invalid_url" in refused.stderr
    assert anvil.node.call("eth_getTransactionCount", sender.address, "pending") == "0x0"


def test_it_must_be_said_where_the_network_file_goes(anvil: AnvilNode, key_file: Path) -> None:
    result = deploy("--rpc", anvil.url, "--key-file", key_file)
    assert result.exit_code == 2
    assert "--network-out" in result.stderr
