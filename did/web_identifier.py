"""``did:web``: a DID that is a host's name, and where its document lies (did:web, 2.3 and 2.5.2).

::

    did:web:issuer.example                     https://issuer.example/.well-known/did.json
    did:web:issuer.example:plants:7            https://issuer.example/plants/7/did.json
    did:web:issuer.example%3A8443              https://issuer.example:8443/.well-known/did.json

A host has one spelling here: lower case, and A-labels (``xn--…``) where its name is not ASCII; its
port has no leading zeros and its colon is ``%3A``. An IP address is no host's name, in none of the
forms that address parsers take: a last label that is a number is refused.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from did.errors import Invalid

_HOST_LENGTH: Final = 253
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_PORT = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)
_HIGHEST_PORT: Final = 65_535
# What a server or a proxy could take for something else than a plain name below a folder.
_NEVER_IN_A_SEGMENT: Final = frozenset(b'/\\?#%<>"{}|^`') | frozenset(range(0x21)) | {0x7F}


@dataclass(frozen=True, slots=True)
class WebDid:
    """A ``did:web``, well formed.

    Attributes:
        host: A name in lower case, ASCII; no address.
        port: If it is stated.
        path: Segments as they stand in the DID; empty for the host itself.
    """

    host: str
    port: int | None = None
    path: tuple[str, ...] = ()

    @property
    def canonical(self) -> "WebDid":
        """Itself: a did:web has one form."""
        return self

    @property
    def text(self) -> str:
        """The DID as text."""
        port = "" if self.port is None else f"%3A{self.port}"
        return ":".join(("did", "web", f"{self.host}{port}", *self.path))

    @property
    def url(self) -> str:
        """Where its document lies: an ``https`` URL without user, query or fragment."""
        port = "" if self.port is None else f":{self.port}"
        folder = "/".join(self.path) or ".well-known"
        return f"https://{self.host}{port}/{folder}/did.json"

    def __str__(self) -> str:
        """As ``text``."""
        return self.text


def parse_web(rest: str, text: str) -> WebDid:
    """The ``did:web`` whose method-specific id is ``rest``.

    Args:
        rest: What follows ``did:web:``, of DID Core's grammar.
        text: The whole DID, for errors.

    Raises:
        Invalid: ``invalid_did``.
    """
    first, *path = rest.split(":")
    host, colon, port = first.partition("%3A")
    labels = host.split(".")
    if len(host) > _HOST_LENGTH or not all(_LABEL.fullmatch(label) for label in labels):
        raise _invalid("its host is not a name in lower case, or not in ASCII", text)
    if _NUMBER.fullmatch(labels[-1]):
        raise _invalid("its host is an IP address", text)
    if colon and not (_PORT.fullmatch(port) and int(port) <= _HIGHEST_PORT):
        raise _invalid("its port is none", text)
    for segment in path:
        _check_segment(segment, text)
    return WebDid(host, int(port) if colon else None, tuple(path))


def _check_segment(segment: str, text: str) -> None:
    plain = unquote_to_bytes(segment)
    if plain in (b"", b".", b"..") or _NEVER_IN_A_SEGMENT & frozenset(plain):
        raise _invalid("a part of its path is not the plain name of a folder", text)
    try:
        plain.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _invalid("a part of its path is not UTF-8", text) from error


def _invalid(why: str, text: str) -> Invalid:
    return Invalid(
        "invalid_did",
        f"not a did:web: {why}",
        value=text,
        hint="write did:web:<host>, with %3A<port> and :<path> where there are any",
    )
