"""A DID's whole life, and the same life cut off at every point and taken up again."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from crashing import killed_at
from registrar_support import Inline, Site

from did.errors import Conflict, Invalid, KeybornError, Refused, Unavailable, Undecided
from did.resolution import Registration, Resolution
from ledger.controller import Controller
from ledger.identity_store import IdentityStore, read_key
from ledger.landing import Effect
from ledger.log import Receipt
from ledger.operations import Create, Operation, Update, sign_update
from ledger.registrar.messages import OperationStatus, OperationType, State

UPDATE_PLACES = (
    "before_store",
    "after_store",
    "before_submit",
    "after_submit",
    "before_promote",
    "after_promote",
    "before_clear",
)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path / "site")
    yield site
    site.stop()


@pytest.fixture
def relay(site: Site) -> Inline:
    return Inline(site.registrar)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "device"


@pytest.fixture
def device(home: Path) -> Controller:
    return Controller.create(home)


def resolve(site: Site, device: Controller) -> Resolution:
    return site.reader.resolve(device.did)


def keys_in(home: Path) -> set[str]:
    return {path.stem for path in (home / "keys").iterdir()}


def consistent(home: Path, site: Site) -> Controller:
    """The controller in ``home``, if store and log agree on everything."""
    device = Controller.open(home)
    resolution = resolve(site, device)
    assert resolution.registration is Registration.YES
    assert resolution.versions[-1].key == device.signer.public_key().raw
    assert not device.pending
    identity = IdentityStore.open(home).existing()
    assert identity.next is not None
    expected = {identity.current.multibase}
    if not device.next_elsewhere:
        expected.add(identity.next.multibase)
    assert keys_in(home) == expected
    state = site.reader.state(device.did.id)
    assert state is not None
    return device


# Birth


def test_a_device_is_born_offline(home: Path) -> None:
    device = Controller.create(home)
    assert device.did.genesis is not None
    assert device.did.genesis.key == device.signer.public_key().raw
    assert len(keys_in(home)) == 2
    assert home.stat().st_mode & 0o777 == 0o700
    files = [path for path in home.rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert not device.next_elsewhere
    assert not device.pending


def test_to_create_again_is_to_open(home: Path, device: Controller) -> None:
    assert Controller.create(home).did == Controller.open(home).did == device.did


def test_two_devices_are_two(tmp_path: Path) -> None:
    first, second = (Controller.create(tmp_path / name) for name in ("a", "b"))
    assert first.did != second.did


@pytest.mark.parametrize("place", ["before_store", "after_store"])
@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_birth_that_was_cut_off_is_finished(
    home: Path, tmp_path: Path, place: str, *, elsewhere: bool
) -> None:
    next_out = tmp_path / "next.key" if elsewhere else None
    with killed_at(f"controller.create.{place}"):
        Controller.create(home, next_out=next_out)
    key = None if next_out is None else read_key(next_out)
    device = Controller.create(home, next_out=next_out)
    assert Controller.open(home).did == device.did
    assert not (home / "birth.json").exists()
    if next_out is not None:
        assert read_key(next_out) == key
        assert device.did.genesis is not None
    assert device.next_elsewhere is elsewhere


def test_the_next_key_can_be_kept_elsewhere_from_the_start(home: Path, tmp_path: Path) -> None:
    next_out = tmp_path / "next.key"
    device = Controller.create(home, next_out=next_out)
    assert keys_in(home) == {device.signer.public_key().multibase}
    assert next_out.stat().st_mode & 0o777 == 0o600
    assert read_key(next_out).public_key() != device.signer.public_key()
    assert Controller.create(home, next_out=next_out).did == device.did


def test_the_file_for_the_next_key_must_not_exist(home: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.key"
    Controller.create(tmp_path / "other", next_out=other)
    with pytest.raises(Conflict, match="store_exists"):
        Controller.create(home, next_out=other)
    Controller.create(home, next_out=tmp_path / "mine.key")


def test_a_birth_that_was_cut_off_may_choose_another_file(home: Path, tmp_path: Path) -> None:
    with killed_at("controller.create.before_store"):
        Controller.create(home, next_out=tmp_path / "first.key")
    device = Controller.create(home, next_out=tmp_path / "second.key")
    assert Controller.open(home).did == device.did
    # And a file that was replaced meanwhile is not taken for ours.
    second = tmp_path / "again"
    with killed_at("controller.create.before_store"):
        Controller.create(second, next_out=tmp_path / "third.key")
    shutil.copy(tmp_path / "first.key", tmp_path / "third.key")
    with pytest.raises(Conflict, match="store_exists"):
        Controller.create(second, next_out=tmp_path / "third.key")


# Registration


def test_a_device_registers(device: Controller, relay: Inline, site: Site) -> None:
    effect = device.register(relay, site.reader)
    assert effect.version.number == 0
    assert effect.version == resolve(site, device).versions[0]
    assert effect.receipt == site.receipt(device.did.id)
    again = device.register(relay, site.reader)
    assert again == effect
    assert len(relay.submitted) == 1


def test_registration_can_be_a_matter_of_patience(
    device: Controller, relay: Inline, site: Site
) -> None:
    relay.stalled = True
    with pytest.raises(Undecided) as raised:
        device.register(relay, site.reader, wait=0)
    assert (raised.value.code, raised.value.retry_after) == ("not_on_log_yet", 5)
    assert raised.value.hint
    site.settle()
    device.register(relay, site.reader, wait=0)
    assert site.on_log() == [Create(device.did.genesis)]  # type: ignore[arg-type] # the long form


@pytest.mark.parametrize("place", ["before_submit", "after_submit"])
def test_a_registration_that_was_cut_off_is_finished(
    home: Path, device: Controller, relay: Inline, site: Site, place: str
) -> None:
    with killed_at(f"controller.register.{place}"):
        device.register(relay, site.reader)
    Controller.open(home).register(relay, site.reader)
    consistent(home, site)
    assert len(site.on_log()) == 1


def test_while_the_log_cannot_be_read(device: Controller, relay: Inline, site: Site) -> None:
    site.moody.fails["heads"] = Unavailable("ledger_unreachable", "down")
    with pytest.raises(Undecided, match="ledger_unreachable"):
        device.register(relay, site.reader)
    site.moody.fails.clear()
    device.register(relay, site.reader)


class Away:
    """A registrar that cannot be reached. Implements ``Relay``."""

    def submit(self, _operation: Operation) -> OperationStatus:
        raise Unavailable("registrar_unreachable", "down")

    def status(self, _operation: bytes) -> OperationStatus:
        raise Unavailable("registrar_unreachable", "down")


def test_a_registrar_that_cannot_be_reached(device: Controller, relay: Inline, site: Site) -> None:
    with pytest.raises(Unavailable, match="registrar_unreachable"):
        device.register(Away(), site.reader)
    device.register(relay, site.reader)


# Rotation


def test_a_device_rotates_its_key(
    home: Path, device: Controller, relay: Inline, site: Site
) -> None:
    device.register(relay, site.reader)
    before = device.signer.public_key()
    effect = device.rotate(relay, site.reader)
    assert effect.version.number == 1
    assert effect.receipt == site.receipt(effect.version.operation)
    assert device.signer.public_key().raw == effect.version.key != before.raw
    assert device.did == consistent(home, site).did
    for number in (2, 3):
        assert device.rotate(relay, site.reader).version.number == number
    consistent(home, site)
    assert len(site.on_log()) == 4


@pytest.mark.parametrize("place", UPDATE_PLACES)
@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_rotation_that_was_cut_off_is_finished_not_repeated(
    home: Path, tmp_path: Path, relay: Inline, site: Site, place: str, *, elsewhere: bool
) -> None:
    file = tmp_path / "next.key" if elsewhere else None
    device = Controller.create(home, next_out=file)
    device.register(relay, site.reader)
    with killed_at(f"controller.rotate.{place}"):
        device.rotate(relay, site.reader, next_key=file)
    effect = Controller.open(home).rotate(relay, site.reader, next_key=file)
    assert effect.version.number == 1
    device = consistent(home, site)
    assert len(site.on_log()) == 2
    # And whoever holds the next key now is who can rotate once more.
    assert device.rotate(relay, site.reader, next_key=file).version.number == 2
    consistent(home, site)


def test_a_rotation_is_done_with_when_it_has_been_reported(
    home: Path, relay: Inline, site: Site
) -> None:
    def lost(_: Effect) -> None:
        raise BrokenPipeError

    device = Controller.create(home)
    device.register(relay, site.reader)
    for _ in range(2):
        with pytest.raises(BrokenPipeError):
            device.rotate(relay, site.reader, report=lost)
        assert device.pending
    told: list[Effect] = []
    device = Controller.open(home)
    assert device.rotate(relay, site.reader, report=told.append).version.number == 1
    assert [effect.version.number for effect in told] == [1]
    consistent(home, site)
    with killed_at("controller.rotate.after_clear"):
        device.rotate(relay, site.reader, report=told.append)
    assert [effect.version.number for effect in told] == [1, 2]
    consistent(home, site)


@pytest.mark.parametrize("elsewhere", [False, True])
def test_what_a_killed_write_leaves_behind_goes(
    home: Path, tmp_path: Path, relay: Inline, site: Site, *, elsewhere: bool
) -> None:
    file = tmp_path / "next.key" if elsewhere else None
    device = Controller.create(home, next_out=file)
    device.register(relay, site.reader)
    left = [home / ".identity.json.abcdefgh", home / "keys" / ".z6Mk.key.abcd_123"]
    left += [tmp_path / ".next.key.new.12345678", tmp_path / ".next.key.12345678"]
    others = [tmp_path / ".other.key.12345678", tmp_path / ".next.key"]
    for path in (*left, *others):
        path.touch()
    device.rotate(relay, site.reader, next_key=file)
    assert [path for path in left if path.exists()] == ([] if elsewhere else left[2:])
    assert all(path.exists() for path in others)


def test_a_rotation_on_its_way_needs_no_file_to_be_finished(
    home: Path, tmp_path: Path, relay: Inline, site: Site
) -> None:
    file = tmp_path / "next.key"
    device = Controller.create(home, next_out=file)
    device.register(relay, site.reader)
    with killed_at("controller.rotate.after_submit"):
        device.rotate(relay, site.reader, next_key=file)
    assert device.pending
    assert Controller.open(home).rotate(relay, site.reader).version.number == 1
    assert not (tmp_path / "next.key.new").exists()
    consistent(home, site)


def test_the_new_next_key_takes_the_place_of_the_old_one(
    home: Path, tmp_path: Path, relay: Inline, site: Site
) -> None:
    file = tmp_path / "next.key"
    device = Controller.create(home, next_out=file)
    device.register(relay, site.reader)
    before = read_key(file)
    device.rotate(relay, site.reader, next_key=file)
    assert device.signer.public_key() == before.public_key()
    assert read_key(file) != before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["device", "next.key", "site"]


def test_a_key_that_did_not_get_into_place_before_the_power_failed_is_found(
    home: Path, tmp_path: Path, relay: Inline, site: Site
) -> None:
    file, beside = tmp_path / "next.key", tmp_path / "next.key.new"
    device = Controller.create(home, next_out=file)
    device.register(relay, site.reader)
    old = file.read_bytes()
    device.rotate(relay, site.reader, next_key=file)
    file.rename(beside)
    file.write_bytes(old)
    file.chmod(0o600)
    assert device.rotate(relay, site.reader, next_key=file).version.number == 2


def test_keys_are_promoted_by_the_log_not_by_the_registrar(
    home: Path, device: Controller, relay: Inline, site: Site
) -> None:
    device.register(relay, site.reader)
    before = device.signer.public_key()
    relay.stalled = True
    with pytest.raises(Undecided, match="not_on_log_yet"):
        device.rotate(relay, site.reader, wait=0)
    assert device.pending
    assert Controller.open(home).signer.public_key() == before
    relay.stalled = False
    site.settle()
    assert device.rotate(relay, site.reader, wait=0).version.number == 1
    consistent(home, site)


def register(device: Controller, relay: Inline, site: Site) -> Effect:
    return device.register(relay, site.reader)


REFUSALS: dict[str, tuple[Callable[[Controller, Inline, Site], object], str]] = {
    "not registered": (lambda *_: None, "not_registered"),
    "deactivated": (
        lambda d, r, s: (register(d, r, s), d.deactivate(r, s.reader)),
        "deactivated",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_cannot_be_rotated(device: Controller, relay: Inline, site: Site, case: str) -> None:
    prepare, code = REFUSALS[case]
    prepare(device, relay, site)
    before = len(site.on_log())
    with pytest.raises(Refused, match=code):
        device.rotate(relay, site.reader)
    assert not device.pending
    assert len(site.on_log()) == before


def test_where_the_next_key_is_must_be_right(
    home: Path, tmp_path: Path, relay: Inline, site: Site
) -> None:
    file, other = tmp_path / "next.key", tmp_path / "other.key"
    device = Controller.create(home, next_out=file)
    inside = Controller.create(tmp_path / "inside")
    Controller.create(tmp_path / "third", next_out=other)
    for each in (device, inside):
        each.register(relay, site.reader)
    cases: list[tuple[Controller, Path | None, type[KeybornError], str]] = [
        (device, None, Refused, "next_key_needed"),
        (device, other, Invalid, "wrong_next_key"),
        (device, tmp_path / "none.key", Unavailable, "store_missing"),
        (inside, file, Conflict, "next_key_in_store"),
    ]
    for who, path, branch, code in cases:
        for act in (who.rotate, who.deactivate):
            with pytest.raises(branch) as raised:
                act(relay, site.reader, next_key=path)
            assert raised.value.code == code
    assert device.rotate(relay, site.reader, next_key=file).version.number == 1
    assert inside.rotate(relay, site.reader).version.number == 1


def test_an_old_copy_of_the_store_is_told_so(
    home: Path, tmp_path: Path, device: Controller, relay: Inline, site: Site
) -> None:
    device.register(relay, site.reader)
    shutil.copytree(home, tmp_path / "copy")
    device.rotate(relay, site.reader)
    copy = Controller.open(tmp_path / "copy")
    for act in (copy.rotate, copy.deactivate):
        with pytest.raises(Refused, match="store_outdated"):
            act(relay, site.reader)
    assert device.rotate(relay, site.reader).version.number == 2


def test_two_at_once_on_one_store(
    home: Path, device: Controller, relay: Inline, site: Site
) -> None:
    with IdentityStore.open(home).locked():
        for act in (device.register, device.rotate, device.deactivate):
            with pytest.raises(Conflict, match="store_in_use"):
                act(relay, site.reader)
        with pytest.raises(Conflict, match="store_in_use"):
            Controller.create(home)
    device.register(relay, site.reader)


def test_what_another_process_did_to_the_store_is_seen(
    home: Path, device: Controller, relay: Inline, site: Site
) -> None:
    device.register(relay, site.reader)
    Controller.open(home).rotate(relay, site.reader)
    assert device.rotate(relay, site.reader).version.number == 2
    consistent(home, site)


# Deactivation


def test_a_device_is_deactivated_for_good(
    home: Path, device: Controller, relay: Inline, site: Site
) -> None:
    device.register(relay, site.reader)
    effect = device.deactivate(relay, site.reader)
    assert (effect.version.number, effect.version.key) == (1, None)
    for who in (device, Controller.open(home)):
        assert who.deactivate(relay, site.reader) == effect
    assert not device.next_elsewhere
    assert len(keys_in(home)) == 1
    assert len(site.on_log()) == 2


@pytest.mark.parametrize("place", UPDATE_PLACES)
@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_deactivation_that_was_cut_off_is_finished(
    home: Path, tmp_path: Path, relay: Inline, site: Site, place: str, *, elsewhere: bool
) -> None:
    file = tmp_path / "next.key" if elsewhere else None
    device = Controller.create(home, next_out=file)
    device.register(relay, site.reader)
    with killed_at(f"controller.deactivate.{place}"):
        device.deactivate(relay, site.reader, next_key=file)
    effect = Controller.open(home).deactivate(relay, site.reader, next_key=file)
    assert (effect.version.number, effect.version.key) == (1, None)
    assert len(site.on_log()) == 2
    assert not Controller.open(home).pending


def test_a_rotation_is_finished_before_a_deactivation(
    home: Path, device: Controller, relay: Inline, site: Site
) -> None:
    device.register(relay, site.reader)
    with killed_at("controller.rotate.after_store"):
        device.rotate(relay, site.reader)
    effect = Controller.open(home).deactivate(relay, site.reader)
    assert (effect.version.number, effect.version.key) == (2, None)
    assert len(site.on_log()) == 3


def test_a_deactivation_is_not_turned_into_a_rotation(
    home: Path, device: Controller, relay: Inline, site: Site
) -> None:
    device.register(relay, site.reader)
    with killed_at("controller.deactivate.after_store"):
        device.deactivate(relay, site.reader)
    with pytest.raises(Conflict, match="deactivation_pending"):
        Controller.open(home).rotate(relay, site.reader)
    assert device.deactivate(relay, site.reader).version.key is None


# Logs that go back, and logs that are others


def test_what_a_reorganisation_took_is_put_back_from_the_store(
    home: Path, tmp_path: Path, device: Controller, relay: Inline, site: Site
) -> None:
    device.register(relay, site.reader)
    device.rotate(relay, site.reader)
    site.ledger.reorg(2)
    (site.directory / "outbox.sqlite").rename(tmp_path / "lost")  # and the registrar is another
    site.restart()
    other = Inline(site.registrar)
    assert device.register(other, site.reader).version.number == 0
    consistent(home, site)
    assert len(site.on_log()) == 2


def test_and_the_next_rotation_puts_it_back_too(
    home: Path, tmp_path: Path, device: Controller, relay: Inline, site: Site
) -> None:
    device.register(relay, site.reader)
    device.rotate(relay, site.reader)
    site.ledger.reorg(2)
    (site.directory / "outbox.sqlite").rename(tmp_path / "lost")
    site.restart()
    other = Inline(site.registrar)
    assert device.rotate(other, site.reader).version.number == 2
    consistent(home, site)
    assert len(site.on_log()) == 3


def test_a_did_that_rotated_on_one_log_does_not_go_to_another(
    home: Path, tmp_path: Path, device: Controller, relay: Inline, site: Site
) -> None:
    other = Site(tmp_path / "other")
    try:
        relay_there = Inline(other.registrar)
        for where, who in ((site, relay), (other, relay_there)):
            device.register(who, where.reader)
        with killed_at("controller.rotate.after_store"):
            device.rotate(relay, site.reader)
        with pytest.raises(Refused, match="wrong_log"):
            device.rotate(relay_there, other.reader)
        device.rotate(relay, site.reader)
        for act in (device.register, device.rotate, device.deactivate):
            with pytest.raises(Refused, match="wrong_log"):
                act(relay_there, other.reader)
        assert device.rotate(relay, site.reader).version.number == 2
        assert len(other.on_log()) == 1
    finally:
        other.stop()
    consistent(home, site)


def test_an_operation_that_came_too_late_is_told_so(
    home: Path, device: Controller, relay: Inline, site: Site
) -> None:
    """The next key was copied, and used by somebody else first."""
    device.register(relay, site.reader)
    site.ledger.mine(4)
    with killed_at("controller.rotate.after_submit"):
        relay.stalled = True
        device.rotate(relay, site.reader)
    store = IdentityStore.open(home)
    next_key = store.existing().next
    assert next_key is not None
    site.append(
        sign_update(
            store.key(next_key),
            log_id=site.ledger.log_id,
            id_=device.did.id,
            prev=device.did.id,
            next_key=None,
        )
    )
    site.settle()
    with pytest.raises(Refused, match="store_outdated"):
        device.rotate(relay, site.reader)


# What a registrar says


class Liar:
    """A registrar that takes operations along, and says of them what it likes."""

    def __init__(self, honest: Inline, says: Callable[[OperationStatus], OperationStatus]) -> None:
        self._honest = honest
        self._says = says

    def submit(self, operation: Operation) -> OperationStatus:
        return self._says(self._honest.submit(operation))

    def status(self, operation: bytes) -> OperationStatus:
        return self._says(self._honest.status(operation))


def unknown(_: OperationStatus) -> OperationStatus:
    raise Refused("unknown_operation", "never heard of it")


LIES: dict[str, Callable[[OperationStatus], Any]] = {
    "another place": lambda s: replace(s, receipt=s.receipt and replace(s.receipt, sequence=9)),
    "another time": lambda s: replace(s, receipt=s.receipt and replace(s.receipt, block_time=9)),
    "no receipt": lambda s: replace(s, receipt=None, finality=None),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_receipt_that_does_not_agree_with_the_log_is_dropped(
    device: Controller, relay: Inline, site: Site, lie: str
) -> None:
    effect = device.register(Liar(relay, LIES[lie]), site.reader)
    assert (effect.version.number, effect.receipt) == (0, None)
    assert isinstance(device.register(relay, site.reader).receipt, Receipt)


def test_a_registrar_that_knows_nothing_afterwards_is_no_harm(
    device: Controller, relay: Inline, site: Site
) -> None:
    device.register(relay, site.reader)
    assert device.register(Liar(relay, unknown), site.reader).receipt is None


def test_a_void_operation_is_not_waited_for(device: Controller, relay: Inline, site: Site) -> None:
    relay.stalled = True

    def void(status: OperationStatus) -> OperationStatus:
        return replace(status, state=State.VOID)

    with pytest.raises(Refused, match="operation_void"):
        device.register(Liar(relay, void), site.reader)


def test_types_of_operations() -> None:
    update = Update(bytes(32), bytes(32), None, bytes(64))
    assert OperationType.of(update) is OperationType.UPDATE
