"""Who controls a DID: makes it, registers it, rotates its key, deactivates it.

Everything here can be cut off at any point and done again, with one effect. What makes it so:

* A create is its DID's own preimage: to repeat it is to say the same thing.
* An update is stored before it is sent, and until it has been seen on the log no other one is
  made. So a rotation that is taken up again is the same rotation.
* Keys are stored before an update names them, and promoted, in one rename, only when this
  controller's own reader has seen the update on the log. The registrar's word does not count.
* Should the log lose the update again in a reorganisation, it is still in the store, and the next
  thing done with the controller sends it again.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

from did.errors import Conflict, Invalid, KeybornError, Refused, Unavailable, Undecided
from did.identifier import Genesis, KeybornDid
from did.keys import PublicKey, Signer, SigningKey
from did.resolution import Registration, Resolution, Resolver, Version
from keyborn.faults import FaultPoint
from keyborn.files import create_private
from ledger.identity import Birth, Identity, Pending, SignedUpdate
from ledger.identity_store import IdentityStore, key_file, read_key
from ledger.log import Receipt
from ledger.operations import Create, Operation, sign_update
from ledger.registrar.messages import OperationStatus, Relay

WAIT: Final = 30.0  # seconds for an operation to get onto the log
_RETRY: Final = 5
_POLL: Final = (0.05, 1.0)  # seconds between two looks: at first, and at the most

CREATE_KEYS: Final = FaultPoint("controller.create.after_keys")
CREATE_IDENTITY: Final = FaultPoint("controller.create.after_identity")
REGISTER_SUBMIT: Final = FaultPoint("controller.register.before_submit")
REGISTER_SUBMITTED: Final = FaultPoint("controller.register.after_submit")
ROTATE_KEYS: Final = FaultPoint("controller.rotate.before_store")
ROTATE_STORED: Final = FaultPoint("controller.rotate.after_store")
ROTATE_SUBMITTED: Final = FaultPoint("controller.rotate.after_submit")
ROTATE_PROMOTE: Final = FaultPoint("controller.rotate.before_promote")
ROTATE_PROMOTED: Final = FaultPoint("controller.rotate.after_promote")


@dataclass(frozen=True, slots=True)
class Effect:
    """What an operation came to.

    Attributes:
        version: The version that it made, as this controller's own reader shows it.
        receipt: What the registrar says of it (block, transaction, gas), where that agrees with
            the reader; None if the registrar cannot tell.
    """

    version: Version
    receipt: Receipt | None


class Controller:
    """A DID and its keys in one private directory. For one thread at a time, but for ``signer``."""

    def __init__(self, store: IdentityStore, identity: Identity, signer: SigningKey) -> None:
        self._store = store
        self._identity = identity
        self._signer = signer

    @classmethod
    def create(cls, directory: Path, *, next_out: Path | None = None) -> Self:
        """The identity in ``directory``: made, or finished, or if it is there already, opened.

        Nothing is sent anywhere.

        Args:
            directory: Made, 0700, if it is missing.
            next_out: A file to put the next key into instead; it must not exist.

        Raises:
            Conflict: ``store_exists`` (the file is there already), ``store_in_use``.
            Refused: ``store_readable_by_others``.
            Invalid: ``store_corrupt``.
        """
        store = IdentityStore.create(directory)
        with store.locked():
            identity = store.identity()
            if identity is None:
                identity = _born(store, None if next_out is None else next_out.absolute())
            store.clear_birth()
        return cls(store, identity, store.key(identity.current))

    @classmethod
    def open(cls, directory: Path) -> Self:
        """The identity in ``directory``.

        Raises:
            Unavailable: ``store_missing``.
            Refused: ``store_readable_by_others``.
            Invalid: ``store_corrupt``.
        """
        store = IdentityStore.open(directory)
        identity = store.existing()
        if identity.next is not None and not identity.next_elsewhere and not store.pending():
            store.key(identity.next)  # to say now that it is missing, not on the day it is needed
        return cls(store, identity, store.key(identity.current))

    @property
    def did(self) -> KeybornDid:
        """The DID, in its long form; its ``canonical`` is the short one."""
        return self._identity.did

    @property
    def signer(self) -> Signer:
        """The current key, as of the last promotion."""
        return self._signer

    @property
    def next_elsewhere(self) -> bool:
        """Whether the next key is kept outside the directory, and has to be named to rotate."""
        return self._identity.next_elsewhere

    @property
    def pending(self) -> bool:
        """Whether an update was signed that has not been seen on the log."""
        return self._store.pending() is not None

    def register(self, relay: Relay, reader: Resolver, *, wait: float = WAIT) -> Effect:
        """Put the DID on the log; if it is there, tell where.

        Args:
            relay: Who puts it there.
            reader: This controller's own view of the log.
            wait: Seconds until it must be seen.

        Raises:
            Undecided: ``not_on_log_yet``: it is on its way; do the same again. Or the log cannot
                be read.
            Refused: ``wrong_log``: its key was rotated on another log.
            KeybornError: As ``relay`` and ``reader`` raise.
        """
        with self._store.locked():
            ways = _Ways(relay, reader, wait, REGISTERING, REGISTERED)
            version = self._carry(ways, Create(self._genesis), self.did.id)
            if self._identity.last is not None:
                self._carry_update(ways, self._identity.last)
        return Effect(version, _receipt(relay, version))

    def rotate(
        self,
        relay: Relay,
        reader: Resolver,
        *,
        next_key: Path | None = None,
        wait: float = WAIT,
    ) -> Effect:
        """Replace the current key by the next one, and that by a new one.

        If a rotation was begun, it is that one which is finished.

        Args:
            relay: As for ``register``.
            reader: As for ``register``.
            next_key: The file with the next key, where that is kept elsewhere. When this returns,
                the file holds the new next key.
            wait: As for ``register``.

        Raises:
            Undecided: ``not_on_log_yet``, or the log cannot be read.
            Refused: ``not_registered``, ``deactivated``, ``wrong_log``, ``next_key_needed``,
                ``store_outdated`` (the log knows of an update that this store does not).
            Conflict: ``deactivation_pending``, ``next_key_in_store``, ``store_in_use``.
            Invalid: ``wrong_next_key``, the file holds another key.
        """
        with self._store.locked():
            ways = _Ways(relay, reader, wait, ROTATING, ROTATED)
            newest = self._catch_up(ways)
            pending = self._store.pending()
            if pending is None:
                if newest.key is None:
                    raise _deactivated(self.did)
                pending = self._prepare_rotation(reader, newest, next_key)
            elif pending.next is None:
                raise Conflict(
                    "deactivation_pending",
                    "the DID is being deactivated",
                    hint="deactivate again, to finish that",
                )
            version = self._finish(ways, pending)
        return Effect(version, _receipt(relay, version))

    def deactivate(
        self,
        relay: Relay,
        reader: Resolver,
        *,
        next_key: Path | None = None,
        wait: float = WAIT,
    ) -> Effect:
        """End the DID, for good. A rotation that was begun is finished first.

        Args:
            relay: As for ``register``.
            reader: As for ``register``.
            next_key: The file with the next key, where that is kept elsewhere.
            wait: As for ``register``.

        Raises:
            KeybornError: As ``rotate``; not ``deactivated``, to repeat it is to be told where it
                is on the log.
        """
        with self._store.locked():
            ways = _Ways(relay, reader, wait, DEACTIVATING, DEACTIVATED)
            newest = self._catch_up(ways)
            pending = self._store.pending()
            if pending is not None and pending.next is not None:
                newest = self._finish(ways, pending)  # both would reveal the same key
                pending = None
            if pending is None and newest.key is not None:
                pending = self._prepare_deactivation(newest, ways, next_key)
            version = newest if pending is None else self._finish(ways, pending)
        return Effect(version, _receipt(relay, version))
