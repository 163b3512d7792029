"""Where sessions are kept until they end, and for an hour after.

One SQLite file, beside the verifier's others; several processes may share it, and those of several
hosts a PostgreSQL. The threat model is that of the package.
"""

import base64
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
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
)

from did.identifier import parse_keyborn
from did.keys import PublicKey
from did.vc.formats import Format
from keyborn.faults import FaultPoint
from keyborn.files import private_directory
from keyborn.storage import KEPT_AFTER_EXPIRY, Integer64, StoreKind, Writer, open_store, reading
from verifier.rechecks import Shown
from verifier.sessions.session import Session

MOST: Final = 16  # sessions of one device

_OPEN_BEFORE_COMMIT: Final = FaultPoint("verifier.session.before_commit")
_OPEN_AFTER_COMMIT: Final = FaultPoint("verifier.session.after_commit")
_CLOSE_BEFORE_COMMIT: Final = FaultPoint("verifier.session_end.before_commit")
_CLOSE_AFTER_COMMIT: Final = FaultPoint("verifier.session_end.after_commit")

_metadata: Final = MetaData()
_sessions: Final = Table(
    "sessions",
    _metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("audience", String, nullable=False),
    Column("did", String, nullable=False, index=True),
    Column("key", LargeBinary, nullable=False),
    Column("credentials", LargeBinary, nullable=False),
    Column("opened", Integer64, nullable=False),  # microseconds
    Column("expires", Integer64, nullable=False, index=True),  # seconds
)


def _renew(connection: Connection, _at: datetime) -> dict[str, object]:
    """Have all sessions end: some may have been closed since the back-up."""
    return {"sessions ended": connection.execute(delete(_sessions)).rowcount}


KIND: Final = StoreKind(
    "verifier sessions", _metadata, "verifier.sessions.migrations", renew=_renew
)


class SessionStore:
    """The database."""

    def __init__(self, engine: Engine, writer: Writer) -> None:
        self._engine = engine
        self._writer = writer

    def add(self, session: Session, *, at: datetime) -> None:
        """Keep a new session; durable when this returns.

        Of the device's sessions the newest ``MOST`` are kept, whatever verifier they are with.
        Forgets all that ended more than an hour ago: clocks of processes that share the store may
        differ.
        """
        row = {
            "digest": session.digest,
            "audience": session.audience,
            "did": session.shown.did.text,
            "key": session.shown.key.raw,
            "credentials": _written(session.shown),
            "opened": (at - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1),
            "expires": int(session.expires.timestamp()),
        }
        cutoff = int((at - KEPT_AFTER_EXPIRY).timestamp())
        others = (
            select(_sessions.c.digest)
            .where(_sessions.c.did == session.shown.did.text)
            .order_by(_sessions.c.opened.desc(), _sessions.c.digest)
            .offset(MOST - 1)
        )

        def work(connection: Connection) -> None:
            connection.execute(delete(_sessions).where(_sessions.c.expires < cutoff))
            older = list(connection.execute(others.limit(MOST)).scalars())
            if older:
                connection.execute(delete(_sessions).where(_sessions.c.digest.in_(older)))
            connection.execute(insert(_sessions).values(row))
            _OPEN_BEFORE_COMMIT.reached()

        self._writer.write(work)
        _OPEN_AFTER_COMMIT.reached()

    def find_all(self, digests: Collection[bytes]) -> Mapping[bytes, Session]:
        """The sessions whose tokens have these digests, by digest, ended or not."""
        query = select(_sessions).where(_sessions.c.digest.in_(digests))
        with reading(self._engine) as connection:
            return {row.digest: _session(row) for row in connection.execute(query)}

    def remove(self, digest: bytes) -> bool:
        """End a session; False if there is none. Durable when this returns."""

        def work(connection: Connection) -> bool:
            statement = delete(_sessions).where(_sessions.c.digest == digest)
            there = connection.execute(statement).rowcount == 1
            _CLOSE_BEFORE_COMMIT.reached()
            return there

        there = self._writer.write(work)
        _CLOSE_AFTER_COMMIT.reached()
        return there


@contextmanager
def open_sessions(directory: Path, location: str | None = None) -> Iterator[SessionStore]:
    """The sessions of the verifier in ``directory``, for the time of a ``with`` block.

    Args:
        directory: What the verifier has on this machine.
        location: The path or URL of what keeps them; ``sessions.db`` in it, if None.

    Raises:
        KeybornError: As ``keyborn.storage.open_store``.
    """
    engine = open_store(location or private_directory(directory) / "sessions.db", KIND)
    try:
        with Writer(engine) as writer:
            yield SessionStore(engine, writer)
    finally:
        engine.dispose()


def _written(shown: Shown) -> bytes:
    return orjson.dumps(
        [[format_.value, base64.b64encode(data).decode()] for data, format_ in shown.credentials]
    )


def _session(row: Row[tuple[object, ...]]) -> Session:
    credentials = tuple(
        (base64.b64decode(text), Format(name)) for name, text in orjson.loads(row.credentials)
    )
    return Session(
        digest=row.digest,
        audience=row.audience,
        shown=Shown(parse_keyborn(row.did), PublicKey(row.key), credentials),
        expires=datetime.fromtimestamp(row.expires, UTC),
    )
