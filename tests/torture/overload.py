"""More devices at once than an issuer answers at a time: some must come later, and none is lost.

Four times as many clients as requests are answered at a time ask without a pause, from addresses
of their own. Each is answered with 200, or with 503 and ``Retry-After``, or its connection is
closed; who is put off asks again sooner than told. When it is over a good request is answered
within a second, and each credential that was handed out is in the store, once.
"""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlencode, urlsplit

import httpx
import orjson
from torture.checks import check_store
from torture.devices import TIMEOUT, Acknowledged, Enrolling, persist
from torture.services import Services

from bench.newborn import Newborn
from bench.operating import Operator
from did.identifier import parse_keyborn
from did.keys import SigningKey
from did.openid4vci import PRE_AUTHORIZED, PROVISIONING_CONFIGURATION
from did.possession import sign_possession
from keyborn import clock
from keyborn.rim import CONCURRENT_REQUESTS

TIMES: Final = 4
CLIENTS: Final = TIMES * CONCURRENT_REQUESTS
OF_ONE_ADDRESS: Final = 128  # of them
GOOD: Final = 1.0  # seconds within which a request must be answered when the flood is over
CODES: Final = 250  # that are made at a time

_FORM: Final = {"content-type": "application/x-www-form-urlencoded"}
_JSON: Final = {"content-type": "application/json"}
_SOONER: Final = 0.1  # seconds after which who was put off asks again


class PutOffError(Exception):
    """It is to be asked again later."""


class Connection:
    """One, kept open while the issuer keeps it; as lean as it can be: all share the machine."""

    def __init__(self, url: str, address: str) -> None:
        parts = urlsplit(url)
        self._host = parts.netloc
        self._where = parts.hostname, parts.port
        self._from = address, 0
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(
        self, path: str, content: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """The status, the headers and the body of the answer; raises ``OSError``, ``EOFError``."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._where, local_addr=self._from)
        reader, writer = self._streams
        named = {"host": self._host, "content-length": str(len(content)), **(headers or {})}
        lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items())]
        writer.write("\r\n".join([*lines, "", ""]).encode() + content)
        first, *rest = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        told = {name.lower(): value for name, _, value in (line.partition(": ") for line in rest)}
        body = await reader.readexactly(int(told["content-length"]))
        if told.get("connection") == "close":
            self.close()
        return int(first.split()[1]), told, body

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


@dataclass
class Flood:
    """Clients that each enrol one device after the other, and repeat what is put off."""

    url: str
    operator: Operator
    told: Acknowledged
    end: float
    answers: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    _codes: list[str] = field(default_factory=list)
    _making: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self) -> None:
        await asyncio.gather(*(self._client(number) for number in range(CLIENTS)))

    async def _client(self, number: int) -> None:
        connection = Connection(self.url, f"127.0.1.{1 + number // OF_ONE_ADDRESS}")
        while time.monotonic() < self.end:
            code, device = await self._code(), Newborn.born()
            while time.monotonic() < self.end:
                try:
                    answer = await self._enrol(connection, code, device)
                except PutOffError:
                    await asyncio.sleep(_SOONER)
                    continue
                self.told.credentials[device.did] = (code, answer)
                break
        connection.close()

    async def _code(self) -> str:
        async with self._making:
            if not self._codes:
                make = partial(self.operator.claims, CODES, lambda _: None)
                self._codes += await asyncio.to_thread(persist, make)
            return self._codes.pop()

    async def _enrol(self, connection: Connection, code: str, device: Newborn) -> bytes:
        form = urlencode({"grant_type": PRE_AUTHORIZED, "pre-authorized_code": code}).encode()
        token = orjson.loads(await self._ask(connection, "/token", form, _FORM))["access_token"]
        nonce = orjson.loads(await self._ask(connection, "/nonce", b"", {}))["c_nonce"]
        did = parse_keyborn(device.kid.partition("#")[0])
        key = SigningKey(device.secret[:32])
        proof = sign_possession(did, key, audience=self.url, nonce=nonce, issued=clock.now())
        body = {
            "credential_configuration_id": PROVISIONING_CONFIGURATION,
            "proofs": {"jwt": [proof]},
        }
        headers = {**_JSON, "authorization": f"Bearer {token}"}
        return await self._ask(connection, "/credential", orjson.dumps(body), headers)

    async def _ask(
        self, connection: Connection, path: str, content: bytes, headers: dict[str, str]
    ) -> bytes:
        """What is answered with success; raises ``PutOffError``."""
        began = time.monotonic()
        try:
            status, told, body = await connection.post(path, content, headers)
        except (OSError, EOFError) as error:
            connection.close()
            self.answers["closed"] += 1
            raise PutOffError from error
        self.slowest = max(self.slowest, time.monotonic() - began)
        self.answers[str(status)] += 1
        if status == 200:
            return body
        assert status == 503, f"{path}: {status} {body!r}"
        assert "retry-after" in told, f"{path}: it does not say when to come again"
        raise PutOffError


def overload(folder: Path, *, seed: int, times: int) -> str:  # noqa: ARG001 - nothing is drawn
    """Flood the issuer for ``times`` seconds; what to say when it went well."""
    told, services = Acknowledged(), Services(folder)
    with services.open() as operator:
        url = services.issuer.url
        flood = Flood(url, operator, told, time.monotonic() + times)
        asyncio.run(flood.run())
        (code,) = persist(lambda: operator.claims(1, lambda _: None))
        device = Newborn.born()
        with httpx.Client(timeout=TIMEOUT) as http:
            enrolling = Enrolling(http, device, code, url, lambda: url)
            wish = enrolling.wish()
            began = time.monotonic()
            told.credentials[device.did] = (code, enrolling.send(wish))
            good = time.monotonic() - began
        assert good < GOOD, f"a good request took {good:.1f} s afterwards"
    there = check_store(services.store, told)
    counted = ", ".join(f"{count:,} times {what}" for what, count in sorted(flood.answers.items()))
    return (
        f"{CLIENTS:,} clients, {TIMES} times what is answered at a time, for {times} s: {counted},"
        f" the slowest in {flood.slowest:.1f} s; {len(told.credentials):,} devices enrolled,"
        f" {there:,} credentials in the store; a credential took {1_000 * good:.0f} ms afterwards"
    )
