"""The how-to page on proofs, done as its reader does it; ``following`` says how."""

from pathlib import Path

import pytest
from following import follow
from pages import DOCS

PAGE = (DOCS / "how-to" / "prove-a-state.md").read_text()


@pytest.mark.e2e
@pytest.mark.ethereum
@pytest.mark.npm
def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    follow(PAGE, folder="keyborn-proof", home=tmp_path)
