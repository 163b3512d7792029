"""What a decision that is not an acceptance must say."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from did.errors import Invalid, KeybornError, Refused, Undecided
from verifier.decision import Check


@contextmanager
def _raises(kind: type[KeybornError], code: str, step: Check | None) -> Iterator[None]:
    with pytest.raises(KeybornError) as caught:
        yield
    error = caught.value
    found = (type(error), error.code, error.step)
    assert found == (kind, code, error.step if step is None else step.value), str(error)


def invalid(code: str, step: Check | None = None) -> AbstractContextManager[None]:
    return _raises(Invalid, code, step)


def refused(code: str, step: Check | None = None) -> AbstractContextManager[None]:
    return _raises(Refused, code, step)


def undecided(code: str, step: Check | None = None) -> AbstractContextManager[None]:
    return _raises(Undecided, code, step)
