"""Python, and what is installed beside, as the distribution's own metadata ask for it."""

import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata, version
from typing import Final

from keyborn.checks import Check, Verdict

# "eth-hash[pycryptodome]>=0.7"; what has a marker belongs to an extra, or to another machine.
_NEEDS: Final = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?>=([0-9.]+)")
_REINSTALL: Final = "Install anew, with the versions that are locked: make clean install"


def examine(distribution: str = "keyborn") -> Iterator[Check]:
    """One check of Python, and one of all that ``distribution`` needs."""
    said = metadata(distribution)
    asked = said["Requires-Python"].removeprefix(">=")
    runs = ".".join(map(str, sys.version_info[:3]))
    if numbers(runs) < numbers(asked):
        yield Check(
            "python",
            Verdict.WRONG,
            f"is {runs}; {asked} or newer is needed",
            "python_too_old",
            "Install a newer Python, and make its environment anew.",
        )
    else:
        yield Check("python", Verdict.OK, f"is {runs}")
    yield _packages(said.get_all("Requires-Dist") or [])


def numbers(text: str) -> tuple[int, ...]:
    """The numbers that a version begins with: of ``2.1.0rc1``, 2, 1 and 0."""
    found = re.match(r"[0-9]+(?:\.[0-9]+)*", text)
    return tuple(map(int, found[0].split("."))) if found else ()


def _packages(needs: list[str]) -> Check:
    wrong: list[str] = []
    looked_at = 0
    for need in needs:
        found = _NEEDS.fullmatch(need)
        if found is None:
            continue
        looked_at += 1
        name, least = found.groups()
        try:
            has = version(name)
        except PackageNotFoundError:
            wrong.append(f"{name} is missing")
            continue
        if numbers(has) < numbers(least):
            wrong.append(f"{name} is {has}, not {least} or newer")
    if wrong:
        return Check("packages", Verdict.WRONG, "; ".join(wrong), "packages_differ", _REINSTALL)
    return Check("packages", Verdict.OK, f"{looked_at} are there, each new enough")
