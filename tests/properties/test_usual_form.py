"""What is read in one pass is what the general reader makes of the same bytes, or is left to it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

import pytest
from actors import DEVICE, ISSUER, LOG_ID, STRANGER
from formats import V2, credential
from hypothesis import example, given
from hypothesis import strategies as st
from tampered import Taken, alterations, take, whole
from values import texts

from did.errors import Invalid
from did.jcs import JsonObject, canonicalize
from did.vc.data_model import ENVELOPES
from did.vc.formats import Format, read_credential, read_generally
from did.vc.status_list import StatusEntry
from did.vc.usual_form import read_usual

OURS: Final[Mapping[Format, bytes]] = {format_: credential(format_) for format_ in V2}


def assert_one_reading(data: bytes, format_: Format) -> bool:
    """The quick reader says what the general one says, or nothing; whether it said anything."""
    usual = read_usual(data, format_)
    if usual is None:
        return False
    general = read_generally(data, format_)
    assert usual == general
    assert usual.document == general.document
    assert usual.to_bytes() == general.to_bytes() == data
    assert repr(usual.proof) == repr(general.proof)  # times with their zones, and each class
    assert read_credential(data, format_) == general
    assert read_generally(data) == general  # told from the bytes
    return True


def written(taken: Taken, text: bytes | None = None) -> bytes:
    """It put together in canonical JSON, as our issuers write it; ``text`` is what it says."""
    parts = {
        name: canonicalize(part)
        for name, part in taken.parts.items()
        if name in ("document", "header", "payload")
    }
    if text is not None:
        parts["document" if "document" in parts else "payload"] = text
    return whole(taken.put(**parts))


def said_in(taken: Taken) -> JsonObject:
    said: JsonObject = taken.parts.get("document") or taken.parts["payload"]
    return said


@pytest.mark.parametrize("format_", V2)
def test_ours_are_read_in_one_pass(format_: Format) -> None:
    """Else nothing that follows would show anything."""
    assert assert_one_reading(OURS[format_], format_)
    read_usual(OURS[format_], format_).proof.verify(ISSUER.key.public_key())  # type: ignore[union-attr] # it read


@pytest.mark.parametrize("format_", V2)
def test_each_kind_that_our_issuers_give(format_: Format) -> None:
    for absent in ("validUntil", "credentialStatus"):
        taken = take(OURS[format_], format_)
        said = {key: it for key, it in said_in(taken).items() if key != absent}
        assert assert_one_reading(written(taken, canonicalize(said)), format_)


@pytest.mark.parametrize("format_", V2)
@pytest.mark.parametrize("type_", sorted(ENVELOPES))
def test_what_calls_itself_an_envelope_is_left_to_the_general_reader(
    format_: Format, type_: str
) -> None:
    taken = take(OURS[format_], format_)
    said = {**said_in(taken), "type": ["VerifiableCredential", type_]}
    assert not assert_one_reading(written(taken, canonicalize(said)), format_)


@pytest.mark.parametrize("format_", list(Format))
def test_the_rest_is_left_to_the_general_reader(format_: Format) -> None:
    data = OURS.get(format_) or credential(format_)
    for other in Format:
        if other is not format_ or format_ not in V2:
            assert read_usual(data, other) is None


@pytest.mark.parametrize("format_", V2)
def test_whatever_is_done_to_ours(format_: Format) -> None:
    read = 0
    for _, data in alterations(OURS[format_], format_):
        assert_one_reading(data, format_)
        with suppress(Exception):  # what cannot be taken apart any more
            data = written(take(data, format_))  # noqa: PLW2901 - the same, as ours are written
        read += assert_one_reading(data, format_)
    assert read > len(V2)  # another text is no other form


# Values that a member may be given: of every kind, and at the edge of what its own kind may be.
TEXTS: Final = (
    *("", " ", "a", "urn:x", "urn:uuid:1", "https://a.example/", "HTTPS://A.example", "a b", "//a"),
    *("https://a.example/#1", "did:web:a.example", "data:,a", "x:", ":x", "_:b0", "@id", "\x7f"),
    *("VerifiableCredential", "VerifiablePresentation", "BitstringStatusListEntry", "é", "\u2028"),
    *("2026-01-31T12:00:00Z", "2026-01-31T12:00:00+00:00", "2026-02-30T12:00:00Z"),
    *("2026-01-31T12:00:00.5Z", "2026-01-31t12:00:00z", "0001-01-01T00:00:00Z"),
    *("2026-01-31T12:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-12-31T23:59:60Z"),
    *("0", "7", "007", "-1", "+1", "1_0", "1.0", "²", "9" * 18, "9" * 19, "revocation"),
    *(DEVICE.short.text, ISSUER.short.text, STRANGER.did.text, LOG_ID.hex(), LOG_ID.hex().upper()),
    f"{ISSUER.short.text}#{ISSUER.key.public_key().multibase}",
    "https://www.w3.org/ns/credentials/v2",
)
NUMBERS: Final = (0, 1, -1, 2**16, 2**31, 2**32, 2**53 - 1, 2**53, 10**20, 1.0, 0.5, -0.0, 1e300)
words = st.one_of(st.sampled_from(TEXTS), st.text(st.characters(codec="ascii"), max_size=6), texts)
urls = st.one_of(st.sampled_from(["urn:x", "https://a.example/?a=b#c", "did:web:a.example"]), words)
times = st.one_of(
    st.datetimes().map(lambda time: f"{time:%Y-%m-%dT%H:%M:%SZ}".rjust(20, "0")), words
)
plain = st.one_of(words, st.sampled_from(NUMBERS), st.none(), st.booleans())
members = st.one_of(
    plain,
    st.lists(plain, max_size=3),
    st.dictionaries(words, plain, max_size=2),
    st.lists(st.dictionaries(words, plain, max_size=2), max_size=2),
)
NAMES: Final = (
    *("id", "type", "logId", "model", "@id", "@type", "@context", "@value", "@language", "@graph"),
    *("name", "description", "value", "language", "proof", "issuer", "validFrom", "termsOfUse"),
    *("relatedResource", "digestSRI", "evidence", "refreshService", "credentialSchema", "nonce"),
    *("issuanceDate", "expirationDate", "statusSize", "statusMessage", "challenge", "domain"),
    *("expires", "created", "iat", "exp", "nbf", "iss", "sub", "jti", "vc", "cnf", "__proto__"),
)
names = st.one_of(st.sampled_from(NAMES), texts)
subjects = st.dictionaries(names, st.one_of(words, st.lists(words, max_size=3)), max_size=4)
entries = st.builds(
    lambda entry, changes: {**entry.to_json(), **changes},
    st.builds(
        StatusEntry,
        st.sampled_from(["revocation", "suspension", "x", ""]),
        st.one_of(st.integers(0, 10**6), st.integers(0, 10**19)),
        urls,
    ),
    st.dictionaries(st.sampled_from(["id", "type", "statusListIndex"]), members, max_size=1)
    | st.just({}),
)
OF_THEIR_KIND: Final[Mapping[str, st.SearchStrategy[Any]]] = {
    "id": urls,
    "issuer": words,
    "type": st.tuples(st.just("VerifiableCredential"), words).map(list),
    "validFrom": times,
    "validUntil": times,
    "credentialSubject": subjects,
    "credentialStatus": st.lists(entries, max_size=3),
    "iat": st.one_of(st.integers(), st.sampled_from(NUMBERS)),
}
PROOF: Final = ("created", "verificationMethod", "proofValue", "proofPurpose", "expires", "domain")


@st.composite
def changed(draw: st.DrawFn, document: JsonObject) -> JsonObject:
    """A credential in which a few members are others, of their own kind for the most part."""
    changes: dict[str, Any] = {}
    for name in draw(st.lists(st.sampled_from(list(OF_THEIR_KIND)), max_size=2, unique=True)):
        if name != "iat" or "iat" in document:
            changes[name] = draw(OF_THEIR_KIND[name])
    if draw(st.integers(0, 5)) == 0:
        changes[draw(names)] = draw(members)
    proof = document.get("proof")
    if isinstance(proof, dict) and draw(st.integers(0, 3)) == 0:
        other = {draw(st.one_of(st.sampled_from(PROOF), names)): draw(st.one_of(words, members))}
        changes["proof"] = {**proof, **other}
    return {**document, **changes}


@st.composite
def credentials(draw: st.DrawFn) -> tuple[bytes, Format]:
    """Much like ours: what is in it is changed first, and then, now and then, how it is written."""
    format_ = draw(st.sampled_from(V2))
    taken = take(OURS[format_], format_)
    document = draw(changed(said_in(taken)))
    try:
        text = canonicalize(document)
    except Invalid:
        text = json.dumps(document).encode()
    if draw(st.integers(0, 5)) == 0:
        text = draw(rewritten(text))
    return written(taken, text), format_


# What may be written for what: other spellings of the same, and what only looks the same.
WRITTEN: Final = (
    *((b'"', b"\\u0022"), (b"e", b"\\u0065"), (b"/", b"\\/"), (b":", b": "), (b",", b", ")),
    *((b",", b",,"), (b"}", b",}"), (b"{", b'{"id":"urn:x",'), (b"}", b',"id":"urn:x"}')),
    *((b'"type":', b'"type":"x","type":'), (b'"proof":', b'"proof":{},"proof":'), (b"7", b"7.0")),
    *((b"[", b"[["), (b"]", b"]]"), (b"e", b"\xc3\xa9"), (b"e", b"\xff"), (b"a", b"\x00")),
    *((b"0", b"00"), (b"1", b"1e0"), (b"2", b"-2"), (b'"', b""), (b"e", b"\xed\xa0\x80")),
    (b'"credentialSubject":{', b'"credentialSubject":{"proof":{"proofValue":"z1"},'),
)


@st.composite
def rewritten(draw: st.DrawFn, text: bytes) -> bytes:
    """Text in which something is written otherwise, at one of its places or around it."""
    old, new = draw(st.sampled_from(WRITTEN))
    places = list(_places(text, old))
    if places and draw(st.booleans()):
        at = draw(st.sampled_from(places))
        return text[:at] + new + text[at + len(old) :]
    return (
        draw(st.sampled_from([b"", b" ", b"\xef\xbb\xbf", b"\n"]))
        + text
        + draw(st.sampled_from([b"", b" ", b"\x00", b"{}", b"\n"]))
    )


def _places(text: bytes, part: bytes) -> Iterator[int]:
    at = text.find(part)
    while at >= 0:
        yield at
        at = text.find(part, at + 1)


@given(credentials())
@example((b"", Format.LDP_VC))
@example((b"..", Format.VC_JWT))
@example((b"\xd2", Format.VC_COSE))
def test_what_is_like_ours(given_: tuple[bytes, Format]) -> None:
    assert_one_reading(*given_)


@given(st.sampled_from(V2), st.data())
def test_any_bytes_of_it(format_: Format, data: st.DataObject) -> None:
    ours = OURS[format_]
    start = data.draw(st.integers(0, len(ours)))
    end = data.draw(st.integers(start, min(start + 4, len(ours))))
    assert_one_reading(ours[:start] + data.draw(st.binary(max_size=4)) + ours[end:], format_)
