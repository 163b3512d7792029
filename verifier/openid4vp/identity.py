"""Who a verifier is to the devices that it asks: a DID, and the key that signs its requests.

Without more said, a ``did:key`` of a key that is made at the first start. Devices pin it, so the
file is to be kept: ``openid4vp.key``, the secret as a Multikey, mode 0600.

Threat model: who can read the file can ask devices in this verifier's name.
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from did.errors import Conflict, Invalid, Refused
from did.identifier import Did, DidUrl, KeyDid, parse_did, parse_did_url
from did.keys import Signer, SigningKey
from did.openid4vp.client_id import ClientId, client_id_of
from did.resolution import Finality, Resolver, authenticating_version
from did.web_identifier import WebDid
from keyborn.files import private_directory
from ledger.identity_store import create_key, read_key

KEY_FILE: Final = "openid4vp.key"


@dataclass(frozen=True, slots=True)
class Identity:
    """A DID, and its current key.

    Attributes:
        did: Who asks.
        signer: The key.
        fragment: What the DID's document calls the key; the key's own Multikey value, unless given.
    """

    did: Did
    signer: Signer
    fragment: str | None = None

    @property
    def client_id(self) -> ClientId:
        """What requests state, and what presentations are made for."""
        return client_id_of(self.did)

    @property
    def method(self) -> DidUrl:
        """The DID URL of the key."""
        return DidUrl(self.did, self.fragment or self.signer.public_key().multibase)


def own_identity(directory: Path) -> Identity:
    """The ``did:key`` of the key in ``directory``, which is made if there is none.

    Raises:
        Refused: ``store_readable_by_others``, ``store_not_a_file``.
        Invalid: ``store_corrupt``.
    """
    path = private_directory(directory) / KEY_FILE
    if not path.exists():
        with suppress(Conflict):  # another process was first
            create_key(path, SigningKey.generate())
    key = read_key(path)
    return Identity(KeyDid(key.public_key()), key)


def named_identity(
    name: Did | DidUrl, key_file: Path, resolver: Resolver, *, finality: Finality
) -> Identity:
    """The DID ``name``, whose current key is the one in ``key_file``.

    That a did:keyborn has that key is looked up, once. A did:web comes with the name that its
    document has for the key; that it is there is for who keeps the document to see to.

    Raises:
        Invalid: ``invalid_did_url``: a did:web without the name of its key.
        Refused: ``wrong_key``: it is another key's; or as ``authenticating_version``.
        KeybornError: As ``read_key``, and as the resolver does.
    """
    key = read_key(key_file)
    did, fragment = (name.did, name.fragment) if isinstance(name, DidUrl) else (name, None)
    if isinstance(did, WebDid):
        if fragment is None:
            raise Invalid(
                "invalid_did_url",
                "a did:web may have several keys, and none is named",
                value=did.text,
                hint="name the key as its document does: did:web:HOST#KEY",
            )
        return Identity(did, key, fragment)
    if fragment not in (None, key.public_key().multibase):
        raise _wrong_key(did, key)
    if isinstance(did, KeyDid):
        if did.key != key.public_key():
            raise _wrong_key(did, key)
    else:
        resolution = resolver.resolve(did.canonical)
        authenticating_version(
            resolution, key.public_key(), finality=finality, step="the verifier's own DID"
        )
    return Identity(did.canonical, key)


def parse_name(text: str) -> Did | DidUrl:
    """A DID, or the DID URL of a key of it; raises as ``parse_did`` and ``parse_did_url``."""
    return parse_did_url(text) if "#" in text else parse_did(text)


def _wrong_key(did: Did, key: SigningKey) -> Refused:
    return Refused(
        "wrong_key",
        "the key is not that of the DID",
        value=did.text,
        hint=f"name {KeyDid(key.public_key()).text}, or the file with the DID's key",
    )
