"""web3 over our own connection to a node, so that its limits and its errors hold there too."""

from typing import Any

from web3 import Web3
from web3.providers import BaseProvider
from web3.types import RPCEndpoint, RPCResponse

from ledger.ethereum.node import Node


class _NodeProvider(BaseProvider):
    # A contract's answer must never make this process fetch a URL (EIP-3668).
    global_ccip_read_enabled = False

    def __init__(self, node: Node) -> None:
        super().__init__()
        self._node = node

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:  # noqa: ANN401 - web3's signature
        """One call; a JSON-RPC error is raised as ``NodeError``, not returned."""
        return {"jsonrpc": "2.0", "id": 1, "result": self._node.call(method, *params)}


def web3_over(node: Node) -> Web3:
    """A web3 that asks ``node``, with no middleware: nothing is fetched that is not asked for."""
    return Web3(_NodeProvider(node), middleware=[])
