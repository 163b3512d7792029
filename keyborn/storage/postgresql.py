"""A PostgreSQL database: durable, with limits of time on everything, and back after a restart.

A transaction that writes is READ COMMITTED: what it reads in order to change it, it locks
(``with_for_update``). One that reads is REPEATABLE READ, and so sees one moment. All tables of a
store are in a schema that has its name.

A connection that the server has closed is noticed when it is taken from the pool, without asking
the server: there is something to be read from it, which is its end. So a server that was restarted
costs who was at work, and nobody else.
"""

import select as sockets
from collections.abc import Mapping
from typing import Final

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event
from sqlalchemy.exc import DisconnectionError

from did.errors import Invalid, KeybornError, Refused, Unavailable
from keyborn.storage.locations import shown
from keyborn.storage.transactions import ContendedError, only_reads

SCHEMA: Final = "keyborn_schema"  # execution option: of which store a connection is

POOL: Final = 10  # connections that are kept
POOL_EXTRA: Final = 20  # and more of them when all are in use: as many requests write at once
POOL_SECONDS: Final = 10  # to wait for one
LOCK_SECONDS: Final = 10  # for another transaction to end
STATEMENT_SECONDS: Final = 30
IDLE_SECONDS: Final = 60  # that a transaction may do nothing

# How soon one notices that the server is not there; a URL may say otherwise.
_REACH: Final[Mapping[str, str]] = {
    "connect_timeout": "5",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
    "application_name": "keyborn",
}

# What durability rests on, and the limits: set, and told as they are then, in one question.
_SETTLE: Final = """
SELECT set_config('search_path', quote_ident(%(schema)s), false),
       set_config('lock_timeout', %(lock)s, false),
       set_config('statement_timeout', %(statement)s, false),
       set_config('idle_in_transaction_session_timeout', %(idle)s, false),
       CASE WHEN current_setting('synchronous_commit') IN ('on', 'remote_apply')
            THEN current_setting('synchronous_commit')
            ELSE set_config('synchronous_commit', 'on', false) END,
       current_setting('fsync'),
       current_setting('server_encoding')
"""

# What a connection was not made for is told in words alone, and by those of a server in English.
_WORDS: Final[Mapping[str, str]] = {
    "password authentication failed": "28P01",
    "no password supplied": "28P01",
    "authentication failed": "28000",
    "no pg_hba.conf entry": "28000",
    "permission denied": "42501",
    'role "': "28000",
    '" does not exist': "3D000",
}


def server_engine(url: URL, *, schema: str) -> Engine:
    """The store in ``schema`` of the database at ``url``; connected to when it is first used.

    Raises:
        Refused: ``store_not_durable``, ``store_not_unicode``; this and the next from any use.
        Unavailable: ``store_unreachable``, ``store_access_denied``, ``store_missing``,
            ``store_busy``, ``store_corrupt`` or ``store_failed``.
    """
    where = shown(url)
    engine = create_engine(
        url,
        connect_args={
            **{name: value for name, value in _REACH.items() if name not in url.query},
            "autocommit": True,  # transactions are begun below, not by the driver
        },
        pool_size=POOL,
        max_overflow=POOL_EXTRA,
        pool_timeout=POOL_SECONDS,
        pool_use_lifo=True,
        hide_parameters=True,  # an error is logged; what was stored may be a secret
        execution_options={SCHEMA: schema},
    )

    def connect(connection: "psycopg.Connection[tuple[str, ...]]", _record: object) -> None:
        try:
            _settle(connection, schema, where)
        except psycopg.Error as error:
            raise explained(error, where, lost=True) or error from error

    def explain(context: ExceptionContext) -> KeybornError | None:
        cause = context.original_exception
        lost = context.is_disconnect or context.connection is None
        return explained(cause, where, lost=lost)

    event.listen(engine, "connect", connect, insert=True)  # before SQLAlchemy looks around
    event.listen(engine, "checkout", _refuse_closed)
    event.listen(engine, "begin", _begin)
    event.listen(engine, "commit", _refuse_failed)
    event.listen(engine, "handle_error", explain)
    return engine


def explained(cause: BaseException, where: str, *, lost: bool) -> KeybornError | None:
    """What is wrong with the database, not with the statement, as an error of our tree.

    Args:
        cause: What the driver raised.
        where: The database, without a password.
        lost: Whether the connection is lost, or was not made.
    """
    said = _said(cause)
    if "NUL (0x00)" in said or getattr(cause, "sqlstate", "") == "54000":
        return Invalid(
            "invalid_text",
            "a text is too long to be looked for, or holds the character NUL",
            hint="send a shorter one, without that",
        )
    found: KeybornError | None
    match _state(cause, said, lost=lost):
        case "40001" | "40P01":  # serialization_failure, deadlock_detected
            found = ContendedError("another transaction got in the way of this one")
        case "55P03" | "57014" | "25P03":  # a lock, a statement or a transaction took too long
            found = Unavailable(
                "store_busy",
                f"the database did not come to it in time: {said}",
                value=where,
                retry_after=1,
                hint="repeat it, once the others have ended",
            )
        case "28000" | "28P01" | "42501":
            found = Unavailable(
                "store_access_denied",
                f"the database does not let this service in: {said}",
                value=where,
                hint="check user, password (~/.pgpass) and pg_hba.conf",
            )
        case "3D000":
            found = Unavailable(
                "store_missing",
                f"there is no such database: {said}",
                value=where,
                hint="make it first: createdb --encoding=UTF8 --template=template0",
            )
        case "53100" | "53200" | "58030" | "25006":  # no room, no memory, no disk, a standby
            found = Unavailable(
                "store_failed",
                f"the database cannot be used: {said}",
                value=where,
                retry_after=5,
                hint="check the server: its space, its memory; whether it may be written to",
            )
        case "XX001" | "XX002":
            found = Unavailable(
                "store_corrupt",
                f"the database is damaged: {said}",
                value=where,
                hint="restore it from a backup; do not delete what may still be recovered",
            )
        case "08000":
            found = Unavailable(
                "store_unreachable",
                f"the database cannot be reached: {said}",
                value=where,
                retry_after=2,
                hint="see that the server runs; to repeat it is safe, even if it was done",
            )
        case _:
            found = None
    return found


def _state(cause: BaseException, said: str, *, lost: bool) -> str:
    """The SQLSTATE that says what to do: of any connection that is lost, 08000."""
    state = getattr(cause, "sqlstate", None)
    if state is None and lost:
        state = next((each for words, each in _WORDS.items() if words in said), "08000")
    # Too many connections, or the server is going down or coming up.
    away = state is not None and (state[:2] == "08" or state == "53300" or state[:3] == "57P")
    return "08000" if away or (lost and state is None) else str(state)


def _settle(connection: "psycopg.Connection[tuple[str, ...]]", schema: str, where: str) -> None:
    seconds = {"lock": LOCK_SECONDS, "statement": STATEMENT_SECONDS, "idle": IDLE_SECONDS}
    values = {name: f"{value}s" for name, value in seconds.items()}
    found = connection.execute(_SETTLE, {"schema": schema, **values}).fetchone()
    assert found is not None  # a SELECT of values
    commit, fsync, encoding = found[4:]
    if fsync != "on" or commit not in ("on", "remote_apply"):
        raise Refused(
            "store_not_durable",
            "what this database acknowledges might not survive a loss of power",
            value=f"fsync={fsync} synchronous_commit={commit}",
            hint="set fsync=on in postgresql.conf",
        )
    if encoding != "UTF8":
        raise Refused(
            "store_not_unicode",
            "the database cannot hold every text",
            value=encoding,
            hint=f"make it with createdb --encoding=UTF8 --template=template0; not {where}",
        )


def _refuse_closed(
    connection: "psycopg.Connection[tuple[str, ...]]", _record: object, _proxy: object
) -> None:
    """Have the pool open another connection in place of one that the server has closed."""
    if connection.closed:
        raise DisconnectionError
    poll = sockets.poll()
    poll.register(connection.fileno(), sockets.POLLIN)
    if poll.poll(0):
        raise DisconnectionError


def _begin(connection: Connection) -> None:
    reads = only_reads(connection)
    connection.exec_driver_sql(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" if reads else "BEGIN"
    )


def _refuse_failed(connection: Connection) -> None:
    """Commit nothing in which a statement failed: PostgreSQL would undo it, and call that success.

    Whoever expects a statement to fail does so in a savepoint.
    """
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    if driver.info.transaction_status == TransactionStatus.INERROR:
        driver.rollback()  # SQLAlchemy takes a commit that was begun for one that was done
        raise Unavailable(
            "store_failed", "a statement of the transaction failed", hint="repeat it", retry_after=1
        )


def _said(cause: BaseException) -> str:
    """What the server says, in one line, with nothing of what was stored (that is in DETAIL)."""
    diagnostic = getattr(cause, "diag", None)
    text = getattr(diagnostic, "message_primary", None) or str(cause)
    return " ".join(text.split())[:300]
