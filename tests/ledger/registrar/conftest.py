from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from registrar_support import EAGER, Site

from ledger.registrar.dispatch import Batching


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[Callable[[Batching], Site]]:
    with ExitStack() as stack:

        def make(batching: Batching) -> Site:
            site = Site(tmp_path, batching)
            stack.callback(site.stop)
            return site

        yield make


@pytest.fixture
def site(make_site: Callable[[Batching], Site]) -> Site:
    return make_site(EAGER)
