"""Where an operation stands, from what the outbox and the reader's index have of it."""

from did.identifier import KeybornDid
from did.resolution import Finality
from ledger.index import IndexedVersion, View
from ledger.log import Receipt
from ledger.registrar.messages import OperationStatus, OperationType, State
from ledger.registrar.outbox import Outbox
from ledger.registrar.outbox_tables import Accepted


def of_ours(view: View, outbox: Outbox, known: Accepted) -> OperationStatus:
    """The status of an operation that was accepted here."""
    receipt = finality = None
    if known.state in (State.ON_LOG, State.FINALIZED):
        for version in view.versions(known.operation.id):
            if version.state.operation == known.hash:
                receipt, finality = _place(view, version)
    if receipt is not None and known.submission is not None:
        ours = outbox.submission(known.submission).receipt
        if ours is not None and ours.sequence == receipt.sequence:
            receipt = ours  # with what it cost
    return OperationStatus(
        operation=known.hash,
        type=OperationType.of(known.operation),
        did=KeybornDid(known.operation.id),
        state=known.state,
        accepted=known.accepted,
        receipt=receipt,
        finality=finality,
    )


def of_others(view: View, version: IndexedVersion) -> OperationStatus:
    """The status of an operation that somebody else put on the log."""
    receipt, finality = _place(view, version)
    return OperationStatus(
        operation=version.state.operation,
        type=OperationType.UPDATE if version.state.number else OperationType.CREATE,
        did=KeybornDid(version.state.id),
        state=State.FINALIZED if finality is Finality.FINALIZED else State.ON_LOG,
        receipt=receipt,
        finality=finality,
    )


def _place(view: View, version: IndexedVersion) -> tuple[Receipt, Finality]:
    heads = view.heads()
    assert heads is not None  # a version came with a sync
    receipt = Receipt(version.sequence, version.block_number, version.time)
    return receipt, heads.finality_of(version.sequence)
