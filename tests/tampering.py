"""Every way to alter one thing in a JSON document: each value, each name, one more, one less."""

import copy
from collections.abc import Iterator
from typing import Any

Path = tuple[str | int, ...]


def alterations(document: Any) -> Iterator[tuple[str, Any]]:
    """Pairs of what was altered, in words, and the altered copy."""
    for path, value in walk(document):
        if path:
            yield f"{shown(path)} removed", edited(document, path, remove=True)
        if isinstance(value, dict):
            yield f"{shown(path)} with more", edited(document, (*path, "more"), "x")
            for name in value:
                renamed = {name + "_" if key == name else key: it for key, it in value.items()}
                yield f"{shown((*path, name))} renamed", edited(document, path, renamed)
        elif isinstance(value, list):
            yield f"{shown(path)} with more", edited(document, path, [*value, "x"])
        else:
            yield f"{shown(path)} altered", edited(document, path, altered(value))


def values(document: Any) -> Iterator[tuple[str, Any]]:
    """As ``alterations``, but only the values, each altered in its last place."""
    for path, value in walk(document):
        if not isinstance(value, dict | list):
            yield shown(path), edited(document, path, altered(value))


def altered(value: Any) -> Any:
    """Another value of the same type: its last bit flipped."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return type(value)(int(value) ^ 1)
    if not value:
        return "x"
    # A neighbour in the alphabet, so that base58 and digits stay what they are.
    last = value[-1]
    return value[:-1] + (chr(ord(last) + 1) if last not in "9HNZkz" else chr(ord(last) - 1))


def walk(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    yield path, value
    if isinstance(value, dict | list):
        for name, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from walk(item, (*path, name))


def edited(document: Any, path: Path, value: Any = None, *, remove: bool = False) -> Any:
    if not path:
        return value
    copied = copy.deepcopy(document)
    place = copied
    for step in path[:-1]:
        place = place[step]
    if remove:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return copied


def shown(path: Path) -> str:
    return "/".join(map(str, path)) or "the whole"
