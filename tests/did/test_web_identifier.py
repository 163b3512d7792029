"""did:web: which texts are one, and where its document lies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from did.errors import Invalid
from did.identifier import parse_did, parse_did_url
from did.web_identifier import WebDid

PLACES = {
    "did:web:w3c-ccg.github.io": "https://w3c-ccg.github.io/.well-known/did.json",
    "did:web:w3c-ccg.github.io:user:alice": "https://w3c-ccg.github.io/user/alice/did.json",
    "did:web:example.com%3A3000": "https://example.com:3000/.well-known/did.json",
    "did:web:example.com%3A3000:user:alice": "https://example.com:3000/user/alice/did.json",
    "did:web:example.com%3A443:a": "https://example.com:443/a/did.json",
    "did:web:xn--mnchen-3ya.example": "https://xn--mnchen-3ya.example/.well-known/did.json",
    "did:web:localhost%3A8443": "https://localhost:8443/.well-known/did.json",
    "did:web:a.example:%C3%A9": "https://a.example/%C3%A9/did.json",
    "did:web:1password.example": "https://1password.example/.well-known/did.json",
    "did:web:dead.beef": "https://dead.beef/.well-known/did.json",
    "did:web:a.example:a_b-c.d": "https://a.example/a_b-c.d/did.json",
}
NONE = {
    "an IPv4 address": "did:web:127.0.0.1",
    "one with a port": "did:web:127.0.0.1%3A8443",
    "one in decimal": "did:web:2130706433",
    "one in hexadecimal": "did:web:0x7f000001",
    "one in octal": "did:web:0177.0.0.01",
    "a short one": "did:web:127.1",
    "an IPv6 address": "did:web:%5B%3A%3A1%5D",
    "capital letters": "did:web:Example.com",
    "a host with an empty label": "did:web:a..example",
    "a host that ends with a dot": "did:web:a.example.",
    "a hyphen at the end of a label": "did:web:a-.example",
    "an underscore": "did:web:a_b.example",
    "a label of 64": f"did:web:{'a' * 64}.example",
    "a host of 254": "did:web:" + ".".join(["a" * 63] * 3 + ["a" * 62]),
    "a user": "did:web:user%40a.example",
    "a slash in the host": "did:web:a.example%2Fb",
    "another case of the colon": "did:web:a.example%3a80",
    "no port": "did:web:a.example%3A",
    "a port of 0": "did:web:a.example%3A0",
    "a port with leading zeros": "did:web:a.example%3A0080",
    "a port beyond": "did:web:a.example%3A65536",
    "a port that is none": "did:web:a.example%3A80a",
    "a port that is a path": "did:web:a.example%3A80%3A81",
    "a name in UTF-8": "did:web:m%C3%BCnchen.example",
    "an empty segment": "did:web:a.example::b",
    "a dot": "did:web:a.example:.",
    "two dots": "did:web:a.example:..",
    "two dots, encoded": "did:web:a.example:%2E%2E",
    "a slash in the path": "did:web:a.example:a%2Fb",
    "a backslash": "did:web:a.example:a%5Cb",
    "a query": "did:web:a.example:a%3Fb",
    "a fragment": "did:web:a.example:a%23b",
    "something encoded twice": "did:web:a.example:%252E%252E",
    "a line feed": "did:web:a.example:a%0Ab",
    "no UTF-8": "did:web:a.example:%FF",
    "a space": "did:web:a.example:a%20b",
}


@pytest.mark.parametrize("text", PLACES)
def test_where_the_document_lies(text: str) -> None:
    did = parse_did(text)
    assert isinstance(did, WebDid)
    assert did.url == PLACES[text]
    assert did.text == str(did) == text
    assert did.canonical is did


@pytest.mark.parametrize("what", NONE)
def test_what_is_no_did_web(what: str) -> None:
    with pytest.raises(Invalid) as raised:
        parse_did(NONE[what])
    assert raised.value.code == "invalid_did"


def test_the_key_of_a_method_is_not_in_its_name() -> None:
    method = parse_did_url("did:web:a.example#key-1")
    assert method.text == "did:web:a.example#key-1"
    with pytest.raises(Invalid) as raised:
        method.key()
    assert raised.value.code == "invalid_verification_method"


@given(st.text(alphabet="abz019.-_:%3AFf2E", max_size=40))
def test_what_is_one_has_one_spelling_and_stays_below_its_host(rest: str) -> None:
    text = f"did:web:{rest}"
    try:
        did = parse_did(text)
    except Invalid:
        return
    assert isinstance(did, WebDid)
    assert did.text == text
    start = f"https://{did.host}" + ("" if did.port is None else f":{did.port}") + "/"
    assert did.url.startswith(start)
    assert did.url.endswith("/did.json")
    assert ".." not in did.url.split("/")
