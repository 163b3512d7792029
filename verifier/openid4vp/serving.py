"""OpenID4VP added to a verifier's service, from what its directory has.

::

    openid4vp.key   the key that signs requests, unless another is named
    openid4vp.db    requests (``verifier.openid4vp.requests``)
    openid4vp.token what who may ask presents, made at the first start and shown once
"""

import logging
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import click
from fastapi import FastAPI

from did.errors import Invalid
from keyborn.tokens import admin_token
from verifier.openid4vp.exchange import Exchange
from verifier.openid4vp.identity import named_identity, own_identity, parse_name
from verifier.openid4vp.requests import open_requests
from verifier.openid4vp.routes import install
from verifier.verifier import Verifier

TOKEN_FILE: Final = "openid4vp.token"  # noqa: S105 - its name

_log: Final = logging.getLogger(__name__)


def add_openid4vp(
    app: FastAPI,
    verifier: Verifier,
    directory: Path,
    *,
    url: str,
    named: tuple[str, Path] | None,
    now: Callable[[], datetime],
    stack: ExitStack,
    store: str | None = None,
) -> None:
    """Let ``app`` ask devices by OpenID4VP.

    Args:
        app: The service of ``verifier``.
        verifier: Who decides.
        directory: What it remembers.
        url: Where devices reach the service.
        named: The DID that asks (of a did:web, the DID URL of its key), and the file of its current
            key; None for one of its own.
        now: The clock.
        stack: Closes what is opened here.
        store: The path or URL of what keeps requests; a file in the directory, if None.

    Raises:
        Invalid: ``invalid_url``.
        KeybornError: As ``verifier.openid4vp.identity`` and ``open_requests``.
    """
    _check_url(url)
    if named is None:
        identity = own_identity(directory)
    else:
        finality = verifier.trust_root.policy.finality
        identity = named_identity(
            parse_name(named[0]), named[1], verifier.resolver, finality=finality
        )
    exchange = Exchange(
        verifier=verifier.called(identity.client_id.text),
        identity=identity,
        requests=stack.enter_context(open_requests(directory, store)),
        url=url.rstrip("/"),
    )
    token = admin_token(directory / TOKEN_FILE)
    if token.fresh:
        click.echo(
            f"OpenID4VP token, shown this once and kept in {directory / TOKEN_FILE}: {token.text}",
            err=True,
        )
    install(app, exchange, token=token.text, now=now)
    _log.info("requests are signed by %s", identity.did.text)


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and not (parts.query or parts.fragment or parts.username)
    except ValueError:
        usable = False
    if not usable or parts.scheme not in ("https", "http"):
        raise Invalid(
            "invalid_url",
            "a verifier's URL is of the form https://host[:port][/path]",
            value=url,
            hint="name it with --url, as devices reach it",
        )
