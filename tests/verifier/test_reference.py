"""The reference names the steps and codes that there are."""

import re
from pathlib import Path

from verifier.decision import Check

ROOT = Path(__file__).parents[2]
TABLE = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs/reference/verifier.md").read_text().splitlines()
    if re.match(r"\| \d", line)
]
NOT_OF_DECISIONS = {
    "edit_by_hand",
    "invalid_audience",
    "invalid_status_list",  # told as status_invalid
    "invalid_trust_root",
    "invalid_verification_method_url",  # of the VC-API, which decides on nobody
    "issuer_not_named",
    "method_not_authorized",  # as above
}
BY_CONSTANT = {"invalid_presentation"}


def raised(*packages: str) -> set[str]:
    """What decisions can end with; what asking around them can is in the table of errors alone."""
    sources = [
        path.read_text()
        for name in packages
        for path in (ROOT / name).rglob("*.py")
        if path.parent.name not in ("openid4vp", "sessions")
    ]
    error = re.compile(r'(?:Invalid|Refused|Undecided|undecided)\(\s*"([a-z_]+)"')
    return {code for source in sources for code in error.findall(source)}


def test_it_has_each_step_in_order() -> None:
    assert [row[0] for row in TABLE] == [check.value for check in Check]


def test_it_has_the_codes_that_are_raised() -> None:
    named = {code for row in TABLE for code in re.findall(r"`([a-z_]+)`", " ".join(row))}

    assert named - BY_CONSTANT <= raised("verifier", "did", "keyborn", "ledger/resolving")
    assert raised("verifier") - NOT_OF_DECISIONS <= named
