"""Requests while they are under way, and for an hour after: what was asked, and what came of it.

One SQLite file, beside the verifier's other one (``verifier.store``); several processes may share
it, and those of several hosts a PostgreSQL. A request ends once: that is held by a condition in the
database. Who decides on an answer holds a lock meanwhile, which is let go where that process dies:
so whoever looks can tell a decision that is on its way from one that never comes.

Threat model: whoever can modify the file can have the asker see any outcome. Who can read it can
read what devices presented, and decrypt answers to requests that are still open.
"""

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

import orjson
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    LargeBinary,
    MetaData,
    Row,
    String,
    Table,
    delete,
    insert,
    select,
    update,
)

from did.challenge import Challenge
from did.jcs import JsonObject, canonicalize
from did.jose import EncryptionKey
from did.openid4vp.dcql import Query, parse_query
from did.openid4vp.request import ResponseMode
from keyborn.faults import FaultPoint
from keyborn.files import private_directory
from keyborn.storage import (
    KEPT_AFTER_EXPIRY,
    Integer64,
    Locks,
    StoreKind,
    Writer,
    locks_of,
    open_store,
    reading,
)
from keyborn.storage.trials import trial

_BYTES: Final = 32

_END_BEFORE_COMMIT: Final = FaultPoint("verifier.request.before_commit")
_END_AFTER_COMMIT: Final = FaultPoint("verifier.request.after_commit")

_metadata: Final = MetaData()
_requests: Final = Table(
    "requests",
    _metadata,
    Column("id", String, primary_key=True),
    Column("secret", LargeBinary, nullable=False),  # SHA-256 of it
    Column("state", String, nullable=False),
    Column("nonce", String, nullable=False),
    Column("audience", String, nullable=False),
    Column("query", LargeBinary, nullable=False),
    Column("mode", String, nullable=False),
    Column("encryption", LargeBinary),
    Column("redirect_uri", String),
    Column("response_code", String),
    Column("expires", Integer64, nullable=False, index=True),
    Column("status", String, nullable=False),
    Column("result", LargeBinary, nullable=False),
)


def _renew(connection: Connection, _at: datetime) -> dict[str, object]:
    """Have all requests end: their challenges are void, with the key that they were made with."""
    return {"requests ended": connection.execute(delete(_requests)).rowcount}


KIND: Final = StoreKind(
    "verifier requests",
    _metadata,
    "verifier.openid4vp.migrations",
    former=1,
    renew=_renew,
)


class Status(StrEnum):
    """Where a request stands."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    INVALID = "invalid"
    REFUSED = "refused"
    UNDECIDED = "undecided"
    DECLINED = "declined"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Request:
    """One question to one device.

    Attributes:
        id: What its URLs end with.
        challenge: Its nonce, whom it is for, and when it ends.
        state: What the answer must bring back; known to who fetched the request object.
        query: What is asked.
        mode: How the answer travels.
        encryption: The key that it is encrypted to, in that mode, until the request has ended.
        redirect_uri: Where the holder is sent when it has answered.
        response_code: What it then brings along; without one, the secret alone shows the outcome.
        status: ``PENDING`` until it is answered, whatever the time.
        result: What came of it, as the asker sees it.
    """

    id: str
    challenge: Challenge
    state: str = field(repr=False)
    query: Query
    mode: ResponseMode
    encryption: EncryptionKey | None = None
    redirect_uri: str | None = None
    response_code: str | None = field(default=None, repr=False)
    status: Status = Status.PENDING
    result: JsonObject = field(default_factory=dict)


class Requests:
    """The database."""

    def __init__(self, engine: Engine, writer: Writer, locks: Locks) -> None:
        self._engine = engine
        self._trial = trial(engine, KIND)
        self._writer = writer
        self._locks = locks

    def check(self) -> None:
        """Return if it can be read and written; raises as ``keyborn.storage.trials``."""
        self._trial()

    def begin(
        self,
        challenge: Challenge,
        query: Query,
        *,
        mode: ResponseMode,
        redirect_uri: str | None,
        at: datetime,
    ) -> tuple[Request, str]:
        """A new request, durable when this returns, and the secret that shows its outcome.

        Forgets those that ended more than an hour ago.
        """
        id_, secret = secrets.token_urlsafe(16), secrets.token_urlsafe(_BYTES)
        encrypted = mode is ResponseMode.DIRECT_POST_JWT
        request = Request(
            id=id_,
            challenge=challenge,
            state=secrets.token_urlsafe(_BYTES),
            query=query,
            mode=mode,
            encryption=EncryptionKey.generate(id_) if encrypted else None,
            redirect_uri=redirect_uri,
        )
        row = {
            "id": id_,
            "secret": _digest(secret),
            "state": request.state,
            "nonce": challenge.nonce,
            "audience": challenge.audience,
            "query": canonicalize(query.document),
            "mode": mode.value,
            "encryption": None if request.encryption is None else request.encryption.private,
            "redirect_uri": redirect_uri,
            "expires": int(challenge.expires.timestamp()),
            "status": request.status.value,
            "result": b"{}",
        }
        cutoff = int((at - KEPT_AFTER_EXPIRY).timestamp())

        def work(connection: Connection) -> None:
            connection.execute(delete(_requests).where(_requests.c.expires < cutoff))
            connection.execute(insert(_requests).values(row))

        self._writer.write(work)
        return request, secret

    def find(self, id_: str) -> Request | None:
        """The request of that id."""
        with reading(self._engine) as connection:
            row = connection.execute(select(_requests).where(_requests.c.id == id_)).one_or_none()
        return None if row is None else _request(row)

    def find_secret(self, id_: str, secret: str) -> Request | None:
        """The request of that id, for who knows its secret."""
        with reading(self._engine) as connection:
            statement = select(_requests).where(_requests.c.id == id_)
            row = connection.execute(statement).one_or_none()
        if row is None or not secrets.compare_digest(row.secret, _digest(secret)):
            return None
        return _request(row)

    def finish(
        self, request: Request, status: Status, result: JsonObject, *, code: str | None = None
    ) -> bool:
        """End a request; False, and nothing done, if it has ended. Durable when this returns.

        ``code`` is the response code that who answered takes along, and the outcome is then for.
        """
        statement = (
            update(_requests)
            .where(_requests.c.id == request.id, _requests.c.status == Status.PENDING.value)
            .values(
                status=status.value,
                result=orjson.dumps(result),
                response_code=code,
                encryption=None,
            )
        )

        def work(connection: Connection) -> bool:
            ended = connection.execute(statement).rowcount == 1
            _END_BEFORE_COMMIT.reached()
            return ended

        ended = self._writer.write(work)
        _END_AFTER_COMMIT.reached()
        return ended

    @contextmanager
    def deciding(self, request: Request) -> Iterator[None]:
        """Around a decision on an answer: from before its nonce is used until it has ended."""
        with self._locks.holding(request.id):
            yield

    def is_being_decided(self, request: Request) -> bool:
        """Whether a process is at it. May be so for the sake of another request, for a while."""
        return self._locks.is_held(request.id)


@contextmanager
def open_requests(directory: Path, location: str | None = None) -> Iterator[Requests]:
    """The requests of the verifier in ``directory``, for the time of a ``with`` block.

    Args:
        directory: What the verifier has on this machine.
        location: The path or URL of what keeps them; ``openid4vp.db`` in it, if None.

    Raises:
        KeybornError: As ``keyborn.storage.open_store``.
    """
    folder = private_directory(directory)
    engine = open_store(location or folder / "openid4vp.db", KIND)
    try:
        with Writer(engine) as writer:
            yield Requests(engine, writer, locks_of(engine, folder / "openid4vp.locks"))
    finally:
        engine.dispose()


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _request(row: Row[tuple[object, ...]]) -> Request:
    expires = datetime.fromtimestamp(row.expires, UTC)
    return Request(
        id=row.id,
        challenge=Challenge(row.nonce, row.audience, expires),
        state=row.state,
        query=parse_query(orjson.loads(row.query)),
        mode=ResponseMode(row.mode),
        encryption=None if row.encryption is None else EncryptionKey(row.encryption, row.id),
        redirect_uri=row.redirect_uri,
        response_code=row.response_code,
        status=Status(row.status),
        result=orjson.loads(row.result),
    )
