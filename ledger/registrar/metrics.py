"""What a registrar does, as metrics: ``GET /metrics``, in Prometheus' text format.

``docs/reference/http-apis.md`` has the list. Everything is read when it is asked for, most of it
from the outbox, so that it outlives a restart, and nothing is kept in a global registry.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from ledger.log import Heads
from ledger.registrar.tally import Tally


@dataclass(frozen=True, slots=True)
class Readings:
    """What there is to tell of a registrar at one moment.

    Attributes:
        at: The moment.
        works: Whether operations get onto the log.
        tally: What its outbox holds.
        queue_limit: How many operations may wait.
        heads: What its reader saw of the log last; None before the first time.
        failures: By error code, how many rounds failed since the start.
        last_failure: The code of the last one, and when it was.
    """

    at: datetime
    works: bool
    tally: Tally
    queue_limit: int
    heads: Heads | None
    failures: Mapping[str, int]
    last_failure: tuple[str, datetime] | None


def collect(readings: Readings) -> Iterator[Metric]:
    """Each metric, with its samples."""
    yield from _registrar(readings)
    yield from _outbox(readings)
    if readings.heads is not None:
        yield from _log(readings.heads)


def _registrar(now: Readings) -> Iterator[Metric]:
    yield _gauge("keyborn_registrar_up", "1 while operations get onto the log.", now.works)
    failed = CounterMetricFamily(
        "keyborn_registrar_failed_rounds", "Rounds that failed since the start.", labels=["code"]
    )
    for code, count in sorted(now.failures.items()):
        failed.add_metric([code], count)
    yield failed
    last = GaugeMetricFamily(
        "keyborn_registrar_last_error_timestamp_seconds",
        "When a round failed last, and with which error.",
        labels=["code"],
    )
    if now.last_failure is not None:
        code, at = now.last_failure
        last.add_metric([code], at.timestamp())
    yield last


def _outbox(now: Readings) -> Iterator[Metric]:
    tally = now.tally
    yield _by("keyborn_registrar_operations", "Operations.", "state", tally.operations.items())
    yield _gauge("keyborn_registrar_queue_limit", "Operations that may wait.", now.queue_limit)
    yield _gauge(
        "keyborn_registrar_oldest_queued_seconds",
        "Age of the oldest operation that waits for a submission; 0 if none does.",
        0.0 if tally.oldest is None else (now.at - tally.oldest).total_seconds(),
    )
    yield _by("keyborn_registrar_submissions", "Submissions.", "passage", tally.submissions.items())
    replaced = CounterMetricFamily(
        "keyborn_registrar_replacements", "Submissions made to take the place of a stuck one."
    )
    replaced.add_metric([], tally.replaced)
    yield replaced
    # Not counters: a reorganisation takes back what was paid.
    yield _gauge("keyborn_registrar_gas_used", "Gas used by all that is in blocks.", tally.gas)
    yield _gauge("keyborn_registrar_fees_paid_wei", "What that gas cost.", tally.wei)


def _log(heads: Heads) -> Iterator[Metric]:
    three = (heads.latest, heads.safe, heads.finalized)
    yield _by(
        "keyborn_log_sequence",
        "Entries of the log, as the registrar's reader verified it.",
        "finality",
        [(head.finality, head.sequence) for head in three],
    )
    yield _by(
        "keyborn_log_head_timestamp_seconds",
        "Time of the head that was verified last.",
        "finality",
        [(head.finality, head.time) for head in three],
    )


def _gauge(name: str, means: str, value: float) -> Metric:
    return GaugeMetricFamily(name, means, value=value)


def _by(name: str, means: str, label: str, values: Iterable[tuple[str, int]]) -> Metric:
    metric = GaugeMetricFamily(name, means, labels=[label])
    for key, value in values:
        metric.add_metric([str(key)], value)
    return metric
