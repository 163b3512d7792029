"""How an identity comes to be, offline: its keys, then its DID."""

from pathlib import Path
from typing import Final

from did.identifier import Genesis, KeybornDid
from did.keys import SigningKey
from keyborn.faults import FaultPoint
from ledger.identity import Birth, Identity
from ledger.identity_store import IdentityStore, NextKeyFile, read_key

_NOTED: Final = FaultPoint("controller.create.after_note")
_NEXT_OUT: Final = FaultPoint("controller.create.after_next_out")
_STORING: Final = FaultPoint("controller.create.before_store")
_STORED: Final = FaultPoint("controller.create.after_store")


def born(store: IdentityStore, next_out: Path | None) -> Identity:
    """A new identity, stored. Until its file is there, there is none; keys alone are nothing."""
    if next_out is None:
        following = SigningKey.generate()
        store.keep_key(following)
    else:
        following = _born_elsewhere(store, NextKeyFile(next_out))
    current = SigningKey.generate()
    store.keep_key(current)
    genesis = Genesis.of(current.public_key(), following.public_key())
    identity = Identity(
        KeybornDid.born(genesis),
        current.public_key(),
        following.public_key(),
        next_elsewhere=next_out is not None,
    )
    _STORING.reached()
    store.set_identity(identity)
    _STORED.reached()
    return identity


def _born_elsewhere(store: IdentityStore, file: NextKeyFile) -> SigningKey:
    """The next key in ``file``: new, or from a making of this identity that was cut off."""
    file.sweep()
    begun = store.birth()
    if begun is not None and begun.next_file == file.path and file.path.exists():
        key = read_key(file.path)
        if key.public_key() == begun.next:
            return key
    file.refuse_existing()
    key = SigningKey.generate()
    store.set_birth(Birth(key.public_key(), file.path))
    _NOTED.reached()
    file.create(key)
    _NEXT_OUT.reached()
    return key
