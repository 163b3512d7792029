"""web3 takes a second to import, so nothing loads it that only reads, or starts a command."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["pin", "source", "anvil"])
def test_reading_does_not_load_web3(module: str) -> None:
    program = f"import sys, ledger.ethereum.{module}; sys.exit('web3' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
