"""The page on the W3C's test suites, done as its reader does it; ``following`` says how."""

from pathlib import Path

import pytest
from following import follow
from pages import DOCS


@pytest.mark.e2e
def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    page = (DOCS / "how-to" / "conformance.md").read_text()
    follow(page, folder="keyborn-conformance", home=tmp_path)
