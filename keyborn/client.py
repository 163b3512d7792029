"""Calls to HTTP services, whose every failure is an error of our tree.

``connect`` opens a client, ``request`` makes one call. No redirect is followed, answers have a
size limit that holds while they are read, and all of a call, from the look-up of the host on, has a
limit of time (``keyborn.deadlines``).
"""

import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

import httpx

from did.errors import Invalid, Unavailable, said_by
from did.jcs import Json, JsonObject
from did.limits import LIMITS
from did.strict_json import Numbers, parse_object
from keyborn import problem
from keyborn.deadlines import limit, within
from keyborn.tls import CIPHERS

TIMEOUT: Final = 10.0  # seconds to connect, and for each read and write
DEADLINE: Final = 30.0  # seconds for a call as a whole, from the look-up of the host on

# How httpx says that a connection ended early: a service that was killed, not one that is none.
_CUT_OFF: Final = ("Server disconnected", "peer closed connection")

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of status 2xx, or 304 to a conditional request; ``headers`` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def connect(
    base_url: str, *, token: str | None = None, authorities: ssl.SSLContext | None = None
) -> httpx.Client:
    """A client for the service at ``base_url``; close it, or use it in a ``with`` block.

    Args:
        base_url: ``http`` or ``https``, with host, without user, query or fragment.
        token: Bearer token (RFC 6750), sent to this origin and to no other.
        authorities: Who vouches for the service over HTTPS; None for the usual ones.

    Raises:
        Invalid: ``invalid_url``.
    """
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as error:
        raise Invalid(
            "invalid_url",
            f"this is no URL: {said_by(error)}",
            value=base_url,
            hint="correct the address",
        ) from error
    if url.scheme not in ("http", "https") or not url.host or url.userinfo or url.query:
        raise Invalid(
            "invalid_url",
            "a service is named by a URL of the form https://host[:port][/path]",
            value=base_url,
            hint="correct the address",
        )

    def authorize(request: httpx.Request) -> httpx.Request:
        if token is not None and _origin(request.url) == _origin(url):
            request.headers["authorization"] = f"Bearer {token}"
        return request

    client = httpx.Client(
        base_url=url,
        headers={"accept": "application/json", "accept-encoding": "identity"},
        auth=authorize,
        timeout=TIMEOUT,
        follow_redirects=False,
        verify=authorities or _authorities(url.scheme),
        # A proxy from the environment has no business between processes of one machine.
        trust_env=url.host not in LOOPBACK,
    )
    return limit(client)


def _authorities(scheme: str) -> ssl.SSLContext:
    """Who vouches for a service: those that ``SSL_CERT_FILE`` names, also on this machine.

    What is spoken with it is what our services speak (``keyborn.tls``). To read all authorities
    takes longer than a call in the clear, which needs none: there, none is trusted.
    """
    if scheme == "http":
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context = httpx.create_ssl_context()
    context.set_ciphers(CIPHERS)
    return context


def request(
    client: httpx.Client,
    method: str,
    path: str,
    *,
    step: str,
    json: Json = None,
    form: Mapping[str, str] | None = None,
    content: bytes | None = None,
    headers: Mapping[str, str] = _NOTHING,
    max_bytes: int = LIMITS.json_bytes,
    deadline: float | None = None,
) -> Answer:
    """Make one call and read its answer.

    Args:
        client: From ``connect``.
        method: ``GET``, ``POST`` and so on.
        path: Appended to the base URL, with a query if there is one; or an absolute URL.
        step: What the caller is doing, for the error.
        json: Body as JSON; at most one of ``json``, ``form`` and ``content``.
        form: Body as ``application/x-www-form-urlencoded``.
        content: Body as bytes; name its type in ``headers``.
        headers: More headers; with ``if-none-match``, the answer may be a 304 without a body.
        max_bytes: Limit on the answer's body.
        deadline: Seconds for the call as a whole; ``DEADLINE`` by default.

    Raises:
        Unavailable: ``unreachable``, ``disconnected`` or ``timeout``.
        Invalid: ``invalid_url``, ``answer_too_large``, ``invalid_answer`` or ``redirected``.
        KeybornError: What the server answered, by its status and code.
    """
    until = time.monotonic() + (DEADLINE if deadline is None else deadline)
    try:
        built = client.build_request(
            method, path, json=json, data=form, content=content, headers=headers
        )
    except httpx.InvalidURL as error:
        raise Invalid(
            "invalid_url",
            f"this is no URL: {said_by(error)}",
            step=step,
            value=path,
            hint="correct the address",
        ) from error
    url = str(built.url.copy_with(query=None))
    try:
        with within(until):
            response = client.send(built, stream=True)
            try:
                body = _read(response, max_bytes=max_bytes, step=step, url=url)
            finally:
                response.close()
    except httpx.TimeoutException as error:
        raise _late(step, url) from error
    except UnicodeError as error:  # from the system's look-up of the host
        raise Invalid(
            "invalid_url",
            f"no host has such a name: {said_by(error)}",
            step=step,
            value=url,
            hint="correct the address",
        ) from error
    except (httpx.ProtocolError, httpx.DecodingError) as error:
        if str(error).startswith(_CUT_OFF):
            raise Unavailable(
                "disconnected",
                "the service closed the connection before it had answered",
                step=step,
                value=url,
                hint="repeat it; what was done already is not done twice",
            ) from error
        raise Invalid(
            "invalid_answer",
            f"what answers is no HTTP service: {said_by(error)}",
            step=step,
            value=url,
            hint="check that the address is that of the right service",
        ) from error
    except httpx.TransportError as error:
        raise Unavailable(
            "unreachable",
            f"no connection to the service: {said_by(error)}",
            step=step,
            value=url,
            hint="check that the service runs and that its address is right",
        ) from error
    if response.is_success or (
        response.status_code == HTTPStatus.NOT_MODIFIED and "if-none-match" in built.headers
    ):
        return Answer(response.status_code, dict(response.headers), body)
    if response.has_redirect_location:
        raise Invalid(
            "redirected",
            "the service redirects, which is not followed",
            step=step,
            value=url,
            hint=f"if it is trusted, name it directly: {response.headers['location']}",
        )
    raise problem.parse(
        response.status_code, body, retry_after=response.headers.get("retry-after"), step=step
    )


def request_json(
    client: httpx.Client,
    method: str,
    path: str,
    *,
    step: str,
    json: Json = None,
    form: Mapping[str, str] | None = None,
    content: bytes | None = None,
    headers: Mapping[str, str] = _NOTHING,
) -> JsonObject:
    """As ``request``, for an answer that is a JSON object, parsed strictly but for its numbers.

    What is not known in it is ignored, whatever number that is.

    Raises:
        Invalid: ``invalid_answer`` for anything else.
    """
    answer = request(
        client, method, path, step=step, json=json, form=form, content=content, headers=headers
    )
    try:
        return parse_object(answer.body, numbers=Numbers.ANY)
    except Invalid as error:
        raise Invalid(
            "invalid_answer",
            f"the answer is not understood: {error.message}",
            step=step,
            hint="check that the address is that of the right service",
        ) from error


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _read(response: httpx.Response, *, max_bytes: int, step: str, url: str) -> bytes:
    if response.headers.get("content-encoding", "identity") != "identity":
        raise Invalid(
            "invalid_answer",
            "the answer is compressed, unasked",
            step=step,
            value=url,
            hint="check that the address is that of the right service",
        )
    body = bytearray()
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > max_bytes:
            raise Invalid(
                "answer_too_large",
                f"the answer is larger than {max_bytes} bytes",
                step=step,
                value=url,
                hint="check that the address is that of the right service",
            )
    return bytes(body)


def _late(step: str, url: str) -> Unavailable:
    return Unavailable(
        "timeout",
        "the service did not answer in time",
        step=step,
        value=url,
        hint="repeat it; what was done already is not done twice",
    )
