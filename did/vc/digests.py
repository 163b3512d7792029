"""Digests of resources that a credential relates to (VC Data Model 2.0, section 5.3)."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Final

from did.errors import Invalid
from did.multibase import base64url_decode, multibase_decode
from did.vc.contexts import V2

_SRI: Final = re.compile(r"(sha256|sha384|sha512)-([A-Za-z0-9+/]+={0,2})(?:\?[!-~]*)?", re.ASCII)
_BYTES: Final = {"sha256": 32, "sha384": 48, "sha512": 64}
# Multihash headers, SHA-2 and SHA-3: code and length, each one byte.
_MULTIHASHES: Final = {
    b"\x12\x20": "sha256",
    b"\x20\x30": "sha384",
    b"\x13\x40": "sha512",
    b"\x16\x20": "",
    b"\x15\x30": "",
    b"\x14\x40": "",
}
# Resources whose content is fixed by the specification (section B.1): digests are held against it.
_FIXED: Final[Mapping[str, Mapping[str, bytes]]] = {
    V2: {
        "sha256": bytes.fromhex("59955ced6697d61e03f2b2556febe5308ab16842846f5b586d7f1f7adec92734"),
        "sha384": base64.b64decode(
            "l/HrjlBCNWyAX91hr6LFV2Y3heB5Tcr6IeE4/Tje8YyzYBM8IhqjHWiWpr8+ZbYU"
        ),
    }
}


def is_digest(form: str, text: str, url: str) -> bool:
    """Whether ``text`` is a digest, and that of ``url`` if its content is fixed.

    Args:
        form: ``digestSRI`` or ``digestMultibase``.
        text: Subresource Integrity metadata; or multibase (``u`` or ``z``) of bare SHA-2 or of a
            multihash, SHA-2 or SHA-3.
        url: Of the resource, which is not fetched.
    """
    read = _sri(text) if form == "digestSRI" else _multibase(text)
    fixed = _FIXED.get(url, {})
    return bool(read) and all(fixed.get(name, digest) == digest for name, digest in read)


def _sri(text: str) -> list[tuple[str, bytes]]:
    """The digests of Subresource Integrity metadata (section 3.5 there); none if one is none."""
    found = []
    for part in text.split():
        match = _SRI.fullmatch(part)
        if match is None:
            return []
        try:
            digest = base64.b64decode(match[2], validate=True)
        except binascii.Error:
            return []
        if len(digest) != _BYTES[match[1]]:
            return []
        found.append((match[1], digest))
    return found


def _multibase(text: str) -> list[tuple[str, bytes]]:
    """The digest in multibase (``u`` or ``z``): bare SHA-2, or a multihash of SHA-2 or SHA-3."""
    try:
        data = base64url_decode(text[1:]) if text.startswith("u") else multibase_decode(text)
    except Invalid:
        return []
    bare = {length: name for name, length in _BYTES.items()}
    if len(data) in bare:
        return [(bare[len(data)], data)]
    algorithm = _MULTIHASHES.get(data[:2])
    if algorithm is None or len(data) != 2 + data[1]:
        return []
    return [(algorithm, data[2:])]
