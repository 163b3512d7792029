"""The reference of the command line, written from the commands themselves.

``make reference`` puts it where the documentation has it; a test holds that it is there.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from keyborn.cli import cli

PAGE: Final = Path(__file__).parents[1] / "docs" / "reference" / "command-line.md"

_OPENING: Final = """\
# Commands

Written from the commands by `make reference`; `--help` says the same.

Data go to stdout, talk to stderr. With `--json`, data and errors are JSON. Exit codes: 0 done,
1 refused or invalid, 2 wrong usage, 3 could not decide (a part does not answer, or what is known is
too old), 130 interrupted. An error says what, why (a [code](errors.md)) and what to do next.

Every option can be set in the environment, too: `KEYBORN_ISSUER_SERVE_PORT` is `--port` of
`keyborn issuer serve`. Services take theirs from a file as well
([how to](../how-to/configure.md)). `KEYBORN_ISSUER_DIR`, or `KEYBORN_ISSUER_URL` with
`KEYBORN_ISSUER_TOKEN_FILE`, name the issuer to all commands that administer one.
"""


def render() -> str:
    """The page."""
    contexts = list(_commands(click.Context(cli, info_name="keyborn", **cli.context_settings)))
    index = "\n".join(f"| {_link(each)} | {_summary(each)} |" for each in contexts)
    sections = "\n".join(_section(each) for each in contexts)
    return f"{_OPENING}\n| command | |\n|---|---|\n{index}\n\n{sections}"


def _commands(context: click.Context) -> Iterator[click.Context]:
    """Every command below ``context`` that does something, depth first."""
    group = context.command
    assert isinstance(group, click.Group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        child = click.Context(command, info_name=name, parent=context)
        if isinstance(command, click.Group):
            yield from _commands(child)
        else:
            yield child


def _link(context: click.Context) -> str:
    return f"[`{context.command_path}`](#{context.command_path.replace(' ', '-')})"


def _summary(context: click.Context) -> str:
    return (context.command.help or "").partition("\n")[0]


def _section(context: click.Context) -> str:
    usage = " ".join(context.command.collect_usage_pieces(context))
    paragraphs = (context.command.help or "").split("\n\n")
    text = "\n\n".join(" ".join(each.split()) for each in paragraphs)
    rows = [
        record
        for parameter in context.command.get_params(context)
        if (record := parameter.get_help_record(context)) is not None
    ]
    options = "\n".join(f"| `{_cell(flag)}` | {_cell(about)} |" for flag, about in rows)
    path = context.command_path
    return f"## `{path}`\n\n`{path} {usage}`\n\n{text}\n\n| option | |\n|---|---|\n{options}\n"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


if __name__ == "__main__":
    PAGE.write_text(render())
    sys.stdout.write(f"{PAGE}\n")
