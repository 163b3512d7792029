"""From the queue onto the log, and back into the queue where the log let go of it.

One round of the dispatcher:

1. bring the reader up to date, so that everything after this is about one verified state;
2. follow each submission, by all its attempts, since any of them may land: one that is in no block
   is submitted again, the very same bytes; one that has been in no block for too long is replaced,
   if the ledger knows what gets there sooner; one that can never land gives its operations back;
   for one that landed, the log as the reader replayed it tells which operations took effect,
   whatever the ledger's receipt says;
3. if no submission may still be on its way, and enough operations wait or the oldest waited long
   enough, prepare one from those that would take effect now. Store it, then submit it.

So an operation is in a second submission only after the first one cannot land any more, and nothing
is ever submitted that is not stored.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from did.errors import Conflict, Invalid, KeybornError, Unavailable
from keyborn.faults import FaultPoint
from ledger.index import Index, View
from ledger.log import Ledger, Receipt
from ledger.operations import encode_batch
from ledger.reader import LogReader
from ledger.registrar.effects import changes, effect, finalized, left_over, overtaken
from ledger.registrar.messages import State
from ledger.registrar.outbox import Outbox
from ledger.registrar.outbox_tables import Accepted, Passage, States, Submission
from ledger.registrar.room import (
    FRAME_BYTES,
    LARGEST_BATCH,
    batch_of,
    bytes_of,
    size_of,
)
from ledger.state import DidState, advance

_TERMINAL: Final = (State.FINALIZED, State.VOID)
_UNREACHABLE: Final = "ledger_unreachable"
# What fewer operations make good; by our own reckoning it does not come to that.
_TOO_MUCH: Final = ("ledger_gas_limit", "ledger_transaction_too_large")

PREPARED: Final = FaultPoint("registrar.prepare.before_commit")
STORED: Final = FaultPoint("registrar.prepare.after_commit")
REPLACING: Final = FaultPoint("registrar.replace.before_commit")
REPLACED: Final = FaultPoint("registrar.replace.after_commit")
SUBMITTING: Final = FaultPoint("registrar.submit.before")
SUBMITTED: Final = FaultPoint("registrar.submit.after")
FOLLOWING: Final = FaultPoint("registrar.follow.before_commit")
FOLLOWED: Final = FaultPoint("registrar.follow.after_commit")
MARKING: Final = FaultPoint("registrar.mark.before_commit")
MARKED: Final = FaultPoint("registrar.mark.after_commit")


@dataclass(frozen=True, slots=True)
class Batching:
    """When a batch goes out.

    Attributes:
        count: With so many operations, at once.
        size: With so many bytes, at once, and never with more. The default is the most: common
            nodes take 131,072 bytes, with the transaction around the batch.
        delay: Seconds that an operation waits for company.
        poll: Seconds between two looks at the log while something is on its way.
        queue: So many operations may wait; more are turned away.
        patience: Seconds that a submission may be in no block before it is replaced.
    """

    count: int = 2_000
    size: int = LARGEST_BATCH
    delay: float = 0.2
    poll: float = 0.5
    queue: int = 100_000
    patience: float = 60.0


class Dispatcher:
    """Moves operations from the outbox onto the log. For one thread at a time."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        reader: LogReader,
        index: Index,
        outbox: Outbox,
        batching: Batching,
        clock: Callable[[], datetime],
    ) -> None:
        self._ledger = ledger
        self._reader = reader
        self._index = index
        self._outbox = outbox
        self._batching = batching
        self._clock = clock
        # By submission that landed and is not settled, the head at its place when it was last
        # judged. Forgotten by a restart.
        self._judged: dict[int, bytes] = {}

    def round(self) -> float | None:
        """Do what is to be done now.

        Returns:
            Seconds until there may be more to do; None if only a new operation brings more.

        Raises:
            KeybornError: The log or the store cannot be had, or what the log shows does not hold.
                Nothing is lost; the next round starts where this one ended.
        """
        self._follow()
        if self._send_due():
            self._follow()  # a ledger that mints at once shows it already
        waits = []
        if self._outbox.unsettled() or self._outbox.strays(1):
            waits.append(self._batching.poll)
        if (age := self._oldest_age()) is not None:
            early = self._batching.delay - age
            waits.append(early if early > 0 else self._batching.poll)
        return min(waits, default=None)

    def _follow(self) -> None:
        unsettled = self._outbox.unsettled()
        strays = self._outbox.strays(self._batching.count)
        if not unsettled and not strays:
            return
        self._reader.sync()
        trouble: Unavailable | None = None
        for submission in unsettled:
            try:
                self._follow_one(submission)
            except Conflict:  # it can never land, says the ledger
                self._bury(submission)
            except Unavailable as error:  # what holds up one of them may leave the others alone
                trouble = trouble or error
                if error.code == _UNREACHABLE:
                    break
        with self._index.reading() as view:
            changed = changes(view, strays, otherwise=State.QUEUED)
        self._mark(changed)
        if trouble is not None:
            raise trouble

    def _follow_one(self, submission: Submission) -> None:
        with self._index.reading() as view:
            if self._stands(view, submission):
                return
        attempts = self._outbox.attempts(submission)
        # Asked after the sync: a place up to the finalised head is then its place for good.
        receipt = self._receipt(attempts)
        contents = self._outbox.contents(submission.id)
        with self._index.reading() as view:
            if receipt is not None and view.head_at(receipt.sequence) is None:
                return  # newer than the sync; the next round has it
            head = None if receipt is None else view.head_at(receipt.sequence)
            states = changes(view, contents, otherwise=State.SENT)
            if receipt is not None and receipt.sequence <= finalized(view):
                states |= left_over(view, self._outbox, contents, states, receipt)
        freed = {id_: state for id_, state in states.items() if state is State.QUEUED}
        self._mark(freed)
        contents = [each for each in contents if each.id not in freed]
        states = {id_: state for id_, state in states.items() if id_ not in freed}
        if receipt is None:
            passage = Passage.OPEN
        elif all(states.get(e.id, e.state) in _TERMINAL for e in contents):
            passage = Passage.SETTLED
        else:
            passage = Passage.LANDED
        if states or (passage, receipt) != (submission.passage, submission.receipt):
            FOLLOWING.reached()
            self._outbox.follow(submission, passage, receipt, states, self._clock())
            FOLLOWED.reached()
        self._judged.pop(submission.id, None)
        if head is not None and passage is Passage.LANDED:
            self._judged[submission.id] = head  # not before what was judged is kept
        if receipt is None:
            self._press(submission, attempts)

    def _receipt(self, attempts: Sequence[bytes]) -> Receipt | None:
        """Where a submission stands, by whichever of its attempts."""
        for attempt in reversed(attempts):
            if (receipt := self._ledger.receipt(attempt)) is not None:
                return receipt
        return None

    def _press(self, submission: Submission, attempts: list[bytes]) -> None:
        """Submit the newest attempt, or if that has waited for too long, one in its place."""
        trouble: Unavailable | None = None
        lost = submission.passage is not Passage.OPEN  # from its block, just now
        if not lost and self._seconds_from(submission.since) >= self._batching.patience:
            try:
                replacement = self._ledger.replace(attempts[-1])
            except Unavailable as error:
                trouble = error
            else:
                if replacement is not None:
                    REPLACING.reached()
                    self._outbox.replace(submission, replacement, self._clock())
                    REPLACED.reached()
                    attempts = [*attempts, replacement]
        SUBMITTING.reached()
        try:
            self._ledger.submit(attempts[-1])
        except Conflict:
            if self._receipt(attempts) is None:
                raise
            return  # one of them landed meanwhile; the next round has it
        except Unavailable as error:  # that it cannot be replaced tells more
            raise trouble or error from None
        SUBMITTED.reached()
        if trouble is not None:
            raise trouble

    def _stands(self, view: View, submission: Submission) -> bool:
        """Whether all that was judged of a landed submission still holds.

        The head at its place covers every operation up to there; under the same head, nothing has
        changed but finality.
        """
        receipt = submission.receipt
        if receipt is None or receipt.sequence <= finalized(view):
            return False
        head = view.head_at(receipt.sequence)
        return head is not None and head == self._judged.get(submission.id)

    def _bury(self, submission: Submission) -> None:
        self._reader.sync()  # whatever the ledger says, what took effect is not sent again
        contents = self._outbox.contents(submission.id)
        with self._index.reading() as view:
            final = finalized(view)
            states = {e.id: effect(view, e, final) or State.QUEUED for e in contents}
        FOLLOWING.reached()
        self._outbox.bury(submission, states)
        FOLLOWED.reached()

    def _oldest_age(self) -> float | None:
        """Seconds for which the oldest operation has been in the queue."""
        oldest = self._outbox.queued(1)
        return self._seconds_from(oldest[0].accepted) if oldest else None

    def _seconds_from(self, moment: datetime) -> float:
        """How far ``moment`` is from now, in the past or the future.

        One that is ahead was noted before the clock was put back. For all that is known it was long
        ago, and nothing is to wait until it is reached once more.
        """
        return abs((self._clock() - moment).total_seconds())

    def _send_due(self) -> bool:
        """Submit one batch if one is due and none is on its way."""
        unsettled = self._outbox.unsettled()
        if any(each.passage is Passage.OPEN for each in unsettled):
            return False
        age = self._oldest_age()
        if age is None:
            return False
        queue = self._outbox.queued(self._batching.count)
        full = len(queue) == self._batching.count or size_of(queue) > self._batching.size
        if age < self._batching.delay and not full:
            return False
        self._reader.sync()
        chosen = self._choose(queue)
        if not chosen:
            return False
        payload, chosen = self._prepare(chosen, unsettled[-1] if unsettled else None)
        PREPARED.reached()
        self._outbox.send(payload, chosen, self._clock())
        STORED.reached()
        SUBMITTING.reached()
        self._ledger.submit(payload)
        SUBMITTED.reached()
        return True

    def _prepare(
        self, chosen: list[Accepted], newest: Submission | None
    ) -> tuple[bytes, list[Accepted]]:
        """A submission of these, or of as many of the first as the ledger takes at once."""
        # A reorganisation may take the newest from its block at any time. It keeps its place.
        after = None if newest is None else self._outbox.attempts(newest)[-1]
        while True:
            try:
                return self._ledger.prepare(encode_batch(batch_of(chosen)), after=after), chosen
            except Invalid as error:
                if error.code not in _TOO_MUCH or len(chosen) == 1:
                    raise
            chosen = chosen[: len(chosen) // 2]

    def _choose(self, queue: list[Accepted]) -> list[Accepted]:
        """Those of the queue that would take effect now, as far as a batch has room.

        Of the others, those whose fate is known are marked; the rest waits.
        """
        chosen: list[Accepted] = []
        marks: dict[int, State] = {}
        room = self._batching.size - FRAME_BYTES
        states: dict[bytes, DidState] = {}
        with self._index.reading() as view:
            final = finalized(view)
            for each in self._line(queue, view, states):
                id_ = each.operation.id
                try:
                    state = advance(states.get(id_), each.operation, self._ledger.log_id)
                except KeybornError:
                    fate = effect(view, each, final) or overtaken(view, self._outbox, each, final)
                    if fate is not None:
                        marks[each.id] = fate
                    continue
                room -= bytes_of(each.operation)
                if room < 0:
                    break
                states[id_] = state
                chosen.append(each)
                if len(chosen) == self._batching.count:
                    break
        self._mark(marks)
        return chosen

    def _line(
        self, queue: list[Accepted], view: View, states: dict[bytes, DidState]
    ) -> Iterator[Accepted]:
        """The queue from its beginning on, and into ``states`` those of its DIDs.

        All of it, if need be: operations that must wait do not hold up those behind them.
        """
        while queue:
            ids = {each.operation.id for each in queue}
            states.update(view.states(ids - states.keys()))
            yield from queue
            queue = self._outbox.queued(self._batching.count, after=queue[-1].id)

    def _mark(self, states: States) -> None:
        """Note what became of operations that are in no submission."""
        if states:
            MARKING.reached()
            self._outbox.mark(states)
            MARKED.reached()
