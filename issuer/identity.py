"""The issuer's own ``did:keyborn``: made and registered at first start, rotated on demand.

A verifier accepts what a former key of an issuer signed only for a ``validFrom`` in that key's
interval on the log: from its own block time until, exclusively, that of its successor. So

* no credential is valid from before its key was on the log (``Assertion.since``);
* nothing is signed while a rotation is under way (503, ``rotation_pending``), which each signing
  transaction checks for itself (``confirm``), since it may have begun in between;
* a rotation is handed in only when the log's own time has passed the last second that was signed
  in, so that the block which holds it cannot lie before.

A rotation that is interrupted anywhere is taken up again by the next one who asks for a signature.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

from sqlalchemy import Connection, Engine, bindparam, delete, func, insert, select

from did.errors import Conflict, Refused, Unavailable
from did.identifier import Did, KeybornDid
from did.keys import PublicKey, Signer
from did.resolution import Finality, Registration, Resolution, Resolver, Version
from issuer.store import grants, settings
from keyborn.faults import FaultPoint
from keyborn.files import locked
from keyborn.polling import poll
from keyborn.storage import hold, insert_once, reading
from ledger.controller import Controller
from ledger.registrar.messages import Relay

PATIENCE: Final = 60.0  # seconds that a rotation waits for the log
RETRY: Final = 2  # seconds, told to those who come while a rotation is under way

# Built once: to build a statement takes as long as to run it.
_SETTING: Final = select(settings.c.value).where(settings.c.name == bindparam("setting"))

_SIGNING: Final = "signing_key"  # the key in use; absent before the first start and in a rotation
_DID: Final = "did"  # whose store it is
_LEAVING: Final = "rotating_from"  # the key that is being rotated away; absent otherwise
_STEP: Final = "issuer identity"

_BEGINNING: Final = FaultPoint("issuer.rotate.before_begin")
_BEGUN: Final = FaultPoint("issuer.rotate.after_begin")
_SETTLING: Final = FaultPoint("issuer.settle.before_commit")
_SETTLED: Final = FaultPoint("issuer.settle.after_commit")

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Assertion:
    """What it takes to issue: whose name, which key, and since when that key counts.

    Attributes:
        did: The issuer's DID, canonical.
        signer: Its current key.
        since: The block time of the operation that made it current.
    """

    did: Did
    signer: Signer
    since: datetime


class SigningIdentity(Protocol):
    """Whoever can lend the issuer's current key."""

    def signing(self) -> Assertion:
        """The current key.

        Raises:
            Unavailable: ``rotation_pending``.
            Undecided: The log cannot be read.
        """
        ...

    def rotating(self) -> bool:
        """Whether a rotation is under way."""
        ...


def confirm(connection: Connection, assertion: Assertion) -> None:
    """Return if ``assertion`` still holds, in the transaction that records what it signs.

    Raises:
        Unavailable: ``rotation_pending``.
    """
    hold(connection, _SIGNING, shared=True)  # against who begins a rotation
    if _setting(connection, _SIGNING) != assertion.signer.public_key().multibase:
        raise _pending()


class OneKey:
    """A DID that has one key for good, such as a ``did:key``; as ``SigningIdentity``."""

    def __init__(self, engine: Engine, did: Did, signer: Signer, *, since: datetime) -> None:
        """Record in the store that the key is in use, so that what is signed counts.

        Args:
            engine: The issuer's store.
            did: The DID.
            signer: Its key.
            since: From when on it counts.
        """
        self._assertion = Assertion(did, signer, since)
        key = signer.public_key().multibase
        with engine.begin() as connection:
            connection.execute(delete(settings).where(settings.c.name == _SIGNING))
            connection.execute(insert(settings).values(name=_SIGNING, value=key.encode()))

    def signing(self) -> Assertion:
        """The key."""
        return self._assertion

    def rotating(self) -> bool:
        """Never."""
        return False


class Identity:
    """The issuer's DID and its current key."""

    def __init__(
        self, engine: Engine, controller: Controller, *, registrar: Relay, reader: Resolver
    ) -> None:
        self._engine = engine
        self._controller = controller
        self._registrar = registrar
        self._reader = reader
        self._settled: Assertion | None = None  # once its block is final

    @property
    def did(self) -> KeybornDid:
        """The issuer's DID, canonical."""
        return self._controller.did.canonical

    @property
    def key(self) -> PublicKey:
        """The public half of the current key."""
        return self._controller.signer.public_key()

    def start(self) -> None:
        """Register the DID, at first start. A rotation that was interrupted is resumed later.

        Raises:
            Conflict: ``store_in_use``: another process is at it.
            Refused: ``store_of_another_issuer``.
            Unavailable, Undecided: The registrar or the log cannot be reached.
        """
        self._refuse_another()
        with reading(self._engine) as connection:
            if _setting(connection, _SIGNING) or _setting(connection, _LEAVING):
                return
        self._controller.register(self._registrar, self._reader)
        self._settle()

    def rotating(self) -> bool:
        """Whether a rotation is under way."""
        with reading(self._engine) as connection:
            return _setting(connection, _LEAVING) is not None

    def signing(self) -> Assertion:
        """The current key; as ``SigningIdentity.signing``."""
        with reading(self._engine) as connection:
            in_use, leaving = _setting(connection, _SIGNING), _setting(connection, _LEAVING)
        if leaving is not None:
            with self._alone(patience=0):
                self._finish(patience=0)
        elif in_use not in (None, self.key.multibase):
            self._controller.reload()  # another process has rotated the key
            if in_use != self.key.multibase:
                raise _superseded("the store has another key for this issuer than its directory")
        settled = self._settled
        if settled is not None and settled.signer.public_key() == self.key:
            return settled
        version, final = self._current()
        since = datetime.fromtimestamp(version.time, UTC)
        assertion = Assertion(self.did, self._controller.signer, since)
        if final:
            self._settled = assertion
        return assertion

    def check(self) -> None:
        """Return if the key can sign, and is the current one of the DID on the log.

        Raises:
            Unavailable: ``rotation_pending``, ``issuer_not_registered``, ``issuer_key_superseded``.
            Refused: ``issuer_deactivated``.
            Undecided: The log cannot be read.
        """
        self.signing()
        self._current()

    def rotate(self, *, replacing: str | None = None) -> Version:
        """Replace the key by the next one; returns when the log shows it.

        Args:
            replacing: Only if this key (multibase) is the one in use or being rotated away: so a
                repetition, where the answer got lost, does not rotate twice.

        Raises:
            Unavailable: The registrar cannot be reached or the log stands still; the rotation is
                pending then, and repeating this goes on with it.
            Undecided: The log cannot be read.
        """
        with self._alone(patience=PATIENCE):
            self._begin(replacing)
            self._finish(patience=PATIENCE)
        return self._current()[0]

    def resolution(self) -> Resolution:
        """What the log says of the issuer's DID."""
        return self._reader.resolve(self.did)

    @contextmanager
    def _alone(self, *, patience: float) -> Iterator[None]:
        """Be the only one who rotates, of all threads and processes that have the directory.

        Raises:
            Unavailable: ``rotation_pending``: somebody else is at it.
        """
        with ExitStack() as stack:

            def locks() -> bool | None:
                try:
                    stack.enter_context(locked(self._controller.directory / "rotation.lock"))
                except Conflict:
                    return None
                return True

            if poll(locks, patience) is None:
                raise _pending()
            self._controller.reload()
            yield

    def _refuse_another(self) -> None:
        """Return if the store is this issuer's; a new one is from now on."""
        did = self.did.text
        with self._engine.begin() as connection:
            insert_once(connection, settings, {"name": _DID, "value": did.encode()})
            known = _setting(connection, _DID)
        if known != did:
            raise Refused(
                "store_of_another_issuer",
                f"the store belongs to the issuer {known}",
                step=_STEP,
                value=did,
                hint="start it with the directory that has that issuer's identity, or name another"
                " database: each issuer has its own",
            )

    def _begin(self, replacing: str | None) -> None:
        """From the commit on nobody signs; what was signed before it is in the store."""
        with self._engine.begin() as connection:
            hold(connection, _SIGNING)
            leaving = _setting(connection, _SIGNING)
            if leaving is None or replacing not in (None, leaving):
                return
            connection.execute(delete(settings).where(settings.c.name == _SIGNING))
            connection.execute(insert(settings).values(name=_LEAVING, value=leaving.encode()))
            _BEGINNING.reached()
        _BEGUN.reached()

    def _finish(self, *, patience: float) -> None:
        """Go on with a rotation, waiting ``patience`` seconds for each of the log's two answers."""
        with reading(self._engine) as connection:
            leaving = _setting(connection, _LEAVING)
            last = connection.execute(select(func.max(grants.c.valid_from))).scalar_one()
        if leaving is None:
            return
        if self.key.multibase == leaving:
            self._wait_until_after(last or 0, patience)
            self._controller.rotate(self._registrar, self._reader)
        elif self._controller.pending:  # cut off when all but that was done
            self._controller.rotate(self._registrar, self._reader)
        self._wait_until_final(patience)
        self._settle()

    def _settle(self) -> None:
        key = self.key.multibase
        with self._engine.begin() as connection:
            for name in (_SIGNING, _LEAVING):
                connection.execute(delete(settings).where(settings.c.name == name))
            connection.execute(insert(settings).values(name=_SIGNING, value=key.encode()))
            _SETTLING.reached()
        _SETTLED.reached()
        _log.info("the issuer %s signs with %s", self.did.text, key)

    def _wait_until_after(self, second: int, patience: float) -> None:
        def passed() -> bool:
            as_of = self.resolution().as_of
            return as_of is None or int(as_of.timestamp()) > second

        _wait_until(
            passed,
            patience,
            "the log's time does not pass what this issuer signed in",
            "compare the clocks of issuer and ledger, then rotate again to go on",
        )

    def _wait_until_final(self, patience: float) -> None:
        """Until then a verifier cannot decide on anything that the new key signs."""
        _wait_until(
            lambda: self._current()[1],
            patience,
            "the log has the rotation, and has not made it final yet",
            "rotate again to go on",
        )

    def _current(self) -> tuple[Version, bool]:
        """The version on the log that made the current key current, and whether it is final."""
        resolution = self.resolution()
        key = self.key.raw
        newest = resolution.versions[-1] if resolution.versions else None
        if resolution.registration is not Registration.YES or newest is None:
            raise Unavailable(
                "issuer_not_registered",
                "the log does not have this issuer's DID",
                step=_STEP,
                hint="restart the issuer, which registers it; is it the same log as before?",
            )
        if newest.key is None:
            raise Refused(
                "issuer_deactivated",
                "this issuer's DID is deactivated",
                step=_STEP,
                hint="it has ended: start an issuer with a new directory",
            )
        if newest.key != key:
            raise _superseded("the log has another key for this issuer than its directory")
        return newest, newest.finality is Finality.FINALIZED


def _wait_until(done: Callable[[], bool], patience: float, message: str, hint: str) -> None:
    """Return once ``done``; raises ``Unavailable`` (``rotation_pending``) if it takes too long."""
    if poll(lambda: done() or None, patience) is None:
        raise Unavailable("rotation_pending", message, step=_STEP, hint=hint)


def _setting(connection: Connection, name: str) -> str | None:
    value = connection.execute(_SETTING, {"setting": name}).scalar_one_or_none()
    return None if value is None else bytes(value).decode()


def _superseded(message: str) -> Unavailable:
    return Unavailable(
        "issuer_key_superseded",
        message,
        step=_STEP,
        hint="have it use the directory that holds its newest key: the one it was rotated in",
    )


def _pending() -> Unavailable:
    return Unavailable(
        "rotation_pending",
        "the issuer is rotating its key and signs nothing until the log shows the new one",
        step=_STEP,
        hint="try again shortly",
        retry_after=RETRY,
    )
