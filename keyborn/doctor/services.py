"""Services: reached, ready, of one time with this machine, and with a certificate that holds."""

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

import httpx

from did.errors import KeybornError
from keyborn.checks import Check, Verdict, attempt, failed
from keyborn.client import connect, request

SKEW: Final = timedelta(seconds=15)  # which a verifier's trust root lets pass at the least
SOON: Final = timedelta(days=14)

_SECONDS: Final = 10.0  # for each question
_STEP: Final = "ask the service"


def examine(url: str, now: datetime) -> Iterator[Check]:
    """The service at ``url``.

    Args:
        url: As its clients name it.
        now: The time, by the clock of this machine.
    """
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        where = (parts.hostname, parts.port or 443)
        yield attempt(f"{url} certificate", lambda: _certificate(where, url, now))
    try:
        client = connect(url)
    except KeybornError as error:
        yield failed(url, error)
        return
    with client:
        try:
            answer = request(client, "GET", "/health", step=_STEP, deadline=_SECONDS)
        except KeybornError as error:
            yield failed(url, error)
            if error.code in ("unreachable", "timeout", "disconnected"):
                return  # the rest would say the same
        else:
            yield Check(url, Verdict.OK, "answers")
            yield _clock(url, answer.headers.get("date", ""), now)
        yield _ready(url, client)


def _ready(url: str, client: httpx.Client) -> Check:
    subject = f"{url} ready"
    try:
        request(client, "GET", "/ready", step=_STEP, deadline=_SECONDS)
    except KeybornError as error:
        verdict = Verdict.WRONG if error.code == "not_ready" else failed(subject, error).verdict
        return Check(subject, verdict, error.message, error.code, error.hint)
    return Check(subject, Verdict.OK, "can do its work")


def _clock(url: str, date: str, now: datetime) -> Check:
    """What the ``Date`` of an answer says of the clocks (RFC 9110, section 6.6.1)."""
    subject = f"{url} clock"
    try:
        theirs = parsedate_to_datetime(date)
    except ValueError:
        return Check(
            subject,
            Verdict.UNKNOWN,
            "the answer has no date",
            "no_date",
            "See what stands between: our services send one.",
        )
    if theirs.tzinfo is None:
        theirs = theirs.replace(tzinfo=UTC)
    ahead = round((now - theirs).total_seconds())
    if abs(ahead) > SKEW.total_seconds():
        side = "ahead of" if ahead > 0 else "behind"
        return Check(
            subject,
            Verdict.WRONG,
            f"this machine's clock is {abs(ahead)} s {side} the service's",
            "clocks_differ",
            "Set both by NTP; challenges and heads of the log are refused by a wrong clock.",
        )
    return Check(subject, Verdict.OK, "agrees with that of this machine")


def _certificate(where: tuple[str, int], url: str, now: datetime) -> str | Check:
    subject = f"{url} certificate"
    context = httpx.create_ssl_context()  # those whom clients believe, SSL_CERT_FILE included
    try:
        with (
            socket.create_connection(where, timeout=_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=where[0]) as secured,
        ):
            found = secured.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        return Check(
            subject,
            Verdict.WRONG,
            f"is not believed here: {error.verify_message}",
            "certificate_not_believed",
            "Renew it, or name who vouches for it in SSL_CERT_FILE.",
        )
    except OSError as error:
        return Check(
            subject,
            Verdict.UNKNOWN,
            f"could not be had: {error.strerror or error}",
            "unreachable",
            "See that the service runs, and that this machine may reach it.",
        )
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(found["notAfter"])), UTC)
    left = ends - now
    if left < SOON:
        return Check(
            subject,
            Verdict.WARNING,
            f"ends in {left.days} days",
            "certificate_ends_soon",
            "Renew it, and restart the service with the new one.",
        )
    return f"holds for {left.days} days"
