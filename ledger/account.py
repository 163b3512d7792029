"""The account that pays for what a registrar appends: its secret key, from where it is kept.

A key is in a file (plain, or encrypted: Web3 Secret Storage, version 3, as geth and clef write it)
or in the environment. There is no default, and of two at once none is taken.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from did.errors import Conflict, Invalid, KeybornError, Refused, Unavailable
from did.jcs import Json, JsonObject
from did.strict_json import parse_object
from keyborn.files import read_private

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

KEY_VARIABLE: Final = "KEYBORN_REGISTRAR_KEY"
PASSWORD_VARIABLE: Final = "KEYBORN_REGISTRAR_PASSWORD"  # noqa: S105 - its name

_KEY: Final = re.compile(r"(0x)?[0-9a-fA-F]{64}\n?", re.ASCII)
_FILE_BYTES: Final = 4_096
_PASSWORD_BYTES: Final = 1_024
_VERSION: Final = 3

# What an encrypted key may ask for to be decrypted: twice what geth's own take (256 MiB), ten times
# the usual rounds.
_SCRYPT_BYTES: Final = 2**29
_SCRYPT_LANES: Final = 16
_PBKDF2_ROUNDS: Final = 10_000_000
_STRETCHED_BYTES: Final = 64  # 32 are used

_STEP: Final = "read the key that pays"


def find_account(
    key_file: Path | None, password_file: Path | None, environment: Mapping[str, str]
) -> "LocalAccount":
    """The account whose key is in the file, or in the environment.

    Args:
        key_file: 0600; 64 hexadecimal digits, or an encrypted key.
        password_file: 0600; the password of an encrypted key, which a newline may follow.
        environment: ``KEYBORN_REGISTRAR_KEY``: 64 hexadecimal digits, in the place of the file;
            ``KEYBORN_REGISTRAR_PASSWORD``: in the place of the password's file.

    Raises:
        Unavailable: ``key_missing``, ``password_missing``.
        Conflict: ``key_given_twice``, ``password_given_twice``.
        Refused: ``wrong_password``.
        Invalid: ``invalid_key_file``, ``invalid_keystore``.
        KeybornError: As ``keyborn.files.read_private``.
    """
    try:
        key = environment.get(KEY_VARIABLE)
        if key is not None and key_file is not None:
            raise Conflict(
                "key_given_twice",
                f"there is a key file, and a key in {KEY_VARIABLE}",
                hint="leave one of them out",
            )
        if key is not None:
            return _plain(key, KEY_VARIABLE)
        if key_file is None:
            raise Unavailable(
                "key_missing",
                "there is no key to pay with",
                hint=f"name a file (--key-file), or set {KEY_VARIABLE}",
            )
        return read_account(key_file, password_file, environment)
    except KeybornError as error:
        raise error.at(_STEP) from None  # without its cause, which may repeat the key


def read_account(
    path: Path, password_file: Path | None = None, environment: Mapping[str, str] | None = None
) -> "LocalAccount":
    """The account whose key the file ``path`` holds; as ``find_account``."""
    text = read_private(path, _FILE_BYTES).decode("utf-8", "replace")
    if not text.lstrip().startswith("{"):
        return _plain(text, str(path))
    keystore = _keystore(text, path)
    return _decrypted(keystore, _password(password_file, environment or {}), path)


def _plain(text: str, place: str) -> "LocalAccount":
    from eth_account import Account  # noqa: PLC0415 - only where it is used

    invalid = Invalid(
        "invalid_key_file",
        "what is there is not the secret key of an Ethereum account",
        value=place,
        hint="it has 64 hexadecimal digits, as `keyborn ledger devnet` writes them, or is an "
        "encrypted key (Web3 Secret Storage)",
    )
    if not _KEY.fullmatch(text):
        raise invalid
    try:
        account: LocalAccount = Account.from_key(text.strip())
    except ValueError:
        raise invalid from None  # without its cause, which may repeat the key
    return account


def _keystore(text: str, path: Path) -> JsonObject:
    """An encrypted key that can be decrypted here, and at a bearable cost."""
    try:
        keystore = parse_object(text.encode())
    except Invalid as error:
        raise _no_keystore(path, error.message) from None
    crypto = _object(keystore.get("crypto", keystore.get("Crypto")))
    parameters = _object(crypto.get("kdfparams"))
    n, r, p, c = (_count(parameters.get(name)) for name in "nrpc")
    length = _count(parameters.get("dklen"))
    if keystore.get("version") != _VERSION:
        raise _no_keystore(path, "its version is not 3")
    if crypto.get("cipher") != "aes-128-ctr":
        raise _no_keystore(path, "its cipher is not aes-128-ctr")
    if crypto.get("kdf") == "scrypt":
        bearable = 0 < 128 * n * r <= _SCRYPT_BYTES and 0 < p <= _SCRYPT_LANES
    else:
        bearable = crypto.get("kdf") == "pbkdf2" and 0 < c <= _PBKDF2_ROUNDS
    if not (bearable and 0 < length <= _STRETCHED_BYTES):
        raise _no_keystore(path, "its password is stretched in no way that is known here")
    return keystore


def _password(file: Path | None, environment: Mapping[str, str]) -> str:
    password = environment.get(PASSWORD_VARIABLE)
    if file is not None and password is not None:
        raise Conflict(
            "password_given_twice",
            f"there is a password file, and a password in {PASSWORD_VARIABLE}",
            hint="leave one of them out",
        )
    if password is not None:
        return password
    if file is None:
        raise Unavailable(
            "password_missing",
            "the key is encrypted, and there is no password for it",
            hint=f"name a file that holds it (--password-file), or set {PASSWORD_VARIABLE}",
        )
    return read_private(file, _PASSWORD_BYTES).decode("utf-8", "replace").removesuffix("\n")


def _decrypted(keystore: JsonObject, password: str, path: Path) -> "LocalAccount":
    from eth_account import Account  # noqa: PLC0415 - only where it is used

    try:
        key = Account.decrypt(keystore, password)
        account: LocalAccount = Account.from_key(key)
    except ValueError as error:
        if str(error) == "MAC mismatch":
            raise Refused(
                "wrong_password",
                "the password does not open the key",
                value=str(path),
                hint="it is the one that the key was encrypted with, on one line",
            ) from None
        raise _no_keystore(path, "it cannot be decrypted") from None
    except (LookupError, TypeError, OverflowError, NotImplementedError, AttributeError):
        raise _no_keystore(path, "a part of it is missing, or is not what it should be") from None
    stated = keystore.get("address")
    # What proves the password does not cover all that the key is decrypted with.
    if stated is not None and _bare(stated) != _bare(account.address):
        raise _no_keystore(path, "the key in it is not that of the address that it states")
    return account


def _bare(address: Json) -> str:
    return str(address).lower().removeprefix("0x")


def _no_keystore(path: Path, what: str) -> Invalid:
    return Invalid(
        "invalid_keystore",
        f"the file is no encrypted key of an Ethereum account: {what}",
        value=str(path),
        hint="it is Web3 Secret Storage, version 3, as geth and clef write it",
    )


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _count(value: Json) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
