"""The ``keyborn`` command: finds the packages' commands, and turns errors into exit codes.

Commands are entry points of the group ``keyborn.commands``. A package is imported when one of its
commands is run or asked for help, not before: listing all commands reads their docstrings from the
source.

Exit codes, decided here and nowhere else:

== ==============================================================
0  done
1  ``Invalid``, ``Refused``, ``Conflict``
2  wrong usage
3  ``Undecided``, ``Unavailable``, and failures of the system
== ==============================================================

and 130 when interrupted, as shells have it.
"""

import ast
import errno
import importlib.abc
import importlib.util
import os
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points, version
from typing import IO, Any, Final

import click
import orjson

from did.errors import KeybornError, Unavailable, Undecided, shorten
from keyborn import faults
from keyborn.output import expect_json, printable, wants_json

_INTERRUPTED: Final = 130


class Failure(click.ClickException):
    """An error of our tree as click reports it: what, why and what to do next, on stderr."""

    def __init__(self, error: KeybornError, *, as_json: bool) -> None:
        super().__init__(str(error))
        self._error = error
        self._as_json = as_json

    def show(self, file: IO[Any] | None = None) -> None:
        """Print it."""
        lines = [self._json()] if self._as_json else self._text()
        for line in lines:
            click.echo(printable(line), file=file, err=True)

    def _json(self) -> str:
        error = self._error
        body = {
            "code": error.code,
            "message": error.message,
            "step": error.step,
            "hint": error.hint,
            "value": None if error.value is None else shorten(error.value),
            "retry_after": error.retry_after,
        }
        return orjson.dumps({"error": body}).decode()

    def _text(self) -> list[str]:
        error = self._error
        step = f"{error.step}: " if error.step else ""
        got = "" if error.value is None else f", got {shorten(error.value)}"
        lines = [f"keyborn: {step}{error.message}", f"  why:  {error.code}{got}"]
        if error.hint:
            lines.append(f"  next: {error.hint}")
        if error.retry_after is not None:
            lines.append(f"  retry in {error.retry_after} s")
        return lines


class WrongUsage(click.ClickException):
    """A command that was called wrongly, for a program that reads JSON."""

    exit_code = 2

    def __init__(self, error: click.UsageError) -> None:
        super().__init__(error.format_message())
        self._command = "keyborn" if error.ctx is None else error.ctx.command_path

    def show(self, file: IO[Any] | None = None) -> None:
        """Print it."""
        body = {
            "code": "usage",
            "message": self.message,
            "step": "read the command line",
            "hint": f"see {self._command} --help",
            "value": None,
            "retry_after": None,
        }
        click.echo(printable(orjson.dumps({"error": body}).decode()), file=file, err=True)


class OpenFailure(Failure):
    """A failure that decided nothing, and that may pass."""

    exit_code = 3


class Commands(click.Group):
    """The group of all commands, each imported when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Names of the installed commands."""
        return sorted(entry_points(group="keyborn.commands").names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command, imported now."""
        for entry in entry_points(group="keyborn.commands", name=cmd_name):
            command = entry.load()
            assert isinstance(command, click.Command)
            return command
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing them."""
        entries = sorted(entry_points(group="keyborn.commands"), key=lambda entry: entry.name)
        with formatter.section("Commands"):
            formatter.write_dl([(entry.name, _summary(entry)) for entry in entries])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does; what is not text could be neither sent nor shown as JSON."""
        for arg in args:
            if not arg.isascii() and any("\ud800" <= each <= "\udfff" for each in arg):
                raise click.UsageError(f"an argument is not UTF-8: {shorten(arg)}", ctx)
        expect_json(ctx, args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; expected failures become a ``Failure``, never a stack trace."""
        try:
            faults.arm(os.environ.get("KEYBORN_FAULTS", ""))
            return super().invoke(ctx)
        except KeybornError as error:
            raise _failure(error, ctx) from error
        except click.UsageError as error:
            if wants_json(ctx):
                raise WrongUsage(error) from error
            raise
        except BrokenPipeError:
            raise  # click ends quietly when nobody reads any more
        except OSError as error:
            raise _failure(_system(error), ctx) from error
        except KeyboardInterrupt:
            click.echo("keyborn: interrupted", err=True)
            ctx.exit(_INTERRUPTED)


@click.group(
    cls=Commands,
    context_settings={"auto_envvar_prefix": "KEYBORN", "help_option_names": ["-h", "--help"]},
)
@click.version_option(version("keyborn"), prog_name="keyborn", allow_from_autoenv=False)
def cli() -> None:
    """Devices that are born with their identity: provision, register and verify them.

    Every option can be set in the environment: KEYBORN_ISSUER_SERVE_PORT is --port of
    "keyborn issuer serve".
    """


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line ``args`` (default: of this process) and exit with its code."""
    cli.main(args, prog_name="keyborn")


def _summary(entry: EntryPoint) -> str:
    """The first line of the docstring of the command's function, read but not run."""
    spec = importlib.util.find_spec(entry.module)
    if spec is None or not isinstance(spec.loader, importlib.abc.InspectLoader):
        return ""
    source = spec.loader.get_source(entry.module) or ""
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name == entry.attr:
            return (ast.get_docstring(node) or "").partition("\n")[0]
    return ""


def _failure(error: KeybornError, context: click.Context) -> Failure:
    kind = OpenFailure if isinstance(error, Undecided | Unavailable) else Failure
    return kind(error, as_json=wants_json(context))


def _system(error: OSError) -> Unavailable:
    """A failure of the operating system; ``code`` is its symbol in lower case, such as eacces."""
    return Unavailable(
        errno.errorcode.get(error.errno or 0, "oserror").lower(),
        (error.strerror or str(error) or type(error).__name__).lower(),
        value=error.filename,
        hint=None if error.filename is None else "check that it exists and that you may use it",
    )
