"""A registrar that is somewhere else."""

from typing import Self

from keyborn.client import connect, request_json
from ledger.operations import Operation
from ledger.registrar.messages import OperationStatus, operation_to_json


class RegistrarClient:
    """The registrar at a URL. Implements ``ledger.registrar.messages.Relay``.

    Close it, or use it as a context manager. What it says is not believed: see the log itself.

    Args:
        url: Of the ledger service, ``Network.url``.

    Raises:
        Invalid: ``invalid_url``.
    """

    def __init__(self, url: str) -> None:
        self._http = connect(url)

    def __enter__(self) -> Self:
        """The client itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def submit(self, operation: Operation) -> OperationStatus:
        """Hand ``operation`` over; the registrar has it durably when this returns.

        Raises:
            KeybornError: As the registrar judged it; ``Unavailable`` where it does not answer.
                To repeat it has no second effect.
        """
        answer = request_json(
            self._http,
            "POST",
            "/v1/operations",
            json=operation_to_json(operation),
            step="submit the operation",
        )
        return OperationStatus.from_json(answer)

    def status(self, operation: bytes) -> OperationStatus:
        """Where the operation with this 32-byte hash stands.

        Raises:
            Refused: ``unknown_operation``.
            Unavailable: The registrar does not answer.
        """
        answer = request_json(
            self._http,
            "GET",
            f"/v1/operations/{operation.hex()}",
            step="ask for the operation's status",
        )
        return OperationStatus.from_json(answer)
