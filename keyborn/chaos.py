"""Trouble on purpose, for those who write clients: what a network and a crash do, at given rates.

``refuse-nonces=0.1,delay=0.2:0.5,drop-answers=0.05,seed=7``:

refuse-nonces=RATE
    So many of the nonces and challenges that are good are refused as expired ones are: the client
    has to take a fresh one, and repeat.
delay=RATE:SECONDS
    So many answers come late, by up to so many seconds, at random.
drop-answers=RATE
    So many requests are carried out, and committed, but not answered: the connection is cut off.
    The client has to repeat the request.
seed=NUMBER
    The same again: of requests that come one after the other, the same ones are hit. Each kind of
    trouble has a sequence of its own. Without it, one is drawn, and told.

Nothing here is on unless it is asked for. It is shouted when it is, and each time it strikes.
"""

import asyncio
import logging
import random
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from did.errors import Invalid
from keyborn.traffic import known_method, route_of

MAX_DELAY: Final = 60.0  # seconds

_LOGGER: Final = logging.getLogger(__name__)
_NUMBER: Final = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", re.ASCII)
_HINT: Final = "write refuse-nonces=0.1,delay=0.2:0.5,drop-answers=0.05,seed=7, or some of these"


@dataclass(frozen=True, slots=True)
class Rates:
    """How much goes wrong: rates from 0 to 1.

    Attributes:
        refuse_nonces: Of good nonces and challenges.
        delay: Of answers, which come late.
        delay_seconds: By how much at the most.
        drop_answers: Of answers, which never come.
    """

    refuse_nonces: float = 0.0
    delay: float = 0.0
    delay_seconds: float = 0.0
    drop_answers: float = 0.0


class Chaos:
    """What goes wrong, and when; made by ``read_chaos``, which shouts.

    Args:
        rates: How much.
        seed: Of the sequences by which it strikes.
    """

    def __init__(self, rates: Rates, seed: int) -> None:
        self._rates = rates
        self._nonces, self._delays, self._drops = (
            random.Random(f"{seed}:{kind}")  # noqa: S311 - it is to be repeatable
            for kind in ("nonces", "delays", "drops")
        )

    def refuses_nonce(self) -> bool:
        """Whether a nonce or challenge, which is good, is to be refused as one that has expired."""
        struck = self._nonces.random() < self._rates.refuse_nonces
        if struck:
            _LOGGER.warning("CHAOS: a good nonce is refused")
        return struck

    def around(self, app: ASGIApp, abort: Callable[[], None]) -> ASGIApp:
        """``app`` on one connection, which ``abort`` cuts off."""

        async def troubled(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            drop = self._drops.random() < self._rates.drop_answers
            late = self._delays.random() < self._rates.delay
            seconds = self._delays.random() * self._rates.delay_seconds if late else 0.0
            if drop:
                await app(scope, receive, _swallow)
                _LOGGER.warning("CHAOS: the answer to %s is dropped", _asked(scope))
                abort()
                while (await receive())["type"] != "http.disconnect":
                    pass
                return
            if not late:
                await app(scope, receive, send)
                return

            async def send_late(message: Message) -> None:
                if message["type"] == "http.response.start":
                    told = "CHAOS: the answer to %s comes %.3f s late"
                    _LOGGER.warning(told, _asked(scope), seconds)
                    await asyncio.sleep(seconds)
                await send(message)

            await app(scope, receive, send_late)

        return troubled


def _asked(scope: Scope) -> str:
    """What was asked, by its route: a path may hold what opens a claim (``keyborn.access``)."""
    return f"{known_method(scope['method'])} {route_of(scope)}"


async def _swallow(_message: Message) -> None:
    """Send nothing."""


def read_chaos(text: str, *, nonces: bool) -> Chaos:
    """What ``text`` asks for, shouted.

    Args:
        text: As at the top of this module.
        nonces: Whether there are any to refuse.

    Raises:
        Invalid: ``invalid_chaos``.
    """
    given: dict[str, str] = {}
    for entry in text.split(","):
        name, equals, value = entry.strip().partition("=")
        if not equals or name in given:
            raise _invalid("it is no list of rates, each by its name and once", entry)
        given[name] = value
    seed_text = given.pop("seed", None)
    delay, _, seconds = given.pop("delay", "0:0").partition(":")
    rates = Rates(
        refuse_nonces=_number(given.pop("refuse-nonces", "0"), 1.0),
        delay=_number(delay, 1.0),
        delay_seconds=_number(seconds, MAX_DELAY),
        drop_answers=_number(given.pop("drop-answers", "0"), 1.0),
    )
    if given:
        raise _invalid("it names what there is not", next(iter(given)))
    if rates.refuse_nonces and not nonces:
        raise _invalid("this service gives out no nonces to refuse", "refuse-nonces")
    if rates == Rates():
        raise _invalid("nothing is to go wrong", text, "leave --chaos out, or give a rate above 0")
    if seed_text is not None and not re.fullmatch(r"[0-9]{1,18}", seed_text, re.ASCII):
        raise _invalid("the seed is no number", seed_text)
    seed = secrets.randbelow(1_000_000) if seed_text is None else int(seed_text)
    _LOGGER.warning(
        "CHAOS IS ON, things go wrong on purpose:"
        " refuse-nonces=%g,delay=%g:%g,drop-answers=%g,seed=%d",
        rates.refuse_nonces,
        rates.delay,
        rates.delay_seconds,
        rates.drop_answers,
        seed,
    )
    return Chaos(rates, seed)


def _number(text: str, most: float) -> float:
    """A number from 0 to ``most``."""
    if not _NUMBER.fullmatch(text) or float(text) > most:
        raise _invalid(f"there is no number from 0 to {most:g}", text)
    return float(text)


def _invalid(what: str, value: str, hint: str = _HINT) -> Invalid:
    return Invalid("invalid_chaos", what, step="read --chaos", value=value, hint=hint)
