"""Fetch what an identifier names, from where anybody may put it: HTTPS, public addresses, limits.

Whoever chooses a URL chooses what a service connects to. So:

1. The URL is ``https``; the certificate is checked, against the name in the URL. TLS is 1.2 or
   newer, with authenticated encryption and ephemeral keys alone (did:web, section 2.6.4).
2. The name is looked up once, and each address that comes of it must be public: no loopback, link
   local, private, shared, multicast or reserved one, also where it is wrapped in IPv6. The
   connection is made to one of these very addresses, so a name that says something else the next
   time it is asked (DNS rebinding) gains nothing.
3. No proxy is used and no redirect is followed.
4. The answer is not compressed, has a limit of size that holds while it is read, and all of it,
   from the look-up on, a limit of time.

Threat model: whoever controls the name or a certificate authority decides what is answered. Nobody
makes this connect to an address that is not public.
"""

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import h11
import httpx

from did.errors import Invalid, KeybornError, Refused, Unavailable
from keyborn.deadlines import LookUp, left, looked_up, system_look_up
from keyborn.tls import CIPHERS

DEADLINE: Final = 10.0  # seconds for an answer as a whole, from the look-up on

_PORT: Final = 443
_HEAD_BYTES: Final = 16_384
_CHUNK: Final = 16_384
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")

Address = tuple[str, int]
_IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class UnsafeAllowLoopback:
    """UNSAFE: let addresses of this machine be fetched from, for tests and conformance runs.

    Nothing that is configured makes one of these; code that is no service does.

    Attributes:
        authority: A certificate authority in PEM, which is believed beside the usual ones.
    """

    authority: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer, whatever its status (no redirection): the status and the body."""

    status: int
    body: bytes


class PublicHttps:
    """Fetches from public addresses over HTTPS. Safe between threads.

    Args:
        deadline: Seconds for one answer as a whole.
        look_up: Names to addresses; the system's by default.
        unsafe_allow_loopback: For tests alone.
    """

    def __init__(
        self,
        *,
        deadline: float = DEADLINE,
        look_up: LookUp | None = None,
        unsafe_allow_loopback: UnsafeAllowLoopback | None = None,
    ) -> None:
        self.deadline = deadline
        self._look_up = look_up or system_look_up
        self._unsafe = unsafe_allow_loopback
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None

    def get(self, url: str, *, accept: str, max_bytes: int, step: str) -> Fetched:
        """What ``url`` answers to a GET.

        Args:
            url: ``https``, with a host, without user.
            accept: The media types that are accepted.
            max_bytes: Limit on the body.
            step: What the caller is doing, for errors.

        Raises:
            Refused: ``address_not_public``.
            Unavailable: ``host_not_found``, ``unreachable``, ``timeout``, ``disconnected``.
            Invalid: ``invalid_url``, ``redirected``, ``answer_too_large``, ``invalid_answer``.
        """
        until = time.monotonic() + self.deadline
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or _PORT
        if parts.scheme != "https" or host is None or parts.username is not None:
            raise Invalid(
                "invalid_url",
                "only https URLs without a user are fetched",
                step=step,
                value=url,
                hint="correct the address",
            )
        target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        request = h11.Request(
            method="GET",
            target=target,
            headers=[
                ("host", parts.netloc),
                ("accept", accept),
                ("accept-encoding", "identity"),
                ("connection", "close"),
            ],
        )
        try:
            with self._connected(host, port, until, step) as connection:
                return _exchange(connection, request, max_bytes, until)
        except KeybornError as error:
            error.value = url if error.value is None else error.value
            raise error.at(step) from error.__cause__
        except TimeoutError as error:
            raise _late(step, url) from error
        except OSError as error:
            raise Unavailable(
                "unreachable",
                f"no secure connection to the host: {_reason(error)}",
                step=step,
                value=url,
                hint="see that the host serves HTTPS, with a certificate of its name",
            ) from error

    def _connected(self, host: str, port: int, until: float, step: str) -> ssl.SSLSocket:
        addresses = self._addresses(host, port, until, step)
        context = self._tls()
        for place, address in enumerate(addresses, 1):
            share = self.deadline / len(addresses)  # so that one that swallows all leaves the rest
            try:
                patience = min(left(until), share)
                plain = socket.create_connection((address, port), timeout=patience)
            except OSError:
                if place == len(addresses):
                    raise
                continue
            try:
                plain.settimeout(left(until))
                return context.wrap_socket(plain, server_hostname=host)
            except BaseException:
                plain.close()
                raise
        raise _no_host(host)

    def _addresses(self, host: str, port: int, until: float, step: str) -> Sequence[str]:
        """Those of ``host``, looked up once; refused if one of them is not public."""
        try:
            found = looked_up(self._look_up, host, port, until)
        except TimeoutError:
            raise
        except (OSError, UnicodeError) as error:
            raise _no_host(host) from error
        for text in found:
            address = ipaddress.ip_address(text)
            if not is_public(address) and not (self._unsafe and address.is_loopback):
                raise Refused(
                    "address_not_public",
                    "the host has an address that is not public, where nothing is fetched from",
                    step=step,
                    value=host,
                    hint="have its name lead to public addresses alone",
                )
        return found

    def _tls(self) -> ssl.SSLContext:
        """Made once, when it is first needed: to read all authorities takes a while."""
        with self._lock:
            if self._context is None:
                self._context = httpx.create_ssl_context()
                self._context.set_ciphers(CIPHERS)
                if self._unsafe is not None:
                    self._context.load_verify_locations(cadata=self._unsafe.authority)
            return self._context


def is_public(address: _IPAddress) -> bool:
    """Whether anybody on the Internet may be there, and nobody of this network or machine."""
    if isinstance(address, ipaddress.IPv6Address):
        wrapped = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            wrapped = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if wrapped is not None:
            return is_public(wrapped)
        if address.teredo is not None or address.is_site_local:
            return False
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_unspecified
    )


def _exchange(
    connection: ssl.SSLSocket, request: h11.Request, max_bytes: int, until: float
) -> Fetched:
    protocol = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEAD_BYTES)
    sent = [protocol.send(request), protocol.send(h11.EndOfMessage())]
    connection.settimeout(left(until))
    connection.sendall(b"".join(part for part in sent if part))
    status, body, ended = 0, bytearray(), False
    while True:
        try:
            event = protocol.next_event()
        except h11.RemoteProtocolError as error:
            if ended:
                raise _cut_off() from error
            raise _no_answer(f"what answers is no HTTP service: {error}") from error
        if event is h11.NEED_DATA:
            connection.settimeout(left(until))
            received = connection.recv(_CHUNK)
            ended = not received
            protocol.receive_data(received)
        elif isinstance(event, h11.Response):
            status = event.status_code
            _check_head(event, max_bytes)
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > max_bytes:
                raise _too_large(max_bytes)
        elif isinstance(event, h11.EndOfMessage):
            return Fetched(status, bytes(body))


def _check_head(response: h11.Response, max_bytes: int) -> None:
    headers = {name.decode().lower(): value.decode("latin-1") for name, value in response.headers}
    if HTTPStatus.MULTIPLE_CHOICES <= response.status_code < HTTPStatus.BAD_REQUEST:
        raise Invalid(
            "redirected",
            "the host redirects, which is not followed",
            hint="have the host serve it at its own place",
        )
    if headers.get("content-encoding", "identity") != "identity":
        raise _no_answer("the answer is compressed, unasked")
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length) > max_bytes:
        raise _too_large(max_bytes)


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    return error.strerror or type(error).__name__


def _no_host(host: str) -> Unavailable:
    return Unavailable(
        "host_not_found",
        "the host's name leads to no address",
        value=host,
        hint="see that the name is spelled right; if it is, repeat it later",
    )


def _late(step: str, url: str) -> Unavailable:
    return Unavailable(
        "timeout", "the host did not answer in time", step=step, value=url, hint="repeat it later"
    )


def _cut_off() -> Unavailable:
    return Unavailable(
        "disconnected",
        "the host closed the connection before it had answered",
        hint="repeat it later",
    )


def _too_large(max_bytes: int) -> Invalid:
    return Invalid(
        "answer_too_large",
        f"the answer is larger than {max_bytes} bytes",
        hint="have the host serve less",
    )


def _no_answer(why: str) -> Invalid:
    return Invalid("invalid_answer", why, hint="check that the address is that of the right host")
