"""Issuer, embedded ledger and verifier, each killed over and over while devices come on board.

Whatever was acknowledged must stand when all is over, and once:

* each device has one credential: what was answered is what the issuer's store has, byte for byte,
  and each answer to the same wish was the same; each claim was taken by one device, each entry of
  a status list is one device's;
* each device is on the log once, for a reader that begins with nothing;
* each presentation that was accepted is refused when it is sent once more.

One connection in so many is cut by its device when the request is sent and not yet answered. Each
service must listen again within 30 seconds of its kill.
"""

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

import httpx
from torture.checks import check_challenges, check_log, check_store
from torture.devices import (
    TIMEOUT,
    Acknowledged,
    Enrolling,
    credential_in,
    persist,
    present,
    register,
    together,
)
from torture.killable import Killable
from torture.services import Services

from bench.newborn import Newborn
from bench.operating import Operator
from bench.presenting import Holder

CLIENTS: Final = 6
BACK: Final = 30.0  # seconds in which a killed service must listen again


def kill_all(folder: Path, *, seed: int, times: int, cuts: int = 100) -> str:
    """Kill each so many ``times``, and cut so many answers off; what to say when it went well."""
    began = time.monotonic()
    services, told = Services(folder), Acknowledged()
    cut = iter([True, False] * cuts)  # every other device, while there are cuts left
    with services.open() as operator:
        devices = [partial(_live, services, operator, told, cut)] * CLIENTS
        killed = {"ledger": services.ledger, "issuer": services.issuer}
        killed["verifier"] = services.verifier
        with together(devices) as over, ThreadPoolExecutor() as pool:
            ends = [
                pool.submit(_kill, service, times, over, random.Random(f"{seed}-{name}"))
                for name, service in killed.items()
            ]
            slowest = max(end.result() for end in ends)
        check_challenges(services.verifier.url, told)
        check_log(services.network, folder, told)
    check_store(services.store, told)
    count = len(told.credentials)
    return (
        f"{times} kills of each of 3 services: {count} devices enrolled, registered and presented,"
        f" {len(told.accepted)} presentations accepted; {cuts - sum(cut)} connections cut,"
        f" {count} repeats given the same; the slowest was back within {slowest:.1f} s;"
        f" {time.monotonic() - began:.0f} s"
    )


def _kill(service: Killable, times: int, over: threading.Event, drawn: random.Random) -> float:
    """Kill one service again and again, some time after it listened; its slowest return."""
    slowest = 0.0
    for _ in range(times):
        if over.wait(drawn.uniform(0.02, 1.0)):
            break
        service.kill()
        began = time.monotonic()
        service.start()
        slowest = max(slowest, time.monotonic() - began)
        assert slowest < BACK
    return slowest


def _live(
    services: Services,
    operator: Operator,
    told: Acknowledged,
    cuts: Iterator[bool],
    over: threading.Event,
) -> None:
    """One device after the other, until it is over; the one under way is finished."""
    url = services.issuer.url
    with httpx.Client(timeout=TIMEOUT) as http:
        while not over.is_set():
            code = persist(lambda: operator.claims(1, lambda _: None)[0])
            device = Newborn.born()
            enrolling = Enrolling(http, device, code, url, lambda: url)
            if next(cuts, False):
                enrolling.cut_off()
            answer = enrolling.enrol()
            assert credential_in(answer) == credential_in(enrolling.enrol()), device.did
            register(http, services.ledger.url, device)
            shown = present(http, services.verifier.url, Holder.of(device, answer))
            with told.lock:
                told.credentials[device.did] = (code, answer)
                told.registered.add(device.did)
                told.accepted.append(shown)
