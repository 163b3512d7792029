"""Files that people name to commands."""

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


def read_object(path: Path, *, max_bytes: int = LIMITS.json_bytes) -> JsonObject:
    """The JSON object in a file; raises ``Invalid`` as ``did.strict_json.parse``, naming it."""
    with path.open("rb") as file:
        data = file.read(max_bytes + 1)
    with reading(path):
        return parse_object(data, max_bytes=max_bytes)


@contextmanager
def reading(path: Path | str) -> Iterator[None]:
    """Have the errors about what is in a file name it, as their step."""
    try:
        yield
    except KeybornError as error:
        error.at(f"read {path}")
        raise
