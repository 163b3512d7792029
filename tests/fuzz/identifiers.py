"""DIDs, DID URLs, keys, times, nonces and challenges."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from actors import DEVICE, ISSUER, NOW
from fuzz.target import Target, only_invalid, same, text_of

from did.challenge import Challenge
from did.errors import Invalid, Refused
from did.identifier import Did, DidUrl, parse_did, parse_did_url
from did.keys import PublicKey
from did.nonce import Nonce, mint, recognise
from did.strict_json import parse_object
from did.timestamps import format_time, parse_time

_KEY: Final = bytes(32)
_PREFIXES: Final = (b"did:key:z6Mk", b"did:keyborn:", b"did:web:", b"#z6Mk", b"%41", b":", b"#")


def _did_law(data: bytes, did: Did) -> None:
    same(did.text, text_of(data), "a DID has one spelling")
    same(did.canonical.canonical, did.canonical, "the canonical form is its own")
    same(parse_did(did.canonical.text), did.canonical, "the canonical form is a DID")


def _url_law(data: bytes, url: DidUrl) -> None:
    same(url.text, text_of(data), "a DID URL has one spelling")
    only_invalid(url.key)


def _multikey_law(data: bytes, key: PublicKey) -> None:
    same(key.multibase, text_of(data), "a key has one spelling")
    only_invalid(key.verify, bytes(64), data)
    only_invalid(key.x25519)


def _time_law(_: bytes, time: Any) -> None:
    same(parse_time(format_time(time)), time, "a time that is written is read as the same")


def _nonce_law(data: bytes, nonce: Nonce) -> None:
    same(nonce.text, text_of(data), "a nonce has one spelling")


def _challenge_law(_: bytes, challenge: Challenge) -> None:
    again = Challenge.from_json(challenge.to_json())
    same(again, challenge, "a challenge that is written is read as the same")


def _dids() -> Mapping[str, bytes]:
    dids: tuple[Did, ...] = (DEVICE.did, DEVICE.short, DEVICE.key_did)
    return {
        name: did.text.encode() for name, did in zip(("long", "short", "key"), dids, strict=True)
    }


def _urls() -> Mapping[str, bytes]:
    fragment = DEVICE.key.public_key().multibase.encode()
    return {name: did + b"#" + fragment for name, did in _dids().items()}


def _challenges() -> Mapping[str, bytes]:
    head = '{"challenge":"n","domain":"https://v.example","expires":"2026-01-31T12:00:00Z"'
    return {
        "for anybody": f"{head}}}".encode(),
        "for one": f'{head},"did":"{ISSUER.short.text}"}}'.encode(),
    }


TARGETS: Final = {
    "did": Target(
        lambda data: parse_did(text_of(data)), _did_law, _dids, max_bytes=600, words=_PREFIXES
    ),
    "did-url": Target(
        lambda data: parse_did_url(text_of(data)), _url_law, _urls, max_bytes=600, words=_PREFIXES
    ),
    "multikey": Target(
        lambda data: PublicKey.from_multibase(text_of(data)),
        _multikey_law,
        lambda: {"ed25519": DEVICE.key.public_key().multibase.encode()},
        max_bytes=200,
        words=(b"z6Mk", b"z6LS"),
    ),
    "time": Target(
        lambda data: parse_time(text_of(data)),
        _time_law,
        lambda: {
            "utc": b"2026-01-31T12:00:00Z",
            "offset": b"2026-01-31T12:00:00.123456789-05:30",
            "first": b"0001-01-01T00:00:00Z",
            "last": b"9999-12-31T23:59:59Z",
        },
        max_bytes=64,
    ),
    "nonce": Target(
        lambda data: recognise(_KEY, text_of(data), purpose="p", at=NOW),
        _nonce_law,
        lambda: {
            "minted": mint(_KEY, purpose="p", expires=NOW + timedelta(minutes=1)).text.encode()
        },
        refusals=(Invalid, Refused),
        max_bytes=300,
    ),
    "challenge": Target(
        lambda data: Challenge.from_json(parse_object(data)),
        _challenge_law,
        _challenges,
        max_bytes=1_024,
        words=(b'"challenge":', b'"domain":', b'"expires":', b'"did":'),
    ),
}
