"""DID URLs taken apart."""

import pytest

from did.did_url import Parts, absolute, take_apart
from did.errors import Invalid

DID = "did:example:1"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (DID, Parts(DID, "", {}, None)),
        (f"{DID}#key", Parts(DID, "", {}, "key")),
        (f"{DID}/a/b", Parts(DID, "/a/b", {}, None)),
        (f"{DID}/", Parts(DID, "/", {}, None)),
        (f"{DID}?service=files", Parts(DID, "", {"service": "files"}, None)),
        (
            f"{DID}/a?service=files&relativeRef=%2Fx%3Fy#frag/?",
            Parts(DID, "/a", {"service": "files", "relativeRef": "/x?y"}, "frag/?"),
        ),
        (f"{DID}?a&b=", Parts(DID, "", {"a": "", "b": ""}, None)),
        (f"{DID}?a=1&&b=+", Parts(DID, "", {"a": "1", "b": "+"}, None)),
        ("nonsense", Parts("nonsense", "", {}, None)),
    ],
)
def test_parts(text: str, parts: Parts) -> None:
    assert take_apart(text) == parts
    assert parts.is_did == (not set("/?#") & set(text))


@pytest.mark.parametrize(
    "text",
    [
        f"{DID}#",
        f"{DID}?",
        f"{DID}#a#b",
        f"{DID}/^bar^/?query=`#x",
        f"{DID}/a b",
        f"{DID}?a=%zz",
        f"{DID}?a=%ff",
        f"{DID}#\n",
        f"{DID}#é",
        f"{DID}?service=a&service=b",
        f"{DID}?service=a&%73ervice=b",
        f"{DID}#{'a' * 2_048}",
    ],
)
def test_what_is_no_did_url(text: str) -> None:
    with pytest.raises(Invalid) as raised:
        take_apart(text)
    assert raised.value.code == "invalid_did_url"


def test_references_are_relative_to_the_did() -> None:
    assert absolute("#key", DID) == f"{DID}#key"
    assert absolute("/a#key", DID) == f"{DID}/a#key"
    assert absolute("?a=b", DID) == f"{DID}?a=b"
    assert absolute("did:example:2#key", DID) == "did:example:2#key"
    assert absolute("https://a.example", DID) == "https://a.example"
