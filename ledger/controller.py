"""Who controls a DID: makes it, registers it, rotates its key, deactivates it.

Everything here can be cut off at any point and done again, with one effect. What makes it so:

* A create is its DID's own preimage: to repeat it is to say the same thing.
* An update is stored before it is sent, and until it has been seen on the log, and whoever asked
  for it has been told, no other one is made. So a rotation that is taken up again is the same
  rotation.
* Keys are stored before an update names them, and promoted, in one rename, only when this
  controller's own reader has seen the update on the log. The registrar's word does not count.
* Should a reorganisation take the update from the log again, it is still in the store, and the
  next thing done with the controller puts it there again.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final, Self

from did.errors import Conflict, Refused
from did.identifier import Genesis, KeybornDid
from did.keys import PublicKey, Signer, SigningKey
from did.resolution import Registration, Resolution, Resolver, Version, not_registered
from ledger.birth import born
from ledger.cut_off import (
    DEACTIVATE,
    REGISTER_SUBMITTED,
    REGISTER_SUBMITTING,
    ROTATE,
    UpdatePoints,
)
from ledger.identity import Identity, Pending, SignedUpdate
from ledger.identity_store import IdentityStore, NextKeyFile
from ledger.landing import Effect, Landing, version_of
from ledger.operations import Create, sign_update
from ledger.registrar.messages import Relay

WAIT: Final = 30.0  # seconds for an operation to get onto the log


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
                identity = born(store, None if next_out is None else next_out.absolute())
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
    def directory(self) -> Path:
        """Where it is kept."""
        return self._store.directory

    def reload(self) -> None:
        """Take the identity as it is kept by now: another process may have rotated its key."""
        identity = self._store.existing()
        self._identity, self._signer = identity, self._store.key(identity.current)

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
        landing = Landing(relay, reader, wait, REGISTER_SUBMITTING, REGISTER_SUBMITTED)
        with self._changing():
            version = self._land_birth(landing)
        return landing.effect(version)

    def rotate(
        self,
        relay: Relay,
        reader: Resolver,
        *,
        next_key: Path | None = None,
        wait: float = WAIT,
        report: Callable[[Effect], None] | None = None,
    ) -> Effect:
        """Replace the current key by the next one, and that by a new one.

        If a rotation was begun, it is that one which is finished.

        Args:
            relay: As for ``register``.
            reader: As for ``register``.
            next_key: The file with the next key, where that is kept elsewhere. When this returns,
                the file holds the new next key.
            wait: As for ``register``.
            report: Given the effect before the rotation is done with: where this raises, or the
                process ends in it, the next call reports the same rotation and makes no other.

        Raises:
            Undecided: ``not_on_log_yet``, or the log cannot be read.
            Refused: ``not_registered``, ``deactivated``, ``wrong_log``, ``next_key_needed``,
                ``store_outdated`` (the log knows of an update that this store does not).
            Conflict: ``deactivation_pending``, ``next_key_in_store``, ``store_in_use``.
            Invalid: ``wrong_next_key``, the file holds another key.
        """
        landing = Landing(relay, reader, wait, ROTATE.submitting, ROTATE.submitted)
        with self._changing() as begun:
            resolution = self._catch_up(landing, begun)
            pending = begun
            if pending is None:
                if resolution.versions[-1].key is None:
                    raise _deactivated(self.did)
                pending = self._prepare_rotation(resolution, next_key)
            elif pending.next is None:
                raise Conflict(
                    "deactivation_pending",
                    "the DID is being deactivated",
                    value=self.did.canonical.text,
                    hint="deactivate it again, to finish that",
                )
            effect = landing.effect(self._finish(landing, pending, ROTATE))
            if report is not None:
                report(effect)
            self._conclude(ROTATE)
        return effect

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
        landing = Landing(relay, reader, wait, DEACTIVATE.submitting, DEACTIVATE.submitted)
        with self._changing() as begun:
            resolution = self._catch_up(landing, begun)
            pending = begun
            if pending is not None and pending.next is not None:
                self._finish(landing, pending, ROTATE)  # both would reveal the same key
                self._conclude(ROTATE)
                resolution, pending = reader.resolve(self.did), None
            if pending is None and resolution.versions[-1].key is not None:
                pending = self._prepare_deactivation(resolution, next_key)
            if pending is None:
                version = resolution.versions[-1]
            else:
                version = self._finish(landing, pending, DEACTIVATE)
                self._conclude(DEACTIVATE)
        return landing.effect(version)

    @contextmanager
    def _changing(self) -> Iterator[Pending | None]:
        """Hold the store, as it is now, with the update on its way."""
        with self._store.locked():
            self._identity = self._store.existing()
            self._signer = self._store.key(self._identity.current)
            yield self._store.pending()

    @property
    def _genesis(self) -> Genesis:
        genesis = self.did.genesis
        assert genesis is not None  # Identity has checked it
        return genesis

    def _land_birth(self, landing: Landing) -> Version:
        """Put the DID on the log, and what was done since that a reorganisation took from it."""
        last = self._identity.last
        _refuse_other_log(last, landing.reader.resolve(self.did))
        version = landing.land(self.did, Create(self._genesis), self.did.id)
        if last is not None:
            landing.land(self.did, last.update, last.hash)
        return version

    def _catch_up(self, landing: Landing, pending: Pending | None) -> Resolution:
        """What the log has of the DID, which all came from this store."""
        last = self._identity.last
        resolution = landing.reader.resolve(self.did)
        _refuse_other_log(last, resolution)
        _refuse_other_log(None if pending is None else pending.signed, resolution)
        if last is not None and version_of(resolution, last.hash) is None:
            self._land_birth(landing)
            resolution = landing.reader.resolve(self.did)
        if resolution.registration is not Registration.YES:
            raise not_registered(resolution, "look at the log")
        ours = {self.did.id if last is None else last.hash}
        if pending is not None:
            ours.add(pending.signed.hash)
        newest = resolution.versions[-1]
        if newest.operation not in ours:
            raise Refused(
                "store_outdated",
                "the log has an update of this DID that did not come from this store",
                step="look at the log",
                value=newest.id,
                hint="this store is an old copy: use the one that the DID was last rotated with",
            )
        return resolution

    def _prepare_rotation(self, resolution: Resolution, path: Path | None) -> Pending:
        following, file = self._next_key(path)
        if file is None:
            fresh = SigningKey.generate()
            self._store.keep_key(fresh)
        else:
            fresh = file.successor()
        self._store.keep_key(following)  # it is about to be the current key
        return self._sign(resolution, following, fresh.public_key(), file, ROTATE)

    def _prepare_deactivation(self, resolution: Resolution, path: Path | None) -> Pending:
        following, _ = self._next_key(path)
        return self._sign(resolution, following, None, None, DEACTIVATE)

    def _sign(
        self,
        resolution: Resolution,
        following: SigningKey,
        fresh: PublicKey | None,
        file: NextKeyFile | None,
        points: UpdatePoints,
    ) -> Pending:
        """The update that reveals the key ``following`` and commits to ``fresh``, stored."""
        log_id, prev = resolution.log_id, resolution.versions[-1].operation
        assert log_id is not None  # where it is registered, a log was asked
        update = sign_update(following, log_id=log_id, id_=self.did.id, prev=prev, next_key=fresh)
        path = None if file is None else file.path
        pending = Pending(SignedUpdate(update, log_id, prev), fresh, path)
        points.storing.reached()
        self._store.set_pending(pending)
        points.stored.reached()
        return pending

    def _finish(self, landing: Landing, pending: Pending, points: UpdatePoints) -> Version:
        """See the update on the log, then make it the state of the store."""
        signed = pending.signed
        version = landing.land(self.did, signed.update, signed.hash)
        points.promoting.reached()
        if self._identity.last != signed:
            self._store.set_identity(_promoted(self._identity, pending))
            self._identity = self._store.existing()
        self._signer = self._store.key(self._identity.current)
        points.promoted.reached()
        if pending.next is not None and pending.next_file is not None:
            NextKeyFile(pending.next_file).replace(pending.next)
        self._store.drop_keys(but=(self._identity.current, self._identity.next))
        return version

    def _conclude(self, points: UpdatePoints) -> None:
        """Forget an update that is finished; from here on another can be made."""
        points.clearing.reached()
        self._store.clear_pending()
        points.cleared.reached()

    def _next_key(self, path: Path | None) -> tuple[SigningKey, NextKeyFile | None]:
        """The next key, and the file that it is in if that is elsewhere."""
        public = self._identity.next
        assert public is not None  # it is not deactivated
        if self._identity.next_elsewhere:
            if path is None:
                raise Refused(
                    "next_key_needed",
                    "the next key of this DID is kept elsewhere",
                    step="sign the update",
                    hint="give the file that it was put into (--next FILE)",
                )
            file = NextKeyFile(path)
            file.sweep()
            return file.key(public), file
        if path is not None:
            raise Conflict(
                "next_key_in_store",
                "the next key of this DID is in its store",
                step="sign the update",
                value=str(path),
                hint="name no file",
            )
        return self._store.key(public), None


def _promoted(identity: Identity, pending: Pending) -> Identity:
    if pending.next is None:
        return replace(identity, next=None, next_elsewhere=False, last=pending.signed)
    current = PublicKey(pending.signed.update.reveal)
    return replace(identity, current=current, next=pending.next, last=pending.signed)


def _refuse_other_log(signed: SignedUpdate | None, resolution: Resolution) -> None:
    if signed is not None and signed.log_id != resolution.log_id:
        raise Refused(
            "wrong_log",
            "this DID was rotated or deactivated on another log",
            step="look at the log",
            value=None if resolution.log_id is None else resolution.log_id.hex(),
            hint=f"use the network whose log id is {signed.log_id.hex()}",
        )


def _deactivated(did: KeybornDid) -> Refused:
    return Refused(
        "deactivated",
        "the DID is deactivated, for good",
        step="look at the log",
        value=did.canonical.text,
        hint="make a new one",
    )
