"""The fields of a ``[log]`` table, read strictly (``ledger.network`` says what they are).

Each function raises ``Invalid`` (``invalid_network``) for a field that is missing or of another
form.
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from did.errors import Invalid
from did.keys import PublicKey

STEP: Final = "read the network"
_HTTP: Final = ("http", "https")
HINT: Final = "take the file from who runs the ledger"

_HASH_HEX: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NODES: Final = 16
_PORTS: Final = {"http": 80, "https": 443}


def read_text(table: Mapping[str, object], name: str) -> str:
    """A string."""
    value = table.get(name)
    if not isinstance(value, str):
        raise invalid(f"{name} is missing, or not text", value)
    return value


def read_count(table: Mapping[str, object], name: str) -> int:
    """A number of 0 or more."""
    value = table.get(name)
    if type(value) is not int or value < 0:
        raise invalid(f"{name} is missing, or not a number of 0 or more", value)
    return value


def read_hash(table: Mapping[str, object], name: str) -> bytes:
    """32 bytes, as 64 lower-case hexadecimal digits."""
    text = read_text(table, name)
    if not _HASH_HEX.fullmatch(text):
        raise invalid(f"{name} is not 64 lower-case hexadecimal digits", text)
    return bytes.fromhex(text)


def read_key(table: Mapping[str, object], name: str) -> PublicKey:
    """An Ed25519 public key, as a Multikey."""
    text = read_text(table, name)
    try:
        return PublicKey.from_multibase(text)
    except Invalid as error:
        raise invalid(f"{name} is not an Ed25519 Multikey: {error.message}", text) from error


def read_url(table: Mapping[str, object], name: str, schemes: tuple[str, str] = _HTTP) -> str:
    """A URL of one of these schemes."""
    return _checked_url(read_text(table, name), name, schemes)


def _checked_url(text: str, name: str, schemes: tuple[str, str] = _HTTP) -> str:
    if not text.startswith(tuple(f"{scheme}://" for scheme in schemes)):
        # Its path often has a key in it, and is nobody's business.
        scheme, separator, _ = text.partition("://")
        told = f"{scheme}://..." if separator else None
        raise invalid(f"{name} is not a URL of {' or '.join(schemes)}", told)
    return text


def read_nodes(table: Mapping[str, object]) -> tuple[str, ...]:
    """One URL or a list of them. Two of one host and port would be one opinion, counted twice."""
    listed = table.get("rpc")
    if not isinstance(listed, list):
        return (read_url(table, "rpc"),)
    if not 1 <= len(listed) <= _NODES or not all(isinstance(each, str) for each in listed):
        raise invalid(f"rpc is not a URL, nor a list of 1 to {_NODES} of them", len(listed))
    places = set()
    for each in listed:
        try:
            parts = urlsplit(_checked_url(each, "rpc"))
            place = parts.hostname, parts.port or _PORTS[parts.scheme]
        except ValueError:
            raise invalid("rpc names a port that is none") from None
        if place in places:
            raise invalid("rpc names one host and port twice", parts.hostname)
        places.add(place)
    return tuple(listed)


def read_quorum(table: Mapping[str, object], nodes: int) -> int | None:
    """How many of so many nodes must agree; None where it is left out."""
    if "quorum" not in table:
        return None
    quorum = read_count(table, "quorum")
    if not 1 <= quorum <= nodes:
        raise invalid(f"quorum is not from 1 to {nodes}, the number of nodes in rpc", quorum)
    return quorum


def invalid(message: str, value: object = None) -> Invalid:
    """The error for a table that is not of its form."""
    return Invalid("invalid_network", message, step=STEP, value=value, hint=HINT)
