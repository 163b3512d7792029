"""Headers that somebody publishes: believe the block hashes at a URL, and no Ethereum node."""

import re
from pathlib import Path

import httpx

from did.errors import Invalid, Unavailable
from did.resolution import Finality
from ledger.ethereum.header import Header
from ledger.ethereum.headers import PinnedHeader
from ledger.ethereum.node import Node
from ledger.ethereum.nodes import Nodes
from ledger.ethereum.pin import EthereumPin
from ledger.ethereum.source import EthereumLog
from ledger.index import Index
from ledger.network import load_network
from ledger.reader import LogReader


class PublishedHeaders:
    """The newest blocks by ``latest``, ``safe`` and ``finalized`` below a URL, a hash each.

    Implements ``ledger.ethereum.headers.HeaderSource``.
    """

    def __init__(self, url: str, nodes: Nodes) -> None:
        self._client = httpx.Client(base_url=url, timeout=10)
        self._nodes = nodes

    def header(self, finality: Finality) -> Header:
        """The block whose hash is published. A node gives the header; its hash is recomputed."""
        try:
            text = self._client.get(finality.value).raise_for_status().text.strip()
        except httpx.HTTPError as error:
            raise Unavailable(
                "hashes_unreachable", "the published block hashes cannot be read"
            ) from error
        if not re.fullmatch("0x[0-9a-f]{64}", text):
            raise Invalid("hashes_malformed", "what is published is no block hash", value=text)
        return PinnedHeader(self._nodes, bytes.fromhex(text[2:])).header(finality)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def open_published(network_file: Path, url: str, index: Path) -> LogReader:
    """A reader that believes what is published at ``url``; close it when done."""
    network = load_network(network_file)
    assert isinstance(network.pin, EthereumPin)
    nodes = Nodes([Node(rpc) for rpc in network.rpc])
    headers = PublishedHeaders(url, nodes)
    log = EthereumLog(nodes, network.pin, headers=headers, first_block=network.first_block)

    def close() -> None:
        for each in (headers, *nodes.in_turn()):
            each.close()

    return LogReader(log, Index.open(index, log.log_id), on_close=close, warnings=log.warnings)
