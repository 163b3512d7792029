"""What a document's ``@context`` says of its terms, without fetching anything.

A JSON-LD processor would load each context and expand each term. Nothing is loaded here because an
input says so; what can be decided without is: the order of the contexts, whether each can be one,
whether a term that is protected is defined anew, and, where each context is known or stands in the
document itself, whether a term is defined at all (VC Data Model 2.0, sections 4.3, 4.5 and 5.2;
JSON-LD 1.1, section 4.1).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from did.jcs import Json, JsonObject
from did.limits import LIMITS
from did.vc.published_contexts import (
    DATA_INTEGRITY,
    PUBLISHED,
    UNDEFINED_TERMS,
    V1,
    V2,
    VOCABULARIES,
    Scope,
)

__all__ = [
    "ANY_TERM",
    "ASCII_URL",
    "DATA_INTEGRITY",
    "UNDEFINED_TERMS",
    "V1",
    "V2",
    "BrokenRuleError",
    "Terms",
    "are_known",
    "is_url",
    "read_contexts",
]

# Those of the base contexts that define the other's protected terms anew.
_RIVALS: Final = {V1: V2, V2: V1}

_KEPT: Final = 4  # contexts of a document whose terms are kept for the next one

# An authority whose host is a name, or an address in brackets, and whose port is one.
_PORT: Final = r"(?:[0-5]?[0-9]{0,4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_NO_HOST: Final = r"\[\]/?#@\s\x00-\x20\x7f<>\"{}|\\^`"
_HOST: Final = rf"(?:\[[0-9A-Fa-f:.]+\]|[^:{_NO_HOST}]+)"
_AUTHORITY: Final = rf"(?:[^{_NO_HOST}]*@)?{_HOST}(?::{_PORT})?(?=[/?#]|\Z)"
_SCHEME: Final = rf"(?:(?i:https?)://{_AUTHORITY}|(?!(?i:https?:))[A-Za-z][A-Za-z0-9+.-]*:)"
# In ASCII: without blanks, quotes, <, >
ASCII_URL: Final = re.compile(_SCHEME + r"[!#-;=?-\[\]_a-z~]*")
_IRI: Final = re.compile(_SCHEME + r"[^\s\x00-\x20\x7f<>\"{}|\\^`]*")
_BLANK: Final = re.compile(r"[\x00-\x20\x7f]")


# What says no more of terms than what they map to.
_SIMPLE_CONTEXT: Final = frozenset(
    {"@vocab", "@base", "@protected", "@version", "@language", "@direction"}
)
_SIMPLE_TERM: Final = frozenset(
    {"@id", "@type", "@container", "@protected", "@language", "@direction"}
)


class BrokenRuleError(Exception):
    """A rule of the data model that a document breaks; who checks it knows what kind it is of."""

    def __init__(self, message: str, *, value: object = None) -> None:
        super().__init__(message)
        self.message = message
        self.value = value


def is_url(value: object) -> bool:
    """Whether ``value`` is an absolute URL (section 4.4; any scheme, ``did:`` and ``urn:`` too)."""
    return isinstance(value, str) and (
        ASCII_URL.fullmatch(value) is not None
        or (not value.isascii() and _IRI.fullmatch(value) is not None)
    )


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms that a document's contexts define, as far as that is known.

    Attributes:
        base: The context that it begins with.
        scope: Terms that map to a URL, each with what its own context defines.
        every: Whether any other term does too: by a ``@vocab``, or a context that is not known.
        deep: Whether what is below the document itself can be told: not with a context that is
            not known, nor with a definition that is more than a name for a URL.
    """

    base: str
    scope: Scope
    every: bool
    deep: bool

    def names(self, value: str) -> bool:
        """Whether ``value`` is a URL, or a term that is defined."""
        return self.every or value in self.scope or is_url(value)


# Where what is defined is not asked: of types of 1.1, which tokens use as they like.
ANY_TERM: Final = Terms(V1, {}, every=True, deep=False)


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
        isinstance(entry, str) and (entry in PUBLISHED or entry in VOCABULARIES)
        for entry in contexts
    )


@lru_cache(maxsize=256)  # of known ones, and few: what senders make up is not kept
def _of_urls(contexts: tuple[str, ...]) -> Terms:
    return _Reading().read(contexts)


class _Reading:
    """The contexts of one document, taken in one after the other."""

    def __init__(self) -> None:
        self._defined: dict[str, Scope | None] = {}  # those that map to a URL
        self._protected: dict[str, Json] = {}
        self._base = ""
        self._vocabulary = False
        self._unknown = False
        self._deep = True

    def read(self, contexts: "list[Json] | tuple[Json, ...]") -> Terms:
        self._base = str(contexts[0])
        for context in contexts:
            if isinstance(context, str):
                self._take_url(context)
            elif isinstance(context, dict):
                self._take_object(context)
            else:
                raise BrokenRuleError(
                    "an entry of @context is neither a URL nor an object", value=context
                )
        every = self._vocabulary or self._unknown
        return Terms(self._base, self._defined, every, self._deep and not self._unknown)

    def _take_url(self, url: str) -> None:
        if not is_url(url):
            raise BrokenRuleError("an entry of @context is not a URL", value=url)
        if _RIVALS.get(url) == self._base:
            raise BrokenRuleError(
                "@context has the base contexts of two versions: one defines protected terms of "
                "the other anew",
                value=url,
            )
        if url in VOCABULARIES:
            self._vocabulary = True
        elif url in PUBLISHED:
            for term, scope in PUBLISHED[url].items():
                if self._protected.get(term, url) not in tuple(PUBLISHED):
                    raise BrokenRuleError("@context defines a protected term anew", value=term)
                self._defined[term] = scope
                self._protected[term] = url
        else:
            self._unknown = True

    def _take_object(self, context: JsonObject) -> None:
        if "@vocab" in context:
            vocabulary = context["@vocab"]
            if vocabulary not in (None, "") and not is_url(vocabulary):
                raise BrokenRuleError("@vocab in @context is not a URL", value=vocabulary)
            self._vocabulary = bool(vocabulary)
        self._deep &= _SIMPLE_CONTEXT.issuperset(name for name in context if name[:1] == "@")
        for term, definition in context.items():
            if term.startswith("@"):
                continue
            if term in self._protected and self._protected[term] != definition:
                raise BrokenRuleError("@context defines a protected term anew", value=term)
            if self._maps(term, definition, context):
                self._defined[term] = None if _is_literal(definition) else {}
            else:
                self._defined.pop(term, None)
            self._deep &= _is_simple(definition)
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


def _is_simple(definition: Json) -> bool:
    """Whether a definition gives a term a URL alone: no context, no other name of a keyword."""
    if isinstance(definition, dict):
        containers = definition.get("@container")
        listed = containers if isinstance(containers, list) else [containers]
        return (
            _SIMPLE_TERM.issuperset(definition)
            and all(each in (None, "@set", "@list") for each in listed)
            and _is_simple(definition.get("@id"))
        )
    return not isinstance(definition, str) or not definition.startswith("@")


def _is_literal(definition: Json) -> bool:
    return isinstance(definition, dict) and definition.get("@type") == "@json"
