"""What the log, as the reader replayed it, has of what was accepted here; and what it has not."""

from collections.abc import Sequence
from itertools import pairwise

from did.errors import Unavailable
from ledger.index import View
from ledger.log import Receipt
from ledger.registrar.messages import State
from ledger.registrar.outbox import Outbox
from ledger.registrar.outbox_tables import Accepted, States


def effect(view: View, each: Accepted, final: int) -> State | None:
    """How settled the operation's effect is; None if it has none.

    ``final`` is the sequence up to which the log is final.
    """
    for version in view.versions(each.operation.id):
        if version.state.operation == each.hash:
            return State.FINALIZED if version.sequence <= final else State.ON_LOG
    return None


def changes(view: View, operations: Sequence[Accepted], *, otherwise: State) -> dict[int, State]:
    """By id, the states that are not the known ones; ``otherwise`` is that of no effect."""
    final = finalized(view)
    states = {each.id: effect(view, each, final) or otherwise for each in operations}
    return {each.id: states[each.id] for each in operations if states[each.id] is not each.state}


def finalized(view: View) -> int:
    """The sequence up to which the log is final; 0 before the first sync."""
    heads = view.heads()
    return 0 if heads is None else heads.finalized.sequence


def overtaken(view: View, outbox: Outbox, each: Accepted, final: int) -> State | None:
    """``VOID`` if another operation has for good taken the place of this one."""
    versions = view.versions(each.operation.id)
    for earlier, later in pairwise(versions):
        if earlier.state.operation == each.prev:
            return State.VOID if later.sequence <= final else None
    before = None if each.prev is None else outbox.find(each.prev)
    return State.VOID if before is not None and before.state is State.VOID else None


def left_over(
    view: View, outbox: Outbox, contents: Sequence[Accepted], changed: States, receipt: Receipt
) -> dict[int, State]:
    """What becomes of those operations of a final entry that have no effect.

    That they are in the entry is the ledger's word alone, so nothing is given up for it: an
    operation is void if the log itself shows another one in its place, and waits again if what
    it follows came later, or is still to come. One that would have had its effect there was
    not there.

    Raises:
        Unavailable: ``ledger_inconsistent``: the ledger's word contradicts the log.
    """
    final = finalized(view)
    left: dict[int, State] = {}
    for each in contents:
        if changed.get(each.id, each.state) is not State.SENT:
            continue
        left[each.id] = overtaken(view, outbox, each, final) or State.QUEUED
        due = each.prev is None or any(
            version.state.operation == each.prev and version.sequence <= receipt.sequence
            for version in view.versions(each.operation.id)
        )
        if due and left[each.id] is State.QUEUED:
            raise Unavailable(
                "ledger_inconsistent",
                f"the node says that a batch is in entry {receipt.sequence}, and the log, as "
                "it was verified, has not what would follow",
                step="follow the submission",
                hint="Repeat it; if it stays, write to another node.",
                value=each.hash.hex(),
                retry_after=1,
            )
    return left
