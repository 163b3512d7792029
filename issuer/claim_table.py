"""Many claims from one CSV file."""

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import orjson

from did.errors import Invalid, said_by
from did.identifier import parse_keyborn
from did.jcs import Json, JsonObject

_BODY: Final = 196_608  # bytes of claims in one request, well below a body's limit
_ROWS: Final = 250  # claims in one request
_MAX_ROWS: Final = 100_000
_COLUMNS: Final = frozenset({"model", "owner", "roles", "tags", "did", "configuration"})
_STEP: Final = "read the table"


def read_table(
    path: Path, defaults: JsonObject, configuration: Callable[[Path], JsonObject]
) -> list[JsonObject]:
    """The claims that the CSV file at ``path`` (UTF-8, with a header) asks for.

    Args:
        path: Of the table.
        defaults: For the columns that a row lacks or leaves empty.
        configuration: Reads a configuration file; paths are relative to the table's.

    Raises:
        Invalid: ``invalid_table``, with the line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            unknown = sorted(set(reader.fieldnames or ()) - _COLUMNS)
            if unknown or not reader.fieldnames:
                raise _invalid(f"columns are {', '.join(sorted(_COLUMNS))}", 1, unknown or None)
            rows = [
                _row(row, reader.line_num, path.parent, defaults, configuration) for row in reader
            ]
    except (UnicodeDecodeError, csv.Error) as error:
        raise _invalid(f"it is no CSV text: {said_by(error)}", 1) from error
    if not 0 < len(rows) <= _MAX_ROWS:
        raise _invalid(f"it has no rows, or more than {_MAX_ROWS}", 1)
    return rows


def batches(rows: Sequence[JsonObject]) -> Iterator[list[JsonObject]]:
    """``rows`` in parts that fit into one request each."""
    part: list[JsonObject] = []
    size = 0
    for row in rows:
        bytes_ = len(orjson.dumps(row))
        if part and (size + bytes_ > _BODY or len(part) == _ROWS):
            yield part
            part, size = [], 0
        part.append(row)
        size += bytes_
    yield part


def _row(
    row: dict[str | None, str | None],
    line: int,
    folder: Path,
    defaults: JsonObject,
    configuration: Callable[[Path], JsonObject],
) -> JsonObject:
    if None in row or None in row.values():
        raise _invalid("the row has not as many cells as the header", line)
    cells = {str(name): str(cell).strip() for name, cell in row.items()}
    claim = dict(defaults)
    for name in ("model", "owner"):
        if cells.get(name):
            claim[name] = cells[name]
    if dids := _split(cells.get("did", "")):
        claim["dids"] = list(dids)
    if roles := _split(cells.get("roles", "")):
        claim["roles"] = list(roles)
    if tags := _split(cells.get("tags", "")):
        pairs = [tag.partition("=") for tag in tags]
        if not all(name and separator for name, separator, _ in pairs):
            raise _invalid("a tag is written name=value", line)
        claim["tags"] = {name: value for name, _, value in pairs}
    _check(claim, line)
    if cells.get("configuration"):
        claim["configuration"] = configuration(folder / cells["configuration"])
    return claim


def _check(claim: JsonObject, line: int) -> None:
    """What the issuer would refuse without knowing the line."""
    for name in ("model", "owner"):
        if not claim[name]:
            raise _invalid(f"the row has no {name}", line, hint=f"fill it in, or give --{name}")
    for did in _texts(claim["dids"]):
        try:
            parse_keyborn(did)
        except Invalid as error:
            raise _invalid(f"the did: {error.message}", line, did) from error


def _texts(value: Json) -> list[str]:
    assert isinstance(value, list)
    return [str(each) for each in value]


def _split(cell: str) -> list[str]:
    return [part.strip() for part in cell.split(";") if part.strip()]


def _invalid(
    message: str, line: int, value: object = None, hint: str = "correct the line"
) -> Invalid:
    return Invalid("invalid_table", f"line {line}: {message}", step=_STEP, value=value, hint=hint)
