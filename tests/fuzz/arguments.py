"""Arguments of the commands, each refused in one line."""

import argparse
import difflib
from collections.abc import Callable, Collection


def positive(text: str) -> int:
    """A whole number of 1 or more."""
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 on")
    return int(text)


def one_of(names: Collection[str]) -> Callable[[str], str]:
    """One of ``names``; of many, an error says which are like what was given."""

    def named(text: str) -> str:
        if text not in names:
            near = difflib.get_close_matches(text, names) or sorted(names)
            raise argparse.ArgumentTypeError(f"{text!r} is none of them; try {', '.join(near[:5])}")
        return text

    return named


def parser(description: str) -> argparse.ArgumentParser:
    """One whose errors do not begin with all that can be said."""
    return argparse.ArgumentParser(description=description, usage="%(prog)s [--help]")
