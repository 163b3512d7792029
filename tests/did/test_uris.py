"""URIs as they are written."""

import pytest

from did.uris import is_uri


@pytest.mark.parametrize(
    "text",
    [
        "https://host.example",
        "https://[::1]:8443/a?b=c&d#e/f?",
        "urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66",
        "did:example:a%20b?service=files#x",
        "mailto:a@b.example",
        "a+b-c.d:x",
        "https://a.example/#",
    ],
)
def test_what_is_one(text: str) -> None:
    assert is_uri(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "host.example",
        "#a",
        "/a",
        "https:",
        "1a:b",
        ":a",
        "https://a.example/a b",
        "https://a.example/\n",
        "https://a.example/%2",
        "https://a.example/%zz",
        "https://a.example/#a#b",
        "https://a.example/<>",
        "https://a.example\\b",
        "https://ä.example",
        5,
        None,
    ],
)
def test_what_is_none(text: object) -> None:
    assert not is_uri(text)
