from collections.abc import Iterator

import pytest
from suite import Suite, running_suite

from conformance.identity import DidMethod


@pytest.fixture(scope="session")
def suite(request: pytest.FixtureRequest) -> Iterator[Suite]:
    """An instance whose issuer is a did:key unless a test says."""
    with running_suite(DidMethod(getattr(request, "param", DidMethod.KEY))) as found:
        yield found
