"""How many operations one submission has room for."""

from collections.abc import Mapping, Sequence
from typing import Final

from did.limits import LIMITS
from ledger.operations import Batch, Create, Operation, Update
from ledger.registrar.outbox_tables import Accepted

# What an operation takes in a batch, and what a batch takes besides; in bytes, at the most.
OPERATION_BYTES: Final[Mapping[type[Operation], int]] = {Create: 64, Update: 169}
FRAME_BYTES: Final = 16

# A batch of so many bytes leaves room for the transaction around it: the call's 68 bytes and its
# padding of up to 31, and at most 193 for all the rest, with its signature.
LARGEST_BATCH: Final = LIMITS.batch - 512


def size_of(operations: Sequence[Accepted]) -> int:
    """Bytes of the batch of these, at the most."""
    return FRAME_BYTES + sum(OPERATION_BYTES[type(each.operation)] for each in operations)


def batch_of(chosen: Sequence[Accepted]) -> Batch:
    """The batch of these; what it does is what they do in their order."""
    operations = [each.operation for each in chosen]
    return Batch(
        creates=tuple(o for o in operations if isinstance(o, Create)),
        updates=tuple(o for o in operations if isinstance(o, Update)),
    )
