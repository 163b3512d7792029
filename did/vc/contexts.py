"""What a document's ``@context`` says of its terms, without fetching anything.

A JSON-LD processor would load each context and expand each term. Nothing is loaded here because an
input says so; what can be decided without is: the order of the contexts, whether each can be one,
whether a term that is protected is defined anew, and, where each context is known or stands in the
document itself, whether a term is defined at all (VC Data Model 2.0, sections 4.3, 4.5 and 5.2;
JSON-LD 1.1, section 4.1).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from did.jcs import Json, JsonObject
from did.limits import LIMITS

V2: Final = "https://www.w3.org/ns/credentials/v2"
V1: Final = "https://www.w3.org/2018/credentials/v1"
DATA_INTEGRITY: Final = "https://w3id.org/security/data-integrity/v2"
# Gives our own terms a name; published, so that no processor is left without it (docs/adr/0003).
UNDEFINED_TERMS: Final = "https://www.w3.org/ns/credentials/undefined-terms/v2"

# Contexts that give every term a name.
_VOCABULARIES: Final = frozenset({UNDEFINED_TERMS, "https://www.w3.org/ns/credentials/examples/v2"})
# What else is known: each defines what stands here, and protects it.
_TYPES: Final = frozenset(
    [
        "VerifiableCredential",
        "EnvelopedVerifiableCredential",
        "VerifiablePresentation",
        "EnvelopedVerifiablePresentation",
        "JsonSchemaCredential",
        "JsonSchema",
        "BitstringStatusListCredential",
        "BitstringStatusList",
        "BitstringStatusListEntry",
        "DataIntegrityProof",
    ]
)
_KNOWN: Final[Mapping[str, frozenset[str]]] = {
    V2: _TYPES
    | frozenset(
        [
            "id",
            "type",
            "description",
            "digestMultibase",
            "digestSRI",
            "mediaType",
            "name",
            "...",
            "_sd",
            "_sd_alg",
            "aud",
            "cnf",
            "exp",
            "iat",
            "iss",
            "jku",
            "kid",
            "nbf",
            "sub",
            "x5u",
        ]
    ),
    DATA_INTEGRITY: frozenset({"id", "type", "proof", "DataIntegrityProof"}),
}
# Those that the base context defines in a credential.
_OF_CREDENTIALS: Final = frozenset(
    [
        "@context",
        "confidenceMethod",
        "credentialSchema",
        "credentialStatus",
        "credentialSubject",
        "evidence",
        "issuer",
        "proof",
        "refreshService",
        "relatedResource",
        "renderMethod",
        "termsOfUse",
        "validFrom",
        "validUntil",
    ]
)

_KEPT: Final = 4  # contexts of a document whose terms are kept for the next one

_SCHEME: Final = r"(?:(?i:https?)://[^/?#\s<>]|(?!(?i:https?:))[A-Za-z][A-Za-z0-9+.-]*:)"
_URL: Final = re.compile(_SCHEME + r"[!#-;=?-\[\]_a-z~]*")  # in ASCII: without blanks, quotes, <, >
_IRI: Final = re.compile(_SCHEME + r"[^\s\x00-\x20\x7f<>\"{}|\\^`]*")
_BLANK: Final = re.compile(r"[\x00-\x20\x7f]")


class BrokenRuleError(Exception):
    """A rule of the data model that a document breaks; who checks it knows what kind it is of."""

    def __init__(self, message: str, *, value: object = None) -> None:
        super().__init__(message)
        self.message = message
        self.value = value


def is_url(value: object) -> bool:
    """Whether ``value`` is an absolute URL (section 4.4; any scheme, ``did:`` and ``urn:`` too)."""
    return isinstance(value, str) and (
        _URL.fullmatch(value) is not None
        or (not value.isascii() and _IRI.fullmatch(value) is not None)
    )


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms that a document's contexts define, as far as that is known.

    Attributes:
        defined: Terms that map to a URL.
        every: Whether any term does: by a ``@vocab``, or by a context that is not known here.
    """

    defined: frozenset[str]
    every: bool

    def names(self, value: str) -> bool:
        """Whether ``value`` is a URL, or a term that is defined."""
        return self.every or value in self.defined or is_url(value)

    def undefined(self, credential: JsonObject) -> tuple[str, ...]:
        """The members of ``credential`` whose meaning no context states."""
        if self.every:
            return ()
        return tuple(name for name in credential if name not in self.defined | _OF_CREDENTIALS)


ANY_TERM: Final = Terms(frozenset(), every=True)


def read_contexts(document: JsonObject, base: str) -> Terms:
    """The terms of ``document``, whose first context must be ``base``.

    Raises:
        BrokenRuleError: With the rule that is broken.
    """
    contexts = document.get("@context")
    if type(contexts) is not list or not contexts or contexts[0] != base:
        raise BrokenRuleError(f"@context does not begin with {base}", value=contexts)
    if len(contexts) > LIMITS.contexts:
        raise BrokenRuleError(f"@context has more than {LIMITS.contexts} entries")
    if len(contexts) <= _KEPT and are_known(contexts):
        return _of_urls(tuple(contexts))
    return _Reading().read(contexts)


def are_known(contexts: Sequence[Json]) -> bool:
    """Whether each of ``contexts`` is the URL of one whose content is known here."""
    return all(
        isinstance(entry, str) and (entry in _KNOWN or entry in _VOCABULARIES) for entry in contexts
    )


@lru_cache(maxsize=256)  # of known ones, and few: what senders make up is not kept
def _of_urls(contexts: tuple[str, ...]) -> Terms:
    return _Reading().read(contexts)


class _Reading:
    """The contexts of one document, taken in one after the other."""

    def __init__(self) -> None:
        self._defined: dict[str, bool] = {}  # whether it maps to a URL
        self._protected: dict[str, Json] = {}
        self._vocabulary = False
        self._unknown = False

    def read(self, contexts: "list[Json] | tuple[Json, ...]") -> Terms:
        for context in contexts:
            if isinstance(context, str):
                self._take_url(context)
            elif isinstance(context, dict):
                self._take_object(context)
            else:
                raise BrokenRuleError(
                    "an entry of @context is neither a URL nor an object", value=context
                )
        defined = frozenset(term for term, mapped in self._defined.items() if mapped)
        return Terms(defined, self._vocabulary or self._unknown)

    def _take_url(self, url: str) -> None:
        if not is_url(url):
            raise BrokenRuleError("an entry of @context is not a URL", value=url)
        if url in _VOCABULARIES:
            self._vocabulary = True
        elif url in _KNOWN:
            for term in _KNOWN[url]:
                self._defined[term] = True
                self._protected[term] = url
        else:
            self._unknown = True

    def _take_object(self, context: JsonObject) -> None:
        if "@vocab" in context:
            vocabulary = context["@vocab"]
            if vocabulary not in (None, "") and not is_url(vocabulary):
                raise BrokenRuleError("@vocab in @context is not a URL", value=vocabulary)
            self._vocabulary = bool(vocabulary)
        for term, definition in context.items():
            if term.startswith("@"):
                continue
            if term in self._protected and self._protected[term] != definition:
                raise BrokenRuleError("@context defines a protected term anew", value=term)
            self._defined[term] = self._maps(term, definition, context)
            if context.get("@protected") is True:
                self._protected[term] = definition

    def _maps(self, term: str, definition: Json, context: JsonObject) -> bool:
        """Whether ``definition`` gives ``term`` a URL; raises if it is no definition."""
        target = definition
        if isinstance(definition, dict):
            target = definition.get("@id", term)
        if target is None:
            return False
        if not isinstance(target, str) or not target or _BLANK.search(target):
            raise BrokenRuleError("@context maps a term to what is no URL", value=term)
        return (
            target.startswith("@")
            or is_url(target)
            or self._vocabulary
            or self._unknown
            or (target != term and (target in context or target in self._defined))
        )
