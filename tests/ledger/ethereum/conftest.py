"""A real node, a fresh log on it, and a proxy in front of it that can be made to lie."""

from collections.abc import Callable, Iterator

import httpx
import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from ethereum_support import Proxy, batch_of, proxied

from did.errors import Unavailable
from ledger.ethereum.anvil import AnvilNode, find_anvil, running_anvil
from ledger.ethereum.deploy import Deployment, deploy
from ledger.ethereum.ledger import EthereumLedger
from ledger.ethereum.node import Node

HOUR = 3600  # blocks come when a test mines them, and at no other time


@pytest.fixture(scope="session")
def anvil() -> Iterator[AnvilNode]:
    try:
        find_anvil()
    except Unavailable as missing:
        pytest.skip(f"{missing.message}: {missing.hint}")
    with running_anvil(block_seconds=HOUR) as node:
        yield node


@pytest.fixture
def sender(anvil: AnvilNode) -> LocalAccount:
    account: LocalAccount = Account.create()
    anvil.fund(account.address)
    return account


@pytest.fixture
def deployed(anvil: AnvilNode, sender: LocalAccount) -> Deployment:
    return deploy(anvil.node, sender, pause=anvil.mine)


@pytest.fixture
def ledger(anvil: AnvilNode, sender: LocalAccount, deployed: Deployment) -> EthereumLedger:
    return EthereumLedger(
        anvil.node, deployed.pin, sender=sender, first_block=deployed.block_number
    )


@pytest.fixture(scope="session")
def client() -> Iterator[httpx.Client]:
    with httpx.Client() as made:
        yield made


@pytest.fixture
def proxy(anvil: AnvilNode, client: httpx.Client) -> Iterator[Proxy]:
    with proxied(anvil.url, client) as made:
        yield made


@pytest.fixture
def liar(proxy: Proxy) -> Iterator[Node]:
    """The node as the proxy shows it."""
    with Node(proxy.url) as node:
        yield node


@pytest.fixture
def append(anvil: AnvilNode, ledger: EthereumLedger) -> Callable[..., bytes]:
    """Appends a batch, mines it, and gives the submission."""

    def appended(creates: bytes = bytes(64)) -> bytes:
        submission = ledger.prepare(batch_of(creates))
        ledger.submit(submission)
        anvil.mine()
        return submission

    return appended
