"""Make a proof of a DID's state, from a log that was read and from what vouches for its head.

Whoever makes a proof is believed by nobody, so nothing here needs to be believed; but a maker that
was lied to should notice, so the proof is checked before it is handed out.
"""

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from did.errors import Invalid, Refused
from did.identifier import KeybornDid
from did.resolution import Finality
from ledger.chain import LogEntry, next_head
from ledger.ethereum.encoding import malformed
from ledger.ethereum.head_proof import fetch_head_proof
from ledger.ethereum.header import encode_header, read_header
from ledger.ethereum.node import Node
from ledger.ethereum.nodes import Nodes
from ledger.ethereum.pin import EthereumPin
from ledger.index import IndexedVersion
from ledger.log import Head
from ledger.network import Network
from ledger.reader import LogReader
from ledger.state_proof.check import Proven, check_state_proof
from ledger.state_proof.form import (
    PASSED_BYTES,
    EmbeddedVoucher,
    EthereumVoucher,
    Link,
    Passed,
    StateProof,
    Voucher,
    refuse_size,
)

_STEP: Final = "make the proof"
_RUN: Final = 4_096  # entries that are held at once with their batches


@dataclass(frozen=True, slots=True)
class Made:
    """A proof as it was made and checked, and how many operations of the DID came after it."""

    proven: Proven
    later: int


def make_state_proof(
    network: Network, reader: LogReader, did: KeybornDid, finality: Finality
) -> Made:
    """A proof of the DID's state under the newest head of this finality.

    Args:
        network: The log.
        reader: Of that log; it is brought up to date.
        did: Whose state.
        finality: Of the head. What is not finalised may be undone by a reorganisation, and the
            proof with it.

    Raises:
        Refused: ``not_registered`` (on the log, or not under this head yet).
        Invalid: ``state_proof_too_large``, ``ledger_entry_altered``, ``ledger_entry_missing``, or
            as ``check_state_proof``.
        KeybornError: As ``LogReader.sync``, and where the node does not answer.
    """
    heads = reader.sync()
    head: Head = getattr(heads, finality.value)
    versions = reader.versions(did.id)
    covered = [version for version in versions if version.sequence <= head.sequence]
    if not covered:
        raise _not_registered(did, versions, finality)
    first = covered[0].sequence
    refuse_size(PASSED_BYTES * (head.sequence - first + 1 - len(covered)))
    before = reader.head_at(first - 1)
    assert before is not None
    chain = _chain(reader, first, before, head, {version.sequence for version in covered})
    voucher, block_hash = _voucher(network, head)
    proof = StateProof(network.log_id, did.id, before, first, chain, voucher)
    proven = check_state_proof(proof, pin=network.pin, block_hash=block_hash)
    return Made(proven, len(versions) - len(covered))


def _chain(
    reader: LogReader, first: int, before: bytes, target: Head, shown: set[int]
) -> tuple[Link, ...]:
    links: list[Link] = []
    run: list[LogEntry] = []
    records: list[bytes] = []
    due, head = first, before

    def close() -> None:
        records.append(Passed.of(run).records)
        run.clear()
        joined = b"".join(records)
        records.clear()
        if joined:
            links.append(Passed(joined))

    for entry in reader.entries(first, target.sequence):
        if entry.sequence != due:
            break
        head = next_head(head, entry)
        if entry.sequence in shown:
            close()
            links.append(entry)
        else:
            run.append(entry)
            if len(run) == _RUN:
                records.append(Passed.of(run).records)
                run.clear()
        due += 1
    close()
    if due <= target.sequence:
        raise Invalid(
            "ledger_entry_missing",
            f"entry {due} of the log is missing",
            step=_STEP,
            hint="what gives the entries is at fault or lies; ask another one",
        )
    if head != target.head:
        raise Invalid(
            "ledger_entry_altered",
            f"the log's entries after {first - 1} do not lead to its head",
            step=_STEP,
            hint="what gives the entries is at fault or lies; ask another one",
        )
    return tuple(links)


def _voucher(network: Network, head: Head) -> tuple[Voucher, bytes | None]:
    """What vouches for ``head``, and the hash of its block."""
    pin = network.pin
    if not isinstance(pin, EthereumPin):
        return EmbeddedVoucher(head.evidence), None
    block_hash = head.evidence
    with ExitStack() as opened:
        nodes = Nodes([opened.enter_context(Node(url)) for url in network.rpc])
        voucher = nodes.first("proofs", lambda node: _ask(node, pin, block_hash))
    return voucher, block_hash


def _ask(node: Node, pin: EthereumPin, block_hash: bytes) -> EthereumVoucher:
    block = node.call("eth_getBlockByHash", "0x" + block_hash.hex(), False)
    if read_header(block).hash != block_hash:
        raise malformed("the block", "is another one than was asked for")
    proof = fetch_head_proof(node, pin.contract, block_hash)
    return EthereumVoucher(pin.chain_id, pin.address, encode_header(block), proof)


def _not_registered(
    did: KeybornDid, versions: tuple[IndexedVersion, ...], finality: Finality
) -> Refused:
    if versions:
        return Refused(
            "not_registered",
            f"the DID is on the log, but not under its newest {finality} head yet",
            step=_STEP,
            value=did.canonical.text,
            hint="wait until its block is final, or prove under a less settled head (--finality)",
        )
    return Refused(
        "not_registered",
        "the DID is not registered on this log",
        step=_STEP,
        value=did.canonical.text,
        hint="register it, then try again",
    )
