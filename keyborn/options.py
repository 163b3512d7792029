"""What several commands share: options, called the same everywhere, and how groups show."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click


class Group(click.Group):
    """A group whose help says what each of its commands does, in a whole sentence."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands; click would cut what does not fit into a line."""
        commands = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        with formatter.section("Commands"):
            formatter.write_dl(
                [
                    (name, " ".join((command.help or "").partition("\n\n")[0].split()))
                    for name, command in commands.items()
                    if command is not None
                ]
            )


_Command = TypeVar("_Command", bound=Callable[..., Any])


def service_options(*, port: int) -> Callable[[_Command], _Command]:
    """Add what each ``serve`` command takes: ``host``, ``port``, ``ready_file`` and ``log_json``.

    They go to ``keyborn.server.serve`` and ``keyborn.logs.configure``.

    Args:
        port: The default port.
    """
    options = (
        click.option("--host", default="127.0.0.1", show_default=True, help="Address to bind."),
        click.option(
            "--port",
            type=click.IntRange(0, 65535),
            default=port,
            show_default=True,
            help="Port to bind; 0 takes one that is free.",
        ),
        click.option(
            "--ready-file",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Write the URL to this file once requests are answered.",
        ),
        click.option(
            "--log-json/--log-text",
            "log_json",
            default=None,
            help="Form of the log on stderr; by default JSON where that is no terminal.",
        ),
    )

    def add(command: _Command) -> _Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add
