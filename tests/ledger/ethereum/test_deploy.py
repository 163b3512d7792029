import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak
from ethereum_support import Proxy

from did.errors import Conflict, Invalid, Unavailable
from ledger.ethereum.anvil import AnvilNode
from ledger.ethereum.contract import compiled
from ledger.ethereum.deploy import Deployment, deploy
from ledger.ethereum.node import Node
from ledger.ethereum.source import EthereumLog

pytestmark = [pytest.mark.ethereum, pytest.mark.npm]


def test_the_pin_is_that_of_what_was_deployed(anvil: AnvilNode, deployed: Deployment) -> None:
    pin = deployed.pin
    code = anvil.node.call("eth_getCode", pin.contract, "latest")
    assert isinstance(code, str)
    assert keccak(bytes.fromhex(code[2:])) == pin.code_hash == compiled().code_hash(pin.log_id)
    assert deployed.gas > 0
    receipt = anvil.node.call("eth_getTransactionReceipt", deployed.transaction)
    assert isinstance(receipt, dict)
    assert int(receipt["blockNumber"], 16) == deployed.block_number
    EthereumLog(anvil.node, pin).heads()


def test_two_deployments_are_two_logs(anvil: AnvilNode, sender: LocalAccount) -> None:
    pins = [deploy(anvil.node, sender, pause=anvil.mine).pin for _ in range(2)]
    assert len({pin.log_id for pin in pins}) == len({pin.code_hash for pin in pins}) == 2


def test_a_sender_that_cannot_pay_is_named(anvil: AnvilNode) -> None:
    with pytest.raises(Unavailable) as raised:
        deploy(anvil.node, Account.create())
    assert raised.value.code == "ledger_insufficient_funds"


def test_waiting_ends(anvil: AnvilNode, sender: LocalAccount) -> None:
    with pytest.raises(Unavailable) as raised:
        deploy(anvil.node, sender, deadline=0)
    assert raised.value.code == "ledger_deployment_pending"
    anvil.mine()


def test_a_deployment_that_fails_is_told(
    anvil: AnvilNode, sender: LocalAccount, proxy: Proxy, liar: Node
) -> None:
    proxy.tamper["eth_estimateGas"] = lambda _: hex(60_000)
    with pytest.raises(Conflict) as raised:
        deploy(liar, sender, pause=anvil.mine)
    assert raised.value.code == "ledger_transaction_failed"


def test_a_node_that_lies_about_the_deployment_is_named(
    anvil: AnvilNode, sender: LocalAccount, proxy: Proxy, liar: Node
) -> None:
    proxy.tamper["eth_getCode"] = lambda _: "0x00"
    with pytest.raises(Invalid) as raised:
        deploy(liar, sender, pause=anvil.mine)
    assert raised.value.code == "ledger_wrong_code"
    proxy.tamper.clear()
    deploy(liar, sender, pause=anvil.mine)
