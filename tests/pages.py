"""Documentation as tests read it: fenced blocks, what a page shows as output, links."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
ANY = "…"  # what a page writes for what differs each time; alone on a line: any number of lines

_FENCE = re.compile(
    r"^```(?P<language>\w*)(?: (?P<label>\S+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def all_pages() -> list[Path]:
    """Every page of documentation that there is."""
    return sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])


@dataclass(frozen=True, slots=True)
class Fence:
    """A fenced block: its language, the word after that (a label, or empty), its text, its line."""

    language: str
    label: str
    text: str
    line: int


def fences(markdown: str) -> list[Fence]:
    """The fenced blocks of a page, in order."""
    found = [
        Fence(
            match["language"],
            match["label"] or "",
            match["text"],
            markdown.count("\n", 0, match.start()) + 1,
        )
        for match in _FENCE.finditer(markdown)
    ]
    marks = len(re.findall(r"^\s*```", markdown, re.MULTILINE))
    assert marks == 2 * len(found), "a fenced block is not closed, is indented, or has odd words"
    return found


def fence(markdown: str, label: str) -> str:
    """The text of the one block with that label."""
    (found,) = [block.text for block in fences(markdown) if block.label == label]
    return found


def links(markdown: str) -> list[str]:
    """Where the links of a page lead, outside of fenced blocks."""
    return _LINK.findall(unfenced(markdown))


def unfenced(markdown: str) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", markdown)


def pattern(shown: str) -> re.Pattern[str]:
    """What a page shows as output, as a pattern for the whole output."""
    lines = [
        r"(?:[^\n]*\n)*" if line == ANY else re.escape(line).replace(ANY, r"[^\n]+") + r"\n"
        for line in shown.splitlines()
    ]
    return re.compile("".join(lines))
