"""The link, or the QR code of one, that a holder is asked with (OpenID4VP 1.0, section 5).

It says who asks, and where the signed request object is; what is asked stands in that alone.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv6Address, ip_address
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from did.errors import Invalid, Refused
from did.jcs import Json
from did.limits import LIMITS
from did.uris import is_uri

_SCHEME: Final = "openid4vp"
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class FetchMethod(StrEnum):
    """How a request object is fetched (section 5.10)."""

    GET = "get"
    POST = "post"


@dataclass(frozen=True, slots=True)
class RequestLink:
    """What a holder is asked with: a link, or a QR code of one (section 5, RFC 9101 section 5).

    Attributes:
        client_id: Who asks, as stated; the request object proves it.
        request_uri: Where the request object is fetched; None where ``request`` has it.
        request: The request object itself.
        method: How it is fetched.
    """

    client_id: str
    request_uri: str | None
    request: str | None = None
    method: FetchMethod = FetchMethod.GET

    def to_uri(self) -> str:
        """The link, ``openid4vp://?client_id=…``."""
        fields = {"client_id": self.client_id}
        if self.request_uri is not None:
            fields["request_uri"] = self.request_uri
            if self.method is FetchMethod.POST:
                fields["request_uri_method"] = self.method.value
        if self.request is not None:
            fields["request"] = self.request
        return f"{_SCHEME}://?{urlencode(fields)}"


def parse_link(text: str) -> RequestLink:
    """The link that ``text`` is; parameters that are not known are ignored.

    Raises:
        Invalid: ``invalid_authorization_request``; ``invalid_request_uri_method``.
        Refused: ``unsigned_request``: it holds the request itself, not signed.
    """
    text = text.strip()
    if len(text) > LIMITS.request_link:
        raise invalid(f"a request's link is longer than {LIMITS.request_link} characters")
    try:
        parts = urlsplit(text)
        pairs = parse_qsl(parts.query, keep_blank_values=True, errors="strict")
    except ValueError as error:
        raise invalid("a request's link is not a URI") from error
    if parts.scheme not in (_SCHEME, "https") or not parts.query:
        raise invalid(f"a request's link is not of the form {_SCHEME}://?client_id=…", text)
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise invalid("a request's link has a parameter twice")
    client_id, method = fields.get("client_id"), fields.get("request_uri_method")
    if not client_id:
        raise invalid("a request's link has no client_id")
    request_uri, request = fields.get("request_uri"), fields.get("request")
    if request_uri is None and request is None:
        raise Refused(
            "unsigned_request",
            "the request is not signed, so nothing proves who asks",
            hint="have the verifier ask with a signed request object, by request_uri or request",
        )
    if request_uri is not None and request is not None:
        raise invalid("a request's link has both request and request_uri")
    if method is not None and (request_uri is None or method not in list(FetchMethod)):
        raise Invalid(
            "invalid_request_uri_method",
            "request_uri_method is neither get nor post, or there is no request_uri",
            value=method,
            hint="have the verifier correct its link",
        )
    if request_uri is not None:
        check_url(request_uri, "request_uri")
    return RequestLink(client_id, request_uri, request, FetchMethod(method or "get"))


def check_url(text: Json, name: str) -> str:
    """``text``, if it is a URL of HTTP that is encrypted or does not leave this machine.

    Raises:
        Invalid: ``invalid_authorization_request``.
        Refused: ``insecure_verifier``.
    """
    if not isinstance(text, str):
        raise invalid(f"{name} is not a URL")
    if not is_web_url(text) or urlsplit(text).fragment:
        raise invalid(f"{name} is not of the form https://host[:port][/path]", text)
    if text.startswith("http:") and not _is_loopback(text):
        raise Refused(
            "insecure_verifier",
            f"{name} is reached without TLS: who listens would learn what is presented",
            value=text,
            hint="have the verifier serve it by https",
        )
    return text


def check_answered_at(response_uri: str, link: RequestLink, *, named: bool) -> str:
    """``response_uri``, if the verifier of ``link`` may have an answer sent there.

    Whoever has a DID can sign any URL, of what this machine alone reaches too. So it is the origin
    that the request came from; where the link holds the request itself, anywhere but this machine.

    Args:
        response_uri: Of the request object, as ``check_url`` takes it.
        link: Which led to it.
        named: Whether the operator named that very verifier.

    Raises:
        Refused: ``response_uri_elsewhere``.
    """
    if link.request_uri is None:
        allowed = named or not _may_be_this_machine(response_uri)
    else:
        allowed = _origin(response_uri) == _origin(link.request_uri)
    if not allowed:
        raise Refused(
            "response_uri_elsewhere",
            "the answer would go to another place than the one that the request is from",
            value=response_uri,
            hint="have the verifier serve response_uri at the origin of its request_uri",
        )
    return response_uri


def is_web_url(text: str) -> bool:
    """Whether ``text`` is an absolute URL of ``https`` or ``http``, without a user in it."""
    try:
        parts = urlsplit(text)
        usable = bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        return False
    # urlsplit passes over characters, and over the case of schemes, that others do not.
    return usable and is_uri(text) and text.startswith(("https:", "http:"))


def origin(url: str) -> str:
    """Scheme, host and port of a URL that was checked: ``https://host[:port]``."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _is_loopback(url: str) -> bool:
    """Whether it is of this machine, and surely of no other."""
    return urlsplit(url).hostname in _LOOPBACK


def _may_be_this_machine(url: str) -> bool:
    """Whether some resolver or address parser could take its host for this machine."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(host)
    except ValueError:  # where the last label is a number, it is an address in another spelling
        return _NUMBER.fullmatch(host.rpartition(".")[2]) is not None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    address = mapped or address
    return address.is_loopback or address.is_unspecified


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    usual = 443 if parts.scheme == "https" else 80
    return parts.scheme, parts.hostname, parts.port or usual


def invalid(problem: str, value: object = None) -> Invalid:
    """The error of a request, in its link or in its request object, that is malformed."""
    return Invalid("invalid_authorization_request", problem, value=value)
