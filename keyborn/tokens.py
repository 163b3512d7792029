"""Bearer tokens (RFC 6750): in a request; of an administration interface, which is never open."""

import hmac
import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from did.errors import Conflict, Invalid, Unavailable
from keyborn.faults import FaultPoint
from keyborn.files import create_private, read_private

if TYPE_CHECKING:
    from fastapi.security import HTTPAuthorizationCredentials

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43,128}\n?", re.ASCII)
_FILE_BYTES: Final = 256

_BEFORE_STORE: Final = FaultPoint("keyborn.token.before_store")
_AFTER_STORE: Final = FaultPoint("keyborn.token.after_store")


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token; ``fresh`` where it was just made and should be shown, once."""

    text: str = field(repr=False)
    fresh: bool


def bearer_of(authorization: str) -> str | None:
    """The token in a request's ``Authorization`` (RFC 6750, section 2.1); None where there is none.

    It may be anything: whoever made tokens tells them.
    """
    scheme, _, token = authorization.partition(" ")
    return token.strip(" ") if scheme.lower() == "bearer" else None


def admin_token(path: Path) -> Token:
    """The token in the file ``path`` (mode 0600), made there at the first start: 256 random bits.

    Raises:
        Refused: ``store_readable_by_others``.
        Invalid: ``invalid_token_file``.
    """
    try:
        return Token(read_token(path), fresh=False)
    except Unavailable:
        token = secrets.token_urlsafe(32)
    _BEFORE_STORE.reached()
    try:
        create_private(path, f"{token}\n".encode())
    except Conflict:  # another process was first
        return Token(read_token(path), fresh=False)
    _AFTER_STORE.reached()
    return Token(token, fresh=True)


def read_token(path: Path) -> str:
    """The token in the file ``path``.

    Raises:
        Unavailable: ``store_missing``.
        Refused: ``store_readable_by_others``.
        Invalid: ``invalid_token_file``.
    """
    text = read_private(path, _FILE_BYTES).decode("ascii", "replace")
    if not _TOKEN.fullmatch(text):
        raise Invalid(
            "invalid_token_file",
            "the file holds no token: 43 characters or more of base64url",
            value=str(path),
            hint="remove it and restart the service, which makes a new one",
        )
    return text.strip()


def bearer(
    token: str, *, of: str | None = None
) -> Callable[["HTTPAuthorizationCredentials | None"], Awaitable[None]]:
    """A FastAPI dependency that lets pass whoever presents ``token``, and answers 401 otherwise.

    ``of`` is the file that has the token, where it is not that of administration.
    """
    # Here, since commands that only read a token would wait for it in vain.
    from fastapi import Depends  # noqa: PLC0415
    from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer  # noqa: PLC0415
    from starlette.exceptions import HTTPException  # noqa: PLC0415

    scheme = HTTPBearer(auto_error=False)
    needed = "the administration token" if of is None else f"the token in {of}"

    async def check(
        given: Annotated[HTTPAuthorizationCredentials | None, Depends(scheme)],
    ) -> None:
        if given is None or not hmac.compare_digest(given.credentials.encode(), token.encode()):
            raise HTTPException(
                HTTPStatus.UNAUTHORIZED,
                f"this needs {needed}, as Authorization: Bearer",
                {"www-authenticate": 'Bearer realm="keyborn"'},
            )

    return check
