from pathlib import Path

from issuer.keys import load_keys
from issuer.store import open_store


def test_are_made_once(tmp_path: Path) -> None:
    first = open_store(tmp_path / "a.sqlite")
    other = open_store(tmp_path / "b.sqlite")
    keys = load_keys(first)
    assert load_keys(first) == keys
    assert load_keys(other) != keys
    assert len({keys.nonce, keys.token, keys.encryption.private}) == 3
    assert keys.nonce.hex() not in repr(keys)
    first.dispose()
    other.dispose()


def test_name_the_encryption_key_by_itself(tmp_path: Path) -> None:
    engine = open_store(tmp_path / "a.sqlite")
    key = load_keys(engine).encryption
    assert key.public_jwk()["kid"] == key.kid
    assert len(key.kid) == 16
    engine.dispose()
