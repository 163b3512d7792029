"""How a verifier stands: what it needs to decide, and what it tells for ``GET /metrics``."""

from collections.abc import Callable, Iterator
from datetime import datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from did.identifier import Did
from did.resolution import Resolution
from keyborn.readiness import Readiness
from ledger.freshness import ANY
from verifier.inquiry import Inquiry
from verifier.verifier import Verifier


class Watch:
    """One verifier, watched.

    Args:
        verifier: Which.
        now: The clock.
    """

    def __init__(self, verifier: Verifier, now: Callable[[], datetime]) -> None:
        self._verifier = verifier
        self._now = now
        self._head: datetime | None = None  # the time of the newest one that was seen
        self.readiness = Readiness({"store": verifier.check_store, "log": self._check_log})

    def resolve(self, did: Did, *, at: str | datetime | None = None) -> Resolution:
        """As the verifier's resolver; how new its answer is, is noted."""
        resolution = self._verifier.resolver.resolve(did, at=at)
        self._head = resolution.as_of
        return resolution

    def decided(self) -> Iterator[Metric]:
        """What this process has decided since its start, and by which head of the log."""
        made, decided = self._verifier.tally.read()
        challenges = CounterMetricFamily(
            "keyborn_verifier_challenges", "Challenges that were made."
        )
        challenges.add_metric([], made)
        yield challenges
        answers = CounterMetricFamily(
            "keyborn_verifier_presentations",
            "Answers that were decided on, by outcome and error.",
            labels=["outcome", "code"],
        )
        for labels, count in sorted(decided.items()):
            answers.add_metric(labels, count)
        yield answers
        head = GaugeMetricFamily(
            "keyborn_verifier_log_head_timestamp_seconds",
            "Time of the newest head of the log that was verified.",
        )
        if self._head is not None:
            head.add_metric([], self._head.timestamp())
        yield head

    def kept(self) -> Iterator[Metric]:
        """How old the status lists are that it keeps.

        Raises:
            Unavailable: The store cannot be used.
        """
        count, oldest, newest = self._verifier.kept_lists()
        yield GaugeMetricFamily(
            "keyborn_verifier_status_lists", "Status lists that are kept.", value=count
        )
        fetched = GaugeMetricFamily(
            "keyborn_verifier_status_list_timestamp_seconds",
            "When a kept status list was fetched, or said to be unchanged.",
            labels=["which"],
        )
        for which, at in (("oldest", oldest), ("newest", newest)):
            if at is not None:
                fetched.add_metric([which], at.timestamp())
        yield fetched

    def _check_log(self) -> None:
        """Return if the log is as the trust root asks; raises as ``Inquiry.resolve``."""
        Inquiry(self._verifier.trust_root, self, self._now()).resolve(ANY)
