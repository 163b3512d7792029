"""What people name to commands: files, and stores."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from did.errors import KeybornError
from did.jcs import JsonObject
from did.limits import LIMITS
from did.strict_json import parse_object

INPUT_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
"""The type of an option that names a file to read; one that is missing is wrong usage (exit 2)."""


class StoreLocation(click.ParamType[str]):
    """A store: the path of a file, or a URL, which may have a password in it."""

    name = "URL"

    def convert(
        self,
        value: str,
        param: click.Parameter | None,  # noqa: ARG002 - click's signature
        ctx: click.Context | None,  # noqa: ARG002
    ) -> str:
        """As it is: what uses it reads it, and knows which are right."""
        return value


def read_object(path: Path, *, max_bytes: int = LIMITS.json_bytes) -> JsonObject:
    """The JSON object in a file; raises ``Invalid`` as ``did.strict_json.parse``, naming it."""
    with path.open("rb") as file:
        data = file.read(max_bytes + 1)
    with reading(path):
        return parse_object(data, max_bytes=max_bytes)


def read_message(path: Path, *, max_bytes: int = LIMITS.envelope) -> bytes:
    """The bytes in a file, in whatever form they are; one more than ``max_bytes`` if there are."""
    with path.open("rb") as file:
        return without_line_end(file.read(max_bytes + 1))


def without_line_end(data: bytes) -> bytes:
    """``data`` without the line end that an editor or a shell leaves behind text."""
    return data.rstrip(b"\r\n") if data.isascii() else data


@contextmanager
def reading(path: Path | str) -> Iterator[None]:
    """Have the errors about what is in a file name it, as their step."""
    try:
        yield
    except KeybornError as error:
        error.at(f"read {path}")
        raise
