"""Issuer, embedded ledger and verifier, each killed over and over while devices come on board.

A device enrols, registers and presents, and asks again whenever it is not answered, as devices do.
Whatever was acknowledged must stand when all is over, and once:

* each device has one credential: what was answered is what the issuer's store has, byte for byte,
  and each answer to the same wish was the same; each claim was taken by one device, each entry of
  a status list is one device's;
* each device is on the log once, for a reader that begins with nothing;
* each presentation that was accepted is refused when it is sent once more.

One connection in so many is cut by its device when the request is sent and not yet answered.

    python tests/torture_services.py [--seed N] [--kills 200] [--cuts 100]

The seed decides who the devices are and when something is killed; what these moments meet is up to
the machine. Each service must listen again within 30 seconds of its kill.
"""

import argparse
import hashlib
import random
import secrets
import socket
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
import orjson
from killable import Killable

from bench.newborn import Newborn
from bench.operating import Operator
from bench.presenting import Holder
from did.identifier import parse_keyborn
from did.keys import SigningKey
from did.multibase import multibase_encode
from did.openid4vci import PRE_AUTHORIZED, PROVISIONING_CONFIGURATION
from did.possession import sign_possession
from did.resolution import Registration
from keyborn import cli
from ledger.network import load_network, open_reader

CLIENTS = 6
PATIENCE = 120.0  # seconds for one device's step, however often it is killed
BACK = 30.0  # seconds in which a killed service must listen again
PAUSE = 0.05
AGAIN = {408, 425, 429, 500, 502, 503, 504}  # HTTP statuses after which a device asks again

_T = TypeVar("_T")


@dataclass(frozen=True)
class Plan:
    """How often each service is killed, how many answers are cut off, with which seed."""

    seed: int
    kills: int
    cuts: int


@dataclass
class Found:
    """What the devices were told. Filled by several threads."""

    credentials: dict[str, tuple[str, bytes]] = field(default_factory=dict)  # by DID: code, answer
    accepted: list[bytes] = field(default_factory=list)
    cut: int = 0
    slowest: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Street:
    """The three services, and the URLs that they keep."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.network = folder / "network.toml"
        self.trust = folder / "trust.toml"
        self.ledger = Killable(
            folder, "ledger", "serve", "--dir", folder / "ledger", "--network-out", self.network
        )
        self.issuer = Killable(
            folder, "issuer", "serve", "--dir", folder / "issuer", "--network", self.network
        )
        self.verifier = Killable(
            folder, "verifier", "serve", "--dir", folder / "verifier", "--trust", self.trust
        )

    @contextmanager
    def open(self) -> Iterator[Operator]:
        with ExitStack() as running:
            for service in (self.ledger, self.issuer):
                service.start()
                running.callback(service.stop)
            operator = Operator.of(self.issuer.url, self.folder / "issuer")
            words = ["verifier", "trust", "--network", self.network, "--issuer", operator.did]
            words += ["--status-url", f"{self.issuer.url}/v1/status/", "--out", self.trust]
            with suppress(SystemExit):
                cli.main([str(word) for word in words])
            self.verifier.start()
            running.callback(self.verifier.stop)
            yield operator


def torture(folder: Path, plan: Plan) -> str:
    """Do it all in ``folder``; what to say when it went well."""
    start = time.monotonic()
    street, found = Street(folder), Found()
    over = threading.Event()
    with street.open() as operator:
        failures: list[BaseException] = []

        def guarded(work: Callable[[], None]) -> threading.Thread:
            def run() -> None:
                try:
                    work()
                except BaseException as error:  # noqa: BLE001 - told below, in the thread that waits
                    failures.append(error)
                    over.set()

            thread = threading.Thread(target=run)
            thread.start()
            return thread

        clients = [
            guarded(
                partial(live, street, operator, found, plan, over, luck=f"{plan.seed}-{number}")
            )
            for number in range(CLIENTS)
        ]
        killers = [
            guarded(partial(kill, service, found, plan, over, luck=f"{plan.seed}-{name}"))
            for name, service in (
                ("ledger", street.ledger),
                ("issuer", street.issuer),
                ("verifier", street.verifier),
            )
        ]
        for thread in killers:
            thread.join()
        over.set()
        for thread in clients:
            thread.join()
        if failures:
            raise failures[0]
        check_challenges(street, found)
        check_log(street, folder, found)
    check_store(folder / "issuer" / "issuer.sqlite", found)
    return (
        f"{plan.kills} kills of each of 3 services: {len(found.credentials)} devices enrolled,"
        f" registered and presented, {len(found.accepted)} presentations accepted;"
        f" {found.cut} connections cut, {len(found.credentials)} repeats given the same;"
        f" the slowest was back within {found.slowest:.1f} s; {time.monotonic() - start:.0f} s"
    )


def kill(service: Killable, found: Found, plan: Plan, over: threading.Event, *, luck: str) -> None:
    """Kill one service again and again, some time after it listened."""
    drawn = random.Random(luck)
    for _ in range(plan.kills):
        if over.wait(drawn.uniform(0.02, 1.0)):
            return
        service.kill()
        start = time.monotonic()
        service.start()
        with found.lock:
            found.slowest = max(found.slowest, time.monotonic() - start)
        assert found.slowest < BACK


def live(
    street: Street,
    operator: Operator,
    found: Found,
    plan: Plan,
    over: threading.Event,
    *,
    luck: str,
) -> None:
    """One device after the other, until it is over; the one under way is finished."""
    drawn = random.Random(luck)
    with httpx.Client(timeout=10) as http:
        while not over.is_set():
            code = persist(lambda: operator.claims(1, lambda _: None)[0])
            device = Newborn.born()
            cut = drawn.random() < 0.5 and found.cut < plan.cuts
            answer = enrol(street, http, device, code, found, cut=cut)
            repeat = enrol(street, http, device, code, found, cut=False)
            assert credential_in(answer) == credential_in(repeat), device.did
            register(street, http, device)
            shown = present(street, http, Holder.of(device, answer))
            with found.lock:
                found.accepted.append(shown)
                found.credentials[device.did] = (code, answer)


def persist(act: Callable[[], _T]) -> _T:
    """What ``act`` returns in the end, however often the service is away."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return act()
        except httpx.HTTPStatusError as error:
            if error.response.status_code not in AGAIN or time.monotonic() > deadline:
                raise AssertionError(error.response.text) from error
        except httpx.TransportError:
            assert time.monotonic() < deadline
        time.sleep(PAUSE)


def said(answer: httpx.Response) -> Any:
    answer.raise_for_status()
    return orjson.loads(answer.content)


def enrol(
    street: Street, http: httpx.Client, device: Newborn, code: str, found: Found, *, cut: bool
) -> bytes:
    """The answer of ``/credential``, from ``/token`` on, as often as needed."""
    key = SigningKey(device.secret[:32])
    did = parse_keyborn(device.kid.partition("#")[0])
    url = street.issuer.url

    def wish() -> tuple[dict[str, str], bytes]:
        form = {"grant_type": PRE_AUTHORIZED, "pre-authorized_code": code}
        token = said(http.post(f"{url}/token", data=form))["access_token"]
        nonce = said(http.post(f"{url}/nonce"))["c_nonce"]
        proof = sign_possession(did, key, audience=url, nonce=nonce, issued=datetime.now(UTC))
        body = {
            "credential_configuration_id": PROVISIONING_CONFIGURATION,
            "proofs": {"jwt": [proof]},
        }
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        return headers, orjson.dumps(body)

    def once() -> bytes:
        headers, body = wish()
        answer = http.post(f"{url}/credential", content=body, headers=headers)
        answer.raise_for_status()
        return answer.content

    if cut:
        cut_off(url, *persist(wish))
        with found.lock:
            found.cut += 1
    return persist(once)


def cut_off(url: str, headers: dict[str, str], body: bytes) -> None:
    """Send a whole request, wait until it is answered, and never read that."""
    parts = urlsplit(url)
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    whole = f"POST /credential HTTP/1.1\r\nhost: {parts.netloc}\r\n{head}"
    with suppress(OSError), socket.create_connection((parts.hostname, parts.port)) as connection:
        connection.sendall(f"{whole}content-length: {len(body)}\r\n\r\n".encode() + body)
        connection.settimeout(5)
        connection.recv(1, socket.MSG_PEEK)  # it has committed by now


def register(street: Street, http: httpx.Client, device: Newborn) -> None:
    """Hand in the create until it was acknowledged, then wait until it is final."""
    url = f"{street.ledger.url}/v1/operations"
    body = {"type": "create", "genesis": multibase_encode(device.genesis.to_bytes())}
    operation = persist(lambda: said(http.post(url, json=body)))["operation"]
    deadline = time.monotonic() + PATIENCE
    while persist(lambda: said(http.get(f"{url}/{operation}")))["state"] != "finalized":
        assert time.monotonic() < deadline, device.did
        time.sleep(PAUSE)


def present(street: Street, http: httpx.Client, holder: Holder) -> bytes:
    """The presentation that was accepted. One that was not answered may have been: another."""
    url = street.verifier.url

    def once() -> bytes:
        asked = said(http.post(f"{url}/v1/challenges", json={"did": holder.device.did}))
        shown = holder.present(asked["challenge"], asked["domain"])
        headers = {"content-type": "application/vp"}
        device = said(http.post(f"{url}/v1/presentations", content=shown, headers=headers))
        assert device["device"]["did"] == holder.device.did
        return shown

    return persist(once)


def credential_in(answer: bytes) -> bytes:
    (entry,) = orjson.loads(answer)["credentials"]
    return orjson.dumps(entry["credential"], option=orjson.OPT_SORT_KEYS)


def check_challenges(street: Street, found: Found) -> None:
    """None that was accepted is accepted again."""
    with httpx.Client(timeout=10) as http:
        for shown in found.accepted:
            headers = {"content-type": "application/vp"}
            answer = http.post(
                f"{street.verifier.url}/v1/presentations", content=shown, headers=headers
            )
            refused = (answer.status_code, orjson.loads(answer.content)["code"])
            assert refused in {(403, "challenge_used"), (403, "challenge_expired")}, answer.text


def check_log(street: Street, folder: Path, found: Found) -> None:
    """Each device is registered, for who reads the log from its beginning."""
    with open_reader(load_network(street.network), folder / "fresh.db") as reader:
        dids = [parse_keyborn(did) for did in found.credentials]
        for resolution in reader.resolve_all(dids):
            assert resolution.registration is Registration.YES, resolution.did.text
            assert len(resolution.versions) == 1


def check_store(store: Path, found: Found) -> None:
    """What was answered is what is kept, and nothing is there twice."""
    with closing(sqlite3.connect(store)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert not connection.execute("PRAGMA foreign_key_check").fetchall()
        kept: dict[str, list[tuple[str, bytes]]] = {}
        query = (
            "SELECT g.did, c.code_hash, g.credential FROM grants g JOIN claims c ON c.id = g.claim"
        )
        for did, code, credential in connection.execute(query):
            kept.setdefault(did, []).append((code, credential))
        positions = connection.execute("SELECT list, position FROM status_indexes").fetchall()
    assert len(set(positions)) == len(positions)
    codes = [code for granted in kept.values() for code, _ in granted]
    assert len(set(codes)) == len(codes), "a claim was taken twice"
    for did, (code, answer) in found.credentials.items():
        ((digest, credential),) = kept[did]
        assert digest == hashlib.sha256(code.encode()).digest()
        assert orjson.dumps(orjson.loads(credential), option=orjson.OPT_SORT_KEYS) == credential_in(
            answer
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32))
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--cuts", type=int, default=100)
    plan = Plan(**vars(parser.parse_args()))
    print(f"seed {plan.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="keyborn-torture-") as folder:
        print(torture(Path(folder), plan))


if __name__ == "__main__":
    main()
