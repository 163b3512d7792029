"""Where a database is: the path of a SQLite file, or the URL of one of either kind.

A URL may hold a password, which is shown nowhere: errors repeat a URL without it, and of what is no
URL nothing but its beginning. Better is not to have it there: libpq finds it in ``~/.pgpass``, or
in ``PGPASSWORD``.
"""

import re
from pathlib import Path
from typing import Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from did.errors import Invalid

HINT: Final = (
    "write /path/of/file.db, sqlite:////path/of/file.db, or"
    " postgresql://user@host/database?sslmode=verify-full"
)

_LIBPQ: Final = re.compile(r"\s*(host|hostaddr|port|dbname|user|password|service|passfile)\s*=")
_DRIVERS: Final = ("postgresql", "postgres", "postgresql+psycopg")

# What may stand behind the question mark: parameters of libpq that say how to connect.
_PARAMETERS: Final = frozenset(
    (
        "host",
        "port",
        "application_name",
        "channel_binding",
        "connect_timeout",
        "gssencmode",
        "keepalives",
        "keepalives_count",
        "keepalives_idle",
        "keepalives_interval",
        "krbsrvname",
        "load_balance_hosts",
        "passfile",
        "require_auth",
        "service",
        "sslcert",
        "sslcrl",
        "sslkey",
        "sslmode",
        "sslrootcert",
        "target_session_attrs",
        "tcp_user_timeout",
    )
)


def locate(location: str | Path) -> URL:
    """The URL of the database at ``location``: of ``sqlite``, or of ``postgresql+psycopg``.

    Args:
        location: A path, or a URL: ``sqlite:///relative``, ``sqlite:////absolute``,
            ``postgresql://user@host/database``.

    Raises:
        Invalid: ``invalid_database_url`` or ``database_unsupported``.
    """
    if isinstance(location, Path) or "://" not in location:
        if _LIBPQ.match(str(location)):
            raise _invalid("this is a connection string of libpq, and no URL", str(location))
        return URL.create("sqlite", database=str(Path(location).absolute()))
    try:
        url = make_url(location)
    except (ArgumentError, ValueError) as error:
        raise _invalid("this is no database URL", location) from error
    if url.drivername in _DRIVERS:
        return _postgresql(url, location)
    if url.drivername != "sqlite":
        raise Invalid(
            "database_unsupported",
            "databases are SQLite or PostgreSQL",
            value=url.drivername,
            hint=HINT,
        )
    if url.database in (None, "", ":memory:") or url.query or url.host:
        raise _invalid("a SQLite database is named by its path alone", location)
    return URL.create("sqlite", database=str(Path(str(url.database)).absolute()))


def is_file(url: URL) -> bool:
    """Whether it is a SQLite file, of which ``path_of`` is the path."""
    return url.get_backend_name() == "sqlite"


def path_of(url: URL) -> Path:
    """The path of a SQLite file."""
    return Path(str(url.database))


def shown(url: URL) -> str:
    """``url`` as it may be printed: a path, or a URL without its password."""
    if is_file(url):
        return str(url.database)
    return url.set(drivername="postgresql").render_as_string(hide_password=True)


def _postgresql(url: URL, location: str) -> URL:
    for name in url.query:
        if name not in _PARAMETERS:
            raise _invalid(f"{name!a} is no parameter that is taken here", location)
    if not url.database and "service" not in url.query:
        raise _invalid("the URL names no database", location)
    return url.set(drivername="postgresql+psycopg")


def _invalid(message: str, location: str) -> Invalid:
    # Where it ends and where a password begins, nobody knows of what does not parse.
    begin, is_url, _ = location.partition("://")
    value = f"{begin}://..." if is_url else None
    return Invalid("invalid_database_url", message, value=value, hint=HINT)
