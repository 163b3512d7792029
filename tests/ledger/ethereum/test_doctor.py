"""``keyborn ledger doctor`` on Ethereum: what is wrong is named, beside what is right."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from eth_account import Account
from eth_account.signers.local import LocalAccount
from ethereum_support import Proxy

from keyborn.checks import Check, Verdict, worst
from keyborn.cli import cli
from ledger.account import read_account
from ledger.doctor.local import examine
from ledger.ethereum.anvil import AnvilNode
from ledger.ethereum.deploy import Deployment
from ledger.network import Network, write_network

pytestmark = [pytest.mark.ethereum, pytest.mark.npm]

NOBODY = "0x000000000000000000000000000000000000dEaD"
CLOSED = "http://127.0.0.1:1"


@pytest.fixture
def network(proxy: Proxy, deployed: Deployment, append: Callable[..., bytes]) -> Network:
    append()
    return Network(deployed.pin, CLOSED, (proxy.url,), deployed.block_number)


@pytest.fixture
def chain_time(anvil: AnvilNode, append: Callable[..., bytes]) -> datetime:
    """The time of the newest block, which runs ahead of the clock where many blocks are mined."""
    append()
    block = anvil.node.call("eth_getBlockByNumber", "latest", False)
    assert isinstance(block, dict)
    return datetime.fromtimestamp(int(block["timestamp"], 16), UTC)


def of(checks: list[Check], subject: str) -> Check:
    (found,) = [check for check in checks if check.subject == subject]
    return found


def summary(checks: list[Check]) -> list[tuple[str, Verdict, str | None]]:
    return [(each.subject, each.verdict, each.code) for each in checks]


def test_what_is_well_is_said_and_what_is_weak_too(
    network: Network, proxy: Proxy, chain_time: datetime
) -> None:
    checks = examine(network, now=chain_time)
    node = f"node {proxy.url}"
    assert summary(checks) == [
        (node, Verdict.OK, None),
        (node, Verdict.OK, None),
        (f"{node} latest", Verdict.OK, None),
        (f"{node} finalized", Verdict.OK, None),
        (f"{node} entries", Verdict.OK, None),
        ("headers", Verdict.WARNING, "ledger_one_node"),
        ("log", Verdict.OK, None),
        ("clock", Verdict.OK, None),
        ("registrar", Verdict.UNKNOWN, "unreachable"),
    ]
    assert "entry 2" in of(checks, f"{node} latest").message
    assert all(check.hint for check in checks if check.verdict is not Verdict.OK)


def test_a_node_of_another_chain(network: Network, proxy: Proxy, chain_time: datetime) -> None:
    proxy.tamper["eth_chainId"] = lambda _: "0x1"
    checks = examine(network, now=chain_time)
    assert checks[0] == of(checks, f"node {proxy.url}")  # the rest would say the same again
    assert (checks[0].verdict, checks[0].code) == (Verdict.WRONG, "ledger_wrong_chain")
    assert of(checks, "log").code == "ledger_wrong_chain"
    proxy.be_honest()
    assert of(examine(network, now=chain_time), "log").verdict is Verdict.OK


def test_a_contract_that_is_not_there(network: Network, chain_time: datetime) -> None:
    assert not isinstance(network.pin, str)
    gone = replace(network, pin=replace(network.pin, contract=NOBODY))
    checks = examine(gone, now=chain_time)
    assert of(checks, f"node {network.rpc[0]} latest").code == "ledger_wrong_code"
    assert worst(checks) is Verdict.WRONG


def test_a_node_that_keeps_no_events(network: Network, proxy: Proxy, chain_time: datetime) -> None:
    proxy.tamper["eth_getLogs"] = lambda _: []
    checks = examine(network, now=chain_time)
    assert of(checks, f"node {proxy.url} entries").code == "ledger_entry_missing"
    assert of(checks, f"node {proxy.url} latest").verdict is Verdict.OK


def test_a_node_that_catches_up(network: Network, proxy: Proxy, chain_time: datetime) -> None:
    proxy.tamper["eth_syncing"] = lambda _: {"currentBlock": "0x1"}
    checks = examine(network, now=chain_time)
    assert (checks[1].verdict, checks[1].code) == (Verdict.WARNING, "ledger_node_behind")


def test_a_node_that_is_not_there_beside_one_that_is(
    network: Network, anvil: AnvilNode, chain_time: datetime
) -> None:
    two = replace(network, rpc=(CLOSED, anvil.url), quorum=1)
    checks = examine(two, now=chain_time)
    dead = [check for check in checks if check.subject == f"node {CLOSED}"]
    assert [(each.verdict, each.code) for each in dead] == [(Verdict.UNKNOWN, "ledger_unreachable")]
    assert of(checks, "headers").code == "ledger_weak_quorum"
    assert of(checks, "log").verdict is Verdict.OK
    checks = examine(replace(two, quorum=None), now=chain_time)
    assert of(checks, "headers").verdict is Verdict.OK
    assert of(checks, "log").code == "ledger_no_quorum"


def test_addresses_that_are_weak_or_none(network: Network, chain_time: datetime) -> None:
    far = replace(network, rpc=("http://[100::1]:1",))  # discard-only, RFC 6666
    node = [check for check in examine(far, now=chain_time) if check.subject.startswith("node")]
    assert [check.code for check in node] == ["ledger_unreachable", "ledger_unencrypted"]
    none = examine(replace(network, rpc=("http://",)), now=chain_time)
    assert none[0].code == "ledger_bad_url"


@pytest.mark.parametrize(
    ("shift", "verdict", "code"),
    [
        (timedelta(0), Verdict.OK, None),
        (timedelta(minutes=-5), Verdict.WRONG, "clock_behind"),
        (timedelta(hours=2), Verdict.WARNING, "ledger_stale"),
    ],
)
def test_clock_and_ledger_are_held_against_each_other(
    network: Network, chain_time: datetime, shift: timedelta, verdict: Verdict, code: str | None
) -> None:
    clock = of(examine(network, now=chain_time + shift), "clock")
    assert (clock.verdict, clock.code) == (verdict, code)


def test_the_account_that_pays(
    network: Network, sender: LocalAccount, chain_time: datetime, tmp_path: Path
) -> None:
    key = tmp_path / "key"

    def payer(text: str) -> Check:
        key.write_text(text)
        key.chmod(0o600)
        checks = examine(network, now=chain_time, payer=lambda: read_account(key))
        (found,) = [check for check in checks if check.subject.startswith("payer")]
        return found

    rich = payer(sender.key.hex())
    assert rich.verdict is Verdict.OK
    assert sender.address in rich.subject
    poor = payer(Account.create().key.hex())
    assert (poor.verdict, poor.code) == (Verdict.WARNING, "ledger_insufficient_funds")
    assert payer("no key").code == "invalid_key_file"


def doctor(network: Network, folder: Path, *args: str) -> Result:
    path = folder / "network.toml"
    write_network(path, network)
    return CliRunner().invoke(cli, ["ledger", "doctor", "--network", str(path), *args])


def test_the_command_says_it_all_and_its_code_is_that_of_the_worst(
    network: Network, proxy: Proxy, tmp_path: Path
) -> None:
    told = doctor(network, tmp_path)
    assert f"ok       node {proxy.url}: answers, and is on chain 31337" in told.stdout
    assert "         next: Name several nodes of different operators in rpc." in told.stdout
    assert told.exit_code in (1, 3)  # the registrar is not there; the chain may be ahead of us
    proxy.tamper["eth_chainId"] = lambda _: "0x1"
    wrong = doctor(network, tmp_path, "--json")
    assert wrong.exit_code == 1
    found = json.loads(wrong.stdout)
    assert found["verdict"] == "wrong"
    assert found["checks"][0]["code"] == "ledger_wrong_chain"
    assert not wrong.stderr
