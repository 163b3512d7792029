"""The other implementations, started once."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from peer import Peer


@pytest.fixture(scope="session")
def digitalbazaar() -> Iterator[Peer]:
    script = Path(__file__).parent / "digitalbazaar.mjs"
    command = ["node", str(script)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Peer(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=10) == 0
