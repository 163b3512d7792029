"""A TOML table read strictly: each field by its name and type, and nothing left over."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from did.errors import Invalid, shorten

_CODE = "invalid_trust_root"
_HINT = "correct it; docs/reference/trust-root.md has every field"


class Fields:
    """The fields of one table; ``path`` names it in errors, as in ``issuers[0]``.

    Each reader raises ``Invalid`` (``invalid_trust_root``) for a field that is missing (unless it
    has a default) or of another type; ``done`` raises it for a field that nobody read.
    """

    def __init__(self, table: object, path: str) -> None:
        self._path = path
        if not isinstance(table, Mapping):
            raise self.wrong("", "is not a table", table)
        self._table = dict(table)
        self._read: set[str] = set()

    def wrong(self, name: str, what: str, value: object = None, hint: str | None = None) -> Invalid:
        """The error that field ``name`` (empty: the table itself) ``what``."""
        where = ".".join(part for part in (self._path, name) if part)
        return Invalid(_CODE, f"trust root: {where} {what}", value=value, hint=hint or _HINT)

    def has(self, name: str) -> bool:
        """Whether the field is there."""
        self._read.add(name)
        return name in self._table

    def tables(self, name: str) -> list["Fields"]:
        """An array of tables, ``[[name]]``, that is not empty."""
        value = self._take(name)
        if not isinstance(value, list) or not value:
            raise self.wrong(name, "is not a list of at least one table", hint=f"add [[{name}]]")
        path = f"{self._path}.{name}" if self._path else name
        return [Fields(entry, f"{path}[{index}]") for index, entry in enumerate(value)]

    def table(self, name: str) -> Mapping[str, object]:
        """A table, as it stands."""
        value = self._take(name)
        if not isinstance(value, dict):
            raise self.wrong(name, "is not a table", value)
        return value

    def text(self, name: str) -> str:
        """A string that is not empty."""
        value = self._take(name)
        if not isinstance(value, str) or not value:
            raise self.wrong(name, "is not a string, or an empty one", value)
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of strings, none of them empty and none twice; the list may be empty."""
        value = self._take(name)
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise self.wrong(name, "is not a list of strings", value)
        if len(set(value)) != len(value):
            raise self.wrong(name, "names something twice", value)
        return tuple(value)

    def some_texts(self, name: str) -> tuple[str, ...]:
        """As ``texts``, and not empty."""
        value = self.texts(name)
        if not value:
            raise self.wrong(name, "is an empty list", hint="name at least one")
        return value

    def seconds(self, name: str, *, most: int) -> timedelta:
        """A whole number of seconds from 0 to ``most``."""
        value = self._take(name)
        if type(value) is not int or not 0 <= value <= most:
            raise self.wrong(name, f"is not a whole number of seconds from 0 to {most}", value)
        return timedelta(seconds=value)

    def time(self, name: str) -> datetime:
        """A date and time with its offset, TOML 1.0's *offset date-time*."""
        value = self._take(name)
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise self.wrong(
                name, "is not a time with its offset", value, "write 2026-01-31T12:00:00Z, unquoted"
            )
        return value

    def done(self) -> None:
        """Return if every field was read."""
        for name in self._table:
            if name not in self._read:
                shown = name if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) else shorten(name)
                known = ", ".join(sorted(self._read))
                raise self.wrong(shown, "is not known here", hint=f"known are: {known}")

    def _take(self, name: str) -> object:
        if not self.has(name):
            raise self.wrong(name, "is missing")
        return self._table[name]
