"""Limits at a service's door: who a client is, how often it may ask, what may wait for it."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final

from starlette.types import Scope

from did.errors import Invalid
from keyborn.rates import CLIENTS, Rates
from keyborn.traffic import CONNECTIONS as CONNECTIONS_REFUSED
from keyborn.traffic import Traffic

RATE: Final = 200  # requests per second of one client that is not on loopback
CONNECTIONS: Final = 1_024
UNFETCHED: Final = 256  # answers that wait in memory for their clients
CONNECTIONS_PER_CLIENT: Final = 192  # fewer than the requests that are answered at a time

_FORWARDED: Final = b"x-forwarded-for"
_FORWARDING: Final = frozenset({_FORWARDED, b"forwarded", b"x-real-ip", b"via"})


class Clients:
    """Who asks, and whether too often.

    A client is an IPv4 address, or the /64 network of an IPv6 address. It is the other end of the
    connection; where that is one of ``proxies``, it is the last address of ``X-Forwarded-For`` that
    is none of them. What stands before it there is the client's own word, and so is
    ``Forwarded``, which many proxies pass on as it came.

    Args:
        rate: Requests per second of one client, as ``keyborn.rates`` counts them; 0 for any
            number. None is ``RATE``, and any number from loopback.
        proxies: Addresses or networks of reverse proxies that are believed.
        watchers: Addresses or networks that may read metrics, beside this machine.
        rate_store: The URL of a Redis in which several processes count together.

    Raises:
        Invalid: ``invalid_proxy`` or ``invalid_watcher``: one of them is neither;
            ``invalid_rate_store``.
    """

    def __init__(
        self,
        rate: int | None = None,
        proxies: Iterable[str] = (),
        watchers: Iterable[str] = (),
        rate_store: str | None = None,
    ) -> None:
        self._spares_loopback = rate is None
        self._rates = Rates(RATE if rate is None else rate, rate_store)
        self._proxies = [
            _address_range(each, "invalid_proxy", "a trusted proxy") for each in proxies
        ]
        self._watchers = [
            _address_range(each, "invalid_watcher", "who may read metrics") for each in watchers
        ]

    def is_proxy(self, host: str) -> bool:
        """Whether what ``host`` forwards is believed."""
        if not self._proxies:
            return False
        address = _address(host)
        return address is not None and any(address in proxy for proxy in self._proxies)

    def who(self, scope: Scope) -> str:
        """The address of the client of a request; empty if it has none, as on a Unix socket."""
        host: str = (scope.get("client") or ("",))[0]
        if not self.is_proxy(host):
            return host
        said = b",".join(value for name, value in scope["headers"] if name == _FORWARDED)
        for element in reversed(said.decode("latin-1").split(",")):
            named = _host(element.strip())
            if named is None:
                break
            if not self.is_proxy(named):
                return named
        return host

    def may_watch(self, scope: Scope) -> bool:
        """Whether the client of a request may read metrics.

        What a proxy forwards that nobody named comes from this machine only as it seems.
        """
        host = self.who(scope)
        if _is_loopback(host):
            return not any(name in _FORWARDING for name, _ in scope["headers"])
        address = _address(host)
        return address is not None and any(address in network for network in self._watchers)

    async def seconds_to_wait(self, scope: Scope) -> int:
        """Count a request; the seconds until its client may ask again, or 0 if it may ask now."""
        host = self.who(scope)
        if self._rates.any_number or (self._spares_loopback and _is_loopback(host)):
            return 0
        return await self._rates.seconds_to_wait(group(host))

    async def close(self) -> None:
        """Close what is counted with."""
        await self._rates.close()


class Connections:
    """Those that are open, and which of them wait for their client.

    One waits unless a whole request of its own is being answered: its head or body is still to
    come, it is idle, or its answer is not fetched. Where there is no room for another, one that
    waits has to go: of the same client where that has too many, else of the client of whom most
    wait; always the one that has waited longest. So whoever sends at once finds room.

    Args:
        clients: Knows the proxies, which may have any number of connections.
        traffic: Counts those that have to go.
    """

    def __init__(self, clients: Clients, traffic: Traffic | None = None) -> None:
        self._clients = clients
        self._traffic = traffic or Traffic()
        self._open: dict[asyncio.Transport, str] = {}
        self._number: Counter[str] = Counter()
        self._waiting: dict[str, dict[asyncio.Transport, None]] = {}  # longest first
        self._unfetched: dict[asyncio.Transport, None] = {}  # longest first

    def enter(self, connection: asyncio.Transport, host: str) -> None:
        """Take in one that was made; another, or this one, is aborted where there are too many."""
        client = group(host)
        if self._number[client] >= CONNECTIONS_PER_CLIENT and not self._clients.is_proxy(host):
            self._drop(client, instead=connection)
        elif len(self._open) >= CONNECTIONS:
            most = max(self._waiting, key=lambda one: len(self._waiting[one]), default=client)
            self._drop(most, instead=connection)
        if connection.is_closing():
            return
        self._open[connection] = client
        self._number[client] += 1
        self.wait(connection)

    def wait(self, connection: asyncio.Transport) -> None:
        """Note that ``connection`` waits from now on, if it does not already."""
        client = self._open.get(connection)
        if client is not None:
            self._waiting.setdefault(client, {}).setdefault(connection)

    def stall(self, connection: asyncio.Transport) -> None:
        """Note that its client does not fetch an answer; the first one goes where too many do so.

        Their answers are held in memory.
        """
        if connection not in self._open:
            return
        self.wait(connection)
        self._unfetched[connection] = None
        if len(self._unfetched) > UNFETCHED:
            self._abort(next(iter(self._unfetched)))

    def go_on(self, connection: asyncio.Transport) -> None:
        """Note that its client fetches again."""
        self._unfetched.pop(connection, None)

    def attend(self, connection: asyncio.Transport) -> None:
        """Note that a whole request of ``connection`` is being answered."""
        client = self._open.get(connection)
        if client is not None:
            self._stop_waiting(connection, client)

    def leave(self, connection: asyncio.Transport) -> None:
        """Forget one that is closed."""
        self._unfetched.pop(connection, None)
        client = self._open.pop(connection, None)
        if client is None:
            return
        self._stop_waiting(connection, client)
        self._number[client] -= 1
        if not self._number[client]:
            del self._number[client]

    def _stop_waiting(self, connection: asyncio.Transport, client: str) -> None:
        waiting = self._waiting.get(client, {})
        waiting.pop(connection, None)
        if not waiting:
            self._waiting.pop(client, None)

    def _drop(self, client: str, *, instead: asyncio.Transport) -> None:
        self._abort(next(iter(self._waiting.get(client, {})), instead))

    def _abort(self, victim: asyncio.Transport) -> None:
        self.leave(victim)
        victim.abort()
        self._traffic.refuse(CONNECTIONS_REFUSED)


@lru_cache(CLIENTS)
def group(host: str) -> str:
    """What counts as one client: an IPv4 address, the /64 of an IPv6 address, else ``host``."""
    address = _address(host)
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, 64), strict=False))
    return host if address is None else str(address)


@lru_cache(CLIENTS)
def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return address is None or address.is_loopback


def _host(element: str) -> str | None:
    """The address in an element of ``X-Forwarded-For``; some proxies add the port."""
    if element.startswith("["):
        element = element[1:].partition("]")[0]
    elif element.count(":") == 1:
        element = element.partition(":")[0]
    return None if _address(element) is None else element


def _address_range(named: str, code: str, what: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(named)
    except ValueError as error:
        raise Invalid(
            code,
            f"{what} is neither an address nor a network",
            value=named,
            hint="give an address such as 192.0.2.1, or a network such as 192.0.2.0/24",
        ) from error
