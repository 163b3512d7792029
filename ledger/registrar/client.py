"""A registrar that is somewhere else."""

import random
import time
from collections.abc import Callable
from typing import Self

from did.errors import Busy
from keyborn import problem
from keyborn.client import connect, request_json
from ledger.operations import Operation
from ledger.registrar.messages import OperationStatus, operation_to_json


class RegistrarClient:
    """The registrar at a URL. Implements ``ledger.registrar.messages.Relay``.

    Close it, or use it as a context manager. What it says is not believed: see the log itself.

    Args:
        url: Of the ledger service, ``Network.url``.
        patience: Seconds for which an operation is handed in again while the registrar is busy,
            each time after as long as it asks, and a little, so that not all come at once.
        pause: Waits so many seconds.

    Raises:
        Invalid: ``invalid_url``.
    """

    def __init__(
        self, url: str, *, patience: float = 0.0, pause: Callable[[float], object] = time.sleep
    ) -> None:
        self._http = connect(url)
        self._patience = patience
        self._pause = pause

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
            Busy: ``registrar_busy``, for longer than our patience.
            KeybornError: As the registrar judged it; ``Unavailable`` where it does not answer.
                To repeat it has no second effect.
        """
        left = self._patience
        while True:
            try:
                return self._submit(operation)
            except Busy as error:
                asked = error.retry_after or problem.RETRY_AFTER
                wait = asked * random.uniform(1.0, 1.25)  # noqa: S311 - spreads, keeps no secret
                if wait > left:
                    raise
            left -= wait
            self._pause(wait)

    def _submit(self, operation: Operation) -> OperationStatus:
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
