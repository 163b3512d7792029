"""The embedded ledger: the log, in blocks, in one SQLite file (WAL, ``synchronous=FULL``).

Each batch is in a block of its own; empty blocks are made on demand. What is deep enough below the
newest block is safe, and then final: with the depths at 0, the default, at once.

Several threads and processes may write to one ledger. Each append is one transaction that reads
the newest block and adds the next, and SQLite admits one writer at a time, so they queue; whoever
waits too long is told ``store_busy`` and may repeat, since a submission has one effect however
often it is made. What must not be is a *copy* of the directory that is written to beside the first:
that makes two logs with one key, and their readers refuse the second one as a fork.

Threat model: who can read the directory can sign heads, and so show each reader another log. Who
can modify the file alone can rewrite the log for new readers; one that has read it before refuses
what was final and has changed.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Self

from nacl.utils import random as random_bytes

from did.errors import Conflict, Invalid, Refused, Unavailable
from did.keys import KEY_BYTES, SigningKey
from did.resolution import Finality
from keyborn.clock import now
from keyborn.faults import FaultPoint
from keyborn.files import create_private, private_directory, read_private
from keyborn.storage import open_database, reading
from ledger.chain import LogEntry
from ledger.embedded.blocks import METADATA, Blocks
from ledger.embedded.heads import HASH_BYTES, EmbeddedPin, Statement
from ledger.embedded.wire import ENTRY_BYTES
from ledger.log import Head, Heads, Receipt

_AFTER_KEY: Final = FaultPoint("ledger.embedded.after_key")
_BEFORE_BEGIN: Final = FaultPoint("ledger.embedded.before_begin")
_AFTER_BEGIN: Final = FaultPoint("ledger.embedded.after_begin")
_BEFORE_APPEND: Final = FaultPoint("ledger.embedded.before_append")
_AFTER_APPEND: Final = FaultPoint("ledger.embedded.after_append")

_VERSION: Final = 1
_TOKEN_BYTES: Final = 32
_FILE: Final = "log.sqlite"
_KEY_FILE: Final = "head.key"


def _seconds() -> int:
    return int(now().timestamp())


class EmbeddedLedger:
    """The ledger in a directory. Implements ``ledger.log.Ledger``; safe between threads.

    It is made if it is missing. Close it, or use it as a context manager.

    Args:
        directory: Its own, private (0700): ``log.sqlite``, and ``head.key``, the seed of the key
            that signs heads.
        final_depth: How many blocks must stand on one for it to be final. What was final once
            stays so, also under another depth.
        safe_depth: The same for safe; at most ``final_depth``.
        clock: The time, in seconds since 1970.

    Raises:
        Invalid: ``invalid_depth``; ``invalid_private_key`` where the key file holds no key.
        Unavailable: ``ledger_key_missing``.
        Conflict: ``ledger_wrong_key``: the key is not the one that the ledger was made with.
        KeybornError: As ``keyborn.files`` and ``keyborn.storage`` where what is there cannot be
            used: damaged, of another kind, readable by others.
    """

    def __init__(
        self,
        directory: Path,
        *,
        final_depth: int = 0,
        safe_depth: int = 0,
        clock: Callable[[], int] = _seconds,
    ) -> None:
        if not 0 <= safe_depth <= final_depth:
            raise Invalid(
                "invalid_depth",
                "depths are numbers of blocks, and what is final is safe too",
                value=f"safe {safe_depth}, final {final_depth}",
            )
        self.directory = private_directory(directory)
        self._final_depth = final_depth
        self._safe_depth = safe_depth
        self._clock = clock
        self._key = _read_key(directory)
        self._engine = open_database(
            directory / _FILE, METADATA, name="ledger-embedded", version=_VERSION
        )
        with self._writing() as blocks:
            self._log_id = self._settle(blocks)
        _AFTER_BEGIN.reached()

    def __enter__(self) -> Self:
        """The ledger itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    @property
    def log_id(self) -> bytes:
        """The 32 random bytes that name the log."""
        return self._log_id

    @property
    def pin(self) -> EmbeddedPin:
        """What its readers hold fixed."""
        return EmbeddedPin(self._log_id, self._key.public_key())

    def heads(self) -> Heads:
        """The newest heads, signed now: at the clock's time, whatever the newest block's is.

        A clock that was ahead has left its time in blocks, which never go back. What is signed
        after it was set right is of now nevertheless, or no reader would take it for years.
        """
        with self._reading() as blocks:
            (latest, _), final, time = blocks.newest(), blocks.final(), self._clock()
            safe = max(final, latest - self._safe_depth)
            return Heads(
                latest=self._sign(blocks, Finality.LATEST, latest, time),
                safe=self._sign(blocks, Finality.SAFE, safe, time),
                finalized=self._sign(blocks, Finality.FINALIZED, final, time),
            )

    def entries(self, start: int, stop: int) -> Iterator[LogEntry]:
        """Entries ``start`` to ``stop``, both included; fewer if the log has no more."""
        while start <= stop and (page := self.page(start, stop)):
            yield from page
            start += len(page)

    def page(self, start: int, stop: int) -> list[LogEntry]:
        """As many of the entries ``start`` to ``stop``, both included, as one answer holds."""
        with self._reading() as blocks:
            return blocks.page(start, stop)

    def prepare(self, batch: bytes, *, after: bytes | None = None) -> bytes:  # noqa: ARG002
        """A submission of ``batch``: 32 random bytes, by which it is known, and the batch.

        Submissions have no places here: what is submitted first is first, whatever it is ``after``.

        Raises:
            Invalid: ``batch_too_large``, over 1,048,576 bytes. Whether it is a batch at all is
                its readers' business.
        """
        if len(batch) > ENTRY_BYTES:
            raise Invalid("batch_too_large", f"an entry has at most {ENTRY_BYTES} bytes")
        return random_bytes(_TOKEN_BYTES) + batch

    def replace(self, submission: bytes) -> bytes | None:  # noqa: ARG002
        """None: a submission lands when it is submitted, and nothing gets there sooner."""
        return None

    def submit(self, submission: bytes) -> None:
        """Append it in a block of its own, unless the log has it already.

        Raises:
            Invalid: ``ledger_bad_submission``.
            Unavailable: ``store_busy``, ``store_failed``.
        """
        token, batch = _read_submission(submission)
        with self._writing() as blocks:
            if _find(blocks, token, batch) is not None:
                return
            self._add_block(blocks)
            blocks.append(token, batch)
            _BEFORE_APPEND.reached()
        _AFTER_APPEND.reached()

    def receipt(self, submission: bytes) -> Receipt | None:
        """Where it stands, or None if it is in no block, or no longer.

        Raises:
            Invalid: ``ledger_bad_submission``.
        """
        token, batch = _read_submission(submission)
        with self._reading() as blocks:
            return _find(blocks, token, batch)

    def mine(self, blocks: int = 1) -> None:
        """Add empty blocks, under which what is there becomes final."""
        with self._writing() as ledger:
            for _ in range(blocks):
                self._add_block(ledger)

    def reorg(self, depth: int) -> None:
        """Drop the newest ``depth`` blocks, with what they carry. It may be submitted again.

        Raises:
            Refused: ``reorg_below_final``.
        """
        with self._writing() as blocks:
            latest, final = blocks.newest()[0], blocks.final()
            if not 0 <= depth <= latest - final:
                raise Refused(
                    "reorg_below_final",
                    f"the newest block is {latest}, and {final} is final",
                    value=depth,
                )
            blocks.drop(latest - depth)

    def unsafe_reorg(self, depth: int) -> None:
        """As ``reorg``, but below what was final too, which no ledger may do: to test its readers.

        What is final is counted anew from there.
        """
        with self._writing() as blocks:
            keep = max(0, blocks.newest()[0] - depth)
            blocks.drop(keep)
            blocks.unsettle(max(0, keep - self._final_depth))

    @contextmanager
    def _reading(self) -> Iterator[Blocks]:
        with reading(self._engine) as connection:
            yield Blocks(connection)

    @contextmanager
    def _writing(self) -> Iterator[Blocks]:
        with self._engine.begin() as connection:
            yield Blocks(connection)

    def _settle(self, blocks: Blocks) -> bytes:
        """The log id, drawn if the ledger is new; what is deep enough becomes final."""
        key = self._key.public_key()
        known = blocks.identity()
        if known is None:
            log_id = random_bytes(HASH_BYTES)
            blocks.begin(log_id, key.raw, self._clock())
            _BEFORE_BEGIN.reached()
            return log_id
        log_id, head_key = known
        if head_key != key.raw:
            raise Conflict(
                "ledger_wrong_key",
                "the key is not the one that this ledger was made with",
                value=key.multibase,
                hint=f"restore {_KEY_FILE} from a backup of this ledger",
            )
        blocks.finalise(blocks.newest()[0] - self._final_depth)
        return log_id

    def _add_block(self, blocks: Blocks) -> None:
        blocks.finalise(blocks.add(self._clock()) - self._final_depth)

    def _sign(self, blocks: Blocks, finality: Finality, block: int, time: int) -> Head:
        sequence, head = blocks.head_at(block)
        statement = Statement(self._log_id, finality, sequence, head, time)
        return Head(sequence, head, time, finality, statement.sign(self._key))


def _find(blocks: Blocks, token: bytes, batch: bytes) -> Receipt | None:
    found = blocks.find(token)
    if found is None:
        return None
    known, receipt = found
    if known != batch:
        raise _bad_submission("its token is another submission's")
    return receipt


def _read_submission(submission: bytes) -> tuple[bytes, bytes]:
    if not _TOKEN_BYTES <= len(submission) <= _TOKEN_BYTES + ENTRY_BYTES:
        raise _bad_submission("it is not 32 bytes and a batch")
    return submission[:_TOKEN_BYTES], submission[_TOKEN_BYTES:]


def _bad_submission(reason: str) -> Invalid:
    return Invalid("ledger_bad_submission", f"this is no submission to this ledger: {reason}")


def _read_key(directory: Path) -> SigningKey:
    """The key that signs heads, made if the ledger is new."""
    path = directory / _KEY_FILE
    made = (directory / _FILE).exists()  # which is after its key
    with suppress(Unavailable):  # there is none
        return SigningKey(read_private(path, KEY_BYTES))
    if made:
        raise Unavailable(
            "ledger_key_missing",
            "the key that signs the ledger's heads is missing",
            value=str(path),
            hint="restore it from a backup; no other key will do",
        )
    with suppress(Conflict):  # another process makes the ledger at this moment; its key is as good
        create_private(path, SigningKey.generate().seed)
        _AFTER_KEY.reached()
    return SigningKey(read_private(path, KEY_BYTES))
