"""Proof files: a DID's operations, and the chain of hashes that ties them to a head of the log.

::

    state-proof = ["keyborn-proof/1", log_id, id, before, first, chain, voucher]
    chain       = [+ shown / passed]
    shown       = [kind, batch, block_number, block_time]     an entry with its whole batch
    passed      = bstr                                        n times 49 bytes, each an entry:
                  kind (1) || keccak256(batch) (32) || block_number (8) || block_time (8)
    voucher     = ["embedded", evidence]
                / ["ethereum", chain_id, contract, header, account, head, sequence]

Deterministic CBOR; ``docs/reference/state-proof.md`` has it in CDDL. The chain starts with the
entry ``first``, before which the head was ``before``, and its first element is shown. Nothing is
verified here: ``ledger.state_proof.check`` does that.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self

from eth_hash.auto import keccak

from did import cbor
from did.errors import Invalid
from did.identifier import ID_BYTES
from ledger.chain import LogEntry
from ledger.ethereum.head_proof import HeadProof
from ledger.ethereum.proof import NODES

MEDIA_TYPE: Final = "application/vnd.keyborn.state-proof+cbor"
SUFFIX: Final = ".kbproof"
FILE_BYTES: Final = 67_108_864  # some 1,369,000 entries, which cost a minute of one core at most

_KIND: Final = "keyborn-proof/1"
_PASSED: Final = struct.Struct(">B32sQQ")
_COUNTED: Final = 2**63 - 1
_LAST_KIND: Final = 255
_HASH: Final = 32
_ADDRESS: Final = 20
_HEADER_BYTES: Final = 4_096
_EVIDENCE_BYTES: Final = 512
PASSED_BYTES: Final = _PASSED.size


@dataclass(frozen=True, slots=True)
class Passed:
    """A run of entries in which nothing of the DID is shown, as its records of 49 bytes."""

    records: bytes

    def __len__(self) -> int:
        """How many entries it is."""
        return len(self.records) // PASSED_BYTES

    def __iter__(self) -> Iterator[tuple[int, bytes, int, int]]:
        """Of each entry: kind, keccak-256 of the batch, block number, block time."""
        yield from _PASSED.iter_unpack(self.records)

    @classmethod
    def of(cls, entries: Iterable[LogEntry]) -> Self:
        """The run that ``entries`` are."""
        return cls(
            b"".join(
                _PASSED.pack(e.kind, keccak(e.batch), e.block_number, e.block_time) for e in entries
            )
        )


@dataclass(frozen=True, slots=True)
class EmbeddedVoucher:
    """A signed head (``ledger.embedded.heads``), as bytes."""

    evidence: bytes


@dataclass(frozen=True, slots=True)
class EthereumVoucher:
    """A head under a block.

    Attributes:
        chain_id: Which chain the block is of, as the maker of the proof says; nothing proves it.
        contract: The address of ``DidLog``, 20 bytes.
        header: The block header's RLP; its keccak-256 is the block hash.
        proof: Of head and sequence, under that header.
    """

    chain_id: int
    contract: bytes
    header: bytes
    proof: HeadProof


Voucher = EmbeddedVoucher | EthereumVoucher
Link = LogEntry | Passed


@dataclass(frozen=True, slots=True)
class StateProof:
    """What a proof file holds.

    Attributes:
        log_id: 32 bytes.
        id: The DID's id, 32 bytes.
        before: The head before the first entry, 32 bytes.
        first: The sequence of the first entry.
        chain: Entries that are shown, and runs of those that are not; no two runs in a row.
        voucher: For the head after the last of them.
    """

    log_id: bytes
    id: bytes
    before: bytes
    first: int
    chain: tuple[Link, ...]
    voucher: Voucher


def encode_state_proof(proof: StateProof) -> bytes:
    """The one encoding of ``proof``.

    Raises:
        Invalid: ``state_proof_too_large``.
    """
    data = cbor.encode(
        [
            _KIND,
            proof.log_id,
            proof.id,
            proof.before,
            proof.first,
            [_link(link) for link in proof.chain],
            _voucher(proof.voucher),
        ]
    )
    refuse_size(len(data))
    return data


def refuse_size(size: int) -> None:
    """Return if a proof file may have ``size`` bytes.

    Raises:
        Invalid: ``state_proof_too_large``.
    """
    if size > FILE_BYTES:
        raise Invalid(
            "state_proof_too_large",
            f"a proof file has at most {FILE_BYTES} bytes",
            step="measure the proof",
            hint=f"each entry between the DID's first operation and the head takes {PASSED_BYTES} "
            "bytes; on a log as long as this one, read the log itself",
            value=size,
        )


def decode_state_proof(data: bytes) -> StateProof:
    """The proof that ``data`` is; nothing of it is verified.

    Raises:
        Invalid: ``invalid_state_proof``, ``state_proof_too_large``.
    """
    refuse_size(len(data))
    try:
        value = cbor.decode(data, max_bytes=FILE_BYTES)
    except Invalid as error:
        raise malformed(error.message) from error
    match value:
        case [
            str(kind),
            bytes() as log_id,
            bytes() as id_,
            bytes() as before,
            int() as first,
            [_, *_] as chain,
            [*_] as voucher,
        ] if (
            kind == _KIND
            and len(log_id) == len(before) == _HASH
            and len(id_) == ID_BYTES
            and _counts(first)
            and first > 0
        ):
            links = tuple(_read_chain(chain))
            if first + sum(length(link) for link in links) - 1 > _COUNTED:
                raise malformed("it counts beyond all reason")
            return StateProof(log_id, id_, before, first, links, _read_voucher(voucher))
        case _:
            raise malformed("it is not the array that it should be")


def length(link: Link) -> int:
    """How many entries a link is."""
    return 1 if isinstance(link, LogEntry) else len(link)


def malformed(message: str) -> Invalid:
    """The error about a file that is no proof."""
    return Invalid(
        "invalid_state_proof",
        f"the file is no proof of a DID's state: {message}",
        step="read the proof",
        hint="ask for the file anew; it must be carried byte for byte",
    )


def _link(link: Link) -> cbor.Cbor:
    if isinstance(link, LogEntry):
        return [link.kind, link.batch, link.block_number, link.block_time]
    return link.records


def _voucher(voucher: Voucher) -> cbor.Cbor:
    if isinstance(voucher, EmbeddedVoucher):
        return ["embedded", voucher.evidence]
    proof = voucher.proof
    return [
        "ethereum",
        voucher.chain_id,
        voucher.contract,
        voucher.header,
        *(list(nodes) for nodes in (proof.account, proof.head, proof.sequence)),
    ]


def _read_chain(chain: Sequence[cbor.Cbor]) -> Iterator[Link]:
    """The links; an entry that is shown gets its sequence where the chain is walked."""
    shown_before = False
    for link in chain:
        match link:
            case [int() as kind, bytes() as batch, int() as number, int() as time] if (
                _counts(kind, number, time) and kind <= _LAST_KIND
            ):
                yield LogEntry(0, kind, batch, number, time)
                shown_before = True
            case bytes() if shown_before and link and len(link) % PASSED_BYTES == 0:
                run = Passed(link)
                if any(number > _COUNTED or time > _COUNTED for _, _, number, time in run):
                    raise malformed("an entry's block counts beyond all reason")
                yield run
                shown_before = False
            case _:
                raise malformed("a link of its chain is none, or stands where none belongs")


def _read_voucher(voucher: Sequence[cbor.Cbor]) -> Voucher:
    match voucher:
        case ["embedded", bytes() as evidence] if len(evidence) <= _EVIDENCE_BYTES:
            return EmbeddedVoucher(evidence)
        case [
            "ethereum",
            int() as chain_id,
            bytes() as contract,
            bytes() as header,
            [*_] as account,
            [*_] as head,
            [*_] as sequence,
        ] if (
            _counts(chain_id)
            and chain_id > 0
            and len(contract) == _ADDRESS
            and len(header) <= _HEADER_BYTES
        ):
            proof = HeadProof(_nodes(account), _nodes(head), _nodes(sequence))
            return EthereumVoucher(chain_id, contract, header, proof)
        case _:
            raise malformed("what vouches for its head is of no kind that is known here")


def _nodes(values: Sequence[cbor.Cbor]) -> tuple[bytes, ...]:
    nodes = tuple(value for value in values if isinstance(value, bytes))
    if len(nodes) != len(values) or len(nodes) > NODES:
        raise malformed("a storage proof is not a list of nodes")
    return nodes


def _counts(*numbers: int) -> bool:
    return all(type(number) is int and 0 <= number <= _COUNTED for number in numbers)
