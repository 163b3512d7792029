"""A device's directory: all that a device knows, private, and whole after a crash.

::

    DIR/                    0700; every file in it 0600
      identity/             the DID and its keys (ledger.controller)
      network.toml          the log that the DID lives on, as used at first
      enrolment.json        the claim and how far its enrolment has come
      credentials/          one file per credential, as issued and verified: JSON, in which a token
                            or COSE message is enveloped
        provisioning.json   what the device presents
        configuration.json  what it keeps: endpoints and network secrets
        replaced/           what a later enrolment replaced
      index.sqlite          the reader's replay of the log; made anew if it is lost

Threat model: whoever can read the directory is the device. Whoever can write to it but not read
it can make the device forget (its credentials, the log), not speak for it: credentials were
verified when they came in, and verifiers verify them again.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import tomli_w
from pydantic import ValidationError

from devices.progress import Progress
from did.errors import Conflict, Invalid, KeybornError, Unavailable
from did.jcs import JsonObject, canonicalize
from did.limits import LIMITS
from did.strict_json import parse_object
from did.vc.formats import credential_in
from keyborn.faults import FaultPoint
from keyborn.files import locked, private_directory, read_private, sweep, write_private

if TYPE_CHECKING:
    from ledger.network import Network

_MAX_PROGRESS: Final = 65_536

_NAMED: Final = FaultPoint("device.network.before_store")
_REMEMBERED: Final = FaultPoint("device.network.after_store")
_FORMER_KEPT: Final = FaultPoint("device.enroll.after_former_kept")


class Store:
    """The directory of one device. ``open`` it; what it returns was parsed and checked."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.identity = directory / "identity"
        self.index = directory / "index.sqlite"
        self._network = directory / "network.toml"
        self._progress = directory / "enrolment.json"
        self._credentials = directory / "credentials"

    @classmethod
    def prepare(cls, directory: Path) -> Self:
        """The store in ``directory``, which is made if it is missing.

        Raises:
            Refused: ``store_readable_by_others``, ``store_not_a_directory``.
        """
        return cls(private_directory(directory))

    @classmethod
    def open(cls, directory: Path) -> Self:
        """The store in ``directory``, which holds a device.

        Raises:
            Unavailable: ``store_missing``.
            Refused: as ``prepare``.
        """
        if not directory.is_dir() or not (directory / "identity").exists():
            raise Unavailable(
                "store_missing",
                "there is no device in this directory",
                value=str(directory),
                hint=f"make one: keyborn device init --dir {directory}",
            )
        return cls(private_directory(directory))

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the store for one command; the system lets go of it however the process ends.

        Raises:
            Conflict: ``store_in_use``.
        """
        with locked(self.directory):
            for folder in (self.directory, self._credentials, self._credentials / "replaced"):
                sweep(folder)
            yield

    def network(self) -> "Network | None":
        """The network that the device uses, if it has been told one."""
        try:
            # Read for its check of who else can read it; parsed by its own module.
            read_private(self._network, _MAX_PROGRESS)
        except Unavailable:
            return None
        from ledger.network import load_network  # noqa: PLC0415 - slow to import

        try:
            return load_network(self._network)
        except KeybornError as error:
            raise _corrupt(self._network, error) from error

    def remember_network(self, network: "Network") -> None:
        """Keep ``network`` for later commands; new addresses of the same log replace the old.

        Raises:
            Conflict: ``other_network``: the device's DID lives on another log.
        """
        known = self.network()
        if known == network:
            return
        if known is not None and known.pin != network.pin:
            raise Conflict(
                "other_network",
                "this device uses another log than the one named now",
                value=network.log_id.hex(),
                hint=f"leave --network out, or make a new device; it uses {known.log_id.hex()}",
            )
        _NAMED.reached()
        write_private(self._network, tomli_w.dumps({"log": network.to_table()}).encode())
        _REMEMBERED.reached()

    def progress(self) -> Progress | None:
        """How far an enrolment has come, if one was begun."""
        try:
            data = read_private(self._progress, _MAX_PROGRESS)
        except Unavailable:
            return None
        try:
            return Progress.model_validate_json(data)
        except ValidationError as error:
            raise _corrupt(self._progress, error) from error

    def save_progress(self, progress: Progress) -> None:
        """Keep ``progress``; on return it is on the disk."""
        write_private(self._progress, progress.model_dump_json(indent=1).encode())

    def credential_path(self, name: str) -> Path:
        """Where the credential ``name`` stands, or would."""
        return self._credentials / f"{name}.json"

    def credential(self, name: str) -> JsonObject | None:
        """The stored credential ``name`` (``provisioning`` or ``configuration``), if there is one.

        Its form is checked again; its signature was verified before it was stored.
        """
        path = self.credential_path(name)
        try:
            data = read_private(path, LIMITS.json_bytes)
        except Unavailable:
            return None
        try:
            document = parse_object(data)
            credential_in(document)
        except Invalid as error:
            raise _corrupt(path, error) from error
        return document

    def save_credential(self, name: str, document: JsonObject) -> None:
        """Keep a verified credential; one that it replaces is kept too, under ``replaced/``."""
        private_directory(self._credentials)
        path = self.credential_path(name)
        data = canonicalize(document)  # indented, it could outgrow what ``credential`` reads
        try:
            former = read_private(path, LIMITS.json_bytes)
        except Unavailable:
            former = data
        if former != data:
            kept = private_directory(self._credentials / "replaced")
            digest = hashlib.sha256(former).hexdigest()[:16]
            write_private(kept / f"{name}-{digest}.json", former)
            _FORMER_KEPT.reached()
        write_private(path, data)


def _corrupt(path: Path, cause: Exception) -> Invalid:
    what = cause.message if isinstance(cause, KeybornError) else "it is not what was written there"
    return Invalid(
        "store_corrupt",
        f"a file of the device's store is damaged: {what}",
        value=str(path),
        hint="restore it from a copy; or move it away, and repeat what made it",
    )
