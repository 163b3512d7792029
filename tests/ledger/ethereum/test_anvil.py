import os
import socket
import stat
from pathlib import Path

import pytest
from eth_account import Account

from did.errors import Unavailable
from ledger.ethereum.anvil import AnvilNode, find_anvil, running_anvil
from ledger.ethereum.deploy import deploy
from ledger.ethereum.node import Node
from ledger.ethereum.source import EthereumLog

HOUR = 3600


def height(node: Node) -> int:
    number = node.call("eth_blockNumber")
    assert isinstance(number, str)
    return int(number, 16)


def binary(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(stat.S_IRWXU)
    return path


def test_a_binary_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as raised:
        find_anvil(tmp_path / "anvil")
    assert raised.value.code == "anvil_missing"
    assert "npm ci" in str(raised.value.hint)


def test_a_binary_that_is_given_is_taken(tmp_path: Path) -> None:
    given = binary(tmp_path / "anvil", "exit")
    assert find_anvil(given) == given


def test_npm_s_binary_is_found_from_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = binary(tmp_path / "node_modules/@foundry-rs/anvil-any-cpu/bin/anvil", "exit")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert find_anvil() == installed


def test_a_binary_on_the_path_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_path = binary(tmp_path / "bin" / "anvil", "exit")
    monkeypatch.setenv("PATH", str(on_path.parent))
    monkeypatch.setattr("ledger.ethereum.anvil.__file__", str(tmp_path / "a" / "b" / "c.py"))
    monkeypatch.chdir(tmp_path)
    assert find_anvil() == on_path


def test_a_binary_that_does_not_start_tells_why(tmp_path: Path) -> None:
    broken = binary(tmp_path / "anvil", "echo no such luck; exit 1")
    with pytest.raises(Unavailable) as raised, running_anvil(path=broken):
        pass
    assert raised.value.code == "anvil_failed"
    assert "no such luck" in str(raised.value)


def test_what_does_not_heed_an_interrupt_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.ethereum.anvil._START_SECONDS", 0.2)
    monkeypatch.setattr("ledger.ethereum.anvil._STOP_SECONDS", 0.1)
    pid = tmp_path / "pid"
    deaf = binary(tmp_path / "anvil", f"trap '' INT; echo $$ > {pid}; exec tail -f /dev/null")
    with pytest.raises(Unavailable), running_anvil(path=deaf):
        pass
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


@pytest.mark.ethereum
@pytest.mark.npm
def test_no_account_that_everybody_knows_owns_anything(anvil: AnvilNode) -> None:
    assert anvil.node.call("eth_accounts") == []


@pytest.mark.ethereum
@pytest.mark.npm
def test_it_is_gone_when_the_context_ends(anvil: AnvilNode) -> None:
    with running_anvil() as node:
        url = node.url
        assert url != anvil.url
        assert height(node.node) >= 1
    with Node(url) as after, pytest.raises(Unavailable):
        after.call("eth_blockNumber")


@pytest.mark.ethereum
@pytest.mark.npm
@pytest.mark.usefixtures("anvil")
def test_a_port_that_is_taken_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with (
            pytest.raises(Unavailable) as raised,
            running_anvil(port=taken.getsockname()[1], block_seconds=HOUR),
        ):
            pass
    assert raised.value.code == "anvil_failed"


@pytest.mark.ethereum
@pytest.mark.npm
@pytest.mark.usefixtures("anvil")
def test_a_chain_outlives_its_process(tmp_path: Path) -> None:
    state = tmp_path / "chain.json"
    with running_anvil(state=state, block_seconds=HOUR) as node:
        sender = Account.create()
        node.fund(sender.address)
        pin = deploy(node.node, sender, pause=node.mine).pin
        node.mine(3)
        before = EthereumLog(node.node, pin).heads()
        stopped_at = height(node.node)
    with running_anvil(state=state, block_seconds=HOUR) as node:
        assert height(node.node) == stopped_at
        assert EthereumLog(node.node, pin).heads() == before


@pytest.mark.ethereum
@pytest.mark.npm
def test_mining_and_reorganising(anvil: AnvilNode) -> None:
    start = height(anvil.node)
    anvil.mine(4)
    newest = anvil.node.call("eth_getBlockByNumber", "latest", False)
    # Empty blocks of the same second would be the same blocks again, but for who mined them.
    anvil.node.call("anvil_setCoinbase", "0x" + "01" * 20)
    anvil.reorg(2)
    assert height(anvil.node) == start + 4
    other = anvil.node.call("eth_getBlockByNumber", "latest", False)
    assert isinstance(newest, dict)
    assert isinstance(other, dict)
    assert newest["hash"] != other["hash"]
