"""Every page of documentation: the commands it shows exist, and what it points to is there."""

import re
import shlex
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click
import pytest
from pages import ANY, DOCS, ROOT, all_pages, fences, links, unfenced

from keyborn.cli import cli

PAGES = {str(path.relative_to(ROOT)): path for path in all_pages()}
SHELLS = ("sh", "bash", "console")
PACKAGES = ("did", "keyborn", "ledger", "issuer", "verifier", "devices", "demo", "conformance")
PUNCTUATION = "();<>|&\n"  # what a simple command ends at
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = {
    name
    for names in re.findall(r"^([a-z][a-z -]*):(?!=)", MAKEFILE, re.MULTILINE)
    for name in names.split()
}
VARIABLES = {*re.findall(r"^(\w+)\s*\?=", MAKEFILE, re.MULTILINE), "KEYBORN_REQUIRE_ALL"}


def simple_commands(script: str) -> list[list[str]]:
    """The commands of a shell script, each as its words, those within ``$(...)`` too."""
    script = re.sub(r"(^|\s)#.*$", "", script.replace("\\\n", " "), flags=re.MULTILINE)
    lexer = shlex.shlex(script, posix=True, punctuation_chars=PUNCTUATION)
    lexer.whitespace = " \t"
    lexer.whitespace_split = True
    found: list[list[str]] = [[]]
    inner: list[list[str]] = []
    for word in lexer:
        if not word.strip(PUNCTUATION):
            found.append([])
            continue
        for within in re.findall(r"\$\((.*)\)", word):
            inner += simple_commands(within)
        found[-1].append(word)
    return [words for words in [*found, *inner] if words]


def shell_commands(markdown: str) -> list[list[str]]:
    """The commands of a page's shell blocks; in a transcript, of the lines with a prompt."""
    found = []
    for block in fences(markdown):
        if block.language not in SHELLS:
            continue
        text = block.text
        if block.language == "console":
            prompts = re.findall(r"^\$ ((?:.*\\\n)*.*)$", text, re.MULTILINE)
            text = "\n".join(prompts)
        found += simple_commands(text)
    return found


def inline_commands(markdown: str, name: str) -> list[list[str]]:
    """The words after ``name`` in code within sentences; they may break off anywhere."""
    found = re.findall(rf"`{name}((?: [^`]*)?)`", unfenced(markdown))
    return [text.split() for text in found]


def find(words: list[str], *, whole: bool) -> tuple[click.Context, list[str]]:
    """The command that ``words`` after ``keyborn`` name, and the words that are left."""
    context = click.Context(cli, info_name="keyborn")
    while isinstance(context.command, click.Group):
        if whole:
            options, words, _ = parse(context, words)
            if options.get("help") or options.get("version"):
                return context, []
        if not words or words[0].startswith(("-", ANY, "..")):
            assert not whole, f"{context.command_path} lacks a command"
            break
        child = context.command.get_command(context, words[0])
        assert child is not None, f"there is no {context.command_path} {words[0]}"
        context = click.Context(child, info_name=words[0], parent=context)
        words = words[1:]
    return context, words


def parse(context: click.Context, words: list[str]) -> tuple[dict[str, Any], list[str], Any]:
    return context.command.make_parser(context).parse_args(list(words))


def check_command(words: list[str]) -> None:
    """Fail unless click takes ``words`` as a command with all that it needs."""
    context, words = find(words, whole=True)
    if isinstance(context.command, click.Group):
        return
    given, left, _ = parse(context, words)
    assert not left, f"{context.command_path} takes no {left}"
    for parameter in context.command.params:
        value = given.get(parameter.name or "")
        missing = not isinstance(value, str | list | tuple | bool)
        assert not (parameter.required and missing), f"{parameter.name} is missing"
        if isinstance(value, str) and "$" not in value and ANY not in value:
            is_path = isinstance(parameter.type, click.Path)  # it need not be there
            is_path or parameter.type_cast_value(context, value)


def check_make(words: list[str]) -> None:
    for word in words:
        variable, is_set, _ = word.partition("=")
        assert (variable in VARIABLES) if is_set else (word in TARGETS), f"make has no {word}"


def without_settings(words: list[str]) -> list[str]:
    """A simple command without the ``NAME=value`` before it."""
    while words and re.match(r"[A-Z_]+=", words[0]):
        assert words[0].partition("=")[0] in VARIABLES or len(words) == 1
        words = words[1:]
    return words


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_that_it_shows_are_there(page: str) -> None:
    markdown = PAGES[page].read_text()
    for words in map(without_settings, shell_commands(markdown)):
        if words and Path(words[0]).name == "keyborn":
            check_command(words[1:])
        elif words and words[0] == "make":
            check_make(words[1:])
    for words in inline_commands(markdown, "keyborn"):
        context, left = find(words, whole=False)
        known = {flag for each in context.command.params for flag in (*each.opts, "--help")}
        assert {word for word in left if word.startswith("-")} <= known, words
    for words in inline_commands(markdown, "make"):
        check_make(words)


@pytest.mark.parametrize("page", PAGES)
def test_what_it_links_to_is_there(page: str) -> None:
    for link in links(PAGES[page].read_text()):
        if re.match(r"[a-z]+:", link):
            assert link.startswith(("https://", "mailto:")), link
            continue
        place, _, heading = link.partition("#")
        target = (PAGES[page].parent / place).resolve() if place else PAGES[page]
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        assert not heading or heading in headings(target.read_text()), link


@pytest.mark.parametrize("page", PAGES)
def test_the_files_and_modules_that_it_names_are_there(page: str) -> None:
    top = "|".join((*PACKAGES, "tests", "docs"))
    for name in re.findall(r"`([^`\s]+)`", unfenced(PAGES[page].read_text())):
        if re.fullmatch(rf"(?:{top})/[\w./-]*(?:/|\.(?:py|md|sol|mjs|json))", name):
            assert (ROOT / name).exists(), name
        elif re.fullmatch(rf"(?:{'|'.join(PACKAGES)})(?:\.\w+)+", name):
            assert is_defined(name), name


def is_defined(name: str) -> bool:
    """Whether ``name`` is a module, what a module defines, or a group of entry points."""
    if name in entry_points().groups:
        return True
    module, _, rest = name, "", ""
    while not (file := source(module)):
        module, _, rest = module.rpartition(".")
        if not module:
            return False
    first = rest.partition(".")[0]
    return not rest or bool(
        re.search(rf"^(?:def |class |)\s*{first}\b", file.read_text(), re.MULTILINE)
    )


def source(module: str) -> Path | None:
    """The file of a module of this project."""
    path = ROOT / module.replace(".", "/")
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((each for each in candidates if each.exists()), None)


def headings(markdown: str) -> set[str]:
    """The anchors of a page, as they are made of its headings."""
    titles = re.findall(r"^#+ (.*)$", unfenced(markdown), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", title.replace("`", "").lower()).replace(" ", "-")
        for title in titles
    }


def test_every_decision_is_in_the_index() -> None:
    records = sorted((DOCS / "adr").glob("[0-9]*.md"))
    entries = [
        f"{int(record.name[:4])}. [{title(record).partition('. ')[2]}]({record.name})"
        for record in records
    ]
    index = (DOCS / "adr" / "README.md").read_text()
    assert [line for line in index.splitlines() if re.match(r"\d+\. ", line)] == entries
    assert [int(record.name[:4]) for record in records] == list(range(1, len(records) + 1))
    for record in records:
        assert title(record).startswith(f"{int(record.name[:4])}. ")


def test_every_page_of_the_reference_is_in_its_index() -> None:
    index = DOCS / "reference" / "README.md"
    there = {page.name for page in index.parent.glob("*.md")} - {index.name}
    assert set(links(index.read_text())) == there


def title(page: Path) -> str:
    return page.read_text().partition("\n")[0].removeprefix("# ")


def test_the_commands_are_taken_from_a_script() -> None:
    script = """
A=$(keyborn a --b "c d" |
  jq .)  # it's no command
keyborn e \\
  f > g
h "$(keyborn i)"
"""
    assert [words for words in simple_commands(script) if words[0] == "keyborn"] == [
        ["keyborn", "a", "--b", "c d"],
        ["keyborn", "e", "f"],
        ["keyborn", "i"],
    ]


@pytest.mark.parametrize(
    "command",
    [
        "device init",
        "device init --dir a b",
        "device init --dirr a",
        "device start --dir a",
        "device",
        "ledger serve --dir a --port x",
        "verifier trust --network a --out b",
        "resolve",
    ],
)
def test_a_command_that_click_would_not_take_is_noticed(command: str) -> None:
    with pytest.raises((AssertionError, click.UsageError)):
        check_command(command.split())


def test_what_make_does_not_know_is_noticed() -> None:
    check_make(["demo", "LEDGER=ethereum"])
    for words in (["dmeo"], ["demo", "LEGDER=ethereum"]):
        with pytest.raises(AssertionError):
            check_make(words)
