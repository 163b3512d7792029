import asyncio
import time
from typing import Any, cast

import click
import httpx
import pytest
from click.testing import CliRunner
from serving import serving
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from did.errors import Invalid
from keyborn import door, rates
from keyborn.door import Clients, Connections, group
from keyborn.options import Listening, service_options

PROXY = "192.0.2.1"
OTHER = "198.51.100.7"


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await PlainTextResponse("hello")(scope, receive, send)


def request(client: str | None, *forwarded: str, **headers: str) -> Scope:
    fields = [(b"x-forwarded-for", value.encode("latin-1")) for value in forwarded]
    fields += [(name.encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "client": client and (client, 4_000), "headers": fields}


def waits(clients: Clients, *requests: Scope) -> list[int]:
    async def ask() -> list[int]:
        return [await clients.seconds_to_wait(each) for each in requests]

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("client", "forwarded", "who"),
    [
        (PROXY, ["203.0.113.9"], "203.0.113.9"),
        (PROXY, ["203.0.113.1, 203.0.113.9"], "203.0.113.9"),  # the first is the client's own word
        (PROXY, ["203.0.113.1", "203.0.113.9"], "203.0.113.9"),
        (PROXY, ["203.0.113.9, 10.0.0.3, 192.0.2.1"], "203.0.113.9"),
        (PROXY, ["203.0.113.9:4711"], "203.0.113.9"),
        (PROXY, ["2001:db8::9"], "2001:db8::9"),
        (PROXY, ["[2001:db8::9]:4711"], "2001:db8::9"),
        ("::ffff:192.0.2.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.1.2.3", ["203.0.113.9"], "203.0.113.9"),
        (PROXY, [], PROXY),
        (PROXY, [""], PROXY),
        (PROXY, ["203.0.113.9, unknown"], PROXY),
        (PROXY, ["203.0.113.9, \xff"], PROXY),
        (PROXY, ["10.0.0.3"], PROXY),
        (OTHER, ["203.0.113.9"], OTHER),
        (None, ["203.0.113.9"], ""),
    ],
)
def test_who_the_client_is(client: str | None, forwarded: list[str], who: str) -> None:
    clients = Clients(proxies=[PROXY, "10.0.0.0/8"])
    assert clients.who(request(client, *forwarded)) == who
    assert Clients().who(request(client, *forwarded)) == (client or "")


def test_forwarded_is_not_believed() -> None:
    """A proxy that writes X-Forwarded-For passes on the other as it came."""
    asked = request(PROXY, "203.0.113.9", forwarded="for=203.0.113.1")
    assert Clients(proxies=[PROXY]).who(asked) == "203.0.113.9"


@pytest.mark.parametrize("proxy", ["proxy.example", "192.0.2.1/8", "", "192.0.2.256"])
def test_a_proxy_that_is_no_address(proxy: str) -> None:
    with pytest.raises(Invalid, match="invalid_proxy"):
        Clients(proxies=[proxy])
    with pytest.raises(Invalid, match="invalid_watcher"):
        Clients(watchers=[proxy])


def test_what_an_operator_chooses() -> None:
    given: list[Clients] = []

    @click.command()
    @service_options(port=8100)
    def serve(*, listening: Listening) -> None:
        given.append(listening.clients)

    words = ["--rate", "3", "--trusted-proxy", PROXY, "--trusted-proxy", "2001:db8::/32"]
    assert CliRunner().invoke(serve, words).exit_code == 0
    assert waits(given[0], *[request("127.0.0.1")] * 31)[-1] == 10
    assert [given[0].is_proxy(host) for host in (PROXY, "2001:db8::1", OTHER)] == [
        True,
        True,
        False,
    ]
    wrong = CliRunner().invoke(serve, ["--trusted-proxy", "proxy.example"])
    assert isinstance(wrong.exception, Invalid)
    assert CliRunner().invoke(serve, ["--rate", "-1"]).exit_code == 2


@pytest.mark.parametrize(
    ("host", "client"),
    [
        (OTHER, OTHER),
        (f"::ffff:{OTHER}", OTHER),
        ("2001:db8:0:1:2:3:4:5", "2001:db8:0:1::/64"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("2001:db8:0:2::1", "2001:db8:0:2::/64"),
        ("", ""),
    ],
)
def test_what_counts_as_one_client(host: str, client: str) -> None:
    assert group(host) == client


def test_a_client_that_asks_too_often_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    clients = Clients(2)
    assert waits(clients, *[request(OTHER)] * 20) == [0] * 20
    now += 3.5
    assert waits(clients, request(OTHER), request(PROXY)) == [7, 0]
    now += 6.6
    assert waits(clients, *[request(OTHER)] * 21) == [0] * 20 + [10]


def test_clients_behind_one_proxy_are_counted_apart() -> None:
    clients = Clients(1, [PROXY])
    first, second = request(PROXY, OTHER), request(PROXY, f"{OTHER}, 203.0.113.9")
    assert waits(clients, *[first] * 10, second)[-1] == 0
    assert waits(clients, first, second) == [10, 0]


@pytest.mark.parametrize(
    ("rate", "client", "refused"),
    [
        (None, OTHER, True),
        (None, "127.0.0.1", False),
        (None, "::1", False),
        (door.RATE, "127.0.0.1", True),
        (0, OTHER, False),
    ],
)
def test_whom_the_rate_is_for(rate: int | None, client: str, *, refused: bool) -> None:
    requests = [request(client)] * (door.RATE * rates.WINDOW_SECONDS + 1)
    assert (waits(Clients(rate), *requests)[-1] > 0) == refused


def test_few_clients_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "CLIENTS", 10)
    clients = Clients(1)
    assert waits(clients, *[request(f"10.0.0.{number}") for number in range(200)]) == [0] * 200
    assert len(clients._rates._here.expirations) <= 10
    assert len(clients._rates._here.storage) <= 10


def test_a_service_says_how_long_to_wait() -> None:
    with serving(hello, clients=Clients(1)) as url, httpx.Client(base_url=url) as client:
        assert [client.get("/").status_code for _ in range(10)] == [200] * 10
        refused = client.post("/", content=b"x" * 1_000)
        assert refused.status_code == 429
        assert refused.json()["code"] == "rate_limited"
        assert 1 <= int(refused.headers["retry-after"]) <= 10
        assert refused.headers["connection"] == "close"
    with serving(hello, clients=Clients(1, ["127.0.0.1"])) as url:
        for number in range(30):
            headers = {"x-forwarded-for": f"203.0.113.{number % 3}"}
            assert httpx.get(url, headers=headers).status_code == 200
        assert httpx.get(url, headers={"x-forwarded-for": "203.0.113.0"}).status_code == 429


class Connection:
    """As much of a transport as is asked."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.aborted = False

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.aborted


def enter(connections: Connections, host: str, number: int = 1) -> list[Any]:
    made = [Connection(host) for _ in range(number)]
    for each in made:
        connections.enter(cast("asyncio.Transport", each), host)
    return made


def aborted(made: list[Any]) -> list[int]:
    return [number for number, each in enumerate(made) if each.aborted]


def test_a_client_with_too_many_connections_loses_the_one_that_waits_longest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(door, "CONNECTIONS_PER_CLIENT", 4)
    connections = Connections(Clients(proxies=[PROXY]))
    other = enter(connections, OTHER)
    made = enter(connections, "10.0.0.1", 4)
    connections.attend(made[0])
    assert aborted(made + enter(connections, "10.0.0.1")) == [1]
    connections.leave(made[1])  # as the transport says afterwards
    connections.wait(made[0])  # idle again, from now on
    enter(connections, "10.0.0.1", 2)
    assert aborted(made) == [1, 2, 3]
    assert aborted(other + enter(connections, PROXY, 10)) == []


def test_one_who_has_no_place_is_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "CONNECTIONS_PER_CLIENT", 2)
    connections = Connections(Clients())
    made = enter(connections, OTHER, 2)
    for each in made:
        connections.attend(each)
    third = enter(connections, OTHER)
    assert aborted(made + third) == [2]
    connections.attend(third[0])  # of one that is gone, nothing is noted
    connections.wait(third[0])
    connections.leave(made[0])
    assert aborted(enter(connections, OTHER)) == []


def test_of_too_many_answers_that_are_not_fetched_the_first_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(door, "UNFETCHED", 2)
    connections = Connections(Clients())
    made = enter(connections, OTHER, 6)
    for each in made[:5]:
        connections.attend(each)
    for each in made[:2]:
        connections.stall(each)
    connections.go_on(made[0])
    connections.stall(made[2])
    assert aborted(made) == []
    connections.stall(made[3])
    assert aborted(made) == [1]
    connections.leave(made[2])
    connections.stall(made[1])  # it is gone
    connections.stall(made[4])
    assert aborted(made) == [1]
    for each in made:
        connections.leave(each)
    assert (connections._open, connections._waiting, connections._unfetched) == ({}, {}, {})


def test_where_all_places_are_taken_who_has_most_waiting_loses_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(door, "CONNECTIONS", 5)
    connections = Connections(Clients())
    few, many = enter(connections, OTHER), enter(connections, "10.0.0.1", 4)
    assert aborted(few + many + enter(connections, "10.0.0.2")) == [1]
    assert aborted(enter(connections, "10.0.0.3", 40))[:1] == [0]
    assert len(connections._open) == 5
    for each in list(connections._open):
        connections.leave(each)
    assert (connections._open, connections._waiting) == ({}, {})
    assert not connections._number
