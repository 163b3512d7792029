"""``make bench-scale``: enrolments where 1,000 to 1,000,000 devices are in the issuer's store.

One device is enrolled as all are. Its rows, in each table, are then written again and again under
other names, with the service stopped, until the store holds so many devices; its credential is as
long as theirs would be. After each step the service is started and devices enrol, each with every
check on, as in ``bench.onboarding``. SQLite, ``synchronous=FULL``.
"""

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Final

import click

from bench.apart import apart
from bench.enrolling import CLIENTS, MOST, enrol
from bench.operating import Operator
from bench.services import Services
from bench.table import Row, bar, report
from keyborn.output import json_option

STEPS: Final = (0, 1_000, 10_000, 100_000, 1_000_000)
_TIMES: Final = 2.0  # of the 99th percentile of an empty store
_MB: Final = 1_000_000
_RUNS: Final = 3  # at each step; the middle one counts

# By table, what replaces a column of the one device's row; ``n`` counts the copies.
_CLAIM: Final = "'copy-' || n"
_DID: Final = "printf('did:keyborn:%044d', n)"
_LIST: Final = "'copy-' || (n / 100000)"
_COPIED: Final = {
    "claims": {"number": "NULL", "id": _CLAIM, "code_hash": "randomblob(32)"},
    "claim_holders": {"claim": _CLAIM, "did": _DID},
    "grants": {"claim": _CLAIM, "did": _DID},
    "answers": {"claim": _CLAIM, "notification": "hex(randomblob(16))"},
    "devices": {"number": "NULL", "did": _DID},
    "status_indexes": {"list": f"{_LIST} || list", "position": "n % 100000", "did": _DID},
}


@click.command()
@click.option("--most", type=click.IntRange(0), default=STEPS[-1], help="The last step.")
@click.option("--seconds", type=click.FloatRange(1), default=20.0, help="Of each of three runs.")
@json_option
def scale(*, most: int, seconds: float, as_json: bool) -> None:
    """Enrol devices where many are already known."""
    title = f"Enrolment against devices stored, {CLIENTS} clients"
    report(title, lambda: measure(most, seconds), as_json=as_json)


def measure(most: int, seconds: float) -> list[Row]:
    """Up to ``most`` devices in the store."""
    steps = [step for step in STEPS if step <= most]
    rows: list[Row] = []
    empty = 0.0
    with (
        tempfile.TemporaryDirectory(prefix="keyborn-bench-") as place,
        Services(Path(place)) as services,
    ):
        services.ledger()
        first_device(services)
        before = 0
        with bar("devices stored", steps[-1]) as advance:
            for step in steps:
                copy_device(services.folder / "issuer" / "issuer.sqlite", before, step)
                advance(step - before)
                before = step
                rate, slowest, resident = _middle(services, seconds)
                empty = empty or slowest
                what = f"{step:,} stored"
                rows += [
                    Row(f"{what}: enrolments", rate, "per s"),
                    Row(f"{what}: 99 % within", slowest, "ms"),
                    Row(f"{what}: by that of an empty store", slowest / empty, "", at_most=_TIMES),
                    Row(f"{what}: memory of the service", resident / _MB, "MB"),
                ]
    return rows


def first_device(services: Services) -> None:
    """Enrol one device: the first is what the others are copies of."""
    with services.issuer() as issuer:
        operator = Operator.of(issuer.url, services.folder / "issuer")
        enrol([issuer.url], issuer.url, operator.claims(1, lambda _: None), 1, 60.0)


def _middle(services: Services, seconds: float) -> tuple[float, float, int]:
    """Rate, 99th percentile in ms, and bytes that the service holds; of three runs the middle."""
    runs = []
    with services.issuer() as issuer:
        operator = Operator.of(issuer.url, services.folder / "issuer")
        for _ in range(_RUNS):
            codes = operator.claims(int(seconds * MOST), lambda _: None)
            run = apart(enrol, [issuer.url], issuer.url, codes, CLIENTS, seconds)
            operator.verify(run.kept)
            runs.append((run.load.rate, run.load.percentile(99), issuer.resident()))
    return sorted(runs, key=lambda run: run[1])[_RUNS // 2]


def copy_device(store: Path, start: int, stop: int) -> None:
    """Write the store's first device again, ``stop - start`` times."""
    if stop == start:
        return
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("CREATE TEMP TABLE copies (n INTEGER PRIMARY KEY)")
        connection.executemany(
            "INSERT INTO copies VALUES (?)", ((number,) for number in range(start, stop))
        )
        connection.execute(
            "INSERT OR IGNORE INTO status_lists"
            " (name, purpose, base, url, messages, allocated, changes)"
            f" SELECT {_LIST} || name, purpose, base, {_LIST} || url, messages, 131072, changes"
            " FROM (SELECT min(n) AS n FROM copies GROUP BY n / 100000), status_lists"
            " WHERE name NOT LIKE 'copy-%'"
        )
        for table, replaced in _COPIED.items():
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            values = [replaced.get(column, f"one.{column}") for column in columns]
            connection.execute(
                f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)}"
                f" FROM copies, (SELECT * FROM {table} WHERE {_ONE[table]}) AS one"
            )


# Which rows are the first device's.
_FIRST_CLAIM: Final = "(SELECT id FROM claims ORDER BY number LIMIT 1)"
_FIRST_DEVICE: Final = "(SELECT did FROM devices ORDER BY number LIMIT 1)"
_ONE: Final = {
    "claims": f"id = {_FIRST_CLAIM}",
    "claim_holders": f"claim = {_FIRST_CLAIM}",
    "grants": f"claim = {_FIRST_CLAIM}",
    "answers": f"claim = {_FIRST_CLAIM}",
    "devices": f"did = {_FIRST_DEVICE}",
    "status_indexes": f"did = {_FIRST_DEVICE}",
}


if __name__ == "__main__":
    scale()
