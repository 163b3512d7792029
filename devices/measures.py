"""What a fleet's run comes to: counts, rates, percentiles, gas, failures by their codes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Final

from did.jcs import JsonObject
from ledger.log import Receipt

PERCENTILES: Final = (50, 90, 99)


@dataclass(frozen=True, slots=True)
class Failure:
    """A device that did not get through a step, and goes no further in this run.

    Attributes:
        device: Its name in the fleet.
        step: The fleet's step.
        at: What failed in it, if the error says.
        code: The error's.
        message: The error's.
    """

    device: str
    step: str
    at: str | None
    code: str
    message: str

    def to_json(self) -> JsonObject:
        """As data."""
        return {
            "device": self.device,
            "step": self.step,
            "at": self.at,
            "code": self.code,
            "message": self.message,
        }


@dataclass(slots=True)
class Step:
    """What was measured of one step.

    Attributes:
        latencies: Seconds, one for each device that did the step in this run.
        resumed: Devices that had done it in an earlier run.
        seconds: Wall clock of the whole step.
    """

    latencies: list[float] = field(default_factory=list)
    resumed: int = 0
    seconds: float = 0.0

    def to_json(self, failed: int) -> JsonObject:
        """Counts, rate and percentiles of latency, in milliseconds."""
        done = len(self.latencies)
        ordered = sorted(self.latencies)
        return {
            "done": done,
            "resumed": self.resumed,
            "failed": failed,
            "seconds": round(self.seconds, 3),
            "perSecond": round(done / self.seconds, 1) if done and self.seconds else None,
            "latencyMs": {
                f"p{percent}": round(percentile(ordered, percent) * 1000, 2)
                for percent in PERCENTILES
            }
            if done
            else None,
        }


@dataclass(frozen=True, slots=True)
class Gas:
    """What registration cost on Ethereum.

    Attributes:
        total: Gas of every transaction that carried a create of the fleet.
        transactions: Their number.
        devices: How many of the fleet's creates they carried. ``total / devices`` is an upper
            bound: they may have carried others' too.
    """

    total: int
    transactions: int
    devices: int

    def to_json(self) -> JsonObject:
        """As data."""
        return {
            "total": self.total,
            "transactions": self.transactions,
            "devices": self.devices,
            "perDevice": round(self.total / self.devices, 1),
        }


@dataclass(frozen=True, slots=True)
class Report:
    """What a run came to; ``gas`` only where the ledger has any."""

    devices: int
    steps: Mapping[str, Step]
    failures: Sequence[Failure]
    gas: Gas | None
    seconds: float

    def to_json(self) -> JsonObject:
        """As data."""
        failed = Counter(failure.step for failure in self.failures)
        codes = Counter((failure.step, failure.code) for failure in self.failures)
        return {
            "devices": self.devices,
            "accepted": self.devices - len(self.failures),
            "failed": len(self.failures),
            "seconds": round(self.seconds, 3),
            "steps": {name: step.to_json(failed[name]) for name, step in self.steps.items()},
            "gas": None if self.gas is None else self.gas.to_json(),
            "failureCodes": [
                {"step": step, "code": code, "count": count}
                for (step, code), count in sorted(codes.items())
            ],
            "failures": [failure.to_json() for failure in self.failures],
        }


def percentile(ordered: Sequence[float], percent: int) -> float:
    """The nearest-rank percentile of values in rising order, at least one."""
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)]


def gas_of(receipts: Sequence[Receipt]) -> Gas | None:
    """The gas of the transactions that ``receipts`` name; None where there was none to pay."""
    paid = {r.transaction: r.gas for r in receipts if r.gas is not None}
    if not paid:
        return None
    carried = sum(receipt.gas is not None for receipt in receipts)
    return Gas(sum(gas or 0 for gas in paid.values()), len(paid), carried)


def as_text(report: Report) -> str:
    """A report for people."""
    failed = Counter(failure.step for failure in report.failures)
    lines = [
        f"{'step':<10} {'done':>7} {'before':>7} {'failed':>7} {'per s':>8}  p50 / p90 / p99 ms"
    ]
    for name, step in report.steps.items():
        ordered = sorted(step.latencies)
        rate = f"{len(ordered) / step.seconds:.1f}" if ordered and step.seconds else "-"
        spread = [f"{percentile(ordered, p) * 1000:.1f}" for p in PERCENTILES] if ordered else ["-"]
        lines.append(
            f"{name:<10} {len(ordered):>7} {step.resumed:>7} {failed[name]:>7} {rate:>8}  "
            + " / ".join(spread)
        )
    if report.gas is not None:
        each = report.gas.total / report.gas.devices
        lines.append(f"gas per device {each:.0f}, in {report.gas.transactions} transactions")
    codes = Counter((failure.step, failure.code) for failure in report.failures)
    lines += [f"{count} failed to be {step}: {code}" for (step, code), count in codes.most_common()]
    accepted = report.devices - len(report.failures)
    lines.append(f"{accepted} of {report.devices} devices accepted in {report.seconds:.1f} s")
    return "\n".join(lines)
