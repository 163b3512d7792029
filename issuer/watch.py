"""How an issuer stands: what it needs to work, and what its store tells for ``GET /metrics``.

Counts are read from the store, so they outlive a restart and are those of all processes on it.
"""

from collections.abc import Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from sqlalchemy import ColumnElement, Connection, case, func, select

from issuer.service import Issuer
from issuer.store import KIND, claims, devices, grants, status_lists
from keyborn.readiness import Readiness
from keyborn.storage import reading
from keyborn.storage.trials import trial
from ledger.freshness import check_log

_STATES: Final = ("open", "completed", "expired", "cancelled")


def readiness(issuer: Issuer) -> Readiness:
    """What ``issuer`` needs: its store, the log, and its signing key as the log has it."""
    return Readiness(
        {
            "store": trial(issuer.engine, KIND),
            "log": lambda: check_log(issuer.log, now=issuer.clock),
            "signing_key": issuer.identity.check,
        }
    )


def collect(issuer: Issuer) -> Iterator[Metric]:
    """The metrics of ``issuer``, as of one moment of its store.

    Raises:
        Unavailable: The store cannot be used.
    """
    now = int(issuer.clock().timestamp())
    with reading(issuer.engine) as connection:
        yield _claims(connection, now)
        granted = CounterMetricFamily("keyborn_issuer_grants", "Credentials granted to devices.")
        granted.add_metric([], _count(connection, grants.c.claim))
        yield granted
        yield _devices(connection)
        lists, entries = connection.execute(
            select(func.count(), func.coalesce(func.sum(status_lists.c.allocated), 0))
        ).one()
    yield GaugeMetricFamily("keyborn_issuer_status_lists", "Status lists.", value=lists)
    yield GaugeMetricFamily(
        "keyborn_issuer_status_entries", "Entries of status lists that are taken.", value=entries
    )


def _claims(connection: Connection, now: int) -> Metric:
    state = case(
        (claims.c.cancelled.is_not(None), "cancelled"),
        (claims.c.completed.is_not(None), "completed"),
        (claims.c.expires <= now, "expired"),
        else_="open",
    )
    found = connection.execute(select(state, func.count()).group_by(state))
    counts = dict.fromkeys(_STATES, 0)
    for name, count in found:
        counts[name] = count
    metric = GaugeMetricFamily("keyborn_issuer_claims", "Claims.", labels=["state"])
    for name, count in counts.items():
        metric.add_metric([name], count)
    return metric


def _devices(connection: Connection) -> Metric:
    metric = GaugeMetricFamily(
        "keyborn_issuer_devices",
        "Devices; one that is revoked may have been suspended before.",
        labels=["standing"],
    )
    counted = (devices.c.did, devices.c.provisioned, devices.c.suspended, devices.c.revoked)
    found = connection.execute(select(*map(func.count, counted))).one()
    for name, count in zip(("known", "provisioned", "suspended", "revoked"), found, strict=True):
        metric.add_metric([name], count)
    return metric


def _count(connection: Connection, column: ColumnElement[str]) -> int:
    return connection.execute(select(func.count()).select_from(column.table)).scalar_one()
