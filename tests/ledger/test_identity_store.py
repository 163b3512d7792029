"""A store that is damaged, or open to others, is refused with its reason; repaired, it is read."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from actors import DEVICE, LOG_ID, STRANGER
from registrar_support import rotation

from did.errors import Invalid, KeybornError, Refused, Unavailable
from did.keys import SigningKey
from did.multibase import multibase_encode
from ledger.controller import Controller
from ledger.identity import Birth, Identity, Pending, SignedUpdate
from ledger.identity_store import IdentityStore, NextKeyFile, read_key

NEXT = DEVICE.next_key.public_key()
FRESH = STRANGER.key.public_key()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    Controller.create(tmp_path / "device")
    return tmp_path / "device"


def edit(name: str, **changes: Any) -> Callable[[Path], None]:
    def change(home: Path) -> None:
        value = json.loads((home / name).read_text())
        write(home / name, json.dumps({**value, **changes}))

    return change


def drop(name: str, field: str) -> Callable[[Path], None]:
    def change(home: Path) -> None:
        value = json.loads((home / name).read_text())
        del value[field]
        write(home / name, json.dumps(value))

    return change


def write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o600)


def key_file(home: Path, which: str) -> Path:
    value = json.loads((home / "identity.json").read_text())
    return home / "keys" / f"{value[which]}.key"


def put(which: str, text: str) -> Callable[[Path], None]:
    return lambda home: write(key_file(home, which), text)


def mode(name: str, bits: int) -> Callable[[Path], None]:
    return lambda home: (home / name).chmod(bits)


def link(home: Path) -> None:
    path = home / "identity.json"
    path.rename(home.parent / "moved.json")
    path.symlink_to(home.parent / "moved.json")


OTHER_KEY = multibase_encode(b"\x80\x26" + STRANGER.key.seed)
PUBLIC_KEY = DEVICE.key.public_key().multibase

DAMAGE: dict[str, tuple[Callable[[Path], object], type[KeybornError], str]] = {
    "no identity": (
        lambda home: (home / "identity.json").unlink(),
        Unavailable,
        "store_missing",
    ),
    "no JSON": (lambda home: write(home / "identity.json", "{"), Invalid, "store_corrupt"),
    "an empty file": (lambda home: write(home / "identity.json", ""), Invalid, "store_corrupt"),
    "a list": (lambda home: write(home / "identity.json", "[]"), Invalid, "store_corrupt"),
    "a huge file": (
        lambda home: write(home / "identity.json", " " * 20_000),
        Invalid,
        "store_too_large",
    ),
    "another version": (edit("identity.json", version=2), Invalid, "store_corrupt"),
    "a field too many": (edit("identity.json", more=1), Invalid, "store_corrupt"),
    "a field missing": (drop("identity.json", "next"), Invalid, "store_corrupt"),
    "no DID": (edit("identity.json", did="did:keyborn:x"), Invalid, "store_corrupt"),
    "a short DID": (edit("identity.json", did=DEVICE.short.text), Invalid, "store_corrupt"),
    "another DID": (edit("identity.json", did=DEVICE.did.text), Invalid, "store_corrupt"),
    "another current key": (edit("identity.json", current=PUBLIC_KEY), Invalid, "store_corrupt"),
    "another next key": (edit("identity.json", next=PUBLIC_KEY), Invalid, "store_corrupt"),
    "a current key that is null": (edit("identity.json", current=None), Invalid, "store_corrupt"),
    "no next key, undeactivated": (edit("identity.json", next=None), Invalid, "store_corrupt"),
    "text for a flag": (edit("identity.json", nextElsewhere="no"), Invalid, "store_corrupt"),
    "a number for an update": (edit("identity.json", last=1), Invalid, "store_corrupt"),
    "an empty update": (edit("identity.json", last={}), Invalid, "store_corrupt"),
    "no current key's file": (
        lambda home: key_file(home, "current").unlink(),
        Invalid,
        "store_corrupt",
    ),
    "no next key's file": (lambda home: key_file(home, "next").unlink(), Invalid, "store_corrupt"),
    "an empty key": (put("current", ""), Invalid, "store_corrupt"),
    "a key that is none": (put("current", "zzzz\n"), Invalid, "store_corrupt"),
    "a key with spaces": (put("current", f" {OTHER_KEY}\n"), Invalid, "store_corrupt"),
    "a public key for a secret one": (put("current", PUBLIC_KEY), Invalid, "store_corrupt"),
    "another key": (put("current", OTHER_KEY), Invalid, "store_corrupt"),
    "another next key's secret": (put("next", OTHER_KEY), Invalid, "store_corrupt"),
    "a huge key": (put("current", "z" * 200), Invalid, "store_corrupt"),
    "an open directory": (mode(".", 0o755), Refused, "store_readable_by_others"),
    "an open key directory": (mode("keys", 0o750), Refused, "store_readable_by_others"),
    "an open identity": (mode("identity.json", 0o644), Refused, "store_readable_by_others"),
    "an open key": (
        lambda home: key_file(home, "current").chmod(0o640),
        Refused,
        "store_readable_by_others",
    ),
    "a link": (link, Refused, "store_not_a_file"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_or_open_store_is_refused(home: Path, case: str) -> None:
    damage, branch, code = DAMAGE[case]
    did = Controller.open(home).did  # whole, it is read
    damage(home)
    with pytest.raises(branch) as raised:
        Controller.open(home)
    assert raised.value.code == code
    assert did.genesis is not None


def test_errors_about_keys_do_not_repeat_them(home: Path) -> None:
    write(key_file(home, "current"), OTHER_KEY + "!")
    with pytest.raises(Invalid) as raised:
        Controller.open(home)
    said = f"{raised.value} {raised.value.hint} {raised.value.__cause__}"
    assert OTHER_KEY not in said


def test_a_store_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="store_missing") as raised:
        Controller.open(tmp_path / "nowhere")
    assert raised.value.hint
    (tmp_path / "empty").mkdir(mode=0o700)
    with pytest.raises(Unavailable, match="store_missing"):
        Controller.open(tmp_path / "empty")
    write(tmp_path / "file", "")
    with pytest.raises(Unavailable, match="store_missing"):
        Controller.open(tmp_path / "file")


@pytest.mark.parametrize("name", ["pending.json", "birth.json"])
def test_what_is_under_way_is_read_strictly_too(home: Path, name: str) -> None:
    store = IdentityStore.open(home)
    read = store.pending if name == "pending.json" else store.birth
    for text in ("", "{}", '{"version":1}', '{"version":1,"next":1,"nextFile":1,"signed":1}'):
        write(home / name, text)
        with pytest.raises(Invalid, match="store_corrupt"):
            read()
    (home / name).unlink()
    assert read() is None


def signed() -> SignedUpdate:
    return SignedUpdate(rotation(DEVICE, LOG_ID, to=FRESH), LOG_ID, DEVICE.did.id)


@pytest.mark.parametrize(
    "identity",
    [
        Identity(DEVICE.did, DEVICE.key.public_key(), NEXT),
        Identity(DEVICE.did, DEVICE.key.public_key(), NEXT, next_elsewhere=True),
        Identity(DEVICE.did, NEXT, FRESH, last=signed()),
        Identity(
            DEVICE.did,
            DEVICE.key.public_key(),
            None,
            last=SignedUpdate(rotation(DEVICE, LOG_ID), LOG_ID, DEVICE.did.id),
        ),
    ],
)
def test_an_identity_travels(identity: Identity) -> None:
    assert Identity.from_json(identity.to_json()) == identity


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value["signed"].update(logId="00"),
        lambda value: value["signed"].update(logId="no hex"),
        lambda value: value["signed"].update(operation={"type": "create"}),
        lambda value: value["signed"].update(
            operation={"type": "create", "genesis": multibase_encode(bytes(64))}
        ),
        lambda value: value.update(next=PUBLIC_KEY),
        lambda value: value.update(next=None),
        lambda value: value.update(nextFile=1),
        lambda value: value.update(version=0),
    ],
)
def test_a_pending_update_travels_and_is_checked(change: Callable[[Any], None]) -> None:
    pending = Pending(signed(), FRESH, Path("/somewhere/next.key"))
    value: Any = pending.to_json()
    assert Pending.from_json(value) == pending
    change(value)
    with pytest.raises(Invalid):
        Pending.from_json(value)


def test_a_birth_travels() -> None:
    birth = Birth(NEXT, Path("/somewhere/next.key"))
    assert Birth.from_json(birth.to_json()) == birth


def test_a_key_is_kept_once(home: Path) -> None:
    store = IdentityStore.open(home)
    store.keep_key(DEVICE.key)
    store.keep_key(DEVICE.key)
    assert store.key(DEVICE.key.public_key()) == DEVICE.key


def test_a_key_elsewhere_and_its_successor(tmp_path: Path) -> None:
    file = NextKeyFile(tmp_path / "next.key")
    file.refuse_existing()
    file.create(DEVICE.key)
    assert read_key(file.path) == DEVICE.key
    successor = file.successor()
    assert file.successor() == successor != DEVICE.key
    assert file.key(DEVICE.key.public_key()) == DEVICE.key
    assert file.key(successor.public_key()) == successor
    file.replace(successor.public_key())
    file.replace(successor.public_key())
    assert read_key(file.path) == successor
    for key in (DEVICE.key, SigningKey.generate()):
        with pytest.raises(Invalid, match="wrong_next_key"):
            file.key(key.public_key())
