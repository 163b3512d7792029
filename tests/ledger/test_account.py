"""The key that pays: from a file, plain or encrypted, or from the environment; never a default."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from did.errors import Conflict, Invalid, KeybornError, Refused, Unavailable
from ledger.account import KEY_VARIABLE, PASSWORD_VARIABLE, find_account, read_account

KEY = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"
ADDRESS = Account.from_key(KEY).address
PASSWORD = "correct horse"

# The test vector of the Web3 Secret Storage definition (Ethereum wiki), with its address.
PUBLISHED: dict[str, Any] = {
    "crypto": {
        "cipher": "aes-128-ctr",
        "cipherparams": {"iv": "6087dab2f9fdbbfaddc31a909735c1e6"},
        "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
        "kdf": "pbkdf2",
        "kdfparams": {
            "c": 262144,
            "dklen": 32,
            "prf": "hmac-sha256",
            "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd",
        },
        "mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2",
    },
    "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
    "version": 3,
}
PUBLISHED_PASSWORD = "testpassword"
PUBLISHED_KEY = "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d"


def private(path: Path, text: str) -> Path:
    path.touch(mode=0o600)
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def encrypted() -> dict[str, Any]:
    """Cheap to decrypt, so that it can be done often."""
    return dict(Account.encrypt(KEY, PASSWORD, kdf="scrypt", iterations=1024))


def failure(ask: Callable[[], object]) -> KeybornError:
    with pytest.raises(KeybornError) as raised:
        ask()
    assert raised.value.hint
    for secret in (KEY, PASSWORD):
        assert secret not in f"{raised.value} {raised.value.hint} {raised.value.value}"
    return raised.value


@pytest.mark.parametrize("text", [KEY, f"0x{KEY}", f"{KEY}\n", f"0x{KEY.upper()}\n"])
def test_a_plain_key(tmp_path: Path, text: str) -> None:
    assert read_account(private(tmp_path / "key", text)).address == ADDRESS


def test_a_key_in_the_environment() -> None:
    assert find_account(None, None, {KEY_VARIABLE: KEY}).address == ADDRESS
    error = failure(lambda: find_account(None, None, {KEY_VARIABLE: KEY[1:]}))
    assert (type(error), error.code, error.value) == (Invalid, "invalid_key_file", KEY_VARIABLE)


def test_the_published_vector(tmp_path: Path) -> None:
    path = private(tmp_path / "key", json.dumps(PUBLISHED))
    password = private(tmp_path / "password", PUBLISHED_PASSWORD)
    assert find_account(path, password, {}).key.hex() == PUBLISHED_KEY


@pytest.mark.parametrize("after", ["", "\n"])
def test_an_encrypted_key(tmp_path: Path, encrypted: dict[str, Any], after: str) -> None:
    path = private(tmp_path / "key", json.dumps(encrypted))
    password = private(tmp_path / "password", PASSWORD + after)
    assert find_account(path, password, {}).address == ADDRESS
    assert find_account(path, None, {PASSWORD_VARIABLE: PASSWORD}).address == ADDRESS


def test_as_older_programs_write_it(tmp_path: Path, encrypted: dict[str, Any]) -> None:
    capital = {"Crypto": encrypted["crypto"], "version": 3}
    path = private(tmp_path / "key", f"\n{json.dumps(capital)}\n")
    assert find_account(path, None, {PASSWORD_VARIABLE: PASSWORD}).address == ADDRESS


def test_a_wrong_password_is_named(tmp_path: Path, encrypted: dict[str, Any]) -> None:
    path = private(tmp_path / "key", json.dumps(encrypted))
    for wrong in ("", PASSWORD.upper(), PASSWORD + " "):
        error = failure(lambda wrong=wrong: find_account(path, None, {PASSWORD_VARIABLE: wrong}))  # type: ignore[misc]
        assert (type(error), error.code) == (Refused, "wrong_password")
        assert error.step == "read the key that pays"


def test_there_is_no_default(tmp_path: Path, encrypted: dict[str, Any]) -> None:
    error = failure(lambda: find_account(None, None, {}))
    assert (type(error), error.code) == (Unavailable, "key_missing")
    path = private(tmp_path / "key", json.dumps(encrypted))
    error = failure(lambda: find_account(path, None, {}))
    assert (type(error), error.code) == (Unavailable, "password_missing")


def test_of_two_at_once_none_is_taken(tmp_path: Path, encrypted: dict[str, Any]) -> None:
    path = private(tmp_path / "key", KEY)
    error = failure(lambda: find_account(path, None, {KEY_VARIABLE: KEY}))
    assert (type(error), error.code) == (Conflict, "key_given_twice")
    path.write_text(json.dumps(encrypted))
    password = private(tmp_path / "password", PASSWORD)
    error = failure(lambda: find_account(path, password, {PASSWORD_VARIABLE: PASSWORD}))
    assert (type(error), error.code) == (Conflict, "password_given_twice")


def test_files_are_private(tmp_path: Path, encrypted: dict[str, Any]) -> None:
    path = private(tmp_path / "key", json.dumps(encrypted))
    password = private(tmp_path / "password", PASSWORD)
    for each in (path, password):
        each.chmod(0o640)
        assert failure(lambda: find_account(path, password, {})).code == "store_readable_by_others"
        each.chmod(0o600)
    assert find_account(path, password, {}).address == ADDRESS


BROKEN: dict[str, Callable[[dict[str, Any]], object]] = {
    "another version": lambda key: key.update(version=4),
    "no version": lambda key: key.pop("version"),
    "nothing encrypted": lambda key: key.pop("crypto"),
    "something else encrypted": lambda key: key.update(crypto=[]),
    "another cipher": lambda key: key["crypto"].update(cipher="aes-256-gcm"),
    "another stretching": lambda key: key["crypto"].update(kdf="argon2"),
    "no parameters": lambda key: key["crypto"].pop("kdfparams"),
    "no rounds": lambda key: key["crypto"]["kdfparams"].update(n=0),
    "no number of rounds": lambda key: key["crypto"]["kdfparams"].update(n="1024"),
    "no power of two": lambda key: key["crypto"]["kdfparams"].update(n=1000),
    "more memory than is borne": lambda key: key["crypto"]["kdfparams"].update(n=2**20),
    "more bytes than are borne": lambda key: key["crypto"]["kdfparams"].update(dklen=2**53 - 1),
    "no initial value": lambda key: key["crypto"]["cipherparams"].update(iv=""),
    "another address": lambda key: key.update(address="00" * 20),
    "more lanes than are borne": lambda key: key["crypto"]["kdfparams"].update(p=17),
    "no salt": lambda key: key["crypto"]["kdfparams"].pop("salt"),
    "a salt that is none": lambda key: key["crypto"]["kdfparams"].update(salt=7),
    "no ciphertext": lambda key: key["crypto"].pop("ciphertext"),
    "a ciphertext that is none": lambda key: key["crypto"].update(ciphertext="zz"),
    "no vector": lambda key: key["crypto"].update(cipherparams={}),
    "no code of authenticity": lambda key: key["crypto"].update(mac=None),
}


@pytest.mark.parametrize("how", BROKEN)
def test_what_is_no_keystore_is_named(tmp_path: Path, encrypted: dict[str, Any], how: str) -> None:
    broken = json.loads(json.dumps(encrypted))
    BROKEN[how](broken)
    path = private(tmp_path / "key", json.dumps(broken))
    error = failure(lambda: find_account(path, None, {PASSWORD_VARIABLE: PASSWORD}))
    assert (type(error), error.code, error.value) == (Invalid, "invalid_keystore", str(path))


def test_an_endless_pbkdf2_is_refused(tmp_path: Path) -> None:
    long = json.loads(json.dumps(PUBLISHED))
    long["crypto"]["kdfparams"]["c"] = 10**9
    path = private(tmp_path / "key", json.dumps(long))
    error = failure(lambda: find_account(path, None, {PASSWORD_VARIABLE: PUBLISHED_PASSWORD}))
    assert error.code == "invalid_keystore"


@pytest.mark.parametrize("text", ["", "{", "{}", '{"a":1,"a":2}', "0" * 64, "f" * 64, KEY + " x"])
def test_what_is_no_key_is_named(tmp_path: Path, text: str) -> None:
    error = failure(lambda: read_account(private(tmp_path / "key", text), None, {}))
    assert error.code in ("invalid_key_file", "invalid_keystore")
    assert isinstance(error, Invalid)
