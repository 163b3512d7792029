"""Building an issuer from its directory: the composition root of ``keyborn issuer serve``.

::

    issuer.sqlite   claims, grants, devices, status lists, keys (``issuer.store``); or in PostgreSQL
    identity/       the issuer's own DID and its keys (``ledger.controller``)
    log.sqlite      what was read of the log (``ledger.reader``)
    admin.token     the administration token
    url             where the running issuer is, for commands on this machine
    lock            held while it runs; on PostgreSQL by several processes together
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final, TypeVar

import click
from starlette.types import ASGIApp

from did.errors import Conflict, Invalid
from issuer.app import create_app
from issuer.cli_client import TOKEN_FILE, URL_FILE
from issuer.deferral import INTERVAL
from issuer.identity import Identity
from issuer.keys import load_keys
from issuer.service import Issuer, check_url
from issuer.status_terms import StatusTerms
from issuer.store import open_store, settings
from keyborn.chaos import Chaos
from keyborn.files import locked, private_directory, sweep, write_private
from keyborn.polling import poll
from keyborn.storage import Eras
from keyborn.storage.locations import is_file, locate
from keyborn.tokens import admin_token
from ledger.controller import Controller
from ledger.network import Network, open_reader
from ledger.registrar.client import RegistrarClient

_PATIENCE: Final = 15.0  # seconds, for another process that starts at the same time

_T = TypeVar("_T")

_log: Final = logging.getLogger(__name__)


@contextmanager
def running(
    network: Network,
    directory: Path,
    *,
    url: str | None,
    statuses: StatusTerms,
    approval_interval: int = INTERVAL,
    with_vc_api: bool = False,
    store: str | None = None,
    chaos: Chaos | None = None,
) -> Iterator[Callable[[str], ASGIApp]]:
    """What makes the issuer's application, once told where it listens.

    Args:
        network: The ledger.
        directory: The issuer's own, private.
        url: Its public URL; where it listens, if None.
        statuses: How it keeps status lists.
        approval_interval: Seconds after which a device that awaits approval may ask again.
        with_vc_api: Whether it signs what administrators give it.
        store: The path or URL of its store; ``issuer.sqlite`` in the directory, if None. On
            PostgreSQL several processes are one issuer, with this directory, or copies of it.
        chaos: What goes wrong on purpose; None for nothing.

    Raises:
        Invalid: ``invalid_issuer_url``; ``issuer_url_missing``: several processes need one.
        Conflict: ``store_in_use``.
        KeybornError: As what is in the directory, and the ledger at first start, has it.
    """
    if url is not None:
        check_url(url)
    location = store or directory / "issuer.sqlite"
    alone = is_file(locate(location))
    if url is None and not alone:
        raise Invalid(
            "issuer_url_missing",
            "the processes that share a PostgreSQL database are one issuer, and have one URL",
            hint="name it with --url, the same for each of them",
        )
    private_directory(directory)
    with ExitStack() as open_things:
        _occupy(directory, open_things, alone=alone)
        engine = open_store(location)
        open_things.callback(engine.dispose)
        reader = open_things.enter_context(open_reader(network, directory / "log.sqlite"))
        registrar = open_things.enter_context(RegistrarClient(network.url))
        controller = _patiently(lambda: Controller.create(directory / "identity"))
        identity = Identity(engine, controller, registrar=registrar, reader=reader)

        def make_app(listening_at: str) -> ASGIApp:
            issuer = Issuer(
                url=url or listening_at,
                engine=engine,
                keys=load_keys(engine),
                eras=Eras(engine, settings),
                identity=identity,
                log=reader,
                log_id=network.log_id,
                statuses=statuses,
                approval_interval=approval_interval,
                chaos=chaos,
            )
            _patiently(identity.start)
            path = directory / TOKEN_FILE
            token = admin_token(path)
            if token.fresh:
                click.echo(
                    f"administration token, shown this once and kept in {path}: {token.text}",
                    err=True,
                )
            write_private(directory / URL_FILE, f"{issuer.url}\n".encode())
            _log.info("issuer %s at %s", identity.did.text, issuer.url)
            return create_app(issuer, admin_token=token.text, with_vc_api=with_vc_api)

        yield make_app


def _occupy(directory: Path, things: ExitStack, *, alone: bool) -> None:
    """Hold the directory until ``things`` end; what writes that were killed left is removed.

    With a SQLite file, by one process: SQLite lets one write at a time, so a second gains nothing,
    and would take over the url.
    """
    lock = directory / "lock"
    if alone:
        things.enter_context(locked(lock))
        sweep(directory)
        return
    with suppress(Conflict), locked(lock):
        sweep(directory)  # nobody else is here, who could be writing
    _patiently(lambda: things.enter_context(locked(lock, shared=True)))


def _patiently(work: Callable[[], _T]) -> _T:
    """What ``work`` returns, once another process that is at the same thing has ended."""
    made: list[_T] = []

    def attempt() -> bool | None:
        with suppress(Conflict):
            made.append(work())
        return True if made else None

    return made[0] if poll(attempt, _PATIENCE) else work()
