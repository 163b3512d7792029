"""What is read of a presentation in one pass is what the general reader makes of the same bytes.

What stands in it as a credential is ``test_usual_form``'s matter; here, what is around it.
"""

import json
from contextlib import suppress
from typing import Any, Final

from actors import DEVICE, ISSUER, STRANGER
from formats import NONCE, V2, credential, presentation, unsecured
from hypothesis import given
from hypothesis import strategies as st
from tampered import alterations, take, whole
from values import texts

from did.errors import Invalid
from did.jcs import JsonObject, canonicalize
from did.vc.data_model import ENVELOPED_CREDENTIAL
from did.vc.formats import Format, read_presentation, read_presentation_generally
from did.vc.usual_presentation import read_usual_presentation

OURS: Final = presentation(Format.LDP_VC)
DOCUMENT: Final[JsonObject] = json.loads(OURS)


def assert_one_reading(data: bytes) -> bool:
    """The quick reader says what the general one says, or nothing; whether it said anything."""
    usual = read_usual_presentation(data)
    if usual is None:
        return False
    for format_ in (None, Format.LDP_VC):
        general = read_presentation_generally(data, format_)
        assert usual == general
        assert usual.document == general.document
        assert usual.to_bytes() == general.to_bytes() == data
        assert repr(usual.proof) == repr(general.proof)  # times with their zones, and each class
        assert read_presentation(data, format_) == general
    return True


def test_ours_are_read_in_one_pass() -> None:
    """Else nothing that follows would show anything."""
    assert assert_one_reading(OURS)
    read_usual_presentation(OURS).proof.verify(DEVICE.key.public_key())  # type: ignore[union-attr] # it read
    assert assert_one_reading(presentation(Format.LDP_VC, expires=None))
    many = [(credential(Format.LDP_VC), Format.LDP_VC)] * 16
    assert assert_one_reading(presentation(Format.LDP_VC, many))


def test_the_rest_is_left_to_the_general_reader() -> None:
    for format_ in Format:
        if format_ is not Format.LDP_VC:
            assert not assert_one_reading(presentation(format_))
        if format_ in V2[1:]:
            enveloped = [(credential(format_), format_)]
            assert not assert_one_reading(presentation(Format.LDP_VC, enveloped))
    many = [(credential(Format.LDP_VC), Format.LDP_VC)] * 17
    assert not assert_one_reading(presentation(Format.LDP_VC, many))
    assert not assert_one_reading(canonicalize({**DOCUMENT, "verifiableCredential": []}))
    assert not assert_one_reading(credential(Format.LDP_VC))


def test_a_credential_that_calls_itself_an_envelope_is_read_as_one() -> None:
    types = ["VerifiableCredential", ENVELOPED_CREDENTIAL]
    assert unsecured()["type"] != types
    odd = credential(Format.LDP_VC, type=types)
    assert not assert_one_reading(presentation(Format.LDP_VC, [(odd, Format.LDP_VC)]))


def test_whatever_is_done_to_ours() -> None:
    read = 0
    for _, data in alterations(OURS, Format.LDP_VC):
        assert_one_reading(data)
        with suppress(Exception):  # what cannot be taken apart any more
            written = canonicalize(take(data, Format.LDP_VC).parts["document"])
            read += assert_one_reading(written)
    assert read > 1  # another text is no other form


TEXTS: Final = (
    *("", " ", "a", "}", '{"', ',"proof":{', '"proofValue":"z"', "urn:x", "data:,a", "é", "\x7f"),
    *("VerifiablePresentation", "authentication", "assertionMethod", "https://a.example/", NONCE),
    *("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.5Z", "2026-01-31T12:00:00+01:00", "9999"),
    *(
        DEVICE.short.text,
        DEVICE.did.text,
        ISSUER.short.text,
        STRANGER.did.text,
        "did:web:a.example",
    ),
    f"{DEVICE.short.text}#{DEVICE.key.public_key().multibase}",
    f"{DEVICE.did.text}#{DEVICE.key.public_key().multibase}",
    "https://www.w3.org/ns/credentials/v2",
)
words = st.one_of(st.sampled_from(TEXTS), texts)
plain = st.one_of(words, st.sampled_from((0, 1.5, 2**53, None, True)))
members = st.one_of(plain, st.lists(plain, max_size=2), st.dictionaries(words, plain, max_size=2))
NAMES: Final = (
    *("@context", "holder", "id", "type", "proof", "verifiableCredential", "termsOfUse", "name"),
    *("challenge", "created", "cryptosuite", "domain", "expires", "nonce", "previousProof"),
    *("proofPurpose", "proofValue", "verificationMethod"),
)


@st.composite
def changed(draw: st.DrawFn) -> JsonObject:
    """Ours, in which a few members are others, in the proof for the most part."""
    document: dict[str, Any] = dict(DOCUMENT)
    for _ in range(draw(st.integers(0, 2))):
        name, value = draw(st.sampled_from(NAMES)), draw(st.one_of(words, members))
        if draw(st.booleans()) and isinstance(document["proof"], dict):
            document["proof"] = {**document["proof"], name: value}
        elif name != "proof" or draw(st.booleans()):
            document[name] = value
    return document


WRITTEN: Final = (
    *((b'"', b"\\u0022"), (b"e", b"\\u0065"), (b"/", b"\\/"), (b":", b": "), (b",", b", ")),
    *((b"}", b",}"), (b"}", b',"id":"urn:x"}'), (b'"type":', b'"type":"x","type":')),
    *((b'"proof":', b'"proof":{},"proof":'), (b"e", b"\xc3\xa9"), (b"e", b"\xff"), (b"}", b"} ")),
    *((b"[{", b"[ {"), (b"}]", b"} ]"), (b"}]", b"},1]"), (b"[", b"[["), (b"2", b"2.0")),
)


@given(changed(), st.none() | st.sampled_from(WRITTEN), st.integers(0, 40))
def test_what_is_like_ours(
    document: JsonObject, other: tuple[bytes, bytes] | None, place: int
) -> None:
    try:
        text = canonicalize(document)
    except Invalid:
        text = json.dumps(document).encode()
    if other is not None:
        parts = text.split(other[0])
        at = 1 + place % len(parts)
        text = other[0].join(parts[:at]) + other[1] + other[0].join(parts[at:])
    assert_one_reading(text)


@given(st.data())
def test_any_bytes_of_it(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(OURS)))
    end = data.draw(st.integers(start, min(start + 4, len(OURS))))
    assert_one_reading(OURS[:start] + data.draw(st.binary(max_size=4)) + OURS[end:])


def test_whole_again_is_the_same() -> None:
    taken = take(OURS, Format.LDP_VC)
    assert not assert_one_reading(whole(taken))  # with blanks
    assert assert_one_reading(canonicalize(taken.parts["document"]))
