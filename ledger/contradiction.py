"""Heads that contradict each other: how it is seen, and how it is told, with both as evidence."""

from typing import Final

from did.errors import Invalid, Undecided
from did.timestamps import MAX_CLOCK_SKEW
from ledger.chain import check_time
from ledger.index import View
from ledger.index_tables import Finding
from ledger.log import Head, Heads

# Seconds. A head that is of the future by more was signed by a wrong clock, and nobody decides by
# it; what may be decided by must guard against what is older.
AHEAD: Final = MAX_CLOCK_SKEW.total_seconds()

_STEP: Final = "compare the heads of the log"
_RETRY: Final = 5  # seconds


class Contradiction(Invalid):
    """Two verified heads that cannot both stand; ``finding`` holds them, with their evidence."""

    def __init__(self, finding: Finding, message: str, hint: str) -> None:
        super().__init__(
            finding.code,
            f"{message}: {_told(finding.seen)}, and {_told(finding.shown)}",
            step=_STEP,
            hint=hint,
        )
        self.finding = finding


def refuse_alarm(view: View) -> None:
    """Return if no finding has stopped the reader.

    Raises:
        Contradiction: The finding, again.
    """
    finding = view.alarm()
    if finding is not None:
        raise _stopped(finding)


def compare(view: View, seen: Heads | None, shown: Heads, *, now: float) -> None:
    """Return if ``shown`` can follow ``seen``, as far as heads alone tell.

    Args:
        view: The index as it is with ``seen``.
        seen: The newest heads known; None before the first.
        shown: The heads of now.
        now: Seconds since 1970.

    Raises:
        Contradiction: ``ledger_heads_contradict``, ``ledger_rollback`` or ``ledger_fork``.
        Undecided: ``ledger_behind``.
        Invalid: ``ledger_malformed_answer``.
    """
    for head in (shown.latest, shown.safe, shown.finalized):
        check_time(head.time)
    for older, newer in ((shown.finalized, shown.safe), (shown.safe, shown.latest)):
        if older.sequence > newer.sequence:
            raise contradicting(newer, older)
    if seen is None:
        return
    if shown.finalized.sequence <= seen.finalized.sequence:
        if view.head_at(shown.finalized.sequence) != shown.finalized.head:
            raise fork(seen.finalized, shown.finalized)
        if shown.finalized.sequence < seen.finalized.sequence:
            raise _rollback(seen.finalized, shown.finalized)
    if is_older(shown, seen, now=now) and not same_content(seen, shown):
        raise Undecided(
            "ledger_behind",
            "the ledger shows something older than what it showed before",
            step=_STEP,
            hint="one of its nodes lags, or somebody repeats its old answers; try again",
            retry_after=_RETRY,
        )


def is_older(shown: Heads, seen: Heads, *, now: float) -> bool:
    """Whether ``shown`` was signed before ``seen``, as far as their times can be believed.

    A head that is of the future says nothing of which is older: the clock of who signed it was
    ahead, or the one here is behind. What was final stays so all the same.
    """
    return shown.latest.time < seen.latest.time <= now + AHEAD


def same_content(one: Heads, other: Heads) -> bool:
    """Whether both say the same of the log, be it at different times."""
    return _content(one) == _content(other)


def contradicting(seen: Head, shown: Head) -> Contradiction:
    """Two heads of one answer that do not belong to one chain."""
    return Contradiction(
        Finding("ledger_heads_contradict", seen, shown, alarm=False),
        "the ledger's heads are not of one chain",
        "the ledger is at fault or lies; its operator must explain it",
    )


def fork(seen: Head, shown: Head) -> Contradiction:
    """What was final is different now. It stops the reader."""
    return _stopped(Finding("ledger_fork", seen, shown, alarm=True))


def _rollback(seen: Head, shown: Head) -> Contradiction:
    return Contradiction(
        Finding("ledger_rollback", seen, shown, alarm=False),
        "the ledger takes back what was final",
        "somebody repeats its old answers, or it was restored from a backup; ask its operator",
    )


def _stopped(finding: Finding) -> Contradiction:
    return Contradiction(
        finding,
        "the ledger shows another past than the one that was final; reading it has stopped",
        "compare both heads with the ledger's operator; to start over from what the ledger shows, "
        "move the index away, which keeps the evidence",
    )


def _content(heads: Heads) -> tuple[tuple[int, bytes], ...]:
    return tuple((h.sequence, h.head) for h in (heads.latest, heads.safe, heads.finalized))


def _told(head: Head) -> str:
    return f"{head.finality} head {head.sequence} is {head.head.hex()}"
