"""What a proof file proves: pure, and offline.

``check_state_proof`` takes a proof and what is believed (a block hash, a pin), and

1. recomputes the head after each entry of the chain, from the one before the first;
2. where the chain begins with entry 1, compares the head before it with the log id;
3. takes the head that is vouched for: on Ethereum proven under the block header, whose hash must be
   the one that is believed; on the embedded ledger signed by the pinned key;
4. compares it with the last head of the chain, and the sequence too;
5. applies the DID's operations in the batches that are shown; each such batch must have an effect.

**What follows.** Each operation that is shown stands on the log, in its entry, and those entries
stand in this order, in these blocks, at these times, under that head. They lead from the creation
to the last one without a gap, since each update signs the hash of the operation before it, and the
log's id.

**What does not.** Batches that are not shown may hold operations of the DID too:

* *later* ones, unless the last one shown is a deactivation, which is for good;
* the *same* ones, earlier: the first of equal operations is the one that took effect, so each shown
  one took effect at its time *or before*;
* *other* ones in their place: who holds the key that an update reveals can sign a second update
  with it, and the first on the log takes effect. Nobody else can, and a creation has no other.

Whoever needs these excluded reads the log itself (``compare_with_log``).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from did.errors import Invalid, Refused, Undecided
from did.resolution import Finality
from ledger.chain import LogEntry, check_time, head_after, next_head
from ledger.embedded.heads import EmbeddedPin, verify_head
from ledger.ethereum.contract import compiled
from ledger.ethereum.head_proof import prove_head
from ledger.ethereum.header import Header, decode_header
from ledger.ethereum.pin import EthereumPin, checksum
from ledger.log import Head
from ledger.operations import Batch, decode_batch
from ledger.state import DidState, apply_batch
from ledger.state_proof.form import EmbeddedVoucher, EthereumVoucher, StateProof

if TYPE_CHECKING:
    from ledger.index import IndexedVersion  # who checks offline needs no database

_STEP: Final = "check the proof"


@dataclass(frozen=True, slots=True)
class Shown:
    """An operation that a proof shows: the state after it, and the entry that it stands in."""

    state: DidState
    entry: LogEntry


@dataclass(frozen=True, slots=True)
class Proven:
    """What a proof file proves.

    Attributes:
        proof: The file.
        operations: Oldest first; never empty.
        head: The head that they stand under, with the time at which it was vouched for.
        entries: How many entries of the chain are not shown.
        header: The block that vouches for the head; None on the embedded ledger.
        pin: What was compared: of the network, or made of what the file says of itself.
        pinned: Whether the pin is the network's.
    """

    proof: StateProof
    operations: tuple[Shown, ...]
    head: Head
    entries: int
    header: Header | None
    pin: EmbeddedPin | EthereumPin
    pinned: bool

    @property
    def state(self) -> DidState:
        """After the last operation that is shown."""
        return self.operations[-1].state


def check_state_proof(
    proof: StateProof, *, pin: EmbeddedPin | EthereumPin | None, block_hash: bytes | None
) -> Proven:
    """What ``proof`` proves; this module's docstring has the steps.

    Args:
        proof: The file.
        pin: The log that is believed. None on Ethereum: the contract is the one that the file
            names, and its code must be that of the packaged ``DidLog`` with the log id in it.
        block_hash: Of the block that is believed, 32 bytes; None for the embedded ledger.

    Raises:
        Invalid: ``state_proof_broken``, ``state_proof_wrong_block``, ``state_proof_no_effect``,
            ``ledger_wrong_log``, ``ledger_wrong_contract``, or as ``prove_head``,
            ``decode_header`` and ``verify_head``.
    """
    last, head, shown = _walk(proof)
    if proof.first == 1 and proof.before != proof.log_id:
        raise _broken("it begins with the log's first entry, and not from the log id")
    vouched, header, used = _vouched(proof, pin, block_hash)
    if (vouched.sequence, vouched.head) != (last, head):
        raise _broken("its chain does not lead to the head that is vouched for")
    operations = _effects(proof, shown)
    passed = last - proof.first + 1 - len(shown)
    return Proven(proof, operations, vouched, passed, header, used, pin is not None)


def compare_with_log(
    proven: Proven, versions: "tuple[IndexedVersion, ...]", newest: int, head: bytes | None
) -> None:
    """Return if the log itself, replayed, has these operations of the DID and no others.

    Args:
        proven: What a proof proves.
        versions: Those that the log has of the DID, oldest first.
        newest: How many entries the log has.
        head: The log's own head after the entry that the proof ends with; None if it has none.

    Raises:
        Undecided: ``state_proof_ahead``, the log that was read does not reach so far.
        Invalid: ``state_proof_not_on_log``, the log has another head there;
            ``state_proof_contradicted``, it has other operations up to there than are shown.
        Refused: ``state_proof_outdated``, it has more after that.
    """
    step = "compare the proof with the log"
    last = proven.head.sequence
    if newest < last:
        raise Undecided(
            "state_proof_ahead",
            f"the log was read up to entry {newest}, and the proof reaches to entry {last}",
            step=step,
            hint="the node that was asked lags; try again, or ask another one",
            retry_after=5,
        )
    if head != proven.head.head:
        raise Invalid(
            "state_proof_not_on_log",
            f"the log has another head after entry {last} than the proof",
            step=step,
            hint="the chain was reorganised since, or its block is of another chain; ask for a "
            "proof under a finalised block",
        )
    covered = [v for v in versions if v.sequence <= last]
    theirs = [(v.state.operation, v.sequence) for v in covered]
    if theirs != [(o.state.operation, o.entry.sequence) for o in proven.operations]:
        raise Invalid(
            "state_proof_contradicted",
            f"up to entry {last} the log has other operations of the DID than the proof shows, or "
            "has them earlier",
            step=step,
            hint="whoever made the proof left something out; resolve the DID instead",
        )
    if len(versions) > len(covered):
        following = versions[len(covered)]
        raise Refused(
            "state_proof_outdated",
            f"another operation of the DID followed, in entry {following.sequence}",
            step=step,
            hint="ask for a newer proof, or resolve the DID",
        )


def _walk(proof: StateProof) -> tuple[int, bytes, tuple[LogEntry, ...]]:
    """The last sequence, the head after it, and the entries that are shown, with their sequence."""
    sequence, head = proof.first, proof.before
    shown = []
    for link in proof.chain:
        if isinstance(link, LogEntry):
            entry = LogEntry(sequence, link.kind, link.batch, link.block_number, link.block_time)
            head = next_head(head, entry)
            shown.append(entry)
            sequence += 1
        else:
            for kind, digest, block_number, block_time in link:
                head = head_after(
                    head,
                    digest,
                    kind=kind,
                    sequence=sequence,
                    block_number=block_number,
                    block_time=block_time,
                )
                sequence += 1
    return sequence - 1, head, tuple(shown)


def _vouched(
    proof: StateProof, pin: EmbeddedPin | EthereumPin | None, block_hash: bytes | None
) -> tuple[Head, Header | None, EmbeddedPin | EthereumPin]:
    if pin is not None and pin.log_id != proof.log_id:
        raise _wrong_log(proof, pin.log_id)
    match proof.voucher:
        case EmbeddedVoucher(evidence):
            if not isinstance(pin, EmbeddedPin):
                raise _unsuited("the proof is of an embedded ledger, which its pin vouches for")
            return verify_head(pin, evidence), None, pin
        case EthereumVoucher() as voucher:
            if isinstance(pin, EmbeddedPin) or block_hash is None:
                raise _unsuited("the proof is of a log on Ethereum, which a block vouches for")
            used = pin or _stated_pin(proof, voucher)
            _compare_contract(voucher, used)
            header = decode_header(voucher.header)
            if header.hash != block_hash:
                raise Invalid(
                    "state_proof_wrong_block",
                    "the proof stands under another block than the one that is believed",
                    step=_STEP,
                    hint="look up the hash of the block with the number that the proof states, "
                    "where you trust it",
                    value=f"block {header.number}, 0x{header.hash.hex()}",
                )
            # Of the latest kind, so that a contract that is absent is no empty log.
            return prove_head(voucher.proof, header, used, Finality.LATEST), header, used


def _stated_pin(proof: StateProof, voucher: EthereumVoucher) -> EthereumPin:
    return EthereumPin(
        chain_id=voucher.chain_id,
        contract=checksum(voucher.contract),
        code_hash=compiled().code_hash(proof.log_id),
        log_id=proof.log_id,
    )


def _compare_contract(voucher: EthereumVoucher, pin: EthereumPin) -> None:
    if (voucher.chain_id, voucher.contract) != (pin.chain_id, pin.address):
        raise Invalid(
            "ledger_wrong_contract",
            "the proof is of another contract, or another chain, than the one that is pinned",
            step=_STEP,
            hint="ask for a proof from the log that the network file names",
            value=f"{checksum(voucher.contract)} on chain {voucher.chain_id}",
        )


def _effects(proof: StateProof, entries: tuple[LogEntry, ...]) -> tuple[Shown, ...]:
    state: DidState | None = None
    operations: list[Shown] = []
    for entry in entries:
        batch = _own(entry, proof.id)
        known = {} if state is None else {state.id: state}
        effects = apply_batch(known, batch, proof.log_id)
        if not effects:
            raise _no_effect(entry, "changes nothing of the DID")
        check_time(entry.block_time)
        operations += [Shown(after, entry) for after in effects]
        state = effects[-1]
    return tuple(operations)


def _own(entry: LogEntry, id_: bytes) -> Batch:
    """Those operations of an entry's batch that name the DID."""
    try:
        batch = decode_batch(entry.batch)
    except Invalid:
        raise _no_effect(entry, "is void") from None
    return Batch(
        tuple(create for create in batch.creates if create.id == id_),
        tuple(update for update in batch.updates if update.id == id_),
    )


def _no_effect(entry: LogEntry, why: str) -> Invalid:
    return Invalid(
        "state_proof_no_effect",
        f"the batch of entry {entry.sequence} is shown, and {why}",
        step=_STEP,
        hint="an operation before it is left out, or it is of another DID; do not believe it",
    )


def _broken(message: str) -> Invalid:
    return Invalid(
        "state_proof_broken",
        f"the proof does not hold: {message}",
        step=_STEP,
        hint="it was altered, or made up; do not believe it",
    )


def _wrong_log(proof: StateProof, pinned: bytes) -> Invalid:
    return Invalid(
        "ledger_wrong_log",
        f"the proof is of the log {proof.log_id.hex()}, and {pinned.hex()} is pinned",
        step=_STEP,
        hint="check that the network file is the one of the log that the proof is to be of",
    )


def _unsuited(message: str) -> Invalid:
    return Invalid(
        "ledger_wrong_log",
        message,
        step=_STEP,
        hint="check that the network file is the one of the log that the proof is to be of",
    )
