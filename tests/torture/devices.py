"""Devices that enrol, register and present, and ask again whenever they are not answered.

What is answered with "not now", or by nobody, is asked again, as devices do. Any other answer than
the one that is due is a failure.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import httpx
import orjson

from bench.newborn import Newborn
from bench.presenting import Holder
from did.identifier import parse_keyborn
from did.keys import SigningKey
from did.multibase import multibase_encode
from did.openid4vci import PRE_AUTHORIZED, PROVISIONING_CONFIGURATION
from did.possession import sign_possession
from keyborn import clock

PATIENCE: Final = 120.0  # seconds for one device's step, whatever is done to who answers
TIMEOUT: Final = 10.0  # seconds for one answer
AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})  # HTTP statuses: ask again

_PAUSE: Final = 0.05

_T = TypeVar("_T")


class NotGrantedError(Exception):
    """A service answered, and with a refusal that asking again does not change."""


@dataclass
class Acknowledged:
    """What devices were told. Filled by several threads."""

    credentials: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    """The code that was spent and the answer of ``/credential``, by DID."""
    registered: set[str] = field(default_factory=set)
    """DIDs whose registration is final."""
    accepted: list[bytes] = field(default_factory=list)
    """Presentations."""
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True)
class Wish:
    """A request for a credential, ready to be sent; one code, one nonce."""

    headers: dict[str, str]
    body: bytes


def persist(act: Callable[[], _T], patience: float = PATIENCE) -> _T:
    """What ``act`` returns in the end, however often the service is away.

    Raises:
        NotGrantedError: It was refused for good.
        AssertionError: It was away all the time.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            return act()
        except httpx.HTTPStatusError as error:
            if error.response.status_code not in AGAIN:
                raise NotGrantedError(error.response.text) from error
            trouble = error.response.text
        except httpx.TransportError as error:
            trouble = repr(error)
        if time.monotonic() > deadline:
            raise AssertionError(trouble)
        time.sleep(_PAUSE)


def said(answer: httpx.Response) -> Any:
    """The JSON of a success."""
    answer.raise_for_status()
    return orjson.loads(answer.content)


@dataclass(frozen=True)
class Enrolling:
    """A device with the code of a claim, at an issuer that is reached at any of several URLs.

    Attributes:
        http: Its client.
        device: Itself.
        code: The claim's.
        name: The issuer's identifier.
        url: Where the issuer is to be asked next.
    """

    http: httpx.Client
    device: Newborn
    code: str
    name: str
    url: Callable[[], str]

    def enrol(self) -> bytes:
        """The answer of ``/credential``, from ``/token`` on, as often as needed."""
        return persist(lambda: self.send(self.wish()))

    def wish(self) -> Wish:
        """A request with a new nonce."""
        form = {"grant_type": PRE_AUTHORIZED, "pre-authorized_code": self.code}
        token = said(self.http.post(f"{self.url()}/token", data=form))["access_token"]
        nonce = said(self.http.post(f"{self.url()}/nonce"))["c_nonce"]
        did = parse_keyborn(self.device.kid.partition("#")[0])
        key = SigningKey(self.device.secret[:32])
        proof = sign_possession(did, key, audience=self.name, nonce=nonce, issued=clock.now())
        body = {
            "credential_configuration_id": PROVISIONING_CONFIGURATION,
            "proofs": {"jwt": [proof]},
        }
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        return Wish(headers, orjson.dumps(body))

    def send(self, wish: Wish) -> bytes:
        """What is answered with success."""
        url = f"{self.url()}/credential"
        answer = self.http.post(url, content=wish.body, headers=wish.headers)
        answer.raise_for_status()
        return answer.content

    def cut_off(self) -> None:
        """Send a whole request, wait until it is answered, and never read that."""
        wish = persist(self.wish)
        parts = urlsplit(self.url())
        head = "".join(f"{name}: {value}\r\n" for name, value in wish.headers.items())
        whole = f"POST /credential HTTP/1.1\r\nhost: {parts.netloc}\r\n{head}"
        whole += f"content-length: {len(wish.body)}\r\n\r\n"
        where = (parts.hostname, parts.port)
        with suppress(OSError), socket.create_connection(where) as connection:
            connection.sendall(whole.encode() + wish.body)
            connection.settimeout(5)
            connection.recv(1, socket.MSG_PEEK)  # it has committed by now


def register(http: httpx.Client, ledger: str, device: Newborn) -> None:
    """Hand in the create until it was acknowledged, then wait until it is final."""
    url = f"{ledger}/v1/operations"
    body = {"type": "create", "genesis": multibase_encode(device.genesis.to_bytes())}
    operation = persist(lambda: said(http.post(url, json=body)))["operation"]
    deadline = time.monotonic() + PATIENCE
    while persist(lambda: said(http.get(f"{url}/{operation}")))["state"] != "finalized":
        assert time.monotonic() < deadline, device.did
        time.sleep(_PAUSE)


def present(http: httpx.Client, verifier: str, holder: Holder) -> bytes:
    """The presentation that was accepted. One that was not answered may have been: another."""

    def once() -> bytes:
        asked = said(http.post(f"{verifier}/v1/challenges", json={"did": holder.device.did}))
        shown = holder.present(asked["challenge"], asked["domain"])
        device = said(show(http, verifier, shown))
        assert device["device"]["did"] == holder.device.did
        return shown

    return persist(once)


def show(http: httpx.Client, verifier: str, shown: bytes) -> httpx.Response:
    """The answer to a presentation."""
    headers = {"content-type": "application/vp"}
    return http.post(f"{verifier}/v1/presentations", content=shown, headers=headers)


def credential_in(answer: bytes) -> bytes:
    """The credential of an answer of ``/credential``, as comparable bytes."""
    (entry,) = orjson.loads(answer)["credentials"]
    return orjson.dumps(entry["credential"], option=orjson.OPT_SORT_KEYS)


@contextmanager
def together(tasks: list[Callable[[threading.Event], None]]) -> Iterator[threading.Event]:
    """Each runs in a thread until the event is set: when the block ends, or when one fails.

    A task that fails has the block's end raise what it raised.
    """
    over = threading.Event()
    failures: list[BaseException] = []

    def run(task: Callable[[threading.Event], None]) -> None:
        try:
            task(over)
        except BaseException as error:  # noqa: BLE001 - raised below, in the thread that waits
            failures.append(error)
            over.set()

    threads = [threading.Thread(target=partial(run, task)) for task in tasks]
    for thread in threads:
        thread.start()
    try:
        yield over
    finally:
        over.set()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]
