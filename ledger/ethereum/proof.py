"""Merkle-Patricia proofs of an account and of its storage, as ``eth_getProof`` gives them.

EIP-1186. Nothing that the answer *claims* is read (balance, code hash, storage values): each value
comes out of the proof's own leaf, which a chain of hashes ties to the state root. A proof that a
key is absent is a proof too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import rlp
from eth_hash.auto import keccak
from trie.exceptions import InvalidNibbles, InvalidNode, MissingTrieNode, ValidationError
from trie.hexary import HexaryTrie

from did.errors import Invalid
from ledger.ethereum.encoding import data, fields, items

NODES: Final = 65  # a path has 64 nibbles, so no honest proof has more nodes

_NODE_BYTES: Final = 600  # a branch of 16 hashes and no value is 532
_ACCOUNT_FIELDS: Final = 4
_WORD: Final = 32

# What the libraries say of a node that is none. Only under a state root that was made up can such a
# node be reached, but the header, too, comes from outside.
_NOT_A_NODE: Final = (
    InvalidNibbles,
    InvalidNode,
    ValidationError,
    rlp.DecodingError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Account:
    """What a state root says of an account: the root of its storage, and its code's keccak-256."""

    storage_root: bytes
    code_hash: bytes


def prove_account(state_root: bytes, address: bytes, proof: Sequence[bytes]) -> Account | None:
    """The account at ``address`` (20 bytes) under ``state_root``; ``None`` if proven absent.

    Raises:
        Invalid: ``ledger_forged_proof``.
    """
    leaf = _prove(state_root, address, proof)
    if not leaf:
        return None
    account = _decode(leaf)
    if not (
        isinstance(account, list)
        and len(account) == _ACCOUNT_FIELDS
        and all(isinstance(hashed, bytes) and len(hashed) == _WORD for hashed in account[2:])
    ):
        raise _forged("the account is not of an account's form")
    return Account(storage_root=account[2], code_hash=account[3])


def prove_slot(storage_root: bytes, slot: int, proof: Sequence[bytes]) -> int:
    """The 256-bit word in storage slot ``slot`` under ``storage_root``; 0 if proven absent.

    Raises:
        Invalid: ``ledger_forged_proof``.
    """
    leaf = _prove(storage_root, slot.to_bytes(_WORD, "big"), proof)
    if not leaf:
        return 0
    word = _decode(leaf)
    if not isinstance(word, bytes) or len(word) > _WORD:
        raise _forged("the storage slot does not hold a word")
    return int.from_bytes(word, "big")


def read_proof(answer: object, slots: int) -> tuple[list[bytes], list[list[bytes]]]:
    """The nodes in an ``eth_getProof`` result: the account's, and those of each of ``slots`` slots.

    Raises:
        Invalid: ``ledger_malformed_answer``.
    """
    given = fields(answer, "the proof")
    storage = items(given.get("storageProof"), "storageProof", at_most=slots)
    if len(storage) < slots:
        raise _forged("a storage slot's proof is missing")
    return (
        _nodes(given.get("accountProof"), "accountProof"),
        [_nodes(fields(one, "storageProof").get("proof"), "storageProof") for one in storage],
    )


def _nodes(value: object, name: str) -> list[bytes]:
    return [data(node, f"a node of {name}") for node in items(value, name, at_most=NODES)]


def _prove(root: bytes, key: bytes, proof: Sequence[bytes]) -> bytes:
    """The value at keccak-256 of ``key``; empty if the trie has none."""
    if any(len(node) > _NODE_BYTES for node in proof):
        raise _forged("a node is longer than any node")
    # The trie looks its nodes up by their hash, so those here are the only ones there can be.
    trie = HexaryTrie({keccak(node): node for node in proof}, root)
    try:
        value = trie.get(keccak(key))
    except MissingTrieNode:
        raise _forged("a node on the path is missing or altered") from None
    except _NOT_A_NODE:
        raise _forged("a node is not of a node's form") from None
    if not isinstance(value, bytes):
        raise _forged("a value is not bytes")
    return value


def _decode(leaf: bytes) -> object:
    try:
        value: object = rlp.decode(leaf)
    except (rlp.DecodingError, RecursionError):
        raise _forged("a leaf is not RLP") from None
    return value


def _forged(why: str) -> Invalid:
    return Invalid(
        "ledger_forged_proof",
        f"the proof does not hold: {why}",
        step="check the storage proof",
        hint="Ask another node; this one is faulty, or lies.",
    )
