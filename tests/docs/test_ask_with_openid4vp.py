"""The how-to page on asking, done as its reader does it; ``following`` says how."""

from pathlib import Path

import pytest
from following import follow
from pages import DOCS

PAGE = (DOCS / "how-to" / "ask-with-openid4vp.md").read_text()


@pytest.mark.e2e
def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    follow(PAGE, folder="keyborn-openid4vp", home=tmp_path)
