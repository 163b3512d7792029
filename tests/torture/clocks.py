"""The clocks of all services and devices moved, ahead and back, while devices come on board.

By an hour, back by two days, ahead by ten years, and set right each time. Within 30 seconds of each
move a device with a new claim must have enrolled, registered and presented. What was accepted
before must not be accepted again, neither a presentation nor a proof of possession, whatever the
clock says of when it expires; and in the end all that was acknowledged is there, once.

Who was under way at a move may be refused for good: its claim may have expired.
"""

import random
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final

import httpx
import orjson
from torture.checks import check_challenges, check_log, check_store
from torture.devices import (
    PATIENCE,
    TIMEOUT,
    Acknowledged,
    Enrolling,
    NotGrantedError,
    Wish,
    persist,
    present,
    register,
    show,
    together,
)
from torture.moved import moved_clock, set_shift
from torture.services import Services

from bench.newborn import Newborn
from bench.operating import Operator
from bench.presenting import Holder

MOVES: Final = (timedelta(hours=1), -timedelta(days=2), timedelta(days=3_652))
RIGHT: Final = timedelta()
FOUNDED: Final = -timedelta(days=30)  # when the services began, hence before each move
BACK: Final = 30.0
CLIENTS: Final = 3
REFUSALS: Final = frozenset({"invalid_nonce", "invalid_proof", "invalid_token"})
LATEST: Final = 40  # of what was accepted, that is sent again after each move
"""More than nonces and challenges live for, at the rate at which these devices come."""


@dataclass
class Scene:
    """The services, what devices were told, and what was accepted last: that must not be again."""

    services: Services
    operator: Operator
    told: Acknowledged = field(default_factory=Acknowledged)
    wishes: deque[Wish] = field(default_factory=lambda: deque(maxlen=LATEST))
    shown: deque[bytes] = field(default_factory=lambda: deque(maxlen=LATEST))


def move_clocks(folder: Path, *, seed: int, times: int) -> str:
    """Make each move, in an order that is drawn, so many ``times``; what to say of it."""
    began = time.monotonic()
    shift = folder / "shift"
    set_shift(shift, FOUNDED)
    drawn = random.Random(f"{seed} clocks")
    services = Services(folder, shift=shift)
    slowest = 0.0
    with moved_clock(shift), services.open() as operator:
        scene = Scene(services, operator)
        devices = [partial(_live, scene)] * CLIENTS
        with together(devices) as over, httpx.Client(timeout=TIMEOUT) as http:
            set_shift(shift, RIGHT)
            for move in [each for _ in range(times) for each in drawn.sample(MOVES, len(MOVES))]:
                for moved in (move, RIGHT):
                    if over.wait(drawn.uniform(1.0, 5.0)):
                        break
                    set_shift(shift, moved)
                    moment = time.monotonic()
                    _again(scene, http)
                    _one(scene, http, patience=BACK)
                    slowest = max(slowest, time.monotonic() - moment)
                    assert slowest < BACK, f"moved by {moved}: {slowest:.1f} s"
        check_challenges(services.verifier.url, scene.told)
        check_log(services.network, folder, scene.told)
    check_store(services.store, scene.told)
    return (
        f"{2 * times * len(MOVES)} moves of the clock: {len(scene.told.credentials)} devices"
        f" enrolled, registered and presented; the slowest new one had done so within"
        f" {slowest:.1f} s of a move; {time.monotonic() - began:.0f} s"
    )


def _live(scene: Scene, over: threading.Event) -> None:
    with httpx.Client(timeout=TIMEOUT) as http:
        while not over.is_set():
            try:
                _one(scene, http)
            except NotGrantedError:
                continue


def _one(scene: Scene, http: httpx.Client, patience: float = PATIENCE) -> None:
    """A new device comes on board, with a new claim."""
    services, told = scene.services, scene.told
    code = persist(lambda: scene.operator.claims(1, lambda _: None)[0], patience)
    device = Newborn.born()
    url = services.issuer.url
    enrolling = Enrolling(http, device, code, url, lambda: url)
    wish = persist(enrolling.wish)
    answer = persist(lambda: enrolling.send(wish))
    with told.lock:
        told.credentials[device.did] = (code, answer)
        scene.wishes.append(wish)
    register(http, services.ledger.url, device)
    with told.lock:
        told.registered.add(device.did)
    shown = present(http, services.verifier.url, Holder.of(device, answer))
    with told.lock:
        told.accepted.append(shown)
        scene.shown.append(shown)


def _again(scene: Scene, http: httpx.Client) -> None:
    """What was accepted is sent again, and refused."""
    for shown in list(scene.shown):
        answer = show(http, scene.services.verifier.url, shown)
        assert not answer.is_success, answer.text
    for wish in list(scene.wishes):
        url = f"{scene.services.issuer.url}/credential"
        answer = http.post(url, content=wish.body, headers=wish.headers)
        assert orjson.loads(answer.content).get("error") in REFUSALS, answer.text
