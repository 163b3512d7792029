"""A process that is killed at a fault point, without a process."""

import atexit
import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from keyborn import faults


class Killed(BaseException):
    """Stands for SIGKILL: nothing between here and the test may catch it."""


@contextmanager
def killed_at(point: str) -> Iterator[None]:
    """Run the block, which must get as far as ``point``, and be cut off there."""

    def kill(*_: object) -> None:
        raise Killed

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):  # noqa: PT012
        patch.setattr(os, "kill", kill)
        faults.arm(point)
        try:
            yield
        finally:
            faults._armed.clear()
            atexit.unregister(faults._report_unreached)
