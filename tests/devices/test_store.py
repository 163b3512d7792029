import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from actors import DEVICE, LOG_ID, NOW, OTHER_LOG_ID
from formats import credential as secured
from scripted_issuer import credential

from devices.progress import Progress, claim_digest
from devices.store import Store
from did.errors import Conflict, Invalid, KeybornError, Refused, Unavailable
from did.openid4vci import CONFIGURATION_CONFIGURATION, PROVISIONING_CONFIGURATION
from did.vc.formats import Format, as_json, credential_in
from ledger.embedded.heads import EmbeddedPin
from ledger.network import Network

KEY = DEVICE.key.public_key()
PROGRESS = Progress(
    issuer="https://issuer.example",
    claim=claim_digest("https://issuer.example", "code"),
    configurations=(PROVISIONING_CONFIGURATION, CONFIGURATION_CONFIGURATION),
    code="code",
    tx_code="1234",
)


def _network(log_id: bytes = LOG_ID, url: str = "https://ledger.example") -> Network:
    return Network(EmbeddedPin(log_id, KEY), url)


def test_everything_in_the_store_is_private(store: Store) -> None:
    store.remember_network(_network())
    store.save_progress(PROGRESS)
    store.save_credential("provisioning", credential(DEVICE.did, at=NOW))
    store.save_credential("provisioning", credential(DEVICE.did, at=NOW))
    for path in [store.directory, *store.directory.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path


def test_a_directory_that_holds_no_device_is_named(tmp_path: Path) -> None:
    for directory in (tmp_path / "missing", tmp_path):
        with pytest.raises(Unavailable) as caught:
            Store.open(directory)
        assert caught.value.code == "store_missing"
        assert str(directory) in str(caught.value.hint)


def test_a_store_that_others_can_read_is_refused(store: Store) -> None:
    store.identity.mkdir()
    assert Store.open(store.directory).directory == store.directory
    store.directory.chmod(0o750)
    for enter in (Store.open, Store.prepare):
        with pytest.raises(Refused) as caught:
            enter(store.directory)
        assert caught.value.code == "store_readable_by_others"


@pytest.mark.parametrize(
    ("write", "read", "name"),
    [
        (lambda s: s.remember_network(_network()), Store.network, "network.toml"),
        (lambda s: s.save_progress(PROGRESS), Store.progress, "enrolment.json"),
        (
            lambda s: s.save_credential("provisioning", credential(DEVICE.did, at=NOW)),
            lambda s: s.credential("provisioning"),
            "credentials/provisioning.json",
        ),
    ],
)
def test_each_file_is_refused_where_it_is_damaged_or_open_to_others(
    store: Store, write: Callable[[Store], None], read: Callable[[Store], object], name: str
) -> None:
    assert read(store) is None
    write(store)
    path = store.directory / name
    whole, content = read(store), path.read_bytes()
    assert whole is not None
    cut, erased = content[: len(content) // 2], content.replace(b'"code": "code"', b'"code": null')
    damages = [b"", b"\xff", cut, content + b"x", b"[]", b"{}"]
    for damage in [*damages, *([erased] if erased != content else [])]:
        path.write_bytes(damage)
        with pytest.raises(Invalid) as caught:
            read(store)
        assert caught.value.code == "store_corrupt"
        assert caught.value.value == str(path)
        assert caught.value.hint
    path.write_bytes(content)
    path.chmod(0o640)
    with pytest.raises(Refused) as refused:
        read(store)
    assert refused.value.code == "store_readable_by_others"
    path.chmod(0o600)
    assert read(store) == whole


def test_progress_comes_back_as_it_was(store: Store) -> None:
    expires = datetime(2026, 2, 1, 12, 0, 0, 5, tzinfo=UTC)
    progress = PROGRESS.with_token("token", expires)
    store.save_progress(progress)
    assert store.progress() == progress
    assert "token'" not in repr(progress)


def test_what_is_secret_is_erased_with_the_last_credential(store: Store) -> None:
    progress = PROGRESS.with_token("token", None)
    half = progress.with_received(PROVISIONING_CONFIGURATION, "did:keyborn:x")
    assert half.missing == (CONFIGURATION_CONFIGURATION,)
    assert half.code == "code"
    whole = half.with_received(CONFIGURATION_CONFIGURATION, "did:keyborn:x")
    assert whole.complete
    store.save_progress(whole)
    written = (store.directory / "enrolment.json").read_text()
    assert '"code": null' in written
    for secret in ("1234", '"token"'):
        assert secret not in written.replace('"token": null', "")
    assert whole.claim == claim_digest("https://issuer.example", "code")


def test_a_credential_comes_back_as_it_was_issued(store: Store) -> None:
    document = credential(DEVICE.did, at=NOW, model="thermometer")
    store.save_credential("provisioning", document)
    assert store.credential("provisioning") == document
    assert store.credential("configuration") is None
    assert store.credential_path("provisioning").is_file()


@pytest.mark.parametrize("format_", list(Format))
def test_a_credential_keeps_the_format_in_which_it_was_issued(
    store: Store, format_: Format
) -> None:
    issued = secured(format_)
    store.save_credential("provisioning", as_json(issued, format_))
    document = store.credential("provisioning")
    assert document is not None
    read = credential_in(document)
    assert (read.format, read.to_bytes()) == (format_, issued)


def test_a_credential_comes_back_however_large_its_layout_would_be(store: Store) -> None:
    document = credential(DEVICE.did, at=NOW)
    subject = document["credentialSubject"]
    assert isinstance(subject, dict)
    subject["configuration"] = {"table": [0] * 32_000}  # 64 KB; indented, 400 KB
    store.save_credential("configuration", document)
    assert store.credential("configuration") == document


def test_a_credential_that_is_replaced_is_kept(store: Store) -> None:
    first, second = credential(DEVICE.did, at=NOW), credential(DEVICE.did, at=NOW)
    store.save_credential("provisioning", first)
    store.save_credential("provisioning", first)
    kept = store.directory / "credentials" / "replaced"
    assert not kept.exists()
    for _ in range(2):  # as after a crash between the copy and the replacement
        store.save_credential("provisioning", second)
    assert store.credential("provisioning") == second
    (former,) = kept.iterdir()
    assert str(first["id"]).encode() in former.read_bytes()


def test_the_network_is_remembered_and_its_addresses_may_move(store: Store) -> None:
    assert store.network() is None
    store.remember_network(_network())
    assert store.network() == _network()
    store.remember_network(_network(url="https://moved.example"))
    assert store.network() == _network(url="https://moved.example")


def test_a_device_stays_on_its_log(store: Store) -> None:
    store.remember_network(_network())
    with pytest.raises(Conflict) as caught:
        store.remember_network(_network(OTHER_LOG_ID))
    assert caught.value.code == "other_network"
    assert LOG_ID.hex() in str(caught.value.hint)
    assert store.network() == _network()


def test_two_commands_do_not_work_with_one_device_at_once(store: Store) -> None:
    with store.exclusive():
        with pytest.raises(Conflict) as caught, Store(store.directory).exclusive():
            pass
        assert caught.value.code == "store_in_use"
    with store.exclusive():
        pass


def test_a_command_that_was_killed_holds_nothing(store: Store) -> None:
    hold = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from devices.store import Store\n"
        "with Store(Path(sys.argv[1])).exclusive():\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", hold, store.directory], check=False)
    assert ended.returncode == -9
    with store.exclusive():
        pass


def test_what_a_killed_write_left_behind_is_swept_away(store: Store) -> None:
    store.save_progress(PROGRESS)
    store.save_credential("provisioning", credential(DEVICE.did, at=NOW))
    left = [store.directory / ".enrolment.json.k3j2x_9a"]
    left.append(store.directory / "credentials" / ".provisioning.json.0123abcd")
    for path in left:
        path.write_bytes(b"half a secr")
    with store.exclusive():
        pass
    assert not any(path.exists() for path in left)
    assert store.progress() == PROGRESS
    assert store.credential("provisioning") is not None


def test_a_link_in_place_of_a_file_is_refused(store: Store, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.write_text(PROGRESS.model_dump_json())
    elsewhere.chmod(0o600)
    (store.directory / "enrolment.json").symlink_to(elsewhere)
    with pytest.raises(KeybornError) as caught:
        store.progress()
    assert caught.value.code == "store_not_a_file"
