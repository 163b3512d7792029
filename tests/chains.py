"""A chain that outlives its node, and a log on it."""

import secrets
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from eth_account import Account
from ports import free_port

from ledger.ethereum.anvil import AnvilNode, running_anvil
from ledger.ethereum.deploy import deploy
from ledger.network import Network, write_network


@dataclass
class Chain:
    """A node at one address, whose chain outlives it."""

    folder: Path
    port: int = field(default_factory=free_port)
    _running: AbstractContextManager[AnvilNode] | None = None

    def start(self) -> AnvilNode:
        self._running = running_anvil(port=self.port, state=self.folder / "chain.json")
        return self._running.__enter__()

    def stop(self) -> None:
        if self._running is not None:
            self._running.__exit__(None, None, None)
            self._running = None

    def with_log(self) -> tuple[Path, Path]:
        """Start it with a log on it: the network file, and that of the key that paid and pays."""
        node = self.start()
        key = self.folder / "key"
        key.touch(mode=0o600)
        key.write_text(secrets.token_hex(32))
        account = Account.from_key(key.read_text())
        node.fund(account.address)
        made = deploy(node.node, account, pause=node.mine)
        network = self.folder / "log.toml"
        write_network(
            network,
            Network(made.pin, "http://127.0.0.1:1", rpc=(node.url,), first_block=made.block_number),
        )
        return network, key
