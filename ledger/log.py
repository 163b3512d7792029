"""What a ledger is to the rest of the system: a source of entries and a place to append.

A ``LogSource`` is a transport. Its heads are verified by itself against what is pinned (a
signature, or a storage proof); its entries are believed by nobody: the reader recomputes the
head from them and compares.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from did.resolution import Finality
from ledger.chain import LogEntry


@dataclass(frozen=True, slots=True)
class Head:
    """A verified statement of where a log stands.

    Attributes:
        sequence: Number of entries; 0 for an empty log, whose head is the log id.
        head: 32 bytes, ``ledger.chain``.
        time: Seconds since 1970 (UTC) at which the ledger vouched for it: the time of the block
            header it was proven under, or of the signature. Freshness is counted from here.
        finality: How settled it is.
        evidence: What proved it, as bytes that can be kept and shown (a signed head; for Ethereum
            the block hash).
    """

    sequence: int
    head: bytes
    time: int
    finality: Finality
    evidence: bytes


@dataclass(frozen=True, slots=True)
class Heads:
    """The heads of one moment; ``finalized`` and ``safe`` are prefixes of ``latest``."""

    latest: Head
    safe: Head
    finalized: Head

    def finality_of(self, sequence: int) -> Finality:
        """How settled the entry ``sequence`` is, which is on the log."""
        if sequence <= self.finalized.sequence:
            return Finality.FINALIZED
        if sequence <= self.safe.sequence:
            return Finality.SAFE
        return Finality.LATEST


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where a submission stands on the log.

    ``transaction`` (its hash, ``0x…``), ``gas`` and ``gas_price`` (wei) are Ethereum's.
    """

    sequence: int
    block_number: int
    block_time: int
    transaction: str | None = None
    gas: int | None = None
    gas_price: int | None = None


@dataclass(frozen=True, slots=True)
class SourceWarning:
    """Something wrong with one of several places that a log is read from; the others served.

    Attributes:
        source: Its name: scheme, host and port.
        code: As an error for the same reason has.
        message: One sentence that names it.
    """

    source: str
    code: str
    message: str


class EntrySource(Protocol):
    """Brings entries of one log, which nobody believes: whoever reads recomputes the head."""

    def entries(self, start: int, stop: int) -> Iterator[LogEntry]:
        """Entries ``start`` to ``stop``, both included, as the other side gives them."""
        ...


class LogSource(EntrySource, Protocol):
    """Brings heads and entries of one log.

    ``heads`` and ``entries`` raise ``Unavailable`` where the other side does not answer,
    ``Invalid`` (codes ``ledger_…``) where what it answers does not hold against the pin, and
    ``Undecided`` where several answer and it cannot be told what is so.
    """

    @property
    def log_id(self) -> bytes:
        """The 32 bytes that name the log, as pinned."""
        ...

    def heads(self) -> Heads:
        """The newest heads, each verified against the pin."""
        ...


class Ledger(LogSource, Protocol):
    """A log that can be written.

    Writing has three steps, so that a writer which is killed between any two of them neither
    loses a batch nor writes it twice: *prepare* makes the submission and changes nothing on the
    ledger; its bytes are stored by the caller; *submit* may then be repeated at will, with one
    effect; *receipt* tells where it stands. What does not get onto the ledger can be *replaced*:
    of a submission and all its replacements, each stored before it is submitted, one at the most
    gets there, and any one may.
    """

    def prepare(self, batch: bytes, *, after: bytes | None = None) -> bytes:
        """A submission of ``batch``: a signed transaction, or a token and the batch.

        ``after`` is the newest submission that may still be on its way, or be so again: where
        submissions have places, as transactions do, the new one has a place behind it.
        """
        ...

    def replace(self, submission: bytes) -> bytes | None:
        """What gets the same batch onto the ledger sooner; None where nothing would."""
        ...

    def submit(self, submission: bytes) -> None:
        """Put it on the ledger, if it is not there yet.

        Raises:
            Unavailable: Not now; repeat it.
            Conflict: It can never land, nor can what it replaced or was replaced by, unless one
                of them has landed.
        """
        ...

    def receipt(self, submission: bytes) -> Receipt | None:
        """Where it stands now, or None while it is not in a block (or no longer, after a reorg)."""
        ...
