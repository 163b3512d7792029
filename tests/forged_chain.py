"""A block of a node's own making: its header has the right hash, and its state proves a log that
the node made up. Nothing in it contradicts anything; it is merely not the chain's."""

from dataclasses import dataclass
from typing import Any

import rlp
from eth_hash.auto import keccak
from operations import batch
from trie.hexary import HexaryTrie

from ledger.chain import KIND_CALL_DATA, LogEntry, next_head
from ledger.ethereum import header
from ledger.ethereum.contract import APPENDED
from ledger.ethereum.pin import EthereumPin
from ledger.operations import Operation


@dataclass
class ForgedChain:
    """Answers for a log of one entry, under a block that takes the place of ``block``."""

    pin: EthereumPin
    block: dict[str, Any]
    operations: tuple[Operation, ...]
    code_hash: bytes | None = None

    def __post_init__(self) -> None:
        number, time = int(self.block["number"], 16), int(self.block["timestamp"], 16)
        self.entry = LogEntry(1, KIND_CALL_DATA, batch(*self.operations), number, time)
        head = next_head(self.pin.log_id, self.entry)
        self.storage = trie_of({bytes(32): head, b"\1".rjust(32, b"\0"): b"\1"})
        code_hash = self.pin.code_hash if self.code_hash is None else self.code_hash
        account = [b"\1", b"", self.storage.root_hash, code_hash]
        self.state = HexaryTrie({})
        self.state[keccak(self.pin.address)] = rlp.encode(account)
        self.block = rehashed({**self.block, "stateRoot": hexed(self.state.root_hash)})

    def answers(self) -> dict[str, Any]:
        """What ``Proxy.invent`` takes."""
        return {
            "eth_getBlockByNumber": lambda _: self.block,
            "eth_getBlockByHash": lambda _: self.block,
            "eth_getProof": self._proof,
            "eth_getLogs": lambda _: [self._log()],
        }

    def _proof(self, params: list[Any]) -> object:
        slots = [bytes.fromhex(slot[2:]) for slot in params[1]]
        return {
            "accountProof": path(self.state, self.pin.address),
            "storageProof": [{"proof": path(self.storage, slot)} for slot in slots],
        }

    def _log(self) -> object:
        data = self.entry.batch
        padded = data.ljust(-(-len(data) // 32) * 32, b"\0")
        return {
            "topics": [hexed(APPENDED), f"0x{1:064x}"],
            "data": f"0x{32:064x}{len(data):064x}{padded.hex()}",
            "blockNumber": self.block["number"],
            "blockTimestamp": self.block["timestamp"],
            "blockHash": self.block["hash"],
        }


def rehashed(block: dict[str, Any]) -> dict[str, Any]:
    """The block with the hash that its fields have."""
    present = [name for name, _ in header._APPENDED if block.get(name) is not None]
    form = header._FRONTIER + header._APPENDED[: len(present)]
    encoded = rlp.encode([header._field(block, name, length) for name, length in form])
    return {**block, "hash": hexed(keccak(encoded))}


def trie_of(slots: dict[bytes, bytes]) -> HexaryTrie:
    trie = HexaryTrie({})
    for slot, word in slots.items():
        trie[keccak(slot)] = rlp.encode(word)
    return trie


def path(trie: HexaryTrie, key: bytes) -> list[str]:
    return [hexed(rlp.encode(node)) for node in trie.get_proof(keccak(key))]


def hexed(data: bytes) -> str:
    return "0x" + data.hex()
