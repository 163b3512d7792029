"""How many operations one submission has room for."""

from collections.abc import Sequence
from typing import Final

from did.limits import LIMITS
from ledger.operations import Batch, Create, Operation, Update
from ledger.registrar.outbox_tables import Accepted

# Bytes that an operation takes in a batch, and what a batch takes besides, at the most.
CREATE_BYTES: Final = 64
ROTATION_BYTES: Final = 169
DEACTIVATION_BYTES: Final = 136
FRAME_BYTES: Final = 16

# A batch of so many bytes leaves room for the transaction around it: the call's 68 bytes and its
# padding of up to 31, and at most 193 for all the rest, with its signature.
LARGEST_BATCH: Final = LIMITS.batch - 512


def bytes_of(operation: Operation) -> int:
    """Bytes that ``operation`` takes in a batch."""
    if isinstance(operation, Create):
        return CREATE_BYTES
    return DEACTIVATION_BYTES if operation.next is None else ROTATION_BYTES


def size_of(operations: Sequence[Accepted]) -> int:
    """Bytes of the batch of these, at the most."""
    return FRAME_BYTES + sum(bytes_of(each.operation) for each in operations)


def batch_of(chosen: Sequence[Accepted]) -> Batch:
    """The batch of these; what it does is what they do in their order."""
    operations = [each.operation for each in chosen]
    return Batch(
        creates=tuple(o for o in operations if isinstance(o, Create)),
        updates=tuple(o for o in operations if isinstance(o, Update)),
    )
