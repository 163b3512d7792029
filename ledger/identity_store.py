"""A DID and its keys as files in one private directory.

::

    identity.json          the DID, and which key is the current one and which the next
    keys/<public key>.key  a key: its secret as a Multikey (z3u2…), one line
    pending.json           an update that is signed and on its way to the log
    birth.json             while the identity is being made with its next key elsewhere
    lock                   held by whoever changes any of it

Each file is whole or absent, 0600, in directories of 0700. A key's file is named by its public
key. What a rotation needs is put beside what there is, and then one rename, that of
``identity.json``, makes it the current state.

Threat model: who can read the directory can speak as the DID, and with the next key in it take it
over for good; with the next key elsewhere, only until the next rotation. Who can modify it can
destroy it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self, TypeVar

import orjson

from did.errors import Conflict, Invalid, KeybornError, Unavailable
from did.jcs import Json, JsonObject
from did.keys import KEY_BYTES, PublicKey, SigningKey
from did.multibase import multibase_decode, multibase_encode
from did.strict_json import parse_object
from keyborn.files import (
    create_private,
    locked,
    private_directory,
    read_private,
    refuse_shared,
    sweep,
    write_private,
)
from ledger.identity import Birth, Identity, Pending

_FILE_BYTES: Final = 16_384
_KEY_FILE_BYTES: Final = 128
_ED25519_PRIV: Final = b"\x80\x26"  # multicodec ed25519-priv, 0x1300 as an unsigned varint

_Value = TypeVar("_Value")


class IdentityStore:
    """The directory; ``ledger.controller`` knows what to do with it."""

    def __init__(self, directory: Path) -> None:
        self.directory: Final = directory

    @classmethod
    def create(cls, directory: Path) -> Self:
        """The store at ``directory``, which is made if it is missing.

        Raises:
            Refused: ``store_readable_by_others``, ``store_not_a_directory``.
        """
        private_directory(private_directory(directory) / "keys")
        return cls(directory)

    @classmethod
    def open(cls, directory: Path) -> Self:
        """The store at ``directory``, which exists.

        Raises:
            Unavailable: ``store_missing``.
            Refused: ``store_readable_by_others``.
        """
        for each in (directory, directory / "keys"):
            try:
                refuse_shared(each, each.stat())
            except (FileNotFoundError, NotADirectoryError) as error:
                raise _missing(directory) from error
        return cls(directory)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the store against other threads and processes.

        What a write that was killed left behind, perhaps a key, is removed.

        Raises:
            Conflict: ``store_in_use``.
        """
        with locked(self.directory / "lock"):
            sweep(self.directory)
            sweep(self.directory / "keys")
            yield

    def identity(self) -> Identity | None:
        """What the store is about; None before it is made.

        Raises:
            Invalid: ``store_corrupt``.
            Refused: ``store_readable_by_others``.
        """
        return self._read("identity.json", Identity.from_json)

    def existing(self) -> Identity:
        """As ``identity``; raises ``Unavailable`` (``store_missing``) where there is none."""
        identity = self.identity()
        if identity is None:
            raise _missing(self.directory)
        return identity

    def set_identity(self, identity: Identity) -> None:
        """Make it the current state, in one rename."""
        self._write("identity.json", identity.to_json())

    def pending(self) -> Pending | None:
        """The update on its way; raises as ``identity``."""
        return self._read("pending.json", Pending.from_json)

    def set_pending(self, pending: Pending) -> None:
        """Keep an update before it is sent."""
        self._write("pending.json", pending.to_json())

    def clear_pending(self) -> None:
        """Forget the update, which is done with."""
        (self.directory / "pending.json").unlink(missing_ok=True)

    def birth(self) -> Birth | None:
        """The making of an identity that was begun; raises as ``identity``."""
        return self._read("birth.json", Birth.from_json)

    def set_birth(self, birth: Birth) -> None:
        """Note where the next key is about to be put."""
        self._write("birth.json", birth.to_json())

    def clear_birth(self) -> None:
        """Forget the note: the identity is made."""
        (self.directory / "birth.json").unlink(missing_ok=True)

    def key(self, public: PublicKey) -> SigningKey:
        """The key with this public half.

        Raises:
            Invalid: ``store_corrupt``, also where it is missing.
            Refused: ``store_readable_by_others``.
        """
        path = self._key_path(public)
        try:
            key = read_key(path)
        except Unavailable as error:
            raise _corrupt(path, "the key's file is missing") from error
        if key.public_key() != public:
            raise _corrupt(path, "the file holds another key than the one it is named by")
        return key

    def keep_key(self, key: SigningKey) -> None:
        """Keep a key; nothing happens if it is kept already."""
        path = self._key_path(key.public_key())
        if not path.exists():
            create_key(path, key)

    def drop_keys(self, *, but: tuple[PublicKey | None, ...]) -> None:
        """Remove every key except some: what was rotated away, or never came to be used."""
        stay = {self._key_path(public) for public in but if public is not None}
        for path in (self.directory / "keys").glob("*.key"):
            if path not in stay:
                path.unlink()

    def _key_path(self, public: PublicKey) -> Path:
        return self.directory / "keys" / f"{public.multibase}.key"

    def _read(self, name: str, read: Callable[[Json], _Value]) -> _Value | None:
        path = self.directory / name
        try:
            data = read_private(path, _FILE_BYTES)
        except Unavailable:
            return None
        try:
            return read(parse_object(data))
        except KeybornError as error:
            raise _corrupt(path, error.message) from error

    def _write(self, name: str, value: JsonObject) -> None:
        write_private(
            self.directory / name, orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n"
        )


class NextKeyFile:
    """A file outside the store with the next key in it.

    During a rotation the new next key lies beside it, at ``<name>.new``, and takes its place when
    the rotation is on the log.
    """

    def __init__(self, path: Path) -> None:
        self.path: Final = path.absolute()
        self._beside = self.path.with_name(f"{self.path.name}.new")

    def sweep(self) -> None:
        """Remove what a write of it that was killed left beside it; the store must be held."""
        for path in (self.path, self._beside):
            sweep(path.parent, path.name)

    def refuse_existing(self) -> None:
        """Raise ``Conflict`` (``store_exists``) if there is such a file."""
        if self.path.exists():
            raise Conflict(
                "store_exists",
                "there is a file already where the next key is to be put",
                value=str(self.path),
                hint="name another file; this one may be the next key of another DID",
            )

    def create(self, key: SigningKey) -> None:
        """Put ``key`` into the file, which must not exist."""
        create_key(self.path, key)

    def key(self, public: PublicKey) -> SigningKey:
        """The key with this public half.

        Raises:
            Unavailable: ``store_missing``.
            Refused: ``store_readable_by_others``.
            Invalid: ``wrong_next_key``, ``store_corrupt``.
        """
        key = read_key(self.path)
        if key.public_key() == public:
            return key
        if self._beside.exists() and (key := read_key(self._beside)).public_key() == public:
            return key  # it was about to take its place when the power failed
        raise Invalid(
            "wrong_next_key",
            "the file holds another key than the next one of this DID",
            step="sign the update",
            value=str(self.path),
            hint=f"name the file with the secret of {public.multibase}",
        )

    def successor(self) -> SigningKey:
        """A new key, kept beside the file; the same one if it is asked for again."""
        if self._beside.exists():
            return read_key(self._beside)
        key = SigningKey.generate()
        create_key(self._beside, key)
        return key

    def replace(self, public: PublicKey) -> None:
        """Let the new key, with this public half, take its place; raises as ``key``."""
        if self._beside.exists():
            self._beside.replace(self.path)
        self.key(public)


def read_key(path: Path) -> SigningKey:
    """The key in a file.

    Raises:
        Unavailable: ``store_missing``.
        Refused: ``store_readable_by_others``, ``store_not_a_file``.
        Invalid: ``store_corrupt``.
    """
    try:
        text = read_private(path, _KEY_FILE_BYTES).decode("ascii", "replace").removesuffix("\n")
        data = multibase_decode(text, length=len(_ED25519_PRIV) + KEY_BYTES)
    except Invalid:
        # Without its cause, which repeats what may be a secret.
        raise _corrupt(path, "the file does not hold an Ed25519 key") from None
    if not data.startswith(_ED25519_PRIV):
        raise _corrupt(path, "the file does not hold an Ed25519 key")
    return SigningKey(data.removeprefix(_ED25519_PRIV))


def _missing(directory: Path) -> Unavailable:
    return Unavailable(
        "store_missing",
        "there is no identity here",
        value=str(directory),
        hint="make one with init, or name the directory that it is in",
    )


def _corrupt(path: Path, why: str) -> Invalid:
    return Invalid(
        "store_corrupt",
        f"the identity cannot be read: {why}",
        value=str(path),
        hint="restore the directory from a backup; without its keys the DID is lost",
    )


def create_key(path: Path, key: SigningKey) -> None:
    """Put ``key`` into a file, which must not exist.

    Raises:
        Conflict: ``store_exists``.
    """
    create_private(path, _key_text(key))


def _key_text(key: SigningKey) -> bytes:
    return f"{multibase_encode(_ED25519_PRIV + key.seed)}\n".encode("ascii")
