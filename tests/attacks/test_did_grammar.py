"""Text that resembles a DID. Each case stands beside the DID it was made from, which parses."""

import hashlib

import pytest
from actors import DEVICE, STRANGER
from forgery import SMALL_ORDER

from did.errors import Invalid
from did.identifier import Genesis, KeybornDid, parse_did, parse_did_url
from did.keys import x25519_multibase
from did.limits import LIMITS
from did.multibase import base58_encode, multibase_encode

SHORT, LONG, KEY_DID = DEVICE.short.text, DEVICE.did.text, DEVICE.key_did.text
ID = SHORT.removeprefix("did:keyborn:")
GENESIS = LONG.removeprefix(SHORT + ":")
KEY = DEVICE.key.public_key()
FRAGMENT = KEY.multibase
ALL = {"short": SHORT, "long": LONG, "key": KEY_DID}

# What may be done to any DID, and is refused in each.
CHANGES = {
    "nothing": lambda did: "" if did else did,
    "trailing space": lambda did: did + " ",
    "trailing newline": lambda did: did + "\n",
    "trailing carriage return": lambda did: did + "\r\n",
    "trailing tab": lambda did: did + "\t",
    "trailing NUL": lambda did: did + "\0",
    "trailing no-break space": lambda did: did + "\xa0",
    "trailing zero-width space": lambda did: did + "\u200b",
    "leading space": lambda did: " " + did,
    "leading newline": lambda did: "\n" + did,
    "leading byte order mark": lambda did: "\ufeff" + did,
    "space inside": lambda did: did[:20] + " " + did[20:],
    "newline inside": lambda did: did[:20] + "\n" + did[20:],
    "trailing colon": lambda did: did + ":",
    "leading colon": lambda did: ":" + did,
    "double colon": lambda did: did.replace(":", "::", 1),
    "one part more": lambda did: did + ":abc",
    "two parts more": lambda did: did + ":abc:def",
    "scheme in upper case": lambda did: "DID" + did[3:],
    "scheme in mixed case": lambda did: "Did" + did[3:],
    "no scheme": lambda did: did[4:],
    "another scheme": lambda did: "urn" + did[3:],
    "method in upper case": lambda did: did.replace("key", "KEY", 1),
    "method capitalised": lambda did: did.replace("key", "Key", 1),
    "method in full-width letters": lambda did: did.replace("key", "\uff4bey", 1),
    "method with a Kelvin sign": lambda did: did.replace("key", "\u212aey", 1),
    "no method": lambda did: "did::" + did.split(":", 2)[2],
    "no id": lambda did: ":".join(did.split(":")[:2]) + ":",
    "no id and no colon": lambda did: ":".join(did.split(":")[:2]),
    "a letter percent-encoded": lambda did: f"{did[:-1]}%{ord(did[-1]):02x}",
    "a colon percent-encoded": lambda did: did.replace(":", "%3A", 1),
    "a broken percent-encoding": lambda did: did[:-1] + "%z" + did[-1],
    "a digit outside base58: 0": lambda did: did[:-1] + "0",
    "a letter outside base58: O": lambda did: did[:-1] + "O",
    "a letter outside base58: I": lambda did: did[:-1] + "I",
    "a letter outside base58: l": lambda did: did[:-1] + "l",
    "Arabic-Indic digit": lambda did: did[:-1] + "\u0663",
    "full-width digit": lambda did: did[:-1] + "\uff13",
    "Cyrillic letter": lambda did: did[:-1] + "\u0430",
    "lone surrogate": lambda did: did[:-1] + "\ud800",
    "combining accent": lambda did: did + "\u0301",
    "one character less": lambda did: did[:-1],
    "one character more": lambda did: did + "1",
    "a leading one more": lambda did: did.replace(":", ":1", 2).replace("did:1", "did:", 1),
    "a path": lambda did: did + "/path",
    "a query": lambda did: did + "?versionId=1",
    "a fragment": lambda did: did + "#" + FRAGMENT,
    "a parameter": lambda did: did + ";service=x",
    "a comma": lambda did: did + ",",
    "a quote": lambda did: did + "'",
    "twice": lambda did: did + did,
    "a list": lambda did: did + " " + did,
}


@pytest.mark.parametrize("form", ALL)
@pytest.mark.parametrize("change", CHANGES)
def test_almost_a_did(form: str, change: str) -> None:
    good = ALL[form]
    bad = CHANGES[change](good)
    assert bad != good
    with pytest.raises(Invalid):
        parse_did(bad)
    assert parse_did(good).text == good


def genesis_did(key: bytes, *, id_: bytes | None = None) -> str:
    """A long form by hand, whatever its key."""
    genesis = key + hashlib.sha256(b"next").digest()
    id_ = hashlib.sha256(genesis).digest() if id_ is None else id_
    return f"did:keyborn:{base58_encode(id_)}:{base58_encode(genesis)}"


REFUSED = {
    "id of 31 bytes": (f"did:keyborn:{base58_encode(bytes(31))}", "invalid_did"),
    "id of 33 bytes": (f"did:keyborn:{base58_encode(bytes(33))}", "invalid_did"),
    "id of no bytes": ("did:keyborn:", "invalid_did"),
    "genesis of 63 bytes": (f"{SHORT}:{base58_encode(bytes(63))}", "invalid_did"),
    "genesis of 65 bytes": (f"{SHORT}:{base58_encode(bytes(65))}", "invalid_did"),
    "genesis of another": (f"{SHORT}:{STRANGER.did.text.rsplit(':', 1)[1]}", "invalid_did"),
    "id and genesis swapped": (f"did:keyborn:{GENESIS}:{ID}", "invalid_did"),
    "genesis and no id": (f"did:keyborn:{GENESIS}", "invalid_did"),
    "genesis with a multibase prefix": (f"{SHORT}:z{GENESIS}", "invalid_did"),
    "id with a multibase prefix": (f"did:keyborn:z{ID}", "invalid_did"),
    "genesis twice": (f"{LONG}:{GENESIS}", "invalid_did"),
    "id not the genesis's hash": (genesis_did(KEY.raw, id_=bytes(32)), "invalid_did"),
    "did:key in the long form": (f"{KEY_DID}:{GENESIS}", "invalid_did"),
    "did:key with a version": (f"did:key:1.1:{KEY.multibase}", "invalid_did"),
    "did:key without its prefix": (f"did:key:{KEY.multibase[1:]}", "invalid_did"),
    "did:key in base64url": (
        "did:key:u7QHXWpgBgrEKt9VL_tPJZAc6DuFy88qmIyWvAhpo9wdRGg",
        "invalid_did",
    ),
    "did:key of X25519": (f"did:key:{x25519_multibase(KEY.x25519())}", "invalid_public_key_type"),
    "did:key of 31 bytes": (
        f"did:key:{multibase_encode(bytes.fromhex('ed01') + KEY.raw[:-1])}",
        "invalid_public_key_length",
    ),
    "did:key of 33 bytes": (
        f"did:key:{multibase_encode(bytes.fromhex('ed01') + KEY.raw + b'0')}",
        "invalid_public_key_length",
    ),
    "did:key with an overlong varint": (
        f"did:key:{multibase_encode(bytes.fromhex('ed8100') + KEY.raw)}",
        "invalid_public_key_type",
    ),
    "another method": ("did:example:1", "method_not_supported"),
    "did:keyborn2": (f"did:keyborn2:{ID}", "method_not_supported"),
    "did:ke": (f"did:ke:{ID}", "method_not_supported"),
    "longer than any": ("did:keyborn:" + "1" * LIMITS.did, "invalid_did"),
    "a megabyte": ("did:keyborn:" + "2" * 1_000_000, "invalid_did"),
    "a megabyte of colons": ("did:x" + ":" * 1_000_000, "invalid_did"),
    "colons up to the limit": ("did:x" + ":a" * 120 + "!", "invalid_did"),
    **{
        f"did:key of small order {raw.hex()[:8]}": (
            f"did:key:{multibase_encode(bytes.fromhex('ed01') + raw)}",
            "invalid_public_key",
        )
        for raw in SMALL_ORDER
    },
}


@pytest.mark.parametrize("case", REFUSED)
def test_well_made_and_still_no_did_of_ours(case: str) -> None:
    text, code = REFUSED[case]
    with pytest.raises(Invalid) as raised:
        parse_did(text)
    assert raised.value.code == code
    assert len(str(raised.value)) < 500, "an error repeats only the beginning of what was sent"


def test_the_twin_of_them_all() -> None:
    assert parse_did(genesis_did(KEY.raw)).text == genesis_did(KEY.raw)
    assert parse_did(f"did:key:{multibase_encode(bytes.fromhex('ed01') + KEY.raw)}").text == KEY_DID


@pytest.mark.parametrize("raw", SMALL_ORDER, ids=bytes.hex)
def test_a_genesis_of_small_order_is_a_did_but_speaks_with_no_key(raw: bytes) -> None:
    # Anybody can register it; the point is checked at its first use.
    did = parse_did(genesis_did(raw))
    assert isinstance(did, KeybornDid)
    assert did.genesis == Genesis(raw, hashlib.sha256(b"next").digest())
    url = parse_did_url(f"{did.text}#{multibase_encode(bytes.fromhex('ed01') + raw)}")
    with pytest.raises(Invalid) as raised:
        url.key()
    assert raised.value.code == "invalid_verification_method"
    assert parse_did_url(f"{LONG}#{FRAGMENT}").key() == KEY


URLS = {
    "no fragment": (SHORT, "invalid_did_url"),
    "empty fragment": (f"{SHORT}#", "invalid_did_url"),
    "two fragments": (f"{SHORT}#{FRAGMENT}#{FRAGMENT}", "invalid_did_url"),
    "relative": (f"#{FRAGMENT}", "invalid_did"),
    "a path": (f"{SHORT}/a#{FRAGMENT}", "invalid_did_url"),
    "a query": (f"{SHORT}?versionId=1#{FRAGMENT}", "invalid_did_url"),
    "trailing newline": (f"{SHORT}#{FRAGMENT}\n", "invalid_did_url"),
    "trailing space": (f"{SHORT}#{FRAGMENT} ", "invalid_did_url"),
    "a space before": (f"{SHORT} #{FRAGMENT}", "invalid_did"),
    "a broken percent-encoding": (f"{SHORT}#%z{FRAGMENT}", "invalid_did_url"),
    "a cut percent-encoding": (f"{SHORT}#{FRAGMENT}%4", "invalid_did_url"),
    "a letter outside": (f"{SHORT}#é", "invalid_did_url"),
    "too long": (f"{SHORT}#{'a' * LIMITS.did_url}", "invalid_did_url"),
    "another DID": (f"did:example:x#{FRAGMENT}", "method_not_supported"),
}


@pytest.mark.parametrize("case", URLS)
def test_almost_a_did_url(case: str) -> None:
    text, code = URLS[case]
    with pytest.raises(Invalid) as raised:
        parse_did_url(text)
    assert raised.value.code == code
    assert parse_did_url(f"{SHORT}#{FRAGMENT}").key() == KEY


FRAGMENTS = {
    "percent-encoded": f"%7A{FRAGMENT[1:]}",
    "in upper case": FRAGMENT.upper(),
    "without its prefix": FRAGMENT[1:],
    "with a prefix more": f"z{FRAGMENT}",
    "a number": "key-1",
    "of another kind": x25519_multibase(KEY.x25519()),
}


@pytest.mark.parametrize("case", FRAGMENTS)
def test_almost_a_verification_method(case: str) -> None:
    url = parse_did_url(f"{SHORT}#{FRAGMENTS[case]}")
    with pytest.raises(Invalid) as raised:
        url.key()
    assert raised.value.code == "invalid_verification_method"


def test_a_did_key_under_the_key_of_another() -> None:
    theirs = parse_did_url(f"{KEY_DID}#{STRANGER.key.public_key().multibase}")
    with pytest.raises(Invalid) as raised:
        theirs.key()
    assert raised.value.code == "unknown_verification_method"
    assert parse_did_url(f"{KEY_DID}#{FRAGMENT}").key() == KEY
