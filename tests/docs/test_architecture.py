"""The map of the code names every module, and none that is not there."""

import re

from pages import DOCS, ROOT

PACKAGES = (
    "did",
    "keyborn",
    "ledger",
    "issuer",
    "verifier",
    "devices",
    "demo",
    "conformance",
    "bench",
)
ROW = re.compile(r"^\| (`[^|]+) \|", re.MULTILINE)
MODULE = re.compile(rf"`((?:{'|'.join(PACKAGES)})\.[a-z0-9_.]+)`")


def test_the_map_is_complete() -> None:
    modules = sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if not path.name.startswith("__")
    )
    rows = ROW.findall((DOCS / "architecture.md").read_text())
    assert sorted(name for row in rows for name in MODULE.findall(row)) == modules
