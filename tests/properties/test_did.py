"""A DID is its text: what parses is written back as it was, and what was altered is another."""

from hypothesis import given
from hypothesis import strategies as st
from values import dids, keyborn_dids, signing_keys

from did.errors import Invalid
from did.identifier import Did, DidUrl, KeybornDid, parse_did, parse_did_url
from did.keys import PublicKey, SigningKey
from did.limits import LIMITS

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
letters = st.one_of(st.sampled_from(BASE58), st.characters(codec="utf-8"))


@given(dids)
def test_round_trip(did: Did) -> None:
    assert parse_did(did.text) == did
    assert len(did.text) <= LIMITS.did
    assert parse_did(did.canonical.text) == did.canonical


@given(dids, signing_keys)
def test_url_round_trip(did: Did, key: SigningKey) -> None:
    url = DidUrl(did, key.public_key().multibase)
    assert parse_did_url(url.text) == url
    assert len(url.text) <= LIMITS.did_url


@given(dids, st.data())
def test_an_altered_letter(did: Did, data: st.DataObject) -> None:
    text = did.text
    position = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(letters.filter(lambda letter: letter != text[position]))
    not_normalised(did, text[:position] + letter + text[position + 1 :])


@given(dids, st.data())
def test_a_letter_more(did: Did, data: st.DataObject) -> None:
    text = did.text
    position = data.draw(st.integers(0, len(text)))
    not_normalised(did, text[:position] + data.draw(letters) + text[position:])


@given(dids, st.data())
def test_a_letter_less(did: Did, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(did.text) - 1))
    not_normalised(did, did.text[:position] + did.text[position + 1 :])


@given(st.text(max_size=80).map(lambda rest: f"did:keyborn:{rest}"))
def test_any_text_is_its_did_or_refused(text: str) -> None:
    not_normalised(None, text)


@given(keyborn_dids, st.data())
def test_a_long_form_is_its_own_checksum(did: KeybornDid, data: st.DataObject) -> None:
    text = did.text
    position = data.draw(st.integers(len("did:keyborn:"), len(text) - 1))
    letter = data.draw(st.sampled_from(BASE58).filter(lambda letter: letter != text[position]))
    if text[position] == ":":
        return
    try:
        parse_did(text[:position] + letter + text[position + 1 :])
    except Invalid:
        return
    raise AssertionError("an altered long form was taken")


@given(signing_keys)
def test_every_key_that_is_made_is_a_key(key: SigningKey) -> None:
    public = key.public_key()
    assert PublicKey.from_multibase(public.multibase) == public
    public.verify(key.sign(b"data"), b"data")


def not_normalised(did: Did | None, text: str) -> None:
    """``text`` is refused, or it is exactly the text of the (other) DID that it parses to."""
    try:
        parsed = parse_did(text)
    except Invalid:
        return
    assert parsed.text == text
    assert parsed != did
