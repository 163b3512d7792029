"""The page on a log on Ethereum, done as its reader does it; ``following`` says how."""

from pathlib import Path

import pytest
from following import follow
from pages import DOCS, fences

from did.errors import Unavailable
from ledger.ethereum.anvil import find_anvil

PAGE = (DOCS / "how-to" / "a-log-on-ethereum.md").read_text()


@pytest.mark.e2e
@pytest.mark.ethereum
@pytest.mark.npm
def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    try:
        find_anvil()
    except Unavailable as missing:
        pytest.skip(f"{missing.message}: {missing.hint}")
    follow(PAGE, folder="keyborn-ethereum", home=tmp_path)


def test_each_block_is_of_a_kind_that_is_run() -> None:
    kinds = {(block.language, block.label) for block in fences(PAGE)}
    assert kinds == {
        *(("sh", "every-shell"), ("sh", "service"), ("sh", ""), ("text", "")),
        ("toml", "nodes.toml"),
    }
