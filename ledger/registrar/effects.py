"""What the log, as the reader replayed it, has of operations that were accepted here."""

from collections.abc import Sequence

from ledger.index import View
from ledger.registrar.messages import State
from ledger.registrar.outbox_tables import Accepted


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
