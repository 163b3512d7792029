"""The issuer's symmetric and encryption keys, made at first start and kept in its store."""

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection, Engine, select

from did.jose import EncryptionKey
from did.multibase import base64url_encode
from issuer.store import settings
from keyborn.faults import FaultPoint
from keyborn.storage import insert_once

NONCE_KEY: Final = "nonce_mac_key"
TOKEN_KEY: Final = "token_mac_key"  # noqa: S105 - the name of it

_BYTES: Final = 32
_KID_CHARACTERS: Final = 16

_BEFORE_COMMIT: Final = FaultPoint("issuer.keys.before_commit")
_AFTER_COMMIT: Final = FaultPoint("issuer.keys.after_commit")


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys that never leave the issuer.

    Attributes:
        nonce: MAC key of the nonces that it gives out, 32 bytes.
        token: MAC key of its access tokens, 32 bytes.
        offer: MAC key that makes a claim's code from the name of its offer, 32 bytes.
        notification: MAC key of its notification ids, 32 bytes.
        encryption: The X25519 key that credential requests are encrypted to.
    """

    nonce: bytes = field(repr=False)
    token: bytes = field(repr=False)
    offer: bytes = field(repr=False)
    notification: bytes = field(repr=False)
    encryption: EncryptionKey


def load_keys(engine: Engine) -> Keys:
    """The keys in the store, made there if this is the first start."""
    with engine.begin() as connection:
        nonce = _key(connection, NONCE_KEY)
        token = _key(connection, TOKEN_KEY)
        offer = _key(connection, "offer_mac_key")
        notification = _key(connection, "notification_mac_key")
        encryption = _key(connection, "encryption_key")
        _BEFORE_COMMIT.reached()
    _AFTER_COMMIT.reached()
    unnamed = EncryptionKey(encryption, "").public_jwk()
    kid = base64url_encode(hashlib.sha256(str(unnamed["x"]).encode("ascii")).digest())
    return Keys(nonce, token, offer, notification, EncryptionKey(encryption, kid[:_KID_CHARACTERS]))


def _key(connection: Connection, name: str) -> bytes:
    insert_once(connection, settings, {"name": name, "value": secrets.token_bytes(_BYTES)})
    found = connection.execute(select(settings.c.value).where(settings.c.name == name))
    return bytes(found.scalar_one())
