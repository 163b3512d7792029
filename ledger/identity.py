"""A DID and which keys are its current and next ones, as values and as JSON."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self, TypeVar

from did.errors import Invalid
from did.identifier import ID_BYTES, KeybornDid, commitment, parse_keyborn
from did.jcs import Json, JsonObject
from did.keys import PublicKey
from ledger.operations import Update, operation_hash
from ledger.registrar.messages import operation_from_json, operation_to_json

_VERSION: Final = 1
_Part = TypeVar("_Part")


@dataclass(frozen=True, slots=True)
class SignedUpdate:
    """An update, with what is signed of it but never sent.

    Attributes:
        update: The operation.
        log_id: The log that it is for, 32 bytes.
        prev: The hash of the operation that it follows, 32 bytes.
    """

    update: Update
    log_id: bytes
    prev: bytes

    @property
    def hash(self) -> bytes:
        """The operation's hash, 32 bytes."""
        return operation_hash(self.update, log_id=self.log_id, prev=self.prev)

    def to_json(self) -> JsonObject:
        """For a file."""
        return {
            "operation": operation_to_json(self.update),
            "logId": self.log_id.hex(),
            "prev": self.prev.hex(),
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Read it; raises ``Invalid``."""
        fields = _fields(value, "operation", "logId", "prev")
        update = operation_from_json(_fields(fields["operation"]))
        if not isinstance(update, Update):
            raise Invalid("store_corrupt", "a create stands where an update belongs")
        return cls(update, _bytes(fields["logId"]), _bytes(fields["prev"]))


@dataclass(frozen=True, slots=True)
class Identity:
    """Which DID, and which keys.

    Attributes:
        did: Long form.
        current: The key that speaks for the DID; once deactivated, the one that did.
        next: The key that alone may rotate or deactivate; None once deactivated.
        next_elsewhere: Whether that key is kept outside the store.
        last: The update that led here; None before the first one.
    """

    did: KeybornDid
    current: PublicKey
    next: PublicKey | None
    next_elsewhere: bool = False
    last: SignedUpdate | None = None

    def __post_init__(self) -> None:
        if self.did.genesis is None:
            raise Invalid("store_corrupt", "the DID is not in its long form")
        genesis, last = self.did.genesis, self.last
        made = (
            (genesis.key, genesis.next) if last is None else (last.update.reveal, last.update.next)
        )
        deactivated = last is not None and last.update.next is None
        if deactivated != (self.next is None) or (
            self.next is not None and made != (self.current.raw, commitment(self.next))
        ):
            raise Invalid("store_corrupt", "the keys are not those of the DID")

    def to_json(self) -> JsonObject:
        """For a file."""
        return {
            "version": _VERSION,
            "did": self.did.text,
            "current": self.current.multibase,
            "next": None if self.next is None else self.next.multibase,
            "nextElsewhere": self.next_elsewhere,
            "last": None if self.last is None else self.last.to_json(),
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Read it, and see that its parts belong together; raises ``Invalid``."""
        names = ("version", "did", "current", "next", "nextElsewhere", "last")
        fields = _fields(value, *names)
        _refuse_other_version(fields)
        return cls(
            did=parse_keyborn(_text(fields["did"])),
            current=_key(fields["current"]),
            next=_optional(fields["next"], _key),
            next_elsewhere=_flag(fields["nextElsewhere"]),
            last=_optional(fields["last"], SignedUpdate.from_json),
        )


@dataclass(frozen=True, slots=True)
class Pending:
    """An update on its way to the log.

    Attributes:
        signed: The update.
        next: The key that it commits to; None for a deactivation.
        next_file: Where that key belongs if it is kept elsewhere. Until the update is on the log it
            lies beside that, and the key that is revealed is still there.
    """

    signed: SignedUpdate
    next: PublicKey | None
    next_file: Path | None

    def __post_init__(self) -> None:
        promised = None if self.next is None else commitment(self.next)
        if promised != self.signed.update.next:
            raise Invalid("store_corrupt", "the update commits to another key")

    def to_json(self) -> JsonObject:
        """For a file."""
        return {
            "version": _VERSION,
            "signed": self.signed.to_json(),
            "next": None if self.next is None else self.next.multibase,
            "nextFile": None if self.next_file is None else str(self.next_file),
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Read it; raises ``Invalid``."""
        fields = _fields(value, "version", "signed", "next", "nextFile")
        _refuse_other_version(fields)
        return cls(
            SignedUpdate.from_json(fields["signed"]),
            _optional(fields["next"], _key),
            _optional(fields["nextFile"], lambda path: Path(_text(path))),
        )


@dataclass(frozen=True, slots=True)
class Birth:
    """An identity that is being made with its next key elsewhere.

    Attributes:
        next: That key.
        next_file: Where it is put.
    """

    next: PublicKey
    next_file: Path

    def to_json(self) -> JsonObject:
        """For a file."""
        return {
            "version": _VERSION,
            "next": self.next.multibase,
            "nextFile": str(self.next_file),
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Read it; raises ``Invalid``."""
        fields = _fields(value, "version", "next", "nextFile")
        _refuse_other_version(fields)
        return cls(_key(fields["next"]), Path(_text(fields["nextFile"])))


def _optional(value: Json, read: Callable[[Json], _Part]) -> _Part | None:
    return None if value is None else read(value)


def _fields(value: Json, *names: str) -> JsonObject:
    if not isinstance(value, dict) or (names and value.keys() != set(names)):
        raise Invalid("store_corrupt", "it does not have the fields that it should")
    return value


def _refuse_other_version(fields: JsonObject) -> None:
    if fields["version"] != _VERSION:
        raise Invalid("store_corrupt", "it is of another version than this program's")


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise Invalid("store_corrupt", "something else stands where a text belongs")
    return value


def _flag(value: Json) -> bool:
    if not isinstance(value, bool):
        raise Invalid("store_corrupt", "something else stands where true or false belongs")
    return value


def _key(value: Json) -> PublicKey:
    return PublicKey.from_multibase(_text(value))


def _bytes(value: Json) -> bytes:
    try:
        data = bytes.fromhex(_text(value))
    except ValueError as error:
        raise Invalid("store_corrupt", "a hash is not in hex") from error
    if len(data) != ID_BYTES:
        raise Invalid("store_corrupt", "a hash does not have 32 bytes")
    return data
