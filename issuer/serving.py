"""Building an issuer from its directory: the composition root of ``keyborn issuer serve``.

::

    issuer.sqlite   claims, grants, devices, status lists, keys (``issuer.store``)
    identity/       the issuer's own DID and its keys (``ledger.controller``)
    log.sqlite      what was read of the log (``ledger.reader``)
    admin.token     the administration token
    url             where the running issuer is, for commands on this machine
    lock            held while it runs
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import click
from starlette.types import ASGIApp

from issuer.app import create_app
from issuer.cli_client import TOKEN_FILE, URL_FILE
from issuer.deferral import INTERVAL
from issuer.identity import Identity
from issuer.keys import load_keys
from issuer.service import Issuer, check_url
from issuer.status_terms import StatusTerms
from issuer.store import open_store
from keyborn.files import locked, private_directory, sweep, write_private
from keyborn.tokens import admin_token
from ledger.controller import Controller
from ledger.network import Network, open_reader
from ledger.registrar.client import RegistrarClient

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
) -> Iterator[Callable[[str], ASGIApp]]:
    """What makes the issuer's application, once told where it listens.

    Args:
        network: The ledger.
        directory: The issuer's own, private.
        url: Its public URL; where it listens, if None.
        statuses: How it keeps status lists.
        approval_interval: Seconds after which a device that awaits approval may ask again.
        with_vc_api: Whether it signs what administrators give it.

    Raises:
        Invalid: ``invalid_issuer_url``.
        Conflict: ``store_in_use``.
        KeybornError: As what is in the directory, and the ledger at first start, has it.
    """
    if url is not None:
        check_url(url)
    private_directory(directory)
    with ExitStack() as open_things:
        # Of two, each would miss the other's rotations, and the later would take over the url.
        open_things.enter_context(locked(directory / "lock"))
        sweep(directory)
        engine = open_store(directory / "issuer.sqlite")
        open_things.callback(engine.dispose)
        reader = open_things.enter_context(open_reader(network, directory / "log.sqlite"))
        registrar = open_things.enter_context(RegistrarClient(network.url))
        controller = Controller.create(directory / "identity")
        identity = Identity(engine, controller, registrar=registrar, reader=reader)

        def make_app(listening_at: str) -> ASGIApp:
            issuer = Issuer(
                url=url or listening_at,
                engine=engine,
                keys=load_keys(engine),
                identity=identity,
                log=reader,
                log_id=network.log_id,
                statuses=statuses,
                approval_interval=approval_interval,
            )
            identity.start()
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
