"""A fleet of simulated devices: each one whole, with a store of its own; the log is read once.

Every device goes through the steps of a single one, by the same code. What they share is what one
machine would: HTTP connections, and one replay of the log. The fleet moves in steps, all devices
together, so that the registrar sees all creates early and puts them on the log in few batches;
they settle there, watched, while the devices enrol. Run again, each device goes on where it was;
presenting is done anew each time.
"""

import errno
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from devices.agent import Agent
from devices.connections import Connections
from devices.inputs import Claim
from devices.ledger_access import LedgerAccess
from devices.measures import Failure, Report, Step, gas_of
from devices.store import Store
from devices.timeline import Timeline
from did.errors import Invalid, KeybornError

if TYPE_CHECKING:
    from ledger.log import Receipt

STEPS: Final = ("born", "submitted", "enrolled", "registered", "presented")

_DIGITS: Final = 6


class Observer(Protocol):
    """Who is told how it goes."""

    def begin(self, step: str, total: int) -> None:
        """``step`` begins, with ``total`` devices."""
        ...

    def advance(self, step: str) -> None:
        """One device is through with ``step``, well or not. Called by several threads."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What a fleet is to do.

    Attributes:
        directory: Of the fleet; each device has a store under ``devices/``.
        count: Number of devices, from 1.
        claims: One for each device, in order; an enrolled device's is not looked at.
        verifier: URL of the verifier that they present to.
        audience: What it calls itself, if not that.
        issuer: As ``devices.enrolment.begin``.
        workers: How many devices act at the same time.
    """

    directory: Path
    count: int
    claims: Sequence[Claim]
    verifier: str
    audience: str | None = None
    issuer: str | None = None
    workers: int = 8


class _Device:
    """One device of the fleet; ``agent`` from its birth on."""

    def __init__(self, name: str, directory: Path, claim: Claim | None) -> None:
        self.name = name
        self.directory = directory
        self.claim = claim
        self.agent: Agent
        self.submitted: float | None = None  # when its create was handed in, in this run
        self.final = 0.0  # when that was first seen to be final on the log


class Fleet:
    """Runs a plan, once."""

    def __init__(
        self, plan: Plan, ledger: LedgerAccess, connections: Connections, observer: Observer
    ) -> None:
        self._plan = plan
        self._ledger = ledger
        self._connections = connections
        self._observer = observer
        self._steps = {name: Step() for name in STEPS}
        self._failures: list[Failure] = []
        self._receipts: list[Receipt] = []
        self._timeline: Timeline

    def run(self) -> Report:
        """Bring each device as far as it goes, and tell what it came to.

        Raises:
            Invalid: ``too_few_offers``: a device that is not enrolled would have no claim.
        """
        started = time.perf_counter()
        devices = self._devices()
        devices = self._step("born", devices, self._bear)
        with Timeline(self._ledger.reader) as self._timeline:
            devices = self._step("submitted", devices, self._submit)
            devices = self._step("enrolled", devices, self._enroll)
            devices = self._step("registered", devices, self._register)
        self._steps["registered"].seconds = self._settling(devices)
        self._step("presented", devices, self._present)
        return Report(
            devices=self._plan.count,
            steps=self._steps,
            failures=sorted(self._failures, key=lambda failure: failure.device),
            gas=gas_of(self._receipts),
            seconds=time.perf_counter() - started,
        )

    def _devices(self) -> list[_Device]:
        devices = []
        for number in range(self._plan.count):
            name = f"{number + 1:0{_DIGITS}}"
            directory = self._plan.directory / "devices" / name
            claim = self._plan.claims[number] if number < len(self._plan.claims) else None
            devices.append(_Device(name, directory, claim))
        unclaimed = [d for d in devices if d.claim is None and not _begun(d.directory)]
        if unclaimed:
            raise Invalid(
                "too_few_offers",
                f"{len(unclaimed)} of {len(devices)} devices have no claim",
                value=len(self._plan.claims),
                hint="make as many as there are devices: keyborn issuer claim create --csv FILE",
            )
        return devices

    def _step(
        self,
        name: str,
        devices: Sequence[_Device],
        act: Callable[[_Device], float | None],
    ) -> list[_Device]:
        """Have every device ``act``; those that got through it.

        ``act`` returns the seconds that it took, or None if there was nothing left to do.
        """
        step, got_through = self._steps[name], []
        self._observer.begin(name, len(devices))
        started = time.perf_counter()
        for device, outcome in self._each(name, devices, act):
            if isinstance(outcome, Failure):
                self._failures.append(outcome)
                continue
            got_through.append(device)
            if outcome is None:
                step.resumed += 1
            else:
                step.latencies.append(outcome)
        step.seconds = time.perf_counter() - started
        return got_through

    def _each(
        self,
        name: str,
        devices: Sequence[_Device],
        act: Callable[[_Device], float | None],
    ) -> Iterator[tuple[_Device, float | Failure | None]]:
        def attempt(device: _Device) -> float | Failure | None:
            try:
                return act(device)
            except KeybornError as error:
                return Failure(device.name, name, error.step, error.code, error.message)
            except OSError as error:
                code = errno.errorcode.get(error.errno or 0, "oserror").lower()
                return Failure(device.name, name, None, code, error.strerror or str(error))
            finally:
                self._observer.advance(name)

        with ThreadPoolExecutor(self._plan.workers, thread_name_prefix="device") as pool:
            try:
                yield from zip(devices, pool.map(attempt, devices), strict=True)
            except BaseException:
                pool.shutdown(cancel_futures=True)  # an interrupt is not to wait for all the others
                raise

    def _bear(self, device: _Device) -> float | None:
        existed = device.directory.exists()
        started = time.perf_counter()
        device.agent = Agent.born(device.directory, self._connections)
        device.agent.network(self._ledger.network)
        return None if existed else time.perf_counter() - started

    def _submit(self, device: _Device) -> float | None:
        started = time.perf_counter()
        if device.agent.is_registered(self._ledger):
            return None
        device.agent.announce(self._ledger)
        device.submitted = started
        return time.perf_counter() - started

    def _enroll(self, device: _Device) -> float | None:
        progress = device.agent.store.progress()
        if progress is not None and progress.complete:
            return None
        started = time.perf_counter()
        with device.agent.store.exclusive():
            device.agent.enroll(
                None if device.claim is None else device.claim.offer,
                self._ledger,
                tx_code=None if device.claim is None else device.claim.tx_code,
                issuer=self._plan.issuer,
            )
        return time.perf_counter() - started

    def _register(self, device: _Device) -> float | None:
        with device.agent.store.exclusive():
            registered = device.agent.register(self._ledger)
        if registered.receipt is not None:
            self._receipts.append(registered.receipt)
        if device.submitted is None:
            return None
        device.final = self._timeline.final_at(registered.resolution.versions[0].sequence)
        return max(0.0, device.final - device.submitted)

    @staticmethod
    def _settling(devices: Sequence[_Device]) -> float:
        """Seconds from the first create handed in to the last one final."""
        began = [device.submitted for device in devices if device.submitted is not None]
        ended = [device.final for device in devices if device.submitted is not None]
        return max(ended) - min(began) if began else 0.0

    def _present(self, device: _Device) -> float | None:
        started = time.perf_counter()
        device.agent.present(self._plan.verifier, audience=self._plan.audience)
        return time.perf_counter() - started


def _begun(directory: Path) -> bool:
    return directory.exists() and Store(directory).progress() is not None
