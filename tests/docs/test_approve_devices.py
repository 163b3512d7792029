"""The page on approval and batches, done as its reader does it; ``following`` says how."""

from pathlib import Path

import pytest
from following import follow
from pages import DOCS


@pytest.mark.e2e
def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    page = (DOCS / "how-to" / "approve-devices.md").read_text()
    follow(page, folder="keyborn-approval", home=tmp_path)
