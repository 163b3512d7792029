"""PostgreSQL killed, over and over, while devices enrol at two processes of one issuer.

Every other time it is stopped ``immediate``, which loses what was not synced, as a kill does. What
was acknowledged must be in the database afterwards, once; and after each start a device must be
granted its credential within 30 seconds.
"""

import random
import threading
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

import httpx
from databases import postgresql
from torture.checks import check_store
from torture.devices import TIMEOUT, Acknowledged, Enrolling, credential_in, persist, together
from torture.killable import Killable

from bench.newborn import Newborn
from bench.operating import Operator
from keyborn.polling import poll

CLIENTS: Final = 6
BACK: Final = 30.0
NAME: Final = "https://issuer.example"


def kill_database(folder: Path, *, seed: int, times: int) -> str:
    """Kill the server so many ``times``; what to say when it went well."""
    began = time.monotonic()
    told = Acknowledged()
    drawn = random.Random(f"{seed} database")
    network = folder / "network.toml"
    with ExitStack() as running:
        server = running.enter_context(postgresql())
        store = server.empty()

        def start(*words: str | Path) -> Killable:
            service = Killable(folder, *words)
            service.start()
            running.callback(service.stop)
            return service

        start("ledger", "serve", "--dir", folder / "ledger", "--network-out", network)
        issuer = folder / "issuer"
        words = ("--dir", issuer, "--network", network, "--url", NAME, "--store", store)
        urls = [start("issuer", "serve", *words).url for _ in range(2)]
        operator = Operator.of(urls[0], issuer)
        devices = [
            partial(_live, urls, operator, told, random.Random(f"{seed} device {number}"))
            for number in range(CLIENTS)
        ]
        slowest = 0.0
        with together(devices) as over:
            for number in range(times):
                if over.wait(drawn.uniform(0.2, 1.5)):
                    break
                server.stop("immediate") if number % 2 else server.kill()
                time.sleep(drawn.uniform(0.0, 0.5))
                up, before = time.monotonic(), len(told.credentials)
                server.start()

                def again(before: int = before) -> bool | None:
                    return len(told.credentials) > before or over.is_set() or None

                assert poll(again, BACK), f"kill {number}: no credential within {BACK:.0f} s"
                slowest = max(slowest, time.monotonic() - up)
        there = check_store(store, told)
    return (
        f"PostgreSQL killed {times} times under two issuer processes: {len(told.credentials)}"
        f" devices enrolled, {there} credentials in the store; the first one after a kill came"
        f" within {slowest:.1f} s; {time.monotonic() - began:.0f} s"
    )


def _live(
    urls: list[str],
    operator: Operator,
    told: Acknowledged,
    drawn: random.Random,
    over: threading.Event,
) -> None:
    with httpx.Client(timeout=TIMEOUT) as http:
        while not over.is_set():
            code = persist(lambda: operator.claims(1, lambda _: None)[0])
            device = Newborn.born()
            enrolling = Enrolling(http, device, code, NAME, lambda: drawn.choice(urls))
            answer = enrolling.enrol()
            assert credential_in(answer) == credential_in(enrolling.enrol()), device.did
            with told.lock:
                told.credentials[device.did] = (code, answer)
