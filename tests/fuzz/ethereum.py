"""What comes from Ethereum nodes, and proof files, which hold the same: headers, proofs, events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
import rlp
from actors import DEVICE, LOG_ID
from eth_hash.auto import keccak
from forged_chain import hexed, path, rehashed, trie_of
from fuzz.logs import PIN, entries, head_after_all
from fuzz.target import SEPARATOR, Target, check_refusal, holds, joined, same
from trie.hexary import HexaryTrie

from did import cbor
from did.errors import Invalid
from did.resolution import Finality
from ledger.chain import LogEntry, next_head
from ledger.ethereum.contract import APPENDED, compiled
from ledger.ethereum.encoding import COUNTED, fields
from ledger.ethereum.entries import read_event
from ledger.ethereum.head_proof import HeadProof, prove_head
from ledger.ethereum.header import Header, decode_header, encode_header, read_header
from ledger.ethereum.pin import EthereumPin, checksum
from ledger.ethereum.proof import NODES, Account, prove_account, prove_slot, read_proof
from ledger.state_proof.check import Proven, check_state_proof
from ledger.state_proof.form import (
    EmbeddedVoucher,
    EthereumVoucher,
    Passed,
    StateProof,
    Voucher,
    decode_state_proof,
    encode_state_proof,
)

_MOST: Final = 8_192
_ADDRESS: Final = bytes(range(20))
_PIN: Final = EthereumPin(1, checksum(_ADDRESS), compiled().code_hash(LOG_ID), LOG_ID)
_SLOTS: Final = (bytes(32), b"\1".rjust(32, b"\0"))


@dataclass(frozen=True)
class Block:
    """A block under which the log of ``fuzz.logs`` is proven: its JSON, and the proofs."""

    json: dict[str, Any]
    answer: dict[str, Any]

    @property
    def proof(self) -> HeadProof:
        account, (head, sequence) = read_proof(self.answer, 2)
        return HeadProof(tuple(account), tuple(head), tuple(sequence))

    @property
    def header(self) -> bytes:
        return encode_header(self.json)


def _block() -> Block:
    log = entries()
    head = LOG_ID
    for entry in log:
        head = next_head(head, entry)
    storage = trie_of({_SLOTS[0]: head, _SLOTS[1]: bytes([len(log)])})
    state = HexaryTrie({})
    for address in (_ADDRESS, bytes(20), b"\1" * 20):  # more than one, so that there is a branch
        state[keccak(address)] = rlp.encode([b"\1", b"", storage.root_hash, _PIN.code_hash])
    hashes = ("parentHash", "sha3Uncles", "transactionsRoot", "receiptsRoot", "mixHash")
    counts = ("difficulty", "gasLimit", "gasUsed", "baseFeePerGas")
    block = {
        **{name: hexed(keccak(name.encode())) for name in hashes},
        **dict.fromkeys(counts, "0x7"),
        "stateRoot": hexed(state.root_hash),
        "miner": hexed(bytes(20)),
        "logsBloom": hexed(bytes(256)),
        "number": "0x3",
        "timestamp": "0x697dede0",
        "extraData": "0x",
        "nonce": hexed(bytes(8)),
    }
    answer = {
        "accountProof": path(state, _ADDRESS),
        "storageProof": [{"proof": path(storage, slot)} for slot in _SLOTS],
    }
    return Block(rehashed(block), answer)


BLOCK: Final = _block()


def _answer(data: bytes) -> Any:
    """JSON as ``ledger.ethereum.node`` reads a node's answer."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Invalid("invalid_json", "the answer is not JSON") from error


def _header_law(data: bytes, header: Header) -> None:
    same(header.hash, keccak(data), "a header's hash is that of all its bytes")
    same(rlp.encode(rlp.decode(data)), data, "a header has one encoding")
    holds(max(header.number, header.time) <= COUNTED, "a header counts beyond reason", header)


def _block_law(data: bytes, header: Header) -> None:
    same(decode_header(encode_header(_answer(data))), header, "both forms are one header")


def _nodes(data: bytes) -> list[bytes]:
    return data.split(SEPARATOR, NODES - 1)  # as many as whoever hands them on lets through


def _proven_account(data: bytes) -> Account | None:
    nodes = _nodes(data)
    return prove_account(keccak(nodes[0]), _ADDRESS, nodes)


def _account_law(_: bytes, account: Account | None) -> None:
    if account is not None:
        same((len(account.storage_root), len(account.code_hash)), (32, 32), "two hashes")


def _proven_slot(data: bytes) -> int:
    nodes = _nodes(data)
    return prove_slot(keccak(nodes[0]), 0, nodes)


def _proof_law(_: bytes, read: tuple[list[bytes], list[list[bytes]]]) -> None:
    account, (head, sequence) = read
    proof = HeadProof(tuple(account), tuple(head), tuple(sequence))
    header = read_header(BLOCK.json)
    for finality in (Finality.LATEST, Finality.FINALIZED):
        try:
            found = prove_head(proof, header, _PIN, finality)
        except Invalid as error:
            check_refusal(error)
        else:
            same((found.sequence, found.time), (3, header.time), "there is one head to be proven")


def _event_law(log: bytes, read: tuple[int, bytes]) -> None:
    data, (sequence, found) = bytes.fromhex(_answer(log)["data"][2:]), read
    holds(0 <= sequence <= COUNTED, "a sequence counts beyond reason", sequence)
    padded = found.ljust(-(-len(found) // 32) * 32, b"\0")
    head = (32).to_bytes(32, "big") + len(found).to_bytes(32, "big")
    same(len(head + padded), len(data), "an event has one length")
    same((head + found), data[: 64 + len(found)], "an event holds its batch")


def _state_proof_law(data: bytes, proof: StateProof) -> None:
    same(encode_state_proof(proof), data, "a proof file has one encoding")
    for pin in (None, PIN, _PIN):
        block_hash = None
        if isinstance(proof.voucher, EthereumVoucher):
            block_hash = keccak(proof.voucher.header)  # so that it is believed, whatever it says
        try:
            proven = check_state_proof(proof, pin=pin, block_hash=block_hash)
        except Invalid as error:
            check_refusal(error)
        else:
            _proven_law(proven)


def _proven_law(proven: Proven) -> None:
    same(proven.state.id, proven.proof.id, "what is proven is of the DID")
    holds(len(proven.operations) > 0, "nothing is proven")
    same(proven.pin.log_id, proven.proof.log_id, "what is proven is of the log")


def _state_proofs() -> Mapping[str, bytes]:
    before, shown, after = entries()
    unnumbered = LogEntry(0, shown.kind, shown.batch, shown.block_number, shown.block_time)
    chain = (unnumbered, Passed.of([after]))
    head = next_head(LOG_ID, before)

    def made(voucher: Voucher) -> bytes:
        return encode_state_proof(StateProof(LOG_ID, DEVICE.short.id, head, 2, chain, voucher))

    return {
        "embedded": made(EmbeddedVoucher(head_after_all(entries()).evidence)),
        "ethereum": made(EthereumVoucher(1, _ADDRESS, BLOCK.header, BLOCK.proof)),
    }


def proven_seeds() -> Sequence[Proven]:
    """What the seeds prove: that they do is what makes their mutations worth trying."""
    return [
        check_state_proof(
            proof,
            pin=PIN if isinstance(proof.voucher, EmbeddedVoucher) else _PIN,
            block_hash=keccak(BLOCK.header),
        )
        for proof in map(decode_state_proof, _state_proofs().values())
    ]


def _events() -> Mapping[str, bytes]:
    found = {}
    for entry in entries():
        words = [(32).to_bytes(32, "big"), len(entry.batch).to_bytes(32, "big")]
        data = b"".join(words) + entry.batch.ljust(-(-len(entry.batch) // 32) * 32, b"\0")
        topics = [hexed(APPENDED), f"0x{entry.sequence:064x}"]
        found[f"{entry.sequence}"] = orjson.dumps({"topics": topics, "data": hexed(data)})
    return found


TARGETS: Final = {
    "state-proof": Target(
        decode_state_proof,
        _state_proof_law,
        _state_proofs,
        max_bytes=_MOST,
        words=(cbor.encode("embedded"), cbor.encode("ethereum"), cbor.encode("keyborn-proof/1")),
    ),
    "block-header": Target(
        decode_header, _header_law, lambda: {"block": BLOCK.header}, max_bytes=_MOST
    ),
    "block": Target(
        lambda data: read_header(_answer(data)),
        _block_law,
        lambda: {"block": orjson.dumps(BLOCK.json)},
        max_bytes=_MOST,
        words=(b'"0x', b'"withdrawalsRoot":', b'"blobGasUsed":', b'"requestsHash":'),
    ),
    "account-proof": Target(
        _proven_account,
        _account_law,
        lambda: {"account": joined(*BLOCK.proof.account)},
        max_bytes=_MOST,
        words=(SEPARATOR, b"\xf8\x44", b"\xa0", b"\x80"),
    ),
    "storage-proof": Target(
        _proven_slot,
        lambda _, word: holds(0 <= word < 2**256, "a slot holds a word", word),
        lambda: {"head": joined(*BLOCK.proof.head)},
        max_bytes=_MOST,
        words=(SEPARATOR, b"\xf8\x44", b"\xa0", b"\x80"),
    ),
    "proof-answer": Target(
        lambda data: read_proof(_answer(data), 2),
        _proof_law,
        lambda: {"head": orjson.dumps(BLOCK.answer)},
        max_bytes=_MOST,
        words=(b'"0x', b'"proof":', b'"storageProof":', b'"accountProof":'),
    ),
    "event": Target(
        lambda data: read_event(fields(_answer(data), "a log")),
        _event_law,
        _events,
        words=(b'"0x', b'"topics":', b'"data":', b"0" * 62 + b"20"),
    ),
}
