"""The tutorial, done as its reader does it; ``following`` says how."""

from pathlib import Path

import pytest
from following import follow
from pages import DOCS


@pytest.mark.e2e
def test_the_tutorial_does_what_it_says(tmp_path: Path) -> None:
    page = (DOCS / "tutorial" / "first-device.md").read_text()
    follow(page, folder="first-device", home=tmp_path)
