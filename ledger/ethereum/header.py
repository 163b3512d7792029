"""Ethereum block headers, from the JSON that a node gives, with the hash recomputed.

The header's RLP is the execution specification's ``Header``; forks only ever append fields to it
(London, Shanghai, Cancun, Prague; Osaka appends none), so the fields that are there tell the form,
and the hash tells whether they are right.
"""

from dataclasses import dataclass
from typing import Final

import rlp
from eth_hash.auto import keccak

from did.errors import Invalid
from ledger.ethereum.encoding import COUNTED, count, data, fields, malformed, minimal, quantity

_HASH: Final = 32
_ADDRESS: Final = 20
_BLOOM: Final = 256
_NONCE: Final = 8
_INTEGER: Final = -1
_ANY: Final = None

# Name in JSON-RPC, and its length in bytes. The order is that of the RLP.
_FRONTIER: Final = (
    ("parentHash", _HASH),
    ("sha3Uncles", _HASH),
    ("miner", _ADDRESS),
    ("stateRoot", _HASH),
    ("transactionsRoot", _HASH),
    ("receiptsRoot", _HASH),
    ("logsBloom", _BLOOM),
    ("difficulty", _INTEGER),
    ("number", _INTEGER),
    ("gasLimit", _INTEGER),
    ("gasUsed", _INTEGER),
    ("timestamp", _INTEGER),
    ("extraData", _ANY),
    ("mixHash", _HASH),
    ("nonce", _NONCE),
)
_APPENDED: Final = (
    ("baseFeePerGas", _INTEGER),  # London, EIP-1559
    ("withdrawalsRoot", _HASH),  # Shanghai, EIP-4895
    ("blobGasUsed", _INTEGER),  # Cancun, EIP-4844
    ("excessBlobGas", _INTEGER),
    ("parentBeaconBlockRoot", _HASH),  # Cancun, EIP-4788
    ("requestsHash", _HASH),  # Prague, EIP-7685
)


@dataclass(frozen=True, slots=True)
class Header:
    """What a reader needs of a block header. ``hash`` covers all of it.

    Attributes:
        hash: keccak-256 of the header's RLP, 32 bytes.
        parent: The hash of the block before, 32 bytes.
        number: Height.
        time: Seconds since 1970 (UTC).
        state_root: Root of the state trie after the block, 32 bytes.
    """

    hash: bytes
    parent: bytes
    number: int
    time: int
    state_root: bytes


def read_header(block: object) -> Header:
    """The header in ``block``, the result of ``eth_getBlockBy…``.

    Its hash is recomputed from its fields and compared with the hash that the node gives.

    Raises:
        Invalid: ``ledger_malformed_answer``, ``ledger_forged_header``.
    """
    given = fields(block, "the block")
    computed = keccak(encode_header(given))
    claimed = data(given.get("hash"), "the block's hash", _HASH)
    if computed != claimed:
        raise Invalid(
            "ledger_forged_header",
            "the block's header does not have the hash that is given for it",
            step="check the block header",
            hint="Ask another node. If all agree, the chain has forked to headers of a form that "
            "this version does not know.",
            value="0x" + claimed.hex(),
        )
    return Header(
        hash=computed,
        parent=data(given["parentHash"], "parentHash"),
        number=count(given["number"], "number"),
        time=count(given["timestamp"], "timestamp"),
        state_root=data(given["stateRoot"], "stateRoot"),
    )


def encode_header(block: object) -> bytes:
    """The RLP of the header in ``block``, as ``read_header`` takes it; its hash is not compared.

    Raises:
        Invalid: ``ledger_malformed_answer``.
    """
    given = fields(block, "the block")
    present = [name for name, _ in _APPENDED if given.get(name) is not None]
    form = _FRONTIER + _APPENDED[: len(present)]
    encoded: bytes = rlp.encode([_field(given, name, length) for name, length in form])
    return encoded


def decode_header(encoded: bytes) -> Header:
    """The header whose RLP is ``encoded``. Fields that a later fork appends are passed over.

    Raises:
        Invalid: ``ledger_malformed_answer``.
    """
    try:
        items = rlp.decode(encoded)
    except (rlp.DecodingError, RecursionError):
        raise malformed("the block header", "is not RLP") from None
    if (
        not isinstance(items, list)
        or not all(isinstance(item, bytes) for item in items)
        or len(items) < len(_FRONTIER)
    ):
        raise malformed("the block header", "is not of a header's form")
    named = dict(zip((name for name, _ in _FRONTIER), items, strict=False))
    hashes = (named["parentHash"], named["stateRoot"])
    counts = tuple(int.from_bytes(named[name], "big") for name in ("number", "timestamp"))
    if any(len(hashed) != _HASH for hashed in hashes) or max(counts) > COUNTED:
        raise malformed("the block header", "is not of a header's form")
    return Header(keccak(encoded), hashes[0], counts[0], counts[1], hashes[1])


def _field(given: dict[str, object], name: str, length: int | None) -> bytes:
    label = f"the block's {name}"
    if length == _INTEGER:
        return minimal(quantity(given.get(name), label))
    return data(given.get(name), label, length)
