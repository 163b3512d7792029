"""How commands print: data on stdout, as text for people or as one JSON document."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar, cast

import click
import orjson

from did.jcs import Json, JsonObject

_JSON: Final = (
    "keyborn.json"  # a key of click's context meta, which a command and its parents share
)
_Command = TypeVar("_Command", bound=Callable[..., Any])


def _remember(context: click.Context, _parameter: click.Parameter, value: bool) -> bool:  # noqa: FBT001 - click calls it so
    context.meta[_JSON] = value
    return value


def json_option(command: _Command) -> _Command:
    """Add ``--json``, passed as ``as_json: bool``; errors are then JSON too, on stderr."""
    option = click.option(
        "--json",
        "as_json",
        is_flag=True,
        is_eager=True,
        callback=_remember,
        help="Print data, and errors, as JSON.",
    )
    return option(command)


def expect_json(context: click.Context, args: Sequence[str]) -> None:
    """Note whether ``args``, not parsed yet, ask for JSON: they may turn out to be wrong usage."""
    context.meta[_JSON] = "--json" in args


def wants_json(context: click.Context) -> bool:
    """Whether ``--json`` is in effect for the command that runs in ``context``."""
    return bool(context.meta.get(_JSON))


def emit(data: object, *, as_json: bool, human: str) -> None:
    """Print ``data`` as one indented JSON document, or else the text ``human``.

    Whatever could steer a terminal is escaped, save line breaks and tabs. Text from devices goes
    through ``printable`` first, so that it cannot pose as a line of its own.

    Args:
        data: What orjson serialises: dicts, lists, dataclasses, aware datetimes and so on.
        as_json: The value of ``--json``.
        human: The same for people; colours and cursor movements do not pass.
    """
    if as_json:
        human = orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode()
    click.echo(printable(human, keep="\n\t"))


def printable(text: str, *, keep: str = "") -> str:
    r"""``text`` with control, format and separator characters escaped (``\n``, ``\u001b``).

    The escapes are those of JSON, so JSON stays the same JSON.

    Args:
        text: From anywhere.
        keep: Characters to let through all the same.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character in keep else json.dumps(character)[1:-1]
        for character in text
    )


def decimal(amount: int, unit: int) -> str:
    """``amount`` as a multiple of ``unit``, a power of ten: exactly, without trailing zeros."""
    whole, rest = divmod(amount, unit)
    digits = str(rest).rjust(len(str(unit)) - 1, "0").rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)


def as_text(value: JsonObject) -> str:
    """``value`` for people: one line for each member, nested ones indented, none left out."""
    return "\n".join(_lines(value, ""))


def _lines(value: Mapping[str, Json], indent: str) -> list[str]:
    width = max((len(name) for name in value), default=0)
    lines: list[str] = []
    for name, member in value.items():
        if isinstance(member, Mapping) and member:
            lines += [f"{indent}{name}", *_lines(member, f"{indent}  ")]
        elif isinstance(member, list) and member and isinstance(member[0], Mapping):
            for item in member:
                lines += [f"{indent}{name}", *_lines(cast("JsonObject", item), f"{indent}  ")]
        else:
            lines.append(f"{indent}{name:<{width}}  {_word(member)}")
    return lines


def _word(value: Json) -> str:
    if value is None or (isinstance(value, list | Mapping) and not value):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_word(item) for item in value)
    return str(value)
