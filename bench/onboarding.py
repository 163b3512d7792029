"""``make bench-onboarding``: enrolments, registrations and presentations per second, over HTTP.

Services are started as an operator starts them, each a process of its own, with every check on and
every commit synced. The clients are one more process (``bench.load``) on the same cores.

* An *enrolment* is ``/token``, ``/nonce``, ``/credential``, for a device that nobody has seen
  before. Its claim is made beforehand. Of one answer in ten the credential is verified afterwards,
  and the store is counted: as many grants as were acknowledged.
* A *registration* is a create handed to the registrar of an embedded ledger, and acknowledged.
* A *presentation* is ``/v1/challenges`` and ``/v1/presentations`` by a registered device: both
  signatures, DID, log and status list.

Enrolments are repeated with a disk whose every sync takes 4 ms longer, and on PostgreSQL with two
processes of one issuer.
"""

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Final

import click
from databases import binaries, postgresql

from bench.apart import apart
from bench.enrolling import CLIENTS, MOST, Enrolments, enrol
from bench.load import Load
from bench.operating import Operator, granted
from bench.presenting import Holder, present, register
from bench.services import Service, Services
from bench.slow_disk import MILLISECONDS, slow_disk
from bench.table import Row, bar, report
from did.errors import Invalid
from keyborn.output import json_option

SHORT: Final = 10.0  # seconds of the runs that are not the long one
OTHERS: Final = (1, 8, 128)  # clients
PRESENTERS: Final = 256  # devices
_PUBLIC: Final = "https://issuer.example"


@click.command()
@click.option(
    "--seconds",
    type=click.FloatRange(1),
    default=300.0,
    show_default=True,
    help="How long the 64 clients enrol, and how long they present.",
)
@click.option("--short", type=click.FloatRange(1), default=SHORT, help="How long each other run.")
@json_option
def onboarding(*, seconds: float, short: float, as_json: bool) -> None:
    """Enrol, register and present with many clients at once."""
    title = "Onboarding over HTTP, durable, all checks on"
    report(title, lambda: measure(seconds, short), as_json=as_json)


def measure(seconds: float, short: float) -> list[Row]:
    """All of it: the long runs take ``seconds``, each other ``short``."""
    with (
        tempfile.TemporaryDirectory(prefix="keyborn-bench-") as place,
        Services(Path(place)) as services,
    ):
        registrar = services.ledger()
        with services.issuer() as issuer:
            rows, holders = _issuer(services, issuer, seconds, short)
            rows += _registrar(registrar, holders)
            rows += _verifier(services, issuer, holders, seconds)
        with services.issuer("slow", env=slow_disk(services.folder)) as slow:
            label = f"SQLite, {MILLISECONDS} ms more a sync"
            rows += _enrolments(services, [slow], "slow", short, label)[0]
        return rows + _shared(services, short)


def _issuer(
    services: Services, issuer: Service, seconds: float, short: float
) -> tuple[list[Row], list[Holder]]:
    """One process on SQLite: the number that has a floor, then with other numbers of clients."""
    before = issuer.resident()
    rows, run = _enrolments(services, [issuer], "issuer", seconds, "SQLite", floors=True)
    grown = (issuer.resident() - before) / max(1, len(run.load.latencies))
    rows.append(Row("enrolment, SQLite: memory for each, at most", grown, "bytes"))
    for clients in OTHERS:
        label = f"SQLite, {clients} clients"
        rows += _enrolments(services, [issuer], "issuer", short, label, clients=clients)[0]
    return rows, [Holder.of(*each) for each in islice(run.kept, PRESENTERS)]


def _enrolments(
    services: Services,
    processes: Sequence[Service],
    directory: str,
    seconds: float,
    label: str,
    *,
    clients: int = CLIENTS,
    floors: bool = False,
    audience: str | None = None,
) -> tuple[list[Row], Enrolments]:
    operator = Operator.of(processes[0].url, services.folder / directory)
    wanted = int(seconds * MOST)
    with bar(f"claims: {label}", wanted) as progress:
        codes = operator.claims(wanted, progress)
    store = services.folder / directory / "issuer.sqlite"
    before = granted(store) if store.exists() else 0
    used = sum(each.cpu() for each in processes)
    urls = [each.url for each in processes]
    run = apart(enrol, urls, audience or urls[0], codes, clients, seconds)
    used = sum(each.cpu() for each in processes) - used
    done = len(run.load.latencies)
    if done == wanted:
        raise Invalid("bench_out_of_claims", f"more than {MOST} enrolments per second")
    if store.exists() and granted(store) - before != done:
        raise Invalid("bench_wrong_count", "the store has not granted what was acknowledged")
    operator.verify(run.kept)
    what = f"enrolment, {label}"
    rows = _rows(what, run.load, floors=(500, 1_000, 250) if floors else None)
    rows.append(Row(f"{what}: CPU of the service for each", 1_000 * used / max(1, done), "ms"))
    return rows, run


def _registrar(registrar: Service, holders: Sequence[Holder]) -> list[Row]:
    load = apart(register, registrar.url, [each.device for each in holders], CLIENTS)
    return _rows("registration, embedded ledger, acknowledged", load)


def _verifier(
    services: Services, issuer: Service, holders: Sequence[Holder], seconds: float
) -> list[Row]:
    operator = Operator.of(issuer.url, services.folder / "issuer")
    trust = services.trusting(issuer, operator.did)
    with services.verifier("verifier", trust) as verifier:
        apart(present, verifier.url, holders, 1, 1.0)  # so that the status list has been fetched
        before, used = verifier.resident(), verifier.cpu()
        load = apart(present, verifier.url, holders, CLIENTS, seconds)
        used = verifier.cpu() - used
        grown = (verifier.resident() - before) / max(1, len(load.latencies))
    what = "challenge and presentation"
    return [
        *_rows(what, load, floors=(1_000, 2_000, 100)),
        Row(f"{what}: CPU of the service for each", 1_000 * used / max(1, len(load.ends)), "ms"),
        Row(f"{what}: memory for each, at most", grown, "bytes"),
    ]


def _shared(services: Services, seconds: float) -> list[Row]:
    """Two processes of one issuer on one PostgreSQL; no rows where there is none."""
    if binaries() is None:
        click.echo("enrolment on PostgreSQL is not run: it is not installed", err=True)
        return []
    with postgresql() as server, ExitStack() as running:
        options = ("--store", server.empty(), "--url", _PUBLIC)
        first = running.enter_context(services.issuer("shared", *options))
        second = running.enter_context(services.issuer("shared-2", *options, directory="shared"))
        rows, _ = _enrolments(
            services,
            [first, second],
            "shared",
            seconds,
            "PostgreSQL, two processes",
            floors=True,
            audience=_PUBLIC,
        )
    return rows


def _rows(what: str, load: Load, *, floors: tuple[float, float, float] | None = None) -> list[Row]:
    """Rate, percentiles and failures; ``floors``: least rate, its goal, most of the 99th."""
    least, goal, most = floors or (None, None, None)
    if load.failures:
        click.echo(f"{what}: {load.errors[0]}", err=True)
    return [
        Row(what, load.rate, "per s", at_least=least, goal=goal),
        Row(f"{what}: half within", load.percentile(50), "ms"),
        Row(f"{what}: 99 % within", load.percentile(99), "ms", at_most=most),
        Row(f"{what}: failed", load.failures, "", at_most=0),
    ]


if __name__ == "__main__":
    onboarding()
