"""The life of a device among services that may die, told in steps; each is one public command."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mortal import Done, Service, run

from did.identifier import KeybornDid, parse_keyborn
from did.keys import PublicKey
from did.openid4vci import CONFIGURATION_CONFIGURATION, PROVISIONING_CONFIGURATION
from ledger.embedded.heads import EmbeddedPin
from ledger.embedded.source import HttpSource
from ledger.log import LogSource
from ledger.network import Network, load_network, open_reader
from ledger.operations import Create, Operation, Update, decode_batch

SECRETS = {"wifi": {"ssid": "plant-7", "psk": "correct horse"}}

BIRTH = ("init", "claim", "enroll", "register", "present")
LIFE = (*BIRTH, "rotate", "present again")
AGAIN = " again"  # the same command once more, where a story has a step twice

_COMMANDS = {
    **{step: f"device {step}" for step in ("init", "run", "enroll", "register", "rotate")},
    "deactivate": "device deactivate",
    "claim": "issuer claim create",
    "rotate issuer": "issuer rotate",
    **{step: f"issuer devices {step}" for step in ("suspend", "reinstate", "revoke")},
}

# What comes of it when a device presents that has been stopped.
STOPPED = {"present suspended": "suspended", "present revoked": "revoked"} | {
    "present deactivated": "deactivated"
}


@dataclass(frozen=True)
class World:
    """A ledger, an issuer and a verifier: each a process, with its directory in ``folder``."""

    folder: Path
    ledger: Service
    issuer: Service
    verifier: Service

    @property
    def network_file(self) -> Path:
        return self.folder / "network.toml"

    @property
    def network(self) -> Network:
        return load_network(self.network_file)

    @property
    def admin(self) -> tuple[str | Path, ...]:
        return ("--dir", self.folder / "issuer")

    def service(self, name: str) -> Service:
        return {"ledger": self.ledger, "issuer": self.issuer, "verifier": self.verifier}[name]

    def issuer_rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What the issuer's store says."""
        return _rows(self.folder / "issuer" / "issuer.sqlite", query, *values)

    def challenges_used(self) -> int:
        """How many challenges were used, as the verifier's store says."""
        return len(self.verifier_rows("verifier.db", "SELECT * FROM used_challenges"))

    def verifier_rows(self, name: str, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What one of the verifier's stores says."""
        return _rows(self.folder / "verifier" / name, query, *values)

    def operations(self, did: KeybornDid) -> list[Operation]:
        """All that is on the log of a DID, effective or not."""
        with HttpSource(self.network.url, _embedded(self.network)) as source:
            return operations_on(source, did)


@contextmanager
def world_in(folder: Path) -> Iterator[World]:
    """A world whose services run; they are stopped with it."""
    with ExitStack() as stack:

        def service(name: str, *words: str | Path) -> Service:
            faults = folder / f"{name}.faults"
            words = (name, "serve", "--dir", folder / name, *words)
            return stack.enter_context(Service(*words, faults=faults))

        network, trust = folder / "network.toml", folder / "trust.toml"
        ledger = service("ledger", "--network-out", network, "--batch-time", "0.01")
        issuer = service("issuer", "--network", network, "--approval-interval", "1")
        verifier = service("verifier", "--trust", trust)
        ledger.start()
        issuer.start()
        write_trust(folder, issuer)
        verifier.start()
        yield World(folder, ledger, issuer, verifier)


def write_trust(folder: Path, issuer: Service) -> None:
    """Have the verifier believe the issuer, and ask for its status lists each time."""
    about = run("issuer", "info", "--dir", folder / "issuer").data
    written = run(
        *("verifier", "trust", "--network", folder / "network.toml"),
        *("--issuer", about["did"], "--status-url", f"{issuer.url}/v1/status/"),
        *("--max-status-age", "0", "--out", folder / "trust.toml"),
    )
    assert written.exit_code == 0, written


class Life:
    """One device, through whatever happens to it.

    ``elsewhere``: its next key is kept off it. ``bound``: its claims are for it alone.
    """

    def __init__(
        self, world: World, folder: Path, *, elsewhere: bool = False, bound: bool = False
    ) -> None:
        self.world = world
        self._bound = bound
        self.directory = folder / "device"
        self.done: list[str] = []
        self._next = folder / "next.key" if elsewhere else None
        self._configuration = folder / "configuration.json"
        self._configuration.write_text(json.dumps(SECRETS))
        self._offer = ""
        self._replacing = ""
        self.did = ""

    def words(self, step: str) -> tuple[str | Path, ...]:
        """The command that a step is."""
        step = step.removesuffix(AGAIN)
        group, _, command = _COMMANDS.get(step, "device present").rpartition(" ")
        where = ("--dir", self.directory) if group == "device" else self.world.admin
        return (*group.split(), command, *where, *self._options(step))

    def _options(self, step: str) -> tuple[str | Path, ...]:
        network = ("--network", self.world.network_file)
        verifier = ("--verifier", self.world.verifier.url)
        facts = ("--model", "thermo-2", "--owner", "plant-7", "--configuration")
        stopped = (self.did,)
        options: dict[str, tuple[str | Path | None, ...]] = {
            "init": ("--next-out", self._next),
            "claim": (*facts, self._configuration, "--did", self.did if self._bound else None),
            "enroll": (self._offer, *network),
            "register": network,
            "rotate": ("--next", self._next),
            "run": (self._offer, *network, *verifier),
            "deactivate": ("--yes",),
            "rotate issuer": ("--replacing", self._replacing),
            **dict.fromkeys(("suspend", "reinstate", "revoke"), stopped),
        }
        found = options.get(step, verifier)
        named = found if found[-1] is not None else found[:-2]  # an option that has no value here
        return tuple(word for word in named if word is not None)

    def prepare(self, step: str) -> None:
        """Note what has to be known beforehand, and stays the same when the step is repeated."""
        if step.startswith("rotate issuer"):
            self._replacing = run("issuer", "info", *self.world.admin).data["key"]

    def attempt(self, step: str) -> Done:
        """Take a step while something is about to die."""
        return run(*self.words(step))

    def finish(self, step: str) -> Any:
        """Take a step, or take it again; it must come off."""
        done = self.attempt(step)
        assert (done.error, done.exit_code) == _expected(step), (step, done)
        self.note(step, done.data)
        return done.data

    def note(self, step: str, data: Any) -> None:
        """Keep what a step gave."""
        self.done.append(step)
        if step in ("init", "run"):
            assert self.did in ("", data["did"])
            self.did = data["did"]
        elif step.startswith("claim"):
            self._offer = data["offer"]
        elif step.startswith("rotate issuer"):
            assert data["key"] != self._replacing

    def go_through(self, *steps: str) -> None:
        for step in steps:
            self.prepare(step)
            self.finish(step)

    def assert_everything_once(self) -> None:
        """One device, its credentials, and what is on the log: in every store, and no more."""
        done = [step.removesuffix(AGAIN) for step in self.done]
        enrolments, rotations = done.count("enroll") + done.count("run"), done.count("rotate")
        ended = "deactivate" in done
        self._assert_device(rotations, ended=ended)
        self._assert_issuer(enrolments)
        self._assert_log(rotations, ended=ended)

    def _assert_device(self, rotations: int, *, ended: bool) -> None:
        shown = run("device", "show", "--dir", self.directory).data
        assert shown["did"] == self.did
        assert len(shown["credentials"]) == 2
        assert shown["enrolment"]["complete"] is True
        assert run("device", "configuration", "--dir", self.directory).data == SECRETS
        identity = self.directory / "identity"
        names = {path.name for path in identity.iterdir()}
        assert names == {"identity.json", "keys", "lock"}
        keys = 1 if ended or self._next is not None else 2
        assert len(list((identity / "keys").iterdir())) == keys
        assert not list(self.directory.rglob(".*"))
        if self._next is not None:
            around = {path.name for path in self._next.parent.iterdir()}
            assert around == {"device", "configuration.json", "next.key"}
        born_with = parse_keyborn(shown["longForm"]).genesis
        assert born_with is not None
        assert (shown["key"] == PublicKey(born_with.key).multibase) is (rotations == 0)

    def _assert_issuer(self, enrolments: int) -> None:
        ((listed,),) = self.world.issuer_rows(
            "SELECT count(*) FROM devices WHERE did = ?", self.did
        )
        assert listed == 1
        grants = self.world.issuer_rows(
            "SELECT claim, configuration, credential FROM grants WHERE did = ? ORDER BY granted",
            self.did,
        )
        both = {PROVISIONING_CONFIGURATION, CONFIGURATION_CONFIGURATION}
        claims = {claim for claim, _, _ in grants}
        assert len(claims) == enrolments
        assert {row[:2] for row in grants} == {(claim, name) for claim in claims for name in both}
        assert len(grants) == 2 * enrolments
        ((taken,),) = self.world.issuer_rows(
            "SELECT count(*) FROM claim_holders WHERE did = ?", self.did
        )
        assert taken == enrolments
        granted = {json.loads(credential)["id"] for _, _, credential in grants}
        credentials = self.directory / "credentials"
        stored = [json.loads(path.read_bytes())["id"] for path in credentials.rglob("*.json")]
        assert sorted(stored) == sorted(granted)
        current = [json.loads(path.read_bytes())["id"] for path in credentials.glob("*.json")]
        assert len(current) == 2

    def _assert_log(self, rotations: int, *, ended: bool) -> None:
        did = parse_keyborn(self.did)
        on_log = self.world.operations(did)
        assert sum(isinstance(each, Create) for each in on_log) == 1
        updates = [each for each in on_log if isinstance(each, Update)]
        assert len(updates) == rotations + ended
        resolved = run("resolve", self.did, "--network", self.world.network_file).data
        number = resolved["didDocumentMetadata"]["versionId"].partition("-")[0]
        assert int(number) == rotations + ended
        with open_reader(self.world.network) as reader:
            assert len(reader.resolve(did).versions) == 1 + rotations + ended


def operations_on(source: LogSource, did: KeybornDid) -> list[Operation]:
    """All that a log has of a DID, effective or not."""
    newest = source.heads().latest.sequence
    return [
        operation
        for entry in source.entries(1, newest)
        for operation in decode_batch(entry.batch).operations
        if operation.id == did.id
    ]


def _expected(step: str) -> tuple[str | None, int]:
    refusal = STOPPED.get(step)
    return (refusal, 0 if refusal is None else 1)


def _embedded(network: Network) -> EmbeddedPin:
    assert isinstance(network.pin, EmbeddedPin)
    return network.pin


def _rows(database: Path, query: str, *values: object) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return connection.execute(query, values).fetchall()
