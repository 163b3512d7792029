"""How the commands reach a running issuer: its administration API, with its token."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from did.errors import Unavailable
from did.jcs import Json, JsonObject
from keyborn.client import connect, request_json
from keyborn.files import read_private
from keyborn.inputs import INPUT_FILE

TOKEN_FILE: Final = "admin.token"  # noqa: S105 - a file's name
URL_FILE: Final = "url"

_MAX_URL: Final = 2_048
_Command = TypeVar("_Command", bound=Callable[..., Any])


class Admin:
    """The administration API of one issuer."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._token = token

    def get(self, path: str, *, step: str, query: Mapping[str, Any] | None = None) -> JsonObject:
        """What ``GET /v1/admin<path>`` answers; raises as ``keyborn.client.request_json``."""
        return self._call("GET", path, step=step, query=query)

    def post(self, path: str, *, step: str, body: Json = None) -> JsonObject:
        """What ``POST /v1/admin<path>`` answers; raises as ``keyborn.client.request_json``."""
        return self._call("POST", path, step=step, body=body)

    def _call(
        self,
        method: str,
        path: str,
        *,
        step: str,
        body: Json = None,
        query: Mapping[str, Any] | None = None,
    ) -> JsonObject:
        import httpx  # noqa: PLC0415 - slow to import

        if query:
            path = f"{path}?{httpx.QueryParams(query)}"
        with connect(self._url, token=self._token) as client:
            return request_json(client, method, f"/v1/admin{path}", step=step, json=body)


def admin_options(command: _Command) -> _Command:
    """Add ``--dir``, ``--url`` and ``--token-file``; passed as ``admin``."""

    @click.option(
        "--dir",
        "directory",
        type=click.Path(file_okay=False, path_type=Path),
        envvar="KEYBORN_ISSUER_DIR",
        help="The issuer's directory, where token and URL are taken from.",
    )
    @click.option("--url", envvar="KEYBORN_ISSUER_URL", help="The issuer's URL.")
    @click.option(
        "--token-file",
        type=INPUT_FILE,
        envvar="KEYBORN_ISSUER_TOKEN_FILE",
        help="A private file with the administration token.",
    )
    @functools.wraps(command)
    def wrapped(
        *, directory: Path | None, url: str | None, token_file: Path | None, **rest: object
    ) -> object:
        return command(admin=_admin(directory, url, token_file), **rest)

    return wrapped  # type: ignore[return-value] # the same command, with other options


def _admin(directory: Path | None, url: str | None, token_file: Path | None) -> Admin:
    from keyborn.tokens import read_token  # noqa: PLC0415 - slow to import

    if directory is not None:
        token_file = token_file or directory / TOKEN_FILE
        url = url or _read_url(directory / URL_FILE)
    if token_file is None or url is None:
        raise click.UsageError("name the issuer: --dir DIR, or --url URL and --token-file FILE")
    return Admin(url.rstrip("/"), read_token(token_file))


def _read_url(path: Path) -> str:
    try:
        return read_private(path, _MAX_URL).decode("ascii", "replace").strip()
    except Unavailable as error:
        error.hint = "start the issuer there (keyborn issuer serve), or name its --url"
        raise
