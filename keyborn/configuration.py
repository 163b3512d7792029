"""What a service is told: by its command line, else the environment, else a file, else a default.

The file is TOML, one for the whole host, with a table for each service; the keys of a table are the
options of its ``serve`` command, with ``_`` for ``-``::

    [issuer]
    dir = "/var/lib/keyborn/issuer"
    network = "network.toml"
    status_ttl = 60
    status_message = ["in repair", "recalled"]

It is read strictly. Each table is checked whichever service starts, its keys and their types; the
values, of the service that starts. A path is relative to the file, so that it does not matter where
a service is started.

In the environment, an option is ``KEYBORN_<SERVICE>_SERVE_<OPTION>``. What begins like that, and is
none, is refused as well. An option that may be repeated has one value on each line there.
"""

import difflib
import os
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final

import click

from did.errors import Invalid
from keyborn.inputs import INPUT_FILE, StoreLocation, reading
from keyborn.toml import parse_toml

MAX_BYTES: Final = 65_536

FROM: Final = "keyborn.from"
"""A key of click's context meta: by a parameter's name, where click's defaults have it from."""

_SERVE: Final = "serve"
_OWN: Final = frozenset(("config", "show_config", "as_json"))  # how to start, not what to be
_HINT: Final = "correct it; docs/how-to/configure.md says how, {command} --help has every option"


def config_option() -> Any:  # noqa: ANN401 - as click's decorators
    """``--config FILE``, read before every other option; and the environment beside it."""
    return click.option(
        "--config",
        type=INPUT_FILE,
        is_eager=True,
        expose_value=False,
        envvar="KEYBORN_CONFIG",
        callback=_take,
        help="Take what is not given here, nor in the environment, from this TOML file: its table"
        " for this service. Or in KEYBORN_CONFIG.",
    )


def key_of(parameter: click.Parameter) -> str:
    """What an option is called in a file: as on the command line, with ``_`` for ``-``."""
    long = next((each for each in parameter.opts if each.startswith("--")), f"--{parameter.name}")
    return long.removeprefix("--").replace("-", "_")


def settings_of(command: click.Command) -> dict[str, click.Option]:
    """The options of a ``serve`` command that can be configured, by their keys."""
    return {
        key_of(each): each
        for each in command.params
        if isinstance(each, click.Option) and each.name not in _OWN
    }


def variables_of(context: click.Context) -> set[str]:
    """The environment's names for the options of ``context``: by parameter, and by key."""
    names = [str(each.name) for each in context.command.params]
    return {
        f"{context.auto_envvar_prefix}_{name.upper()}"
        for name in (*names, *settings_of(context.command))
    }


def read_configuration(path: Path, context: click.Context) -> dict[str, Any]:
    """What the file ``path`` has for the ``serve`` command of ``context``, by parameters' names.

    Raises:
        Invalid: ``invalid_toml`` or ``invalid_settings``, with the file and the key.
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    with reading(path):
        if len(data) > MAX_BYTES:
            raise _invalid(context, f"it has more than {MAX_BYTES} bytes")
        try:
            document = parse_toml(data.decode())
        except UnicodeDecodeError as error:
            raise _invalid(context, "it is not UTF-8") from error
        own = context.parent.info_name if context.parent else None
        found: dict[str, Any] = {}
        for name, table in document.items():
            command = context.command if name == own else _service(name, context)
            given = _read_table(name, table, command, context, path.absolute().parent)
            if name == own:
                _convert(name, given, context)
                found = {str(settings_of(command)[key].name): given[key] for key in given}
        return found


def _take(context: click.Context, _option: click.Parameter, path: Path | None) -> Path | None:
    """Have click take its defaults from the file, and what the environment calls by options."""
    if context.resilient_parsing:
        return path
    given = {} if path is None else read_configuration(path, context)
    origins = dict.fromkeys(given, f"file {path}")
    for name, (variable, value) in _environment(context).items():
        given[name], origins[name] = value, f"environment {variable}"
    context.default_map = given
    context.meta[FROM] = origins
    return path


def _environment(context: click.Context) -> dict[str, tuple[str, Any]]:
    """By parameters' names: the variable, and the value.

    Raises:
        Invalid: ``invalid_settings``: a variable that is no option.
    """
    prefix = f"{context.auto_envvar_prefix}_"
    options = {key.upper(): option for key, option in settings_of(context.command).items()}
    known = variables_of(context)
    for variable in sorted(os.environ):
        if variable.startswith(prefix) and variable not in known:
            raise Invalid(
                "invalid_settings",
                f"{variable} in the environment is no option of {context.command_path}",
                step="read the environment",
                hint=_next(variable, known, context),
            )
    found: dict[str, tuple[str, Any]] = {}
    for key, option in options.items():
        value = os.environ.get(prefix + key)
        if value:
            values = [line for line in value.split("\n") if line] if option.multiple else value
            found[str(option.name)] = (prefix + key, values)
    return found


def _service(name: str, context: click.Context) -> click.Command:
    """The ``serve`` command that the table ``name`` is for."""
    groups = sorted(entry_points(group="keyborn.commands").names)
    if name in groups:
        (entry,) = entry_points(group="keyborn.commands", name=name)
        group = entry.load()
        if isinstance(group, click.Group) and _SERVE in group.commands:
            return group.commands[_SERVE]
    raise _invalid(
        context,
        f"{name!a} is no table of a service",
        hint="write [issuer], [verifier] or [ledger], and the options below it",
    )


def _read_table(
    name: str, table: object, command: click.Command, context: click.Context, base: Path
) -> dict[str, Any]:
    """A table's values by their keys, each of its option's type, paths made absolute."""
    if not isinstance(table, Mapping):
        raise _invalid(
            context, f"{name!a} stands outside of a table", hint=f"write it below [{name}]"
        )
    options = settings_of(command)
    found: dict[str, Any] = {}
    for key, value in table.items():
        option = options.get(key)
        if option is None:
            hint = _next(key, options, context)
            raise _invalid(context, f"{name}.{key!a} is no option", hint=hint)
        many = option.multiple
        if many and not isinstance(value, list):
            raise _invalid(context, f"{name}.{key} is not a list", value)
        values = [
            _typed(f"{name}.{key}", each, option, context) for each in (value if many else [value])
        ]
        if isinstance(option.type, click.Path):
            values = [str(base / each) for each in values]
        elif isinstance(option.type, StoreLocation):
            values = [each if "://" in each else str(base / each) for each in values]
        found[key] = values if many else values[0]
    return found


def _typed(where: str, value: object, option: click.Option, context: click.Context) -> Any:  # noqa: ANN401 - what TOML has
    """``value`` if TOML's type is the option's."""
    kinds: tuple[type, ...]
    if option.is_flag:
        kinds, called = (bool,), "true or false"
    elif isinstance(option.type, click.types.IntParamType):
        kinds, called = (int,), "a whole number"
    elif isinstance(option.type, click.types.FloatParamType):
        kinds, called = (int, float), "a number"
    else:
        kinds, called = (str,), "a string"
    if type(value) not in kinds or value == "" or value != value:  # noqa: PLR0124 - a NaN
        raise _invalid(context, f"{where} is not {called}", value)
    return value


def _convert(name: str, given: Mapping[str, Any], context: click.Context) -> None:
    """Return if each value is one that its option takes."""
    options = settings_of(context.command)
    for key, value in given.items():
        try:
            options[key].type_cast_value(context, value)
        except click.BadParameter as error:
            raise _invalid(context, f"{name}.{key}: {error.message}") from error


def _next(key: str, known: Mapping[str, object] | set[str], context: click.Context) -> str:
    near = difflib.get_close_matches(key.replace("-", "_"), known, n=1)
    near = near or difflib.get_close_matches(key.replace("-", "_").upper(), known, n=1)
    if near:
        return f"did you mean {near[0]}?"
    return _HINT.format(command=context.command_path)


def _invalid(
    context: click.Context, what: str, value: object = None, hint: str | None = None
) -> Invalid:
    return Invalid(
        "invalid_settings",
        what,
        value=value,
        hint=hint or _HINT.format(command=context.command_path),
    )
