"""What the README says of the demo is what the demo does."""

import ast
import re

from pages import ROOT, fences

README = (ROOT / "README.md").read_text()
DEMO = [ast.parse(path.read_text()) for path in sorted((ROOT / "demo").glob("*.py"))]
NUMBERS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
NUMBERS += ["eleven", "twelve", "thirteen", "fourteen", "fifteen"]


def texts() -> set[str]:
    return {
        node.value
        for tree in DEMO
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_the_story_that_it_shows_is_the_demo_s() -> None:
    (shown,) = [block.text for block in fences(README) if not block.language]
    said = texts()
    told = 0
    for line in shown.splitlines():
        scene = re.match(r"  [✓⛔] ?(.*?)(?:  (\w+))?$", line)
        if scene:
            assert scene[1].strip() in said
            assert scene[2] is None or scene[2] in said
            told += 1
        elif re.match(r"\w", line):
            assert line in said, "no such chapter"
    assert told > 5


def test_it_counts_the_impostors() -> None:
    refusals = sum(
        isinstance(node, ast.Call) and ast.unparse(node.func) == "story.refuse"
        for tree in DEMO
        for node in ast.walk(tree)
    )
    assert f"{NUMBERS[refusals]} impostors".lower() in README.lower()
