import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import serving_named
from suite import Suite

from conformance.certificate import make_certificate
from conformance.identity import DidMethod, Identity
from conformance.instance import instance
from conformance.manifest import manifest
from keyborn.clock import now


@pytest.fixture(scope="session")
def suite(request: pytest.FixtureRequest) -> Iterator[Suite]:
    """An instance over HTTPS, by its manifest; its issuer is a did:key unless a test says."""
    identity, method = Identity("test"), DidMethod(getattr(request, "param", DidMethod.KEY))
    with tempfile.TemporaryDirectory() as folder:
        made = make_certificate(Path(folder), at=now())
        opened = instance(Path(folder), identity=identity, method=method, authorities=made.client)
        with (
            opened as built,
            serving_named(built.make_app, tls=made.server) as url,
            Suite(manifest(url, built.did), made.client, identity) as found,
        ):
            yield found
