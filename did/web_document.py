"""The document of a ``did:web``, as its host serves it: parsed strictly, its keys taken out.

What is checked of it (DID Core 1.0, section 5; did:web, 2.5.2):

1. It is one JSON object, with no key twice, and its ``id`` is the very DID that was asked for.
2. Its ``controller`` is a DID or a list of DIDs, ``alsoKnownAs`` a list of URIs.
3. Verification methods and services are objects with an ``id`` of this DID or of another, none
   twice; relationships are lists of references and methods. Methods have a DID URL for an ``id``, a
   ``type``, a DID for a ``controller`` and one key; services a URI for an ``id``, a ``type`` and a
   ``serviceEndpoint``, which is a URI, an object, or a list of these.
4. No method shows a private key.

A key counts if its method is this DID's own, is controlled by it, and is an Ed25519 key as
``Multikey``, ``JsonWebKey``, ``JsonWebKey2020`` or ``Ed25519VerificationKey2020``. Others stay in
the document and speak for nobody here. What the document says of itself is its host's word.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from did.did_url import DID, absolute, is_did_url
from did.errors import Invalid, Refused
from did.identifier import DidUrl
from did.jcs import Json, JsonObject
from did.keys import PublicKey
from did.multibase import base64url_decode
from did.strict_json import Numbers, parse_object
from did.uris import is_uri
from did.web_identifier import WebDid

MAX_BYTES: Final = 65_536
AUTHENTICATION: Final = "authentication"
ASSERTION: Final = "assertionMethod"
RELATIONSHIPS: Final = (
    AUTHENTICATION,
    ASSERTION,
    "keyAgreement",
    "capabilityInvocation",
    "capabilityDelegation",
)

_MULTIBASE_TYPES: Final = ("Multikey", "Ed25519VerificationKey2020")
_JWK_TYPES: Final = ("JsonWebKey", "JsonWebKey2020")
_MATERIAL: Final = ("publicKeyMultibase", "publicKeyJwk", "publicKeyBase58", "publicKeyHex")
_PRIVATE: Final = ("privateKeyMultibase", "secretKeyMultibase", "privateKeyJwk", "privateKeyBase58")
_SECRET: Final = frozenset({"d", "k", "p", "q", "dp", "dq", "qi", "oth"})  # RFC 7518, section 6


@dataclass(frozen=True, slots=True)
class WebDocument:
    """A document that was checked.

    Attributes:
        did: Whose.
        content: As it was served.
        keys: The Ed25519 keys by the absolute id of their method; all of them this DID's own.
        relationships: Per relationship, the absolute ids of its methods.
    """

    did: WebDid
    content: JsonObject
    keys: Mapping[str, PublicKey]
    relationships: Mapping[str, frozenset[str]]

    def key(self, method: DidUrl, relationship: str) -> PublicKey:
        """The key that ``method`` names, if the document has it in ``relationship``.

        Raises:
            Invalid: ``unknown_verification_method``: the document has no such Ed25519 key.
            Refused: ``key_not_authorized``: it has it, for something else.
        """
        found = self.keys.get(method.text)
        if found is None:
            raise Invalid(
                "unknown_verification_method",
                "the document of the did:web has no Ed25519 key of its own by this name",
                value=method.text,
            )
        if method.text not in self.relationships[relationship]:
            raise Refused(
                "key_not_authorized",
                f"the document of the did:web does not have the key in {relationship}",
                value=method.text,
                hint=f"its controller lists it there, or signs with one that is listed in"
                f" {relationship}",
            )
        return found

    def authorizes(self, key: PublicKey, relationship: str) -> bool:
        """Whether some method in ``relationship`` is ``key``."""
        listed = self.relationships[relationship]
        return any(own == key for name, own in self.keys.items() if name in listed)


def parse_web_document(did: WebDid, data: bytes) -> WebDocument:
    """The document that ``did``'s host served as ``data``.

    Raises:
        Invalid: ``invalid_did_document``.
    """
    try:
        content = parse_object(data, max_bytes=MAX_BYTES, numbers=Numbers.ANY)
    except Invalid as error:
        raise _invalid(error.message, error.value) from error
    if content.get("id") != did.text:
        raise _invalid("its id is not the DID that it was fetched for", content.get("id"))
    _check_names(content)
    listed = _objects(content, "verificationMethod")
    relationships: dict[str, frozenset[str]] = {}
    for name in RELATIONSHIPS:
        references, embedded = _relationship(content, name)
        names = [absolute(one, did.text) for one in (*references, *map(_id, embedded))]
        if not all(map(is_did_url, names)):
            raise _invalid(f"its {name} has what is no DID URL", names)
        relationships[name] = frozenset(names)
        listed += embedded
    keys = dict(_keys(did, listed))
    services = _objects(content, "service")
    for service in services:
        _check_service(service, did)
    _no_id_twice([*listed, *services], did)
    return WebDocument(did, content, keys, relationships)


def _keys(did: WebDid, methods: list[JsonObject]) -> Iterator[tuple[str, PublicKey]]:
    for method in methods:
        name = absolute(_id(method), did.text)
        _check_method(method, name)
        own = name.startswith(f"{did.text}#") and method.get("controller") == did.text
        key = _ed25519(method) if own else None
        if key is not None:
            yield name, key


def _ed25519(method: JsonObject) -> PublicKey | None:
    """The key of a method; None for another kind of key, and for what is no valid one."""
    type_, multibase, jwk = (
        method.get(name) for name in ("type", "publicKeyMultibase", "publicKeyJwk")
    )
    try:
        if type_ in _MULTIBASE_TYPES and isinstance(multibase, str):
            return PublicKey.from_multibase(multibase)
        if type_ in _JWK_TYPES and isinstance(jwk, dict) and isinstance(jwk.get("x"), str):
            kind = jwk.get("kty"), jwk.get("crv"), jwk.get("use", "sig")
            if kind == ("OKP", "Ed25519", "sig"):
                return PublicKey(base64url_decode(str(jwk["x"]), limit=64))
    except Invalid:
        return None
    return None


def _check_names(content: JsonObject) -> None:
    """DID Core 1.0, sections 5.1.2 and 5.1.3."""
    controller, others = content.get("controller", []), content.get("alsoKnownAs", [])
    controllers = controller if isinstance(controller, list) else [controller]
    if not all(isinstance(one, str) and DID.fullmatch(one) for one in controllers):
        raise _invalid("its controller is neither a DID nor a list of DIDs", controller)
    if not isinstance(others, list) or not all(map(is_uri, others)):
        raise _invalid("its alsoKnownAs is not a list of URIs", others)


def _check_method(method: JsonObject, name: str) -> None:
    """DID Core 1.0, section 5.2."""
    type_, controller = method.get("type"), method.get("controller")
    if not is_did_url(name) or not isinstance(type_, str) or not isinstance(controller, str):
        raise _invalid("a method does not have a DID URL, one type and one controller", name)
    if not DID.fullmatch(controller):
        raise _invalid("a method's controller is no DID", controller)
    if sum(name in method for name in _MATERIAL) > 1:
        raise _invalid("a method has a key twice, in two forms", _id(method))
    jwk = method.get("publicKeyJwk")
    if any(name in method for name in _PRIVATE) or (
        isinstance(jwk, dict) and not _SECRET.isdisjoint(jwk)
    ):
        raise _invalid("it shows a private key", _id(method))


def _check_service(service: JsonObject, did: WebDid) -> None:
    """DID Core 1.0, section 5.4."""
    if not is_uri(absolute(_id(service), did.text)):
        raise _invalid("a service's id is no URI", _id(service))
    type_, endpoint = service.get("type"), service.get("serviceEndpoint")
    types = type_ if isinstance(type_, list) else [type_]
    endpoints = endpoint if isinstance(endpoint, list) else [endpoint]
    if not types or not all(isinstance(one, str) for one in types):
        raise _invalid("a service has no type", _id(service))
    if not endpoints or not all(isinstance(one, dict) or is_uri(one) for one in endpoints):
        raise _invalid("a service has no endpoint", _id(service))


def _objects(content: JsonObject, name: str) -> list[JsonObject]:
    found = content.get(name, [])
    if not isinstance(found, list):
        raise _invalid(f"its {name} is not a list", None)
    objects = [entry for entry in found if isinstance(entry, dict)]
    if len(objects) != len(found):
        raise _invalid(f"an entry of its {name} is not an object", None)
    for entry in objects:
        _id(entry)
    return objects


def _relationship(content: JsonObject, name: str) -> tuple[list[str], list[JsonObject]]:
    found = content.get(name, [])
    if not isinstance(found, list):
        raise _invalid(f"its {name} is not a list", None)
    references = [entry for entry in found if isinstance(entry, str)]
    embedded = [entry for entry in found if isinstance(entry, dict)]
    if len(references) + len(embedded) != len(found):
        raise _invalid(f"an entry of its {name} is neither a reference nor a method", None)
    return references, embedded


def _id(entry: JsonObject) -> str:
    value = entry.get("id")
    if not isinstance(value, str) or not value:
        raise _invalid("a method or service has no id", value)
    return value


def _no_id_twice(entries: list[JsonObject], did: WebDid) -> None:
    seen: set[str] = set()
    for entry in entries:
        name = absolute(_id(entry), did.text)
        if name in seen:
            raise _invalid("two of its methods or services have one id", name)
        seen.add(name)


def _invalid(why: str, value: Json | object) -> Invalid:
    return Invalid(
        "invalid_did_document", f"the document of the did:web does not hold: {why}", value=value
    )
