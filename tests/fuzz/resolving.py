"""DID Resolution: DIDs of the web and their documents, DID URLs, options, content negotiation."""

from collections.abc import Mapping
from typing import Any, Final

from actors import DEVICE, ISSUER
from fuzz.target import (
    SEPARATOR,
    Target,
    check_refusal,
    holds,
    joined,
    only_invalid,
    parts_of,
    same,
    text_of,
    utf8_of,
)

from did.dereference import Resource, dereference, expand_relative_urls
from did.did_url import Parts, take_apart
from did.errors import Invalid, KeybornError, Refused
from did.identifier import DidUrl, parse_did
from did.jcs import canonicalize
from did.key_documents import expand
from did.strict_json import parse_object
from did.web_document import RELATIONSHIPS, WebDocument, parse_web_document
from did.web_identifier import WebDid
from ledger.resolving.negotiation import FOR_DID_URLS, FOR_DIDS, Representation, negotiate
from ledger.resolving.options import Options, parse_options

_DID: Final = WebDid("issuer.example")
_REFUSED: Final = (Invalid, Refused)
_WORDS: Final = (
    *(f'"{name}":'.encode() for name in ("id", "verificationMethod", "service", "controller")),
    *(f'"{name}":'.encode() for name in ("serviceEndpoint", "publicKeyMultibase", "publicKeyJwk")),
    *(f'"{name}":'.encode() for name in RELATIONSHIPS),
    *(b"?service=", b"&relativeRef=", b"serviceType=", b"%2F..%2F", b"https://[", b"%5B", b"#"),
)


def document() -> dict[str, Any]:
    """The document of a ``did:web``, with methods of each kind and services."""
    did, key = _DID.text, ISSUER.key.public_key().multibase
    return {
        "@context": ["https://www.w3.org/ns/did/v1"],
        "id": did,
        "verificationMethod": [
            {"id": "#1", "type": "Multikey", "controller": did, "publicKeyMultibase": key},
            {
                "id": f"{did}#2",
                "type": "JsonWebKey",
                "controller": did,
                "publicKeyJwk": {"kty": "OKP", "crv": "Ed25519", "x": "A" * 43},
            },
        ],
        "assertionMethod": ["#1", {"id": "#3", "type": "X", "controller": did}],
        "authentication": [f"{did}#1"],
        "service": [
            {"id": "#files", "type": "Files", "serviceEndpoint": "https://files.example/a/"},
            {"id": "#more", "type": ["More"], "serviceEndpoint": ["https://a.example", {}]},
        ],
    }


def _web_law(data: bytes, did: Any) -> None:
    same(did.text, text_of(data), "a DID has one spelling")
    holds(did.url.startswith(f"https://{did.host}"), "a document lies elsewhere", did.url)
    holds("/../" not in did.url and "?" not in did.url, "a document's path climbs", did.url)


def _read_web(data: bytes) -> WebDid:
    did = parse_did(text_of(data))
    if not isinstance(did, WebDid):
        raise Invalid("method_not_supported", "a did:web is needed here")
    return did


def _parts_law(data: bytes, parts: Parts) -> None:
    holds(text_of(data).startswith(parts.did + parts.path), "a DID URL begins with its DID", parts)
    for uris in (False, True):
        _refusing(dereference, parts, document(), uris=uris)
        _refusing(dereference, parts, document(), uris=uris, relationship="assertionMethod")


def _refusing(call: Any, *args: Any, **named: Any) -> None:
    try:
        call(*args, **named)
    except _REFUSED as error:
        check_refusal(error)


def _document_law(data: bytes, read: WebDocument) -> None:
    same(read.content["id"], _DID.text, "a document is that of its DID")
    holds(all(name.startswith(f"{_DID.text}#") for name in read.keys), "a key is another's")
    expand_relative_urls(read.content)
    for relationship in RELATIONSHIPS:
        for name in (*read.keys, f"{_DID.text}#none"):
            _refusing(read.key, DidUrl(_DID, name.partition("#")[2]), relationship)
    same(parse_web_document(_DID, canonicalize(parse_object(data))), read, "it is read as written")


def _dereferenced(data: bytes) -> Resource:
    served, url = parts_of(data, 2)
    content = parse_web_document(_DID, served).content
    parts = take_apart(utf8_of(url))
    try:
        return dereference(parts, content, uris=True)
    except KeybornError:
        return dereference(parts, content, relationship="assertionMethod")


def _resource_law(_: bytes, found: Resource) -> None:
    holds((found.content is None) == bool(found.urls), "a resource is one thing", found)
    for url in found.urls:
        holds(url.isascii() and url.isprintable() and " " not in url, "a URL ends a header", url)


def _key_law(data: bytes, found: Mapping[str, Any]) -> None:
    same(found["id"], f"did:key:{text_of(data)}", "a document is that of its DID")
    only_invalid(parse_did, str(found["id"]))
    canonicalize(dict(found))


def _accept_law(data: bytes, found: Representation) -> None:
    holds(found in FOR_DIDS, "a representation that is not served", found)
    _refusing(negotiate, text_of(data), FOR_DID_URLS)


def _options_law(_: bytes, options: Options) -> None:
    holds(options.accept is None or bool(options.accept), "an empty option", options)


TARGETS: Final = {
    "did-web": Target(
        _read_web,
        _web_law,
        lambda: {
            "host": b"did:web:issuer.example",
            "path": b"did:web:xn--bcher-kva.example%3A8443:plants:%C3%A9:7",
        },
        max_bytes=300,
        words=(b"%3A", b"%2e%2e", b"%00", b":", b"xn--", b"127.0.0.1", b"0x7f"),
    ),
    "did-document": Target(
        lambda data: parse_web_document(_DID, data),
        _document_law,
        lambda: {"whole": canonicalize(document()), "bare": canonicalize({"id": _DID.text})},
        words=_WORDS,
    ),
    "did-url-parts": Target(
        lambda data: take_apart(text_of(data)),
        _parts_law,
        lambda: {
            "service": f"{_DID.text}?service=files&relativeRef=/a/b%3Fc#d".encode(),
            "method": f"{_DID.text}#1".encode(),
            "path": f"{DEVICE.short.text}/a/%20?versionId=1".encode(),
        },
        max_bytes=2_100,
        words=_WORDS,
    ),
    "dereferencing": Target(
        _dereferenced,
        _resource_law,
        lambda: {
            "service": joined(
                canonicalize(document()), f"{_DID.text}?service=files&relativeRef=b".encode()
            ),
            "method": joined(canonicalize(document()), f"{_DID.text}#1".encode()),
        },
        refusals=_REFUSED,
        words=(*_WORDS, SEPARATOR),
    ),
    "did-key-document": Target(
        lambda data: expand(text_of(data)),
        _key_law,
        lambda: {
            "ed25519": DEVICE.key.public_key().multibase.encode(),
            "x25519": b"z6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc",
        },
        max_bytes=200,
        words=(b"z6Mk", b"z6LS"),
    ),
    "accept": Target(
        lambda data: negotiate(text_of(data), FOR_DIDS),
        _accept_law,
        lambda: {
            "any": b"*/*",
            "several": b'application/json;q=0.5, application/ld+json;profile="https://w3id.org/did-resolution"',
        },
        max_bytes=1_024,
        words=(
            *tuple(each.media_type.encode() for each in FOR_DIDS),
            b";q=0.",
            b'profile="',
            b"*/*",
        ),
    ),
    "resolution-options": Target(
        lambda data: parse_options(parse_object(data).items()),
        _options_law,
        lambda: {
            "of a version": b'{"versionTime":"2026-01-31T12:00:00Z","noCache":true,"accept":"a/b"}',
            "of a key": b'{"publicKeyFormat":"Multikey","enableEncryptionKeyDerivation":"false",'
            b'"defaultContext":["https://www.w3.org/ns/did/v1"]}',
        },
        words=(b'"versionId":', b'"versionTime":', b'"expandRelativeUrls":', b'"defaultContext":'),
    ),
}
