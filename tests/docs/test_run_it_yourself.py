"""The how-to page, done as its reader does it; ``following`` says how."""

import os
import re
from pathlib import Path

import pytest
from following import follow, with_free_ports
from pages import DOCS, ROOT, fence, fences, pattern
from shells import CommandShell, ServiceShell

PAGE = (DOCS / "how-to" / "run-it-yourself.md").read_text()


@pytest.mark.e2e
def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    follow(PAGE, folder="keyborn-tour", home=tmp_path)


def test_each_block_is_of_a_kind_that_is_run() -> None:
    kinds = {(block.language, "." in block.label or block.label) for block in fences(PAGE)}
    assert kinds == {
        *(("sh", "every-shell"), ("sh", "service"), ("sh", ""), ("text", "")),
        *(("python", True), ("json", True), ("csv", True)),
    }


def test_nothing_but_the_ports_is_replaced() -> None:
    before, after = PAGE.splitlines(), with_free_ports(PAGE).splitlines()
    named = set(re.findall(r"\b8\d\d\d\b", PAGE))
    assert not named & set(re.findall(r"\b\d{4}\b", "\n".join(after)))
    for line, replaced in zip(before, after, strict=True):
        assert re.sub(r"\b8\d\d\d\b", "", line) == re.sub(r"\b[23]\d{4}\b", "", replaced)


def test_the_service_on_the_page_is_the_example() -> None:
    assert fence(PAGE, "door.py") == (DOCS / "examples" / "door.py").read_text()


def test_setting_up_is_a_target_of_the_makefile() -> None:
    assert "`make install`" in PAGE
    assert re.search(r"^install:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize(
    ("shown", "printed", "held"),
    [
        ("did  …\n", "did  did:keyborn:x\n", True),
        ("did  …\n", "did  \n", False),
        ("did  …\n", "did  x\nmore\n", False),
        ("…\nend\n", "a\nb\nend\n", True),
        ("…\nend\n", "end\n", True),
        ("…\nend\n", "a\nend\nb\n", False),
        ("a.c\n", "abc\n", False),
        ("", "", True),
        ("", "something\n", False),
    ],
)
def test_what_is_shown_is_compared_line_by_line(shown: str, printed: str, *, held: bool) -> None:
    assert bool(pattern(shown).fullmatch(printed)) is held


@pytest.mark.parametrize(
    "commands",
    ["false\n", "false | true\n", "A=$(false)\n", "echo $UNSET\n", "true\nfalse\ntrue\n"],
)
def test_a_command_that_fails_is_noticed(commands: str, tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"]}
    with CommandShell(env, tmp_path) as shell:
        shell.run("A=1\n")
        assert shell.run("echo $A; cat\n") == "1\n"
        with pytest.raises(AssertionError, match="a command did not end"):
            shell.run(commands)


def test_a_command_that_should_fail_and_does_not_is_noticed(tmp_path: Path) -> None:
    with CommandShell({"PATH": os.environ["PATH"]}, tmp_path) as shell:
        assert shell.run("sh -c 'echo no >&2; exit 1'\n", 1) == "no\n"
        with pytest.raises(AssertionError, match="a command did not end"):
            shell.run("true\n", 1)


def test_a_service_that_does_not_come_up_is_noticed() -> None:
    env = {"PATH": os.environ["PATH"]}
    with (
        ServiceShell("echo starting; exit 3", env) as shell,
        pytest.raises(AssertionError, match="no line 'listening on …' in\nstarting"),
    ):
        shell.wait_for("starting\nlistening on …\n")
