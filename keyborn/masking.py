"""The configuration of a service as it may be shown: where each value is from, secrets hidden."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click
from click.core import ParameterSource

from did.errors import KeybornError
from did.jcs import JsonObject
from keyborn.configuration import key_of, settings_of, variables_of
from keyborn.inputs import StoreLocation

HIDDEN: Final = "***"

# Whatever stands as a password in a URL, with what ought to be percent-encoded in it, or as one of
# its parameters. What has an @ later on is hidden as far as that.
_PASSWORD: Final = re.compile(r"(?<=://)([^/?#@:\s\[]*):.*@")
_PARAMETER: Final = re.compile(
    r"(?i)([?&][^=&#\s]*(?:password|secret|token|key)[^=&#\s]*)=[^&#\s]*"
)


def show_configuration(context: click.Context, origins: Mapping[str, str]) -> JsonObject:
    """Each option of the command of ``context``: its value, and where that is from.

    Args:
        context: The command's, with its parameters.
        origins: By a parameter's name, where what click holds for its default is from.
    """
    shown: JsonObject = {}
    for option in settings_of(context.command).values():
        name = str(option.name)
        shown[key_of(option)] = {
            "value": _shown(context.params.get(name), option),
            "from": _origin(context, option, origins.get(name, "default")),
        }
    taken = variables_of(context)
    others = [
        each for each in sorted(os.environ) if each.startswith("KEYBORN_") and each not in taken
    ]
    return {
        "command": context.command_path,
        "options": shown,
        # What they hold may be a secret (KEYBORN_REGISTRAR_KEY), or another command's.
        "otherVariables": dict.fromkeys(others, HIDDEN),
    }


def as_lines(found: JsonObject) -> str:
    """The same for people: a line for each option."""
    options: Any = found["options"]
    rows = [(key, _word(each["value"]), str(each["from"])) for key, each in options.items()]
    others: Any = found["otherVariables"]
    rows += [(name, HIDDEN, "environment, as it is") for name in others]
    first = max(len(key) for key, _, _ in rows)
    second = max(len(value) for _, value, _ in rows)
    return "\n".join(f"{key:<{first}}  {value:<{second}}  {origin}" for key, value, origin in rows)


def mask(text: str) -> str:
    """``text`` without the passwords of URLs in it."""
    return _PARAMETER.sub(rf"\1={HIDDEN}", _PASSWORD.sub(rf"\1:{HIDDEN}@", text))


def _shown(value: object, option: click.Option) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, tuple):
        return [_shown(each, option) for each in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(option.type, StoreLocation) and value is not None:
        return _store(str(value))
    return mask(value) if isinstance(value, str) else value


def _store(location: str) -> str:
    from keyborn.storage.locations import locate, shown  # noqa: PLC0415 - slow to import

    try:
        return shown(locate(location))
    except KeybornError:
        # Where a password begins, nobody knows of what does not parse.
        begin, is_url, _ = location.partition("://")
        return f"{begin}://{HIDDEN}" if is_url else HIDDEN


def _origin(context: click.Context, option: click.Option, default: str) -> str:
    match context.get_parameter_source(str(option.name)):
        case ParameterSource.COMMANDLINE:
            return "command line"
        case ParameterSource.ENVIRONMENT:
            return f"environment {context.auto_envvar_prefix}_{str(option.name).upper()}"
        case _:
            return default


def _word(value: object) -> str:
    if value is None or value == []:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
