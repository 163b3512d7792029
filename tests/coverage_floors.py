"""Print branch coverage, package by package, and fail where one is under its floor."""

import io
import sys

from coverage import Coverage

FLOORS = {
    "did": 95,
    "ledger": 95,
    "verifier": 95,
    "issuer": 90,
    "devices": 90,
    "keyborn": 90,
    "conformance": 90,
}


def main() -> int:
    coverage = Coverage()
    coverage.load()
    under = []
    for package, floor in FLOORS.items():
        percent = coverage.report(include=f"{package}/*", file=io.StringIO())
        print(f"{package:10} {percent:6.2f} % of lines and branches (floor {floor} %)")
        if percent < floor:
            under.append(package)
    if under:
        print(f"under the floor: {', '.join(under)}", file=sys.stderr)
    return 1 if under else 0


if __name__ == "__main__":
    sys.exit(main())
