"""Dereferencing DID URLs over a DID document that was resolved: pure (DID Resolution 1.0, 5.4).

1. ``service`` and ``serviceType`` select services: the document with no others is the resource,
   or, for who accepts ``text/uri-list``, the URLs of their endpoints, to which ``relativeRef`` is
   added (RFC 3986, section 5.2) as long as that stays below them.
2. A fragment names an object of the document by its ``id``, or is handed on to an endpoint's URL.
3. With ``verificationRelationship``, that object must be a verification method, and listed there.

A path has no meaning in the methods that are resolved here; nor have other parameters.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urljoin, urlsplit

from did.did_url import Parts, absolute
from did.errors import Invalid, Refused
from did.jcs import Json, JsonObject
from did.uris import is_uri
from did.web_document import RELATIONSHIPS

URI_LIST: Final = "text/uri-list"
_SELECTING: Final = ("service", "serviceType")
SERVICE_PARAMETERS: Final = (*_SELECTING, "relativeRef")

_REFERENCE_KEYS: Final = ("id", "controller")
_METHOD_MEMBERS: Final = ("id", "type", "controller")


@dataclass(frozen=True, slots=True)
class Resource:
    """What a DID URL leads to.

    Attributes:
        content: A document or an object of it; None for a list of URLs.
        urls: Of service endpoints, at least one; empty for the rest.
        whole: Whether ``content`` is a DID document.
    """

    content: JsonObject | None
    urls: tuple[str, ...] = ()
    whole: bool = False


def dereference(
    parts: Parts, document: JsonObject, *, uris: bool = False, relationship: str | None = None
) -> Resource:
    """The resource that a DID URL names.

    Args:
        parts: The DID URL; the parameters of resolution have done their work.
        document: Of its DID.
        uris: Whether the URLs of services are asked for.
        relationship: The ``verificationRelationship`` that a method must be authorized for.

    Raises:
        Refused: ``resource_not_found``, ``relationship_not_authorized``.
        Invalid: ``invalid_did_url``: ``relativeRef`` leads elsewhere, or two fragments;
            ``representation_not_supported``: URLs were asked for where there are none;
            ``invalid_verification_method``.
    """
    did = str(document["id"])
    selecting = {name: parts.parameters[name] for name in _SELECTING if name in parts.parameters}
    if parts.path or (parts.parameters.keys() - set(SERVICE_PARAMETERS)):
        raise _not_found("a path or a parameter that its method does not know")
    if "relativeRef" in parts.parameters and not selecting:
        raise _not_found("a relativeRef without a service that it is relative to")
    if selecting:
        services = _selected(document, did, selecting)
        if uris:
            return Resource(None, _urls(services, parts))
        document = {**document, "service": list[Json](services)}
    elif uris:
        raise Invalid(
            "representation_not_supported",
            "only services have URLs that could be listed",
            hint="select one with ?service=, or accept application/did",
        )
    if parts.fragment is None:
        if relationship is not None:
            raise _no_method(parts.did)
        return Resource(document, whole=True)
    # The document names itself by the canonical form of the DID that was asked for.
    found = find(document, f"#{parts.fragment}")
    if relationship is not None:
        _check_relationship(document, found, relationship)
    return Resource(
        {"@context": document["@context"], **found} if "@context" in document else found
    )


def find(document: JsonObject, reference: str) -> JsonObject:
    """The object of ``document`` whose ``id`` is ``reference``, which is relative to its DID.

    Raises:
        Refused: ``resource_not_found``.
    """
    did = str(document["id"])
    name = absolute(reference, did)
    for value in _nested({key: value for key, value in document.items() if key != "@context"}):
        id_ = value.get("id")
        if isinstance(id_, str) and absolute(id_, did) == name:
            return value
    raise _not_found("a fragment that names nothing in the document")


def expand_relative_urls(document: JsonObject) -> JsonObject:
    """``document`` with its relative DID URLs made absolute (DID Resolution 1.0, 4.4, step 6)."""
    did = str(document["id"])

    def expand(value: Json, *, reference: bool) -> Json:
        if isinstance(value, str):
            return absolute(value, did) if reference and value.startswith("#") else value
        if isinstance(value, list):
            return [expand(item, reference=reference) for item in value]
        if isinstance(value, dict):
            return {
                key: expand(item, reference=key in _REFERENCE_KEYS) for key, item in value.items()
            }
        return value

    return {
        key: value if key == "@context" else expand(value, reference=key in RELATIONSHIPS)
        for key, value in document.items()
    }


def _nested(value: Json) -> Iterator[JsonObject]:
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from _nested(item)
    elif isinstance(value, list):
        for item in value:
            yield from _nested(item)


def _check_relationship(document: JsonObject, found: JsonObject, relationship: str) -> None:
    if not all(isinstance(found.get(member), str) for member in _METHOD_MEMBERS):
        raise _no_method(str(found.get("id")))
    did = str(document["id"])
    listed = document.get(relationship, []) if relationship in RELATIONSHIPS else []
    assert isinstance(listed, list)
    names = [entry["id"] if isinstance(entry, dict) else entry for entry in listed]
    if absolute(str(found["id"]), did) not in [absolute(str(name), did) for name in names]:
        raise Refused(
            "relationship_not_authorized",
            "the document does not have the verification method in this relationship",
            value=relationship,
            hint="ask for a relationship that the document lists it in",
        )


def _selected(document: JsonObject, did: str, selecting: dict[str, str]) -> list[JsonObject]:
    services = document.get("service", [])
    assert isinstance(services, list)
    found = [
        service
        for service in services
        if isinstance(service, dict) and _fits(service, did, selecting)
    ]
    if not found:
        raise _not_found("a service that the document does not have")
    return found


def _fits(service: JsonObject, did: str, selecting: dict[str, str]) -> bool:
    """Whether it has the ``service`` id (a bare word is a fragment) and the ``serviceType``."""
    type_ = service.get("type")
    types = type_ if isinstance(type_, list) else [type_]
    if "serviceType" in selecting and selecting["serviceType"] not in types:
        return False
    if "service" not in selecting:
        return True
    asked, id_ = selecting["service"], service.get("id")
    names = {asked, absolute(asked, did), f"{did}#{asked}"}
    return isinstance(id_, str) and absolute(id_, did) in names


def _urls(services: list[JsonObject], parts: Parts) -> tuple[str, ...]:
    found: list[str] = []
    for service in services:
        endpoint = service.get("serviceEndpoint")
        entries = endpoint if isinstance(endpoint, list) else [endpoint]
        found += [entry for entry in entries if isinstance(entry, str)]
    urls = tuple(_below(url, parts) for url in found if is_uri(url))
    if not urls:
        raise _not_found("a service whose endpoint is no URL")
    return urls


def _below(endpoint: str, parts: Parts) -> str:
    url = endpoint
    if "relativeRef" in parts.parameters:
        url = _joined(endpoint, parts.parameters["relativeRef"])
    if parts.fragment is None:
        return url
    if "#" in url:
        raise Invalid("invalid_did_url", "the service's URL has a fragment of its own", value=url)
    return f"{url}#{parts.fragment}"


def _joined(endpoint: str, reference: str) -> str:
    """``reference``, relative to ``endpoint``; refused where that leaves the endpoint's folder."""
    try:
        base, url = urlsplit(endpoint), urljoin(endpoint, reference)
        end = urlsplit(url)
    except ValueError as error:  # of brackets in which there is no address
        raise _leads_out(reference) from error
    folder = base.path.rpartition("/")[0] + "/"
    path = unquote(unquote(end.path))  # so that what is hidden twice is seen
    stays = (
        (end.scheme, end.netloc) == (base.scheme, base.netloc)
        and (end.path or "/").startswith(folder)
        and not {".", ".."} & set(path.replace("\\", "/").split("/"))
    )
    if not stays or base.scheme not in ("http", "https") or not is_uri(url):
        raise _leads_out(reference)
    return url


def _leads_out(reference: str) -> Invalid:
    return Invalid(
        "invalid_did_url",
        "relativeRef leads out of the service's endpoint, or the endpoint takes none",
        value=reference,
        hint="name something below the endpoint, without .. and host",
    )


def _no_method(value: str) -> Invalid:
    return Invalid(
        "invalid_verification_method",
        "a verificationRelationship is asked for of what is no verification method",
        value=value,
        hint="name a verification method after the #, or leave verificationRelationship out",
    )


def _not_found(what: str) -> Refused:
    return Refused(
        "resource_not_found",
        f"the DID URL leads to nothing: it has {what}",
        hint="resolve the DID alone, to see what its document has",
    )
