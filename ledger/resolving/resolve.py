"""From a DID or DID URL as text, and options, to what a resolver answers; no HTTP yet.

A did:key is expanded with its own options, and so is that of an X25519 key, which is no ``Did``
here, since it can sign nothing. The others are asked of their resolver.
"""

from dataclasses import dataclass, replace
from typing import Final

from did.dereference import Resource, dereference, expand_relative_urls
from did.did_url import Parts
from did.errors import Invalid, Refused
from did.identifier import parse_did
from did.jcs import JsonObject
from did.key_documents import DEFAULTS, expand
from ledger.resolving.methods import MethodResolver
from ledger.resolving.options import VERSION_OPTIONS, Options, parse_options

_KEY: Final = "did:key:"


@dataclass(frozen=True, slots=True)
class Resolved:
    """A DID's document and what is known of it.

    Attributes:
        document: Of a DID that is deactivated, with its ``id`` alone.
        metadata: The ``didDocumentMetadata``.
    """

    document: JsonObject
    metadata: JsonObject

    @property
    def deactivated(self) -> bool:
        """Whether the DID has ended."""
        return self.metadata.get("deactivated") is True

    def to_json(self) -> JsonObject:
        """As ``did.resolution.Resolution.to_json``."""
        return {
            "didDocument": self.document,
            "didResolutionMetadata": {"contentType": "application/did"},
            "didDocumentMetadata": self.metadata,
        }


def resolve_text(did: str, options: Options, resolver: MethodResolver) -> Resolved:
    """Resolve ``did``, a DID with nothing after it.

    Raises:
        KeybornError: Whatever ``ledger.resolving.errors`` has a name for.
    """
    if options.relationship is not None:
        raise Invalid(
            "invalid_options",
            "verificationRelationship is an option of DID URLs that name a verification method",
            value=options.relationship,
            hint="name the method after a #, or leave verificationRelationship out",
        )
    found = _key(did, options) if did.startswith(_KEY) else _asked(did, options, resolver)
    return (
        replace(found, document=expand_relative_urls(found.document)) if options.expand else found
    )


def dereference_parts(
    parts: Parts, options: Options, resolver: MethodResolver, *, uris: bool
) -> tuple[Resource, Resolved]:
    """What the DID URL ``parts`` leads to, and its DID as it was resolved for that.

    Raises:
        KeybornError: As ``resolve_text``, and as ``did.dereference.dereference``.
    """
    options, parts = with_version(parts, options)
    resolved = resolve_text(parts.did, replace(options, relationship=None), resolver)
    if resolved.deactivated:
        return Resource(None), resolved
    resource = dereference(parts, resolved.document, uris=uris, relationship=options.relationship)
    return resource, resolved


def with_version(parts: Parts, options: Options) -> tuple[Options, Parts]:
    """The parameters of a DID URL that are about resolution, moved to the options.

    Raises:
        Invalid: ``invalid_options``, ``invalid_time``.
    """
    stated = {name: parts.parameters[name] for name in VERSION_OPTIONS if name in parts.parameters}
    if not stated:
        return options, parts
    if options.at is not None:
        raise Invalid(
            "invalid_options",
            "the version is named in the DID URL and in the options",
            hint="name it once",
        )
    rest = {name: v for name, v in parts.parameters.items() if name not in stated}
    at = parse_options(stated.items()).at
    return replace(options, at=at), replace(parts, parameters=rest)


def _key(did: str, options: Options) -> Resolved:
    document = expand(did.removeprefix(_KEY), options.key or DEFAULTS)
    if options.at is not None:
        raise Refused("version_not_found", "a did:key has no versions", value=did)
    return Resolved(document, {"canonicalId": did, "registered": "not-applicable"})


def _asked(did: str, options: Options, resolver: MethodResolver) -> Resolved:
    parsed = parse_did(did)
    if options.key is not None:
        raise Invalid(
            "feature_not_supported",
            "publicKeyFormat and its like are options of did:key alone",
            value=did,
            hint="leave them out",
        )
    resolution = resolver.resolve(parsed, at=options.at, fresh=options.fresh)
    return Resolved(resolution.document(), resolution.metadata())
