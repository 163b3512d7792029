"""The how-to page, done as its reader does it.

Blocks are taken in order. ``sh service`` runs in a shell of its own and is up when it has said what
the block below it shows; ``sh`` runs in the one shell for commands and prints what the block below
it shows; ``sh every-shell`` begins each shell; blocks with the name of a file are saved under it.
The ports on the page are replaced by free ones; nothing else is. HOME is a temporary folder.
"""

import os
import re
import shutil
import socket
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from pages import DOCS, ROOT, Fence, fence, fences, pattern
from shells import CommandShell, ServiceShell

PAGE = (DOCS / "how-to" / "run-it-yourself.md").read_text()
FOLDER = "keyborn-tour"
PORTS = ("8101", "8102", "8103", "8700")
FIRST_PORT, LAST_PORT = 20_000, 32_000  # below those that the system gives to anybody who asks


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on; held together until all are found."""
    found: list[int] = []
    with ExitStack() as held:
        for port in range(FIRST_PORT + os.getpid() % 10_000, LAST_PORT):
            if len(found) == count:
                break
            attempt = held.enter_context(socket.socket())
            try:
                attempt.bind(("127.0.0.1", port))
            except OSError:
                continue
            found.append(port)
    assert len(found) == count
    return found


def with_ports(text: str, ports: dict[str, str]) -> str:
    return re.sub(rf"\b({'|'.join(ports)})\b", lambda found: ports[found[0]], text)


def steps(page: str) -> list[tuple[Fence, str | None]]:
    """The blocks in order, each with what the page shows as its output."""
    blocks = fences(page)
    shown = {line: block.text for line, block in enumerate(blocks) if block.language == "text"}
    return [
        (block, shown.get(number + 1))
        for number, block in enumerate(blocks)
        if block.language != "text"
    ]


@pytest.mark.e2e
def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    for tool in ("bash", "curl", "jq"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    ports = dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True))
    page = with_ports(PAGE, ports)
    beginning = fence(page, "every-shell")
    notes = tmp_path / "notes"
    notes.mkdir()
    env = {
        "HOME": str(tmp_path),
        "LC_ALL": "C.UTF-8",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    with ExitStack() as stack:
        commands = stack.enter_context(CommandShell(env, notes))
        commands.run(beginning)
        for block, shown in steps(page):
            if block.label == "service":
                assert shown is not None, f"line {block.line} shows nothing to wait for"
                script = f"{beginning}\n{block.text}"
                stack.enter_context(ServiceShell(script, env)).wait_for(shown)
            elif block.language == "sh" and not block.label:
                printed = commands.run(block.text)
                assert pattern(shown or "").fullmatch(printed), (
                    f"line {block.line} of the page shows\n{shown}\nbut there was\n{printed}"
                )
            elif block.label != "every-shell":
                (tmp_path / FOLDER / block.label).write_text(block.text)


def test_each_block_is_of_a_kind_that_is_run() -> None:
    kinds = {(block.language, "." in block.label or block.label) for block in fences(PAGE)}
    assert kinds == {
        *(("sh", "every-shell"), ("sh", "service"), ("sh", ""), ("text", "")),
        *(("python", True), ("json", True), ("csv", True)),
    }


def test_every_address_on_the_page_is_one_that_the_test_replaces() -> None:
    assert set(re.findall(r"127\.0\.0\.1:(\d+)|--port (\d+)", PAGE)) == {
        pair for port in PORTS for pair in ((port, ""), ("", port))
    }


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
        with pytest.raises(AssertionError, match="a command failed"):
            shell.run(commands)


def test_a_service_that_does_not_come_up_is_noticed() -> None:
    env = {"PATH": os.environ["PATH"]}
    with (
        ServiceShell("echo starting; exit 3", env) as shell,
        pytest.raises(AssertionError, match="no line 'listening on …' in\nstarting"),
    ):
        shell.wait_for("starting\nlistening on …\n")
