"""A session: its token, its end, and what a proxy is told of its device. Pure values."""

import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from did.errors import Refused
from did.timestamps import format_time
from keyborn.tokens import bearer_of
from verifier.conclusion import AuthenticatedDevice
from verifier.rechecks import Shown

LIFETIME: Final = timedelta(minutes=10)
MAX_LIFETIME: Final = timedelta(hours=1)
STEP: Final = "session"
MAX_HEADER: Final = 1_024  # characters of a list in a header

_TOKEN_BYTES: Final = 32
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_WORD: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}", re.ASCII)
_ANY_CREDENTIAL: Final = "VerifiableCredential"


@dataclass(frozen=True, slots=True)
class Session:
    """A session as it is kept.

    Attributes:
        digest: SHA-256 of its token, 32 bytes.
        audience: The verifier that opened it, by name.
        shown: What its device has shown.
        expires: When it ends, in whole seconds.
    """

    digest: bytes
    audience: str
    shown: Shown
    expires: datetime


def new_token() -> str:
    """A session's token: 256 random bits in base64url, 43 characters."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def digest_of(token: str) -> bytes:
    """What is kept of a token: SHA-256, 32 bytes. It is random, so that nobody can guess it."""
    return hashlib.sha256(token.encode("ascii")).digest()


def presented(authorization: str) -> bytes:
    """The digest of the token in an ``Authorization: Bearer`` (RFC 6750, section 2.1).

    Raises:
        Refused: ``session_needed``: there is none; ``unknown_session``: it cannot be a token.
    """
    token = bearer_of(authorization)
    if token is None:
        raise Refused(
            "session_needed",
            "this needs a session's token, as Authorization: Bearer",
            step=STEP,
            hint="open a session: POST /v1/sessions",
        )
    if not _TOKEN.fullmatch(token):
        raise unknown()
    return digest_of(token)


def ends(device: AuthenticatedDevice, lifetime: timedelta, *, at: datetime) -> datetime:
    """When a session of ``device`` ends: with the first of its credentials, at the latest.

    Args:
        device: Who was admitted.
        lifetime: The longest.
        at: Now.

    Returns:
        The end, in whole seconds, and after ``at``.

    Raises:
        Refused: ``credential_expired``: one has ended by a clock that is not allowed to differ.
    """
    stated = [each.valid_until for each in device.credentials]
    stated += [each.proof.expires for each in device.credentials]
    end = min([at + lifetime, *(each for each in stated if each is not None)])
    end = end.replace(microsecond=0)
    if end <= at:
        raise Refused(
            "credential_expired",
            "the credential has ended, or does so this second: there is no time for a session",
            step=STEP,
            value=format_time(end),
            hint="the device needs a new credential from its issuer",
        )
    return end


def check_current(session: Session | None, audience: str, *, at: datetime) -> Session:
    """The session, if it is one of the verifier of that name and has not ended.

    Raises:
        Refused: ``unknown_session``, ``session_expired``.
    """
    if session is None or session.audience != audience:
        raise unknown()
    if at >= session.expires:
        raise Refused(
            "session_expired",
            "the session has ended",
            step=STEP,
            value=format_time(session.expires),
            hint="open another: POST /v1/sessions",
        )
    return session


def unknown() -> Refused:
    """The refusal of a token that is of no session here."""
    return Refused(
        "unknown_session",
        "the token is of no session that is open here",
        step=STEP,
        hint="open a session: POST /v1/sessions",
    )


def headers_of(device: AuthenticatedDevice) -> Mapping[str, str]:
    """What a proxy may tell of ``device`` to what it protects, as HTTP headers.

    A list has words alone (tokens of RFC 9110, section 5.6.2), with a comma and a space between
    them: what is none could be read as two, or end the header. Such a one is left out, and so is
    what goes beyond ``MAX_HEADER``: who reads them never reads too much.
    """
    types = dict.fromkeys(name for each in device.credentials for name in each.types)
    return {
        "x-keyborn-device": device.did.text,
        "x-keyborn-issuer": device.issuer.text,
        "x-keyborn-types": _words(name for name in types if name != _ANY_CREDENTIAL),
        "x-keyborn-roles": _words(device.claims.roles),
    }


def _words(texts: Iterable[str]) -> str:
    listed = ""
    for text in texts:
        longer = f"{listed}, {text}" if listed else text
        if _WORD.fullmatch(text) and len(longer) <= MAX_HEADER:
            listed = longer
    return listed
