"""What hypothesis draws from: JSON and CBOR values, keys and DIDs."""

from typing import Any

from hypothesis import strategies as st

from did.identifier import Genesis, KeybornDid, KeyDid
from did.jcs import MAX_INTEGER
from did.keys import SigningKey

# Text without lone surrogates, with what sorts differently in UTF-8 and UTF-16 well represented.
texts = st.text(
    st.one_of(
        st.characters(codec="ascii"),
        st.characters(codec="utf-8"),
        st.sampled_from("\ue000\uffff\U00010000\U0010ffff\x7f\u2028\x00"),
    ),
    max_size=12,
)
integers = st.one_of(
    st.integers(-MAX_INTEGER, MAX_INTEGER), st.sampled_from([0, MAX_INTEGER, -MAX_INTEGER])
)


def nested(leaves: st.SearchStrategy[Any], keys: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4)
        ),
        max_leaves=12,
    )


json_leaves = st.one_of(st.none(), st.booleans(), integers, texts)
# All that our own documents hold: no floats.
json_values = nested(json_leaves, texts)
json_values_with_floats = nested(
    st.one_of(json_leaves, st.floats(allow_nan=False, allow_infinity=False)), texts
)
cbor_integers = st.one_of(
    st.integers(-(2**64), 2**64 - 1),
    st.sampled_from([0, 23, 24, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**64 - 1, -(2**64)]),
)
cbor_values = nested(
    st.one_of(st.none(), st.booleans(), cbor_integers, texts, st.binary(max_size=40)),
    st.one_of(texts, cbor_integers),
)

signing_keys = st.binary(min_size=32, max_size=32).map(SigningKey)
keyborn_dids = st.builds(
    lambda key, next_key: KeybornDid.born(Genesis.of(key.public_key(), next_key.public_key())),
    signing_keys,
    signing_keys,
)
dids = st.one_of(
    keyborn_dids,
    keyborn_dids.map(lambda did: did.canonical),
    signing_keys.map(lambda key: KeyDid(key.public_key())),
)
