"""Dereferencing DID URLs: fragments, services, relationships, relative URLs."""

from typing import Any

import pytest

from did.dereference import Resource, dereference, expand_relative_urls
from did.did_url import take_apart
from did.errors import Invalid, KeybornError, Refused

DID = "did:web:files.example"
KEY = {"id": f"{DID}#key-1", "type": "Multikey", "controller": DID, "publicKeyMultibase": "z6Mk"}
EMBEDDED = {"id": "#key-2", "type": "Multikey", "controller": DID, "publicKeyMultibase": "z6Mm"}
SERVICES: list[dict[str, Any]] = [
    {"id": f"{DID}#files", "type": "Files", "serviceEndpoint": "https://files.example/of/7/"},
    {
        "id": "#messages",
        "type": ["Messages", "Mail"],
        "serviceEndpoint": [{"uri": "x"}, "https://m.example/a?b", "mailto:a@m.example"],
    },
    {"id": "#map", "type": "Files", "serviceEndpoint": {"uri": "https://files.example/"}},
    {"id": "#marked", "type": "Marked", "serviceEndpoint": "https://files.example/a#b"},
    {"id": "#split", "type": "Split", "serviceEndpoint": "https://files.example/\r\nx: y"},
]
DOCUMENT: dict[str, Any] = {
    "@context": ["https://www.w3.org/ns/did/v1"],
    "id": DID,
    "verificationMethod": [KEY],
    "authentication": ["#key-1", EMBEDDED],
    "assertionMethod": [f"{DID}#key-1"],
    "service": SERVICES,
    "extension": {"nested": [{"id": "#deep", "type": "Deep"}]},
}


def found(url: str, *, uris: bool = False, relationship: str | None = None) -> Resource:
    return dereference(take_apart(DID + url), DOCUMENT, uris=uris, relationship=relationship)


def test_the_document_itself() -> None:
    assert found("") == Resource(DOCUMENT, whole=True)


@pytest.mark.parametrize(
    ("fragment", "value"),
    [
        ("key-1", KEY),
        ("key-2", EMBEDDED),
        ("files", SERVICES[0]),
        ("messages", SERVICES[1]),
        ("deep", {"id": "#deep", "type": "Deep"}),
    ],
)
def test_a_fragment_names_an_object_of_the_document(fragment: str, value: dict[str, Any]) -> None:
    assert found(f"#{fragment}") == Resource({"@context": DOCUMENT["@context"], **value})


def test_a_document_without_a_context_gives_none_to_its_parts() -> None:
    plain = {name: value for name, value in DOCUMENT.items() if name != "@context"}
    assert dereference(take_apart(f"{DID}#key-1"), plain) == Resource(KEY)


@pytest.mark.parametrize(
    ("query", "services"),
    [
        ("service=files", SERVICES[:1]),
        ("service=%23files", SERVICES[:1]),
        (f"service={DID}%23files", SERVICES[:1]),
        ("service=messages", SERVICES[1:2]),
        ("serviceType=Mail", SERVICES[1:2]),
        ("serviceType=Files", [SERVICES[0], SERVICES[2]]),
        ("service=map&serviceType=Files", SERVICES[2:3]),
    ],
)
def test_services_are_selected(query: str, services: list[dict[str, Any]]) -> None:
    assert found(f"?{query}") == Resource({**DOCUMENT, "service": services}, whole=True)


@pytest.mark.parametrize(
    ("query", "urls"),
    [
        ("service=files", ("https://files.example/of/7/",)),
        ("service=files#part", ("https://files.example/of/7/#part",)),
        ("service=files&relativeRef=a.pdf", ("https://files.example/of/7/a.pdf",)),
        ("service=files&relativeRef=%2Fof%2F7%2Fa", ("https://files.example/of/7/a",)),
        ("service=files&relativeRef=a%2F..%2Fb", ("https://files.example/of/7/b",)),
        ("service=files&relativeRef=%3Fv%3D2", ("https://files.example/of/7/?v=2",)),
        ("service=files&relativeRef=a%23b", ("https://files.example/of/7/a#b",)),
        ("service=messages", ("https://m.example/a?b", "mailto:a@m.example")),
        ("serviceType=Files", ("https://files.example/of/7/",)),
        ("service=marked", ("https://files.example/a#b",)),
    ],
)
def test_the_urls_of_services(query: str, urls: tuple[str, ...]) -> None:
    assert found(f"?{query}", uris=True) == Resource(None, urls)


@pytest.mark.parametrize(
    "reference",
    [
        "..%2Fa",
        "%2Fetc",
        "%2Fof%2F70%2F",
        "%252e%252e%2Fa",
        "..%5Ca",
        "%2F%2Fevil.example%2Fof%2F7%2Fa",
        "https%3A%2F%2Fevil.example%2Fof%2F7%2Fa",
        "http%3A%2F%2Ffiles.example%2Fof%2F7%2Fa",
        "javascript%3Aalert(1)",
        "a%0D%0Ax%3A%20y",
        "a%20b",
        "%2F%2F%5Bb",  # which urllib takes for half an address
    ],
)
def test_a_relative_reference_stays_below_its_endpoint(reference: str) -> None:
    assert found("?service=files&relativeRef=a", uris=True).urls
    with pytest.raises(Invalid) as raised:
        found(f"?service=files&relativeRef={reference}", uris=True)
    assert raised.value.code == "invalid_did_url"


WRONG: list[tuple[str, dict[str, Any], type[KeybornError], str]] = [
    ("#none", {}, Refused, "resource_not_found"),
    ("/path", {}, Refused, "resource_not_found"),
    ("?other=1", {}, Refused, "resource_not_found"),
    ("?service=none", {}, Refused, "resource_not_found"),
    ("?service=files&serviceType=Mail", {}, Refused, "resource_not_found"),
    ("?relativeRef=a", {}, Refused, "resource_not_found"),
    ("?service=map", {"uris": True}, Refused, "resource_not_found"),
    ("?service=split", {"uris": True}, Refused, "resource_not_found"),
    ("", {"uris": True}, Invalid, "representation_not_supported"),
    ("#key-1", {"uris": True}, Invalid, "representation_not_supported"),
    ("?service=marked#c", {"uris": True}, Invalid, "invalid_did_url"),
    ("?service=messages&relativeRef=a", {"uris": True}, Invalid, "invalid_did_url"),
    ("", {"relationship": "authentication"}, Invalid, "invalid_verification_method"),
    ("#deep", {"relationship": "authentication"}, Invalid, "invalid_verification_method"),
    ("#key-2", {"relationship": "assertionMethod"}, Refused, "relationship_not_authorized"),
    ("#key-1", {"relationship": "keyAgreement"}, Refused, "relationship_not_authorized"),
    ("#key-1", {"relationship": "service"}, Refused, "relationship_not_authorized"),
]


@pytest.mark.parametrize(("url", "options", "kind", "code"), WRONG)
def test_what_leads_nowhere(
    url: str, options: dict[str, Any], kind: type[KeybornError], code: str
) -> None:
    with pytest.raises(kind) as raised:
        found(url, **options)
    assert raised.value.code == code


@pytest.mark.parametrize(
    ("fragment", "relationship"),
    [("key-1", "authentication"), ("key-2", "authentication"), ("key-1", "assertionMethod")],
)
def test_a_method_in_the_relationship_that_is_asked_for(fragment: str, relationship: str) -> None:
    assert found(f"#{fragment}", relationship=relationship).content is not None


def test_relative_urls_are_expanded() -> None:
    expanded: Any = expand_relative_urls(DOCUMENT)
    assert expanded["authentication"] == [f"{DID}#key-1", {**EMBEDDED, "id": f"{DID}#key-2"}]
    assert [service["id"] for service in expanded["service"]] == [
        f"{DID}#{name}" for name in ("files", "messages", "map", "marked", "split")
    ]
    assert expanded["extension"] == {"nested": [{"id": f"{DID}#deep", "type": "Deep"}]}
    assert expanded["service"][0]["serviceEndpoint"] == SERVICES[0]["serviceEndpoint"]
    assert expanded["@context"] == DOCUMENT["@context"]
    assert expand_relative_urls(expanded) == expanded
