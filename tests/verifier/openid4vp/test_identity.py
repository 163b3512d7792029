"""Who a verifier is to the devices that it asks."""

from pathlib import Path

import pytest
from actors import DEVICE, STRANGER
from gatehouse import Gatehouse

from did.errors import Invalid, KeybornError, Refused
from did.identifier import KeyDid
from did.resolution import Finality
from ledger.identity_store import create_key
from verifier.openid4vp.identity import Identity, named_identity, own_identity, parse_name


def named(house: Gatehouse, identity: object, path: Path) -> Identity:
    return named_identity(identity, path, house.reader, finality=Finality.FINALIZED)  # type: ignore[arg-type] # a DID


def test_a_key_is_made_once_and_kept_to_oneself(tmp_path: Path) -> None:
    first = own_identity(tmp_path / "gate")
    path = tmp_path / "gate" / "openid4vp.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert own_identity(tmp_path / "gate") == first
    assert first.did == KeyDid(first.signer.public_key())
    assert first.client_id.text == f"decentralized_identifier:{first.did}"
    assert first.method.text == f"{first.did}#{first.signer.public_key().multibase}"
    assert own_identity(tmp_path / "other") != first


def test_a_key_that_others_can_read_or_that_is_none(tmp_path: Path) -> None:
    own_identity(tmp_path / "gate")
    path = tmp_path / "gate" / "openid4vp.key"
    path.chmod(0o644)
    with pytest.raises(Refused) as caught:
        own_identity(tmp_path / "gate")
    assert caught.value.code == "store_readable_by_others"
    path.chmod(0o600)
    path.write_text("z6Mk")
    with pytest.raises(Invalid) as corrupt:
        own_identity(tmp_path / "gate")
    assert corrupt.value.code == "store_corrupt"


def test_a_did_and_its_key(house: Gatehouse, tmp_path: Path) -> None:
    key = tmp_path / "key"
    create_key(key, DEVICE.key)
    assert named(house, DEVICE.key_did, key).did == DEVICE.key_did
    with pytest.raises(Refused) as caught:
        named(house, STRANGER.key_did, key)
    assert caught.value.code == "wrong_key"


def test_a_did_web_asks_under_the_name_that_its_document_has_for_the_key(
    house: Gatehouse, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    create_key(key, DEVICE.key)
    made = named(house, parse_name("did:web:gate.example#key-1"), key)
    assert made.client_id.text == "decentralized_identifier:did:web:gate.example"
    assert made.method.text == "did:web:gate.example#key-1"
    with pytest.raises(Invalid) as caught:
        named(house, parse_name("did:web:gate.example"), key)
    assert caught.value.code == "invalid_did_url"
    own = DEVICE.key.public_key().multibase
    assert named(house, parse_name(f"{DEVICE.key_did}#{own}"), key).method.fragment == own
    with pytest.raises(Refused):
        named(house, parse_name(f"{DEVICE.key_did}#{STRANGER.key.public_key().multibase}"), key)


def test_a_did_on_the_log_and_its_current_key(house: Gatehouse, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    create_key(old, DEVICE.key)
    create_key(new, DEVICE.next_key)
    with pytest.raises(KeybornError) as caught:
        named(house, DEVICE.short, old)
    assert caught.value.code == "not_registered"
    life = house.device(DEVICE)
    assert named(house, DEVICE.did, old).did == DEVICE.short
    house.append(life.rotate())
    with pytest.raises(KeybornError) as superseded:
        named(house, DEVICE.short, old)
    assert superseded.value.code == "key_superseded"
    assert named(house, DEVICE.short, new).method.did == DEVICE.short
