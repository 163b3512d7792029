"""What the commands say when something is not as it should be when they start: transcripts."""

import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent

import pytest
from lives import BIRTH, Life, World, world_in
from mortal import run
from ports import free_port

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world_in(tmp_path_factory.mktemp("world")) as made:
        yield made


@pytest.fixture(scope="module")
def life(world: World) -> Life:
    made = Life(world, world.folder)
    made.go_through(*BIRTH)
    return made


@pytest.fixture
def device(life: Life) -> Iterator[Path]:
    """A copy of a device that has everything, for a test to damage.

    Its path is short: errors show so many characters of a value, and no more.
    """
    with TemporaryDirectory(prefix="keyborn-") as folder:
        yield shutil.copytree(life.directory, Path(folder) / "device")


@pytest.fixture
def issuer(world: World, tmp_path: Path) -> Path:
    """A copy of the issuer's state."""
    return shutil.copytree(world.folder / "issuer", tmp_path / "issuer")


def assert_says(transcript: str, **places: object) -> None:
    """Run the command of a transcript, which must end and speak as that says.

    ::

        $ keyborn device show --dir {device}
        ... what it prints on stderr; on stdout it prints nothing ...
        exit 1

    A word in braces stands for one of ``places``.
    """
    first, *lines, last = dedent(transcript).strip().splitlines()
    command = first.removeprefix("$ keyborn ").format_map(places)
    ended = subprocess.run(
        [sys.executable, "-m", "keyborn", *command.split()],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    due = "\n".join([*lines, ""]).format_map(places)
    code = last.format_map(places)
    assert (ended.stderr, ended.stdout, f"exit {ended.returncode}") == (due, "", code)


@pytest.mark.parametrize("who", ["ledger", "issuer", "verifier"])
def test_a_port_that_is_taken(world: World, tmp_path: Path, who: str) -> None:
    port = world.verifier.url.rpartition(":")[2]
    options = {
        "ledger": "",
        "issuer": f" --network {world.network_file}",
        "verifier": f" --trust {world.folder / 'trust.toml'}",
    }
    assert_says(
        """
        $ keyborn {who} serve --dir {folder} --port {port}{options}
        keyborn: another process listens on this port
          why:  port_taken, got '127.0.0.1:{port}'
          next: stop it, or choose another with --port (0 takes one that is free)
        exit 3
        """,
        who=who,
        folder=tmp_path / who,
        port=port,
        options=options[who],
    )
    ready = tmp_path / "ready"
    ready.write_text("stale")
    words = [who, "serve", "--dir", tmp_path / "more", "--port", port, "--ready-file", ready]
    words += options[who].split()
    command = [sys.executable, "-m", "keyborn", *map(str, words)]
    assert subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode == 3
    assert not ready.exists()  # nobody takes the one who has the port for the one who has not


def test_a_ledger_directory_that_is_in_use(world: World) -> None:
    assert_says(
        """
        $ keyborn ledger serve --dir {folder} --port 0
        keyborn: another command or service is at work here
          why:  store_in_use, got '{folder}'
          next: wait until it has ended, then try again
        exit 1
        """,
        folder=world.folder / "ledger",
    )


def test_a_ledger_that_is_down(world: World, life: Life, device: Path, tmp_path: Path) -> None:
    """Nobody decides anything without it; and when it is back, the same commands come off."""
    read = "keyborn: read the log: the log cannot be read: "
    places = {
        "read": f"{read}no connection to the service: [Errno 111] Connection refused",
        "hint": "check that the service runs and that its address is right\n  retry in 5 s",
        "network": world.network_file,
        "ledger": world.ledger.url,
        "verifier": world.verifier.url,
        "device": device,
        "folder": tmp_path / "issuer",
        "did": life.did,
    }
    world.ledger.stop()
    try:
        for command in (
            "issuer serve --dir {folder} --network {network} --port 0",
            "device register --dir {device}",
            "device rotate --dir {device}",
            "resolve {did} --network {network}",
        ):
            assert_says(
                f"$ keyborn {command}\n"
                "{read}\n"
                "  why:  ledger_unreachable, got '{ledger}/v1/log/heads'\n"
                "  next: {hint}\n"
                "exit 3",
                **places,
            )
        assert_says(
            "$ keyborn device present --dir {device} --verifier {verifier}\n"
            "keyborn: 3 holder: the log cannot be read: no connection to the service: "
            "[Errno 111] Connection refused\n"
            "  why:  ledger_unreachable\n"
            "  next: {hint}\n"
            "exit 3",
            **places,
        )
        known = run("issuer", "devices", "show", life.did, *world.admin).data
        assert (known["provisioned"], known["registered"], known["active"]) == (True, None, None)
    finally:
        world.ledger.start()
    for words in (
        ("device", "register", "--dir", device),
        ("device", "present", "--dir", device, "--verifier", world.verifier.url),
        ("device", "rotate", "--dir", device),
    ):
        done = run(*words)
        assert done.exit_code == 0, done
    known = run("issuer", "devices", "show", life.did, *world.admin).data
    assert (known["provisioned"], known["registered"], known["active"]) == (True, True, True)


def garbled(path: Path) -> None:
    """As a failing disk would have it: of the same size, and of no meaning."""
    path.write_bytes(random.Random(1).randbytes(path.stat().st_size))


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def halved(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def removed(path: Path) -> None:
    path.unlink()


@dataclass(frozen=True)
class Damage:
    """What is done to a file of a device's store, and what its command then says."""

    name: str
    how: Callable[[Path], None]
    command: str
    why: str
    hint: str
    code: int = 1

    def __str__(self) -> str:
        return f"{self.name}-{self.how.__name__}"


IDENTITY = "restore the directory from a backup; without its keys the DID is lost"
FILE = "restore it from a copy; or move it away, and repeat what made it"
INDEX = "move the file away; the index is made anew from the log"
PRESENT = "present --verifier {verifier}"
CURRENT = "identity/keys/{current}.key"

UNREADABLE = "the identity cannot be read: "
DAMAGED = "a file of the device's store is damaged: "
EMPTY = "text is not JSON, as of character 0: Expecting value"
NOT_TEXT = "JSON text is not UTF-8"
NO_KEY = "the file does not hold an Ed25519 key"

DAMAGES = [
    Damage("identity/identity.json", emptied, "show", UNREADABLE + EMPTY, IDENTITY),
    Damage("identity/identity.json", garbled, PRESENT, UNREADABLE + NOT_TEXT, IDENTITY),
    Damage(CURRENT, garbled, PRESENT, UNREADABLE + NO_KEY, IDENTITY),
    Damage(CURRENT, removed, "rotate", UNREADABLE + "the key's file is missing", IDENTITY),
    Damage("enrolment.json", halved, "show", DAMAGED + "it is not what was written there", FILE),
    Damage("network.toml", emptied, "rotate", DAMAGED + "the file has not one table, [log]", FILE),
    Damage("credentials/provisioning.json", emptied, PRESENT, DAMAGED + EMPTY, FILE),
    Damage(
        "index.sqlite",
        garbled,
        "rotate",
        "the database file is damaged: file is not a database",
        INDEX,
        3,
    ),
]


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
def test_a_device_store_that_is_damaged(world: World, device: Path, damage: Damage) -> None:
    """Nothing is presented, sent or rotated; restored from a copy, it works as before."""
    current = run("device", "show", "--dir", device).data["key"]
    path = device / damage.name.format(current=current)
    before = path.read_bytes()
    damage.how(path)
    assert_says(
        """
        $ keyborn device {command} --dir {device}
        keyborn: {why}
          why:  store_corrupt, got '{path}'
          next: {hint}
        exit {code}
        """,
        command=damage.command.format(verifier=world.verifier.url),
        device=device,
        path=path,
        why=damage.why,
        hint=damage.hint,
        code=damage.code,
    )
    path.write_bytes(before)
    path.chmod(0o600)
    assert run("device", "show", "--dir", device).data["key"] == current


def test_an_index_that_is_damaged_is_made_anew(device: Path) -> None:
    """As the hint has it."""
    garbled(device / "index.sqlite")
    (device / "index.sqlite").rename(device / "damaged")
    assert run("device", "register", "--dir", device).exit_code == 0


@pytest.mark.parametrize(
    ("name", "mode", "command"),
    [
        ("", 0o755, "show"),
        ("identity", 0o750, "show"),
        ("identity/identity.json", 0o604, "show"),
        (CURRENT, 0o640, PRESENT),
        ("enrolment.json", 0o644, "show"),
        ("credentials/provisioning.json", 0o644, PRESENT),
        ("credentials/configuration.json", 0o660, "configuration"),
        ("index.sqlite", 0o644, "rotate"),
    ],
)
def test_a_device_store_that_others_can_read(
    world: World, device: Path, name: str, mode: int, command: str
) -> None:
    current = run("device", "show", "--dir", device).data["key"]
    path = device / name.format(current=current)
    assert_refused_as_shared(
        path, mode, f"device {command.format(verifier=world.verifier.url)} --dir {device}"
    )
    assert run("device", "show", "--dir", device).exit_code == 0


@pytest.mark.parametrize(
    ("name", "mode", "command"),
    [
        ("", 0o755, "serve --network {network} --port {port}"),
        ("issuer.sqlite", 0o644, "serve --network {network} --port {port}"),
        ("admin.token", 0o640, "serve --network {network} --port {port}"),
        ("admin.token", 0o640, "info"),
        ("identity/identity.json", 0o644, "serve --network {network} --port {port}"),
    ],
)
def test_an_issuer_whose_state_others_can_read(
    world: World, issuer: Path, name: str, mode: int, command: str
) -> None:
    filled = command.format(network=world.network_file, port=free_port())
    assert_refused_as_shared(issuer / name, mode, f"issuer {filled} --dir {issuer}")


def test_a_ledger_whose_key_others_can_read(world: World, tmp_path: Path) -> None:
    copy = shutil.copytree(world.folder / "ledger", tmp_path / "ledger")
    command = f"ledger serve --dir {copy} --port {free_port()}"
    assert_refused_as_shared(copy / "log" / "head.key", 0o640, command)


def assert_refused_as_shared(path: Path, mode: int, command: str) -> None:
    """Refused with the mode that it has; the hint repairs it, since it is carried out."""
    kind, right, begins = (
        ("directory", "700", "name another, or ") if path.is_dir() else ("file", "600", "")
    )
    path.chmod(mode)
    assert_says(
        """
        $ keyborn {command}
        keyborn: the {kind} is for its owner alone, and others can use it (mode {mode:04o})
          why:  store_readable_by_others, got '{path}'
          next: {begins}chmod {right} {path}; replace the secrets if somebody may have read them
        exit 1
        """,
        command=command,
        kind=kind,
        mode=mode,
        path=path,
        right=right,
        begins=begins,
    )
    path.chmod(int(right, 8))


def test_an_issuer_store_that_is_damaged(world: World, issuer: Path) -> None:
    garbled(issuer / "issuer.sqlite")
    assert_says(
        """
        $ keyborn issuer serve --dir {issuer} --network {network} --port 0
        keyborn: the database file is damaged: file is not a database
          why:  store_corrupt, got '{issuer}/issuer.sqlite'
          next: restore it from a backup; do not delete what may still be recovered
        exit 3
        """,
        issuer=issuer,
        network=world.network_file,
    )


def test_a_ledger_without_its_key(world: World, tmp_path: Path) -> None:
    copy = shutil.copytree(world.folder / "ledger", tmp_path / "ledger")
    (copy / "log" / "head.key").unlink()
    assert_says(
        """
        $ keyborn ledger serve --dir {folder} --port 0
        keyborn: the key that signs the ledger's heads is missing
          why:  ledger_key_missing, got '{folder}/log/head.key'
          next: restore it from a backup; no other key will do
        exit 3
        """,
        folder=copy,
    )
