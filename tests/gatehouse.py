"""A verifier at work: a real embedded ledger and reader, an issuer, its status lists, devices.

The clock is the test's. Only the network is left out: the reader reads the ledger in this process,
and status lists come from a table.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
from actors import ISSUER, NOW, Actor
from formats import as_v1
from operations import Life, batch

from did.challenge import Challenge
from did.identifier import Did
from did.jcs import JsonObject, canonicalize
from did.keys import SigningKey
from did.vc.bitstring import MINIMUM_BITS, with_value
from did.vc.credential import PROVISIONING, build_credential, sign_credential
from did.vc.formats import Format, secure_credential, secure_presentation
from did.vc.presentation import sign_presentation
from did.vc.status_list import (
    CREDENTIAL_TYPE,
    REVOCATION,
    SUSPENSION,
    StatusEntry,
    StatusList,
    StatusMessage,
    list_subject,
)
from ledger.embedded.store import EmbeddedLedger
from ledger.index import Index
from ledger.network import Network
from ledger.reader import LogReader
from verifier.challenges import ChallengeBook
from verifier.conclusion import AuthenticatedDevice
from verifier.statuses import Statuses
from verifier.store import Store, open_store
from verifier.trust_root import Policy, TrustedIssuer, TrustRoot
from verifier.verifier import Verifier

AUDIENCE: Final = "https://gate.example"
PREFIX: Final = "https://issuer.example/v1/status/"
LEDGER_URL: Final = "https://ledger.example"
INDEX: Final = 4_711


@dataclass
class StatusService:
    """What an issuer serves below its status URL: whatever a test puts there."""

    served: dict[str, bytes] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)
    confirmed: list[str] = field(default_factory=list)
    up: bool = True
    etags: bool = False
    always_confirms: bool = False

    def connect(self, _prefix: str) -> httpx.Client:
        return httpx.Client(transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if not self.up:
            raise httpx.ConnectError("nobody answers", request=request)
        url = str(request.url)
        body = self.served.get(url, b"")
        etag = f'"{hashlib.sha256(body).hexdigest()}"'
        asked = request.headers.get("if-none-match")
        if self.always_confirms or (self.etags and asked == etag):
            self.confirmed.append(url)
            return httpx.Response(304, headers={"etag": etag}, stream=httpx.ByteStream(b""))
        self.fetched.append(url)
        status = 200 if url in self.served else 404
        headers = {"etag": etag} if self.etags else {}
        return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body))


class Issuer:
    """An issuer with a life on the log, and a list for each purpose."""

    def __init__(
        self, gatehouse: "Gatehouse", actor: Actor, *, prefix: str = PREFIX, did: Did | None = None
    ) -> None:
        self._gatehouse = gatehouse
        self.life = Life(actor, gatehouse.log_id)
        self.did: Did = actor.short if did is None else did
        self.prefix = prefix
        self.bits = {purpose: bytes(MINIMUM_BITS // 8) for purpose in (REVOCATION, SUSPENSION)}

    @property
    def key(self) -> SigningKey:
        return self.life.actor.key if self.life.state is None else self.life.key

    def trusted(self, **changes: Any) -> TrustedIssuer:
        entry = TrustedIssuer(self.did, (PROVISIONING,), (self.prefix,))
        return replace(entry, **changes)

    def entries(self, index: int = INDEX) -> tuple[StatusEntry, ...]:
        return tuple(StatusEntry(purpose, index, self.url(purpose)) for purpose in self.bits)

    def url(self, purpose: str) -> str:
        return f"{self.prefix}{purpose}-1"

    def issue(
        self,
        subject: Did,
        *,
        valid_from: datetime | None = None,
        key: SigningKey | None = None,
        **changes: Any,
    ) -> JsonObject:
        """A credential of ``subject``; ``changes`` as ``unsigned`` has them."""
        document = self.unsigned(subject, valid_from=valid_from, **changes)
        at = self._gatehouse.now if valid_from is None else valid_from
        return sign_credential(document, key or self.key, issuer=self.did, created=at)

    def issue_as(self, format_: Format, subject: Did, **changes: Any) -> bytes:
        """A credential of ``subject`` in ``format_``; ``changes`` as ``unsigned`` has them."""
        document = self.unsigned(subject, **changes)
        return secure_credential(
            as_v1(document) if format_ is Format.JWT_VC_JSON else document,
            self.key,
            issuer=self.did,
            created=self._gatehouse.now,
            format=format_,
        )

    def unsigned(
        self,
        subject: Did,
        *,
        types: str = PROVISIONING,
        claims: JsonObject | None = None,
        statuses: Sequence[StatusEntry] | None = None,
        valid_from: datetime | None = None,
        valid_until: datetime | None = None,
        alter: Callable[[JsonObject], object] = lambda _document: None,
    ) -> JsonObject:
        """A credential of ``subject`` that is not signed yet; ``alter`` changes it."""
        at = self._gatehouse.now if valid_from is None else valid_from
        said: JsonObject = {
            "id": subject.canonical.text,
            "logId": self._gatehouse.log_id.hex(),
            "model": "thermometer",
            "owner": "Example Ltd",
            "roles": ["sensor"],
        }
        document = build_credential(
            types,
            issuer=self.did,
            subject={**said, **(claims or {})},
            valid_from=at,
            valid_until=valid_until,
            statuses=self.entries() if statuses is None else statuses,
        )
        alter(document)
        return document

    def set(self, purpose: str, *, value: bool = True, index: int = INDEX) -> None:
        self.bits[purpose] = with_value(self.bits[purpose], index, int(value))
        self.publish()

    def publish(self, **changes: Any) -> None:
        for purpose in self.bits:
            self.serve(purpose, self.list(purpose, **changes))

    def serve(self, purpose: str, document: JsonObject) -> None:
        self._gatehouse.statuses.served[self.url(purpose)] = canonicalize(document)

    def list(
        self,
        purpose: str,
        *,
        says: str | tuple[str, ...] | None = None,
        url: str | None = None,
        types: str = CREDENTIAL_TYPE,
        ttl: int | None = 300_000,
        valid_from: datetime | None = None,
        valid_until: datetime | None = None,
        ends: bool = True,
        key: SigningKey | None = None,
        bits: bytes | None = None,
        size: int | None = None,
        messages: Sequence[StatusMessage] = (),
        alter: Callable[[JsonObject], object] = lambda _document: None,
    ) -> JsonObject:
        """A list that ends with its ``ttl``, as our issuer's do, unless something else is said."""
        at = self._gatehouse.now if valid_from is None else valid_from
        where = url or self.url(purpose)
        if valid_until is None and ttl is not None and ends:
            valid_until = at + timedelta(milliseconds=ttl)
        said = StatusList(
            url=where,
            purposes=(says,) if isinstance(says, str) else says or (purpose,),
            bits=self.bits[purpose] if bits is None else bits,
            ttl=ttl,
            size=size,
            messages=tuple(messages),
        )
        document = build_credential(
            types,
            issuer=self.did,
            subject=list_subject(said),
            valid_from=at,
            valid_until=valid_until,
            url=where,
        )
        alter(document)
        return sign_credential(document, key or self.key, issuer=self.did, created=at)


class Gatehouse:
    """A verifier and the world that it judges."""

    def __init__(
        self,
        directory: Path,
        ledger: EmbeddedLedger,
        reader: LogReader,
        store: Store,
        start: datetime,
    ) -> None:
        self.directory = directory
        self.ledger = ledger
        self.reader = reader
        self.store = store
        self.now = start
        self.ledger_url = LEDGER_URL
        self.statuses = StatusService()
        self.policy = Policy(max_status_age=timedelta(0))
        self.issuer = Issuer(self, ISSUER)

    @property
    def log_id(self) -> bytes:
        return self.ledger.log_id

    @property
    def network(self) -> Network:
        return Network(self.ledger.pin, self.ledger_url)

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def append(self, *operations: Any) -> None:
        self.ledger.submit(self.ledger.prepare(batch(*operations)))

    def device(self, actor: Actor, *, registered: bool = True) -> Life:
        life = Life(actor, self.log_id)
        if registered:
            self.append(life.create())
        return life

    def trust_root(self, *issuers: TrustedIssuer) -> TrustRoot:
        return TrustRoot(self.network, issuers or (self.issuer.trusted(),), self.policy)

    def verifier(
        self,
        *issuers: TrustedIssuer,
        audience: str = AUDIENCE,
        store: Store | None = None,
        **changes: Any,
    ) -> Verifier:
        """A verifier that trusts ``issuers`` (default: the issuer)."""
        store = store or self.store
        parts = {
            "trust_root": self.trust_root(*issuers),
            "resolver": self.reader,
            "statuses": Statuses(store=store, connect=self.statuses.connect),
            "challenges": ChallengeBook(store=store, audience=audience),
        }
        return Verifier(**{**parts, **changes})

    def present(
        self,
        device: Life,
        *credentials: JsonObject,
        challenge: Challenge,
        key: SigningKey | None = None,
        **changes: Any,
    ) -> bytes:
        """The presentation of ``credentials`` by ``device``, with its current key."""
        default: dict[str, Any] = {
            "holder": device.actor.short,
            "challenge": challenge.nonce,
            "audience": challenge.audience,
            "created": self.now,
        }
        signer = key or (device.actor.key if device.state is None else device.key)
        return canonicalize(sign_presentation(credentials, signer, **{**default, **changes}))

    def present_as(
        self,
        format_: Format,
        device: Life,
        *credentials: tuple[bytes, Format],
        challenge: Challenge,
        **changes: Any,
    ) -> bytes:
        """As ``present``, in ``format_``, of credentials in any."""
        default: dict[str, Any] = {
            "holder": device.actor.short,
            "challenge": challenge.nonce,
            "audience": challenge.audience,
            "created": self.now,
            "expires": challenge.expires,
        }
        signer = device.actor.key if device.state is None else device.key
        return secure_presentation(credentials, signer, format=format_, **{**default, **changes})

    def admit(
        self, holder: Life, *credentials: JsonObject, verifier: Verifier | None = None
    ) -> AuthenticatedDevice:
        """Challenge, present and decide, all now."""
        verifier = verifier or self.verifier()
        challenge = verifier.challenge(at=self.now, did=holder.actor.did)
        answer = self.present(holder, *credentials, challenge=challenge)
        return verifier.admit(answer, at=self.now)


@contextmanager
def gatehouse(
    directory: Path, *, final_depth: int = 0, start: datetime = NOW
) -> Iterator[Gatehouse]:
    """A gatehouse whose issuer is registered and whose lists are published."""
    times: list[Gatehouse] = []

    def clock() -> int:
        return int((times[0].now if times else start).timestamp())

    with ExitStack() as stack:
        ledger = stack.enter_context(
            EmbeddedLedger(directory / "ledger", final_depth=final_depth, clock=clock)
        )
        reader = stack.enter_context(LogReader(ledger, Index.temporary(ledger.log_id)))
        store = stack.enter_context(closing(open_store(directory / "verifier")))
        house = Gatehouse(directory, ledger, reader, store, start)
        times.append(house)
        house.append(house.issuer.life.create())
        ledger.mine(final_depth)
        house.issuer.publish()
        yield house
