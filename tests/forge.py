"""``forge``, from npm, on the tests of the contract, and what it prints as values.

As a script it writes the gas of appends down anew, in ``tests/contracts/gas.json``.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
GAS: Final = ROOT / "tests" / "contracts" / "gas.json"


def find_forge() -> Path | None:
    """The binary itself, not npm's script around it."""
    found = sorted((ROOT / "node_modules").glob("@foundry-rs/forge-*/bin/forge*"))
    return found[0] if found else None


def run_forge(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Runs it with all that it writes in ``folder``, and ``settings`` instead of foundry.toml's.

    A folder of their own keeps runs apart: after a `forge lint` in the same one, `forge test` finds
    no tests (1.7.1).
    """
    forge = find_forge()
    assert forge is not None
    written = {"OUT": "out", "CACHE_PATH": "cache", "SNAPSHOTS": "gas"}
    environment = {f"FOUNDRY_{name}": str(folder / place) for name, place in written.items()}
    environment |= {f"FOUNDRY_{name.upper()}": value for name, value in settings.items()}
    return subprocess.run(
        [forge, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def measured_gas(folder: Path) -> dict[str, int]:
    """The gas of each append that a run of the tests in ``folder`` measured."""
    values: dict[str, str] = json.loads((folder / "gas" / "append.json").read_text())
    return {name: int(value) for name, value in values.items()}


def differences(was: dict[str, int], now: dict[str, int]) -> list[str]:
    """Where gas is not what it was: what grew, what shrank, what is new and what is gone."""
    return [
        f"{name}: {was.get(name, 'not measured')} -> {now.get(name, 'not measured')}"
        for name in sorted(was.keys() | now.keys())
        if was.get(name) != now.get(name)
    ]


def uncovered(lcov: str, source: str) -> list[str]:
    """What no test reached of ``source``, in a report in lcov's format.

    Raises:
        LookupError: the report does not have the source, or no line of it.
    """
    records = [record for record in lcov.split("end_of_record") if f"\nSF:{source}\n" in record]
    if len(records) != 1 or "\nDA:" not in records[0]:
        raise LookupError(source)
    missed = []
    for line in records[0].splitlines():
        kind, _, rest = line.partition(":")
        fields = rest.split(",")
        if kind == "DA" and fields[1] == "0":
            missed.append(f"line {fields[0]}")
        elif kind == "BRDA" and fields[3] in ("0", "-"):
            missed.append(f"branch {fields[2]} of line {fields[0]}")
        elif kind == "FNDA" and fields[0] == "0":
            missed.append(f"function {fields[1]}")
    return missed


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = run_forge(folder, "test", "--match-contract", "DidLogGas")
        if run.returncode:
            print(run.stdout + run.stderr, file=sys.stderr)
            return 1
        now = measured_gas(folder)
    was = json.loads(GAS.read_text()) if GAS.exists() else {}
    print("\n".join(differences(was, now)) or "no difference")
    GAS.write_text(json.dumps(now, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
