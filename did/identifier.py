"""DIDs: ``did:keyborn`` in its short and long form, ``did:key`` (Ed25519), ``did:web``; DID URLs.

::

    short  did:keyborn:<id>              id = base58btc(SHA-256(genesis)), 32 bytes
    long   did:keyborn:<id>:<genesis>    genesis = base58btc(key || SHA-256(next key)), 64 bytes

A DID matches its whole grammar or is refused. Nothing is trimmed, folded or normalised
(DID Core 1.0, sections 3.1 and 3.2; ``docs/did-method.md``).
"""

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

from msgspec import Struct

from did.did_url import DID
from did.errors import Invalid
from did.keys import KEY_BYTES, PublicKey, ed25519_from_multibase
from did.limits import LIMITS
from did.multibase import base58_decode, base58_encode
from did.web_identifier import WebDid, parse_web

ID_BYTES: Final = 32
GENESIS_BYTES: Final = 64

_FRAGMENT = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})+", re.ASCII)


def commitment(next_key: PublicKey) -> bytes:
    """The 32-byte promise of the key that may rotate: SHA-256 of its 32 bytes."""
    return hashlib.sha256(next_key.raw).digest()


@dataclass(frozen=True, slots=True)
class Genesis:
    """What a ``did:keyborn`` is born from. It is its own create operation.

    Attributes:
        key: The first public key, 32 bytes. The point is checked at first use, not here: a reader
            replays a million of these.
        next: SHA-256 of the public key that alone may rotate or deactivate, 32 bytes.
    """

    key: bytes
    next: bytes

    def __post_init__(self) -> None:
        if len(self.key) != KEY_BYTES or len(self.next) != ID_BYTES:
            raise Invalid("invalid_genesis", "a genesis is two times 32 bytes")

    @classmethod
    def of(cls, key: PublicKey, next_key: PublicKey) -> Self:
        """The genesis of a device that holds both keys."""
        return cls(key.raw, commitment(next_key))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read the 64 bytes ``key || next``."""
        if len(data) != GENESIS_BYTES:
            raise Invalid("invalid_genesis", f"a genesis has 64 bytes, not {len(data)}")
        return cls(data[:KEY_BYTES], data[KEY_BYTES:])

    def to_bytes(self) -> bytes:
        """The 64 bytes ``key || next``."""
        return self.key + self.next

    @property
    def id(self) -> bytes:
        """The DID's 32-byte id: SHA-256 of the genesis."""
        return hashlib.sha256(self.to_bytes()).digest()


@dataclass(frozen=True, slots=True)
class KeybornDid:
    """A ``did:keyborn``. Its ``text`` is the long form where it carries its genesis.

    Attributes:
        id: 32 bytes.
        genesis: Present in the long form only; hashes to ``id``.
    """

    id: bytes
    genesis: Genesis | None = None

    def __post_init__(self) -> None:
        if len(self.id) != ID_BYTES:
            raise Invalid("invalid_did", f"a did:keyborn id has 32 bytes, not {len(self.id)}")
        if self.genesis is not None and self.genesis.id != self.id:
            raise Invalid("invalid_did", "the genesis of a long-form DID does not hash to its id")

    @classmethod
    def born(cls, genesis: Genesis) -> Self:
        """The long form of the DID that ``genesis`` makes."""
        return cls(genesis.id, genesis)

    @property
    def canonical(self) -> "KeybornDid":
        """The short form."""
        return KeybornDid(self.id)

    @property
    def text(self) -> str:
        """The DID as text, in the form that this value has."""
        short = _short_text(self.id)
        return (
            short if self.genesis is None else f"{short}:{base58_encode(self.genesis.to_bytes())}"
        )

    def __str__(self) -> str:
        """As ``text``."""
        return self.text


@dataclass(frozen=True, slots=True)
class KeyDid:
    """A ``did:key`` of an Ed25519 key (did:key v0.9). The point is checked when it is made."""

    key: PublicKey

    @property
    def canonical(self) -> "KeyDid":
        """Itself: a did:key has one form."""
        return self

    @property
    def text(self) -> str:
        """The DID as text, ``did:key:z6Mk…``."""
        return f"did:key:{self.key.multibase}"

    def __str__(self) -> str:
        """As ``text``."""
        return self.text


Did = KeybornDid | KeyDid | WebDid


class DidUrl(Struct, frozen=True, cache_hash=True):
    """A DID with a fragment: the name of a verification method."""

    did: Did
    fragment: str

    @property
    def text(self) -> str:
        """``<did>#<fragment>``."""
        return f"{self.did.text}#{self.fragment}"

    def key(self) -> PublicKey:
        """The key that the fragment names, where it is the key's own Multikey value.

        A ``did:key`` has the one key that it is; whether a key is one of a ``did:keyborn`` is for
        the log to say. What a fragment of a ``did:web`` names, its document alone says:
        ``did.resolution.named_key``.

        Raises:
            Invalid: ``invalid_verification_method``; ``unknown_verification_method`` for a key
                that is not the ``did:key``'s own.
        """
        if isinstance(self.did, WebDid):
            raise Invalid(
                "invalid_verification_method",
                "which key a verification method of a did:web is, its document alone says",
                value=self.text,
                hint="use a did:keyborn or a did:key here",
            )
        try:
            key = PublicKey.from_multibase(self.fragment)
        except Invalid as error:
            raise Invalid(
                "invalid_verification_method",
                f"a verification method's fragment is not an Ed25519 Multikey: {error.message}",
                value=self.text,
            ) from error
        if isinstance(self.did, KeyDid) and key != self.did.key:
            raise Invalid(
                "unknown_verification_method",
                "the verification method names another key than its did:key",
                value=self.text,
            )
        return key


@lru_cache(maxsize=4096)  # asked for several times where one DID is judged
def _short_text(id_: bytes) -> str:
    return f"did:keyborn:{base58_encode(id_)}"


@lru_cache(maxsize=4096)  # the same few issuers come again with every credential
def parse_did(text: str) -> Did:
    """The DID that ``text`` is, whole.

    Raises:
        Invalid: ``invalid_did`` (grammar, length), ``method_not_supported``,
            ``invalid_public_key``, ``invalid_public_key_type``, ``invalid_public_key_length``
            (did:key).
    """
    if len(text) > LIMITS.did:
        raise Invalid("invalid_did", f"a DID is longer than {LIMITS.did} characters", value=text)
    if text.startswith("did:") and any(mark in text for mark in "/?#"):
        raise Invalid(
            "invalid_did",
            "a DID URL stands where a DID alone is to stand",
            value=text,
            hint="leave out what follows the DID, from the first / ? or # on",
        )
    match = DID.fullmatch(text)
    if match is None:
        raise Invalid("invalid_did", "text does not have the form did:<method>:<id>", value=text)
    method, rest = match.groups()
    if method == "keyborn":
        return _parse_keyborn(rest, text)
    if method == "key":
        return _parse_key(rest, text)
    if method == "web":
        return parse_web(rest, text)
    raise Invalid(
        "method_not_supported",
        "the DID's method is not supported",
        value=text,
        hint="use did:keyborn, did:key or did:web",
    )


def parse_keyborn(text: str) -> KeybornDid:
    """As ``parse_did``, where only a ``did:keyborn`` will do."""
    did = parse_did(text)
    if not isinstance(did, KeybornDid):
        raise Invalid("method_not_supported", "a did:keyborn is needed here", value=text)
    return did


@lru_cache(maxsize=4096)  # as parse_did
def parse_did_url(text: str) -> DidUrl:
    """A verification method's DID URL, ``<did>#<fragment>``; no path and no query.

    Raises:
        Invalid: ``invalid_did_url``, or as ``parse_did``.
    """
    if len(text) > LIMITS.did_url:
        raise Invalid("invalid_did_url", "a DID URL is too long", value=text)
    did, hash_sign, fragment = text.partition("#")
    if not hash_sign or not _FRAGMENT.fullmatch(fragment) or "/" in did or "?" in did:
        raise Invalid("invalid_did_url", "text does not have the form <did>#<fragment>", value=text)
    return DidUrl(parse_did(did), fragment)


def _parse_keyborn(rest: str, text: str) -> KeybornDid:
    parts = rest.split(":")
    try:
        id_ = base58_decode(parts[0], length=ID_BYTES)
        if len(parts) == 1:
            return KeybornDid(id_)
        genesis = Genesis.from_bytes(base58_decode(parts[1], length=GENESIS_BYTES))
    except Invalid as error:
        raise Invalid("invalid_did", f"not a did:keyborn: {error.message}", value=text) from error
    if len(parts) > 2:  # noqa: PLR2004 - id and genesis
        raise Invalid("invalid_did", "a did:keyborn has an id and at most one genesis", value=text)
    return KeybornDid(id_, genesis)


def _parse_key(rest: str, text: str) -> KeyDid:
    try:
        return KeyDid(PublicKey(ed25519_from_multibase(rest)))
    except Invalid as error:
        code = error.code if error.code.startswith("invalid_public_key") else "invalid_did"
        raise Invalid(
            code, f"not a did:key of an Ed25519 key: {error.message}", value=text
        ) from error
