"""The page on PostgreSQL, done as its reader does it; ``following`` says how."""

from pathlib import Path

import pytest
from databases import Server
from following import follow
from pages import DOCS


@pytest.mark.e2e
def test_the_page_does_what_it_says(server: Server, tmp_path: Path) -> None:
    page = (DOCS / "how-to" / "keep-state-in-postgresql.md").read_text()
    named = "postgresql://keyborn@db.example/keyborn"
    assert named in page
    follow(page.replace(named, server.empty()), folder="keyborn-postgresql", home=tmp_path)
