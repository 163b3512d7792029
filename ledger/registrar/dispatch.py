"""From the queue onto the log, and back into the queue where the log let go of it.

One round of the dispatcher:

1. bring the reader up to date, so that everything after this is about one verified state;
2. follow each submission: one that is in no block is submitted again, the very same bytes; one that
   can never land gives its operations back; for one that landed, the log as the reader replayed it
   tells which operations took effect, whatever the ledger's receipt says;
3. if no submission may still be on its way, and enough operations wait or the oldest waited long
   enough, prepare one from those that would take effect now. Store it, then submit it.

So an operation is in a second submission only after the first one cannot land any more.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final

from did.errors import Conflict, KeybornError
from keyborn.faults import FaultPoint
from ledger.index import Index, View
from ledger.log import Ledger
from ledger.operations import Batch, Create, Operation, Update, encode_batch
from ledger.reader import LogReader
from ledger.registrar.messages import State
from ledger.registrar.outbox import Accepted, Outbox, Passage, States, Submission
from ledger.state import advance

# What an operation takes in a batch, and what a batch takes besides; in bytes, at the most.
_BYTES: Final[Mapping[type[Operation], int]] = {Create: 64, Update: 169}
_FRAME_BYTES: Final = 16

_TERMINAL: Final = (State.FINALIZED, State.VOID)

PREPARED: Final = FaultPoint("registrar.prepare.before_commit")
STORED: Final = FaultPoint("registrar.prepare.after_commit")
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
        size: With so many bytes, at once, and never with more. The default leaves room for the
            transaction around it: common nodes take 131,072 bytes in all.
        delay: Seconds that an operation waits for company.
        poll: Seconds between two looks at the log while something is on its way.
        queue: So many operations may wait; more are turned away.
    """

    count: int = 2_000
    size: int = 130_000
    delay: float = 0.2
    poll: float = 0.5
    queue: int = 100_000


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
        # By submission, the head at its place when it was last judged. Forgotten by a restart.
        self._judged: dict[int, bytes | None] = {}

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
        for submission in unsettled:
            try:
                self._follow_one(submission)
            except Conflict:  # it can never land, says the ledger
                self._bury(submission)
        with self._index.reading() as view:
            changes = _changes(view, strays, otherwise=State.QUEUED)
        self._mark(changes)

    def _follow_one(self, submission: Submission) -> None:
        with self._index.reading() as view:
            if self._stands(view, submission):
                return
        payload = self._outbox.payload(submission)
        # Asked after the sync: a place up to the finalised head is then its place for good.
        receipt = self._ledger.receipt(payload)
        contents = self._outbox.contents(submission.id)
        with self._index.reading() as view:
            if receipt is not None and view.head_at(receipt.sequence) is None:
                return  # newer than the sync; the next round has it
            final = receipt is not None and receipt.sequence <= _finalized(view)
            states = _changes(view, contents, otherwise=State.VOID if final else State.SENT)
            head = None if receipt is None else view.head_at(receipt.sequence)
            self._judged[submission.id] = head
        if receipt is None:
            passage = Passage.OPEN
        elif all(states.get(e.id, e.state) in _TERMINAL for e in contents):
            passage = Passage.SETTLED
        else:
            passage = Passage.LANDED
        if states or (passage, receipt) != (submission.passage, submission.receipt):
            FOLLOWING.reached()
            self._outbox.follow(submission, passage, receipt, states)
            FOLLOWED.reached()
        if receipt is None:
            SUBMITTING.reached()
            self._ledger.submit(payload)
            SUBMITTED.reached()

    def _stands(self, view: View, submission: Submission) -> bool:
        """Whether all that was judged of a landed submission still holds.

        The head at its place covers every operation up to there; under the same head, nothing has
        changed but finality.
        """
        receipt = submission.receipt
        if receipt is None or receipt.sequence <= _finalized(view):
            return False
        head = view.head_at(receipt.sequence)
        return head is not None and head == self._judged.get(submission.id)

    def _bury(self, submission: Submission) -> None:
        contents = self._outbox.contents(submission.id)
        with self._index.reading() as view:
            final = _finalized(view)
            states = {e.id: _effect(view, e, final) or State.QUEUED for e in contents}
        FOLLOWING.reached()
        self._outbox.bury(submission, states)
        FOLLOWED.reached()

    def _oldest_age(self) -> float | None:
        """Seconds for which the oldest operation has been in the queue."""
        oldest = self._outbox.queued(1)
        return (self._clock() - oldest[0].accepted).total_seconds() if oldest else None

    def _send_due(self) -> bool:
        """Submit one batch if one is due and none is on its way."""
        if any(each.passage is Passage.OPEN for each in self._outbox.unsettled()):
            return False
        age = self._oldest_age()
        if age is None:
            return False
        queue = self._outbox.queued(self._batching.count)
        full = len(queue) == self._batching.count or _size(queue) > self._batching.size
        if age < self._batching.delay and not full:
            return False
        self._reader.sync()
        chosen = self._choose(queue)
        if not chosen:
            return False
        payload = self._ledger.prepare(encode_batch(_batch(chosen)))
        PREPARED.reached()
        self._outbox.send(payload, chosen)
        STORED.reached()
        SUBMITTING.reached()
        self._ledger.submit(payload)
        SUBMITTED.reached()
        return True

    def _choose(self, queue: list[Accepted]) -> list[Accepted]:
        """Those of the queue that would take effect now, as far as a batch has room.

        Of the others, those whose fate is known are marked; the rest waits.
        """
        chosen: list[Accepted] = []
        marks: dict[int, State] = {}
        room = self._batching.size - _FRAME_BYTES
        with self._index.reading() as view:
            final = _finalized(view)
            states = view.states({each.operation.id for each in queue})
            for each in queue:
                id_ = each.operation.id
                try:
                    state = advance(states.get(id_), each.operation, self._ledger.log_id)
                except KeybornError:
                    fate = _effect(view, each, final) or self._overtaken(view, each, final)
                    if fate is not None:
                        marks[each.id] = fate
                    continue
                room -= _BYTES[type(each.operation)]
                if room < 0:
                    break
                states[id_] = state
                chosen.append(each)
        self._mark(marks)
        return chosen

    def _mark(self, states: States) -> None:
        """Note what became of operations that are in no submission."""
        if states:
            MARKING.reached()
            self._outbox.mark(states)
            MARKED.reached()

    def _overtaken(self, view: View, each: Accepted, final: int) -> State | None:
        """``VOID`` if another operation has for good taken the place of this one."""
        versions = view.versions(each.operation.id)
        for earlier, later in pairwise(versions):
            if earlier.state.operation == each.prev:
                return State.VOID if later.sequence <= final else None
        before = None if each.prev is None else self._outbox.find(each.prev)
        return State.VOID if before is not None and before.state is State.VOID else None


def _effect(view: View, each: Accepted, final: int) -> State | None:
    """How settled the operation's effect is; None if it has none.

    ``final`` is the sequence up to which the log is final.
    """
    for version in view.versions(each.operation.id):
        if version.state.operation == each.hash:
            return State.FINALIZED if version.sequence <= final else State.ON_LOG
    return None


def _changes(view: View, operations: list[Accepted], *, otherwise: State) -> dict[int, State]:
    """By id, the states that are not the known ones; ``otherwise`` is that of no effect."""
    final = _finalized(view)
    states = {each.id: _effect(view, each, final) or otherwise for each in operations}
    return {each.id: states[each.id] for each in operations if states[each.id] is not each.state}


def _finalized(view: View) -> int:
    heads = view.heads()
    return 0 if heads is None else heads.finalized.sequence


def _size(queue: list[Accepted]) -> int:
    return _FRAME_BYTES + sum(_BYTES[type(each.operation)] for each in queue)


def _batch(chosen: list[Accepted]) -> Batch:
    operations = [each.operation for each in chosen]
    return Batch(
        creates=tuple(o for o in operations if isinstance(o, Create)),
        updates=tuple(o for o in operations if isinstance(o, Update)),
    )
