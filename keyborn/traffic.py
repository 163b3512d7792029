"""What comes to a service's door, as numbers: ``Traffic`` is kept by the rim, for ``GET /metrics``.

Labels are ours alone: a route's template, the methods of HTTP, the class of a status, a reason from
a list. What no route takes is one route, ``unmatched``. So whatever is sent, there are no more
series than routes, methods and classes make.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from typing import Final

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from starlette.types import Scope

UNMATCHED: Final = "unmatched"
NOT_HTTP: Final = "not_http"
CONNECTIONS: Final = "too_many_connections"

_UNANSWERED: Final = "none"  # the client left first
_METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_OTHER: Final = "other"
_BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds


class Traffic:
    """The requests of one server since its start. Counted on its event loop; read by any thread."""

    def __init__(self) -> None:
        self._answered: Counter[tuple[str, str, str]] = Counter()  # by route, method, class
        self._fell: dict[str, list[int]] = {}  # by route, how many durations fell in each bucket
        self._seconds: dict[str, float] = {}
        self._refused: Counter[str] = Counter()
        self._under_way = 0

    def begin(self) -> None:
        """Count a request that has arrived with its head."""
        self._under_way += 1

    def end(self, method: str, route: str, status: int | None, seconds: float) -> None:
        """Count its end.

        Args:
            method: As ``known_method`` has it.
            route: As ``route_of`` has it.
            status: Of its answer; None where nobody was answered.
            seconds: How long it took.
        """
        self._under_way -= 1
        kind = _UNANSWERED if status is None else f"{status // 100}xx"
        self._answered[route, method, kind] += 1
        fell = self._fell.get(route)
        if fell is None:
            fell = self._fell[route] = [0] * (len(_BOUNDS) + 1)
            self._seconds[route] = 0.0
        fell[bisect_left(_BOUNDS, seconds)] += 1
        self._seconds[route] += seconds

    def refuse(self, reason: str) -> None:
        """Count what was turned away at the door, for a reason that is written in our source."""
        self._refused[reason] += 1

    def collect(self) -> Iterator[Metric]:
        """Each metric, with its samples, as of now."""
        answered = CounterMetricFamily(
            "keyborn_http_requests", "Requests.", labels=["route", "method", "status"]
        )
        for labels, count in sorted(self._answered.copy().items()):
            answered.add_metric(labels, count)
        yield answered
        lasted = HistogramMetricFamily(
            "keyborn_http_request_seconds",
            "From a request's head to the end of its answer.",
            labels=["route"],
        )
        for route, fell in sorted(self._fell.copy().items()):
            counts = accumulate(fell.copy())
            bounds = [*map(str, _BOUNDS), "+Inf"]
            lasted.add_metric([route], list(zip(bounds, counts, strict=True)), self._seconds[route])
        yield lasted
        yield GaugeMetricFamily(
            "keyborn_http_requests_under_way", "Requests under way.", value=self._under_way
        )
        refused = CounterMetricFamily(
            "keyborn_http_refused", "Turned away at the door.", labels=["reason"]
        )
        for reason, count in sorted(self._refused.copy().items()):
            refused.add_metric([reason], count)
        yield refused


def known_method(method: str) -> str:
    """``method`` if HTTP has it, else ``other``."""
    return method if method in _METHODS else _OTHER


def route_of(scope: Scope) -> str:
    """The template of the route that took a request, such as ``/v1/status/{name}``."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else UNMATCHED
