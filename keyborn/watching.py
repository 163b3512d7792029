"""``GET /health``, ``GET /ready`` and ``GET /metrics``: the same on every service.

``/health`` says that the process answers, ``/ready`` whether it can do its work, ``/metrics`` what
it has done. The first two are for whoever asks. Metrics tell how much business is done, so they are
for this machine and for whom ``--metrics-from`` names.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

import orjson
from fastapi import FastAPI, Request, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from starlette.types import Scope

from did.errors import KeybornError, Refused, Unavailable
from keyborn import http
from keyborn.described import TEXT, Content, Schema, answers, in_json, one_of, record
from keyborn.door import Clients
from keyborn.readiness import Look, Readiness, Trial
from keyborn.traffic import Traffic

KEPT_SECONDS: Final = 5.0  # for which what a store is asked for metrics counts

METRICS: Final[Content] = {"text/plain": TEXT}
READY: Final[Schema] = record(
    {
        "status": one_of("ready"),
        "parts": {"type": "object", "additionalProperties": {"const": "ok"}},
    }
)

_TRAFFIC: Final = "keyborn.traffic"  # keys of a request's scope
_CLIENTS: Final = "keyborn.clients"

Collect = Callable[[], Iterable[Metric]]
"""The metrics of one part of a service, as of now."""


def introduce(scope: Scope, traffic: Traffic, clients: Clients) -> None:
    """Let the application know, with a request, what the rim counts and whom it believes."""
    scope[_TRAFFIC] = traffic
    scope[_CLIENTS] = clients


def install(
    app: FastAPI,
    readiness: Readiness,
    *collects: Collect,
    by_part: Mapping[str, Collect] = MappingProxyType({}),
) -> None:
    """Add ``/ready`` and ``/metrics`` to ``app``.

    Args:
        app: The service.
        readiness: Its parts; ``also_needed`` adds more.
        collects: Its own metrics, beside those of traffic and readiness.
        by_part: More of them, left out while the part that has them cannot be used.
    """
    app.state.readiness = readiness

    @app.get("/ready", **answers({200: in_json(READY)}, 503))
    def ready() -> Response:
        """Whether the service can do its work; if not, the parts that keep it from it."""
        return _answer(readiness.look())

    @app.get("/metrics", **answers({200: METRICS}, 403))
    def metrics(request: Request) -> Response:
        """What the service has done, for Prometheus."""
        _refuse_strangers(request)
        traffic = request.scope.get(_TRAFFIC)
        counted = (traffic.collect,) if isinstance(traffic, Traffic) else ()
        look = readiness.look()
        usable = [each for part, each in by_part.items() if look.parts.get(part) is None]
        every = (*counted, lambda: _parts(look), *collects)
        found = [collected(each) for each in usable]
        return Response(render(*every, *found), media_type=CONTENT_TYPE_LATEST)


def also_needed(app: FastAPI, name: str, try_it: Trial) -> None:
    """Have ``app``, in which ``install`` was, need one more part."""
    readiness = app.state.readiness
    assert isinstance(readiness, Readiness)
    readiness.add(name, try_it)


def collected(collect: Collect) -> Collect:
    """What ``collect`` gives now; nothing, if its part cannot be used after all."""
    try:
        metrics = list(collect())
    except KeybornError:
        return list
    return lambda: metrics


def render(*collects: Collect) -> bytes:
    """Metrics as Prometheus reads them; ``CONTENT_TYPE_LATEST`` is their media type."""
    registry = CollectorRegistry()
    for collect in collects:
        registry.register(_Collected(collect))
    return generate_latest(registry)


def kept(collect: Collect, seconds: float = KEPT_SECONDS) -> Collect:
    """``collect``, asked once in so many seconds however often it is called."""
    turn = threading.Lock()
    last: list[tuple[float, list[Metric]]] = []

    def collect_rarely() -> Iterable[Metric]:
        with turn:
            if not last or time.monotonic() - last[-1][0] > seconds:
                last[:] = [(time.monotonic(), list(collect()))]
            return last[-1][1]

    return collect_rarely


class _Collected(Collector):
    def __init__(self, collect: Collect) -> None:
        self._metrics = list(collect())

    def collect(self) -> Iterator[Metric]:
        """Each metric, with its samples."""
        yield from self._metrics


def _answer(look: Look) -> Response:
    if not look.failing:
        body = {"status": "ready", "parts": dict.fromkeys(look.parts, "ok")}
        return Response(orjson.dumps(body), media_type="application/json")
    # Of each its code alone: what else there is to know may name hosts and files.
    waits = [error.retry_after for _, error in look.failing if error.retry_after is not None]
    named = ", ".join(f"{name} ({error.code})" for name, error in look.failing)
    not_ready = Unavailable(
        "not_ready",
        f"the service cannot do its work: {named}",
        hint="the service's log says more; docs/reference/errors.md has what to do for each code",
        retry_after=max(waits, default=None),
    )
    return http.answer(
        not_ready, parts=[{"part": name, "code": error.code} for name, error in look.failing]
    )


def _parts(look: Look) -> Iterator[Metric]:
    ready = GaugeMetricFamily(
        "keyborn_ready", "1 while the part can be used, as /ready says.", labels=["part"]
    )
    for name, error in look.parts.items():
        ready.add_metric([name], float(error is None))
    yield ready


def _refuse_strangers(request: Request) -> None:
    clients = request.scope.get(_CLIENTS)
    if not isinstance(clients, Clients):  # not behind a rim of ours
        clients = Clients()
    if not clients.may_watch(request.scope):
        raise Refused(
            "metrics_not_for_you",
            "metrics are for this machine, and for whom the operator names",
            hint="have the operator name this address with --metrics-from",
        )
