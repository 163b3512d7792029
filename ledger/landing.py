"""Getting one operation onto the log, and seeing it there with one's own eyes."""

from dataclasses import dataclass
from typing import Final

from did.errors import KeybornError, Refused, Undecided
from did.identifier import KeybornDid
from did.resolution import Resolution, Resolver, Version
from keyborn.faults import FaultPoint
from keyborn.polling import poll
from ledger.log import Receipt
from ledger.operations import Operation
from ledger.registrar.messages import Relay, State

_RETRY: Final = 5  # seconds
_RECEIPT_SECONDS: Final = 3.0  # for the registrar to notice what we have seen


@dataclass(frozen=True, slots=True)
class Effect:
    """What an operation came to.

    Attributes:
        version: The version that it made, as one's own reader shows it.
        receipt: What the registrar says of it, where that agrees with the reader; None where the
            registrar cannot tell. Sequence, block number and block time are proven, by the head
            that covers them and that the reader recomputed. Transaction, gas and gas price are the
            registrar's word: no head covers them.
    """

    version: Version
    receipt: Receipt | None


@dataclass(frozen=True, slots=True)
class Landing:
    """A way onto the log, for one procedure.

    Attributes:
        relay: Who puts operations there.
        reader: One's own view of the log, which alone is believed.
        wait: Seconds until an operation must be seen.
        submitting: Reached before an operation is handed over.
        submitted: Reached after that.
    """

    relay: Relay
    reader: Resolver
    wait: float
    submitting: FaultPoint
    submitted: FaultPoint

    def land(self, did: KeybornDid, operation: Operation, hash_: bytes) -> Version:
        """The version that ``operation`` made; it is handed over if it has made none yet.

        Raises:
            Undecided: ``not_on_log_yet``, or the log cannot be read.
            Refused: ``operation_void``.
            KeybornError: As ``Relay.submit``.
        """
        seen = version_of(self.reader.resolve(did), hash_)
        if seen is not None:
            return seen
        self.submitting.reached()
        status = self.relay.submit(operation)
        self.submitted.reached()
        if status.state is State.VOID:
            raise Refused(
                "operation_void",
                "another operation on this DID was first, so this one has no effect",
                step="wait for the log",
                value=hash_.hex(),
            )
        seen = poll(lambda: version_of(self.reader.resolve(did), hash_), self.wait)
        if seen is None:
            raise Undecided(
                "not_on_log_yet",
                "the registrar has the operation, and the log does not show it yet",
                step="wait for the log",
                value=hash_.hex(),
                hint="do the same again: what was begun is finished, not repeated",
                retry_after=_RETRY,
            )
        return seen

    def effect(self, version: Version) -> Effect:
        """``version`` with the registrar's receipt, as far as that holds."""
        try:
            poll(lambda: self._is_noticed(version.operation) or None, _RECEIPT_SECONDS)
            receipt = self.relay.status(version.operation).receipt
        except KeybornError:
            return Effect(version, None)  # a convenience; the version is what counts
        if receipt is None:
            return Effect(version, None)
        place = (receipt.sequence, receipt.block_number, receipt.block_time)
        seen = (version.sequence, version.block_number, version.time)
        return Effect(version, receipt if place == seen else None)

    def _is_noticed(self, operation: bytes) -> bool:
        return self.relay.status(operation).state not in (State.QUEUED, State.SENT)


def version_of(resolution: Resolution, operation: bytes) -> Version | None:
    """The version that the operation with this hash made."""
    return next((v for v in resolution.versions if v.operation == operation), None)
