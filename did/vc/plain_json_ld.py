"""JSON-LD documents that say as RDF what they say as JSON: no less, and in no other words.

``eddsa-rdfc-2022`` signs the RDF that a document stands for. A JSON-LD processor leaves out what
stands for nothing, and takes many spellings for one statement; whoever reads the members of the
JSON then reads what nobody signed, or misses what somebody did: a ``validUntil`` written as a URL
ends nothing. So only *plain* documents are verified (Data Integrity 1.0, sections 2.4.3 and 4.6):

1. each context is known here, or an object of terms and the URLs that they stand for: no keyword,
   and nothing that a known context has a term for;
2. each member is a term: no URL, no prefix, no keyword. Each type is a term, or a URL for which no
   known context has one;
3. each ``id`` is an absolute URL;
4. no value is null, a list in a list, an empty list (save of credentials), or JSON of its own;
   texts have a language at most;
5. whatever is read by who verifies, the document itself, what it embeds and its statuses, is said
   in one place: no other object has its ``id``.

Then each statement is counted, so that ``did.vc.rdf`` sees whether any was left out or said twice.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from did.errors import Invalid, shorten
from did.jcs import Json, JsonObject
from did.vc.context_documents import DOCUMENTS, TERM_URLS
from did.vc.contexts import V1, V2, BrokenRuleError, Terms, is_url, read_contexts
from did.vc.members import LANGUAGE_TAG
from did.vc.published_contexts import Scope

_DEFINITION: Final = frozenset({"@id", "@type", "@protected"})
_TEXT: Final = frozenset({"@value", "@language"})
_EMBEDDED: Final = "verifiableCredential"
_STATUS: Final = "credentialStatus"
# Written differently by one canonicalization and the next (RDF 1.2 has no place for them).
_NO_CHARACTERS: Final = ("\ufffe", "\uffff")


@dataclass(frozen=True, slots=True)
class Plain:
    """A document that is plain.

    Attributes:
        document: With the contexts themselves in the places of their URLs.
        statements: How many it makes, each once.
    """

    document: JsonObject
    statements: int


def read_plain(document: JsonObject) -> Plain:
    """What ``document`` says as RDF.

    Raises:
        Invalid: ``data_loss``: it is not plain.
    """
    try:
        return _Document(document).read(document, [])
    except BrokenRuleError as error:
        value = f": {shorten(error.value)}" if isinstance(error.value, str) else ""
        raise Invalid(
            "data_loss",
            f"as RDF this would say less, or other, than its members do: {error.message}{value}",
        ) from error


@dataclass(frozen=True, slots=True)
class _Named:
    """An object with an ``id``, and whether who verifies reads its members."""

    id: str
    is_read: bool


class _Document:
    """The walk through one document, and through each that it embeds with another."""

    def __init__(self, document: JsonObject) -> None:
        contexts = document.get("@context")
        listed = contexts if isinstance(contexts, list) else [contexts]
        # What is enveloped may name its one context without a list.
        whole = {**document, "@context": listed}
        self._terms: Terms = read_contexts(whole, V1 if listed[:1] == [V1] else V2)
        self._contexts = contexts
        self._own = frozenset(name for entry in listed for name in _own_terms(entry))
        self._loaded: list[Json] = [
            DOCUMENTS[entry] if isinstance(entry, str) else entry for entry in listed
        ]

    def read(self, document: JsonObject, graph: list[_Named]) -> Plain:
        """``document`` as the one that has the contexts, whose statements belong to ``graph``."""
        content = {name: value for name, value in document.items() if name != "@context"}
        plain = self._node(content, self._terms.scope, graph, is_read=True)
        _check_said_once(graph)
        return Plain({"@context": self._loaded, **plain.document}, plain.statements)

    def _node(
        self, node: JsonObject, active: Scope, graph: list[_Named], *, is_read: bool
    ) -> Plain:
        types = list(_types(node))
        local = active
        for kind in sorted(types):
            self._check_type(kind, active)
            local = {**local, **(active.get(kind) or {})}
        content: JsonObject = {}
        statements = len(types)
        for name, value in node.items():
            self._check_member(name, local)
            if name == "id":
                graph.extend(self._named(node, is_read=is_read))
            if name in ("id", "type"):
                content[name] = value
                continue
            values = value if isinstance(value, list) else [value]
            if not values and name != _EMBEDDED:
                raise BrokenRuleError("an empty list says nothing", value=name)
            said = [self._value(name, each, active, local, graph) for each in values]
            content[name] = [each for each, _ in said]
            statements += sum(number for _, number in said)
        return Plain(content, statements)

    def _value(
        self, name: str, value: Json, active: Scope, local: Scope, graph: list[_Named]
    ) -> tuple[Json, int]:
        """A value as it goes on to be parsed, and the statements that it makes, its own with it."""
        if isinstance(value, str):
            self._check_text(value)
        elif isinstance(value, dict):
            plain = self._object(name, value, active, local, graph)
            return plain.document, 1 + plain.statements
        elif not isinstance(value, bool | int):
            raise BrokenRuleError("a value is null, or a list in a list", value=name)
        return value, 1

    def _object(
        self, name: str, value: JsonObject, active: Scope, local: Scope, graph: list[_Named]
    ) -> Plain:
        if name == _EMBEDDED and name in local:
            return _Document(value).read(value, [])
        if "@value" in value:
            _check_language_value(name, value)
            self._check_text(value["@value"])
            return Plain(value, 0)
        if name == "proof" and name in local:
            # One of eddsa-jcs-2022 has a copy of the contexts in it, which changes nothing.
            if value.get("@context", self._contexts) != self._contexts:
                raise BrokenRuleError("a proof has other contexts than what it is in")
            value = {member: each for member, each in value.items() if member != "@context"}
            inside: list[_Named] = []
            plain = self._node(value, {**active, **(local[name] or {})}, inside, is_read=False)
            _check_said_once(inside)
            return plain
        scope = local.get(name, {})
        if scope is None:
            raise BrokenRuleError("a value is JSON of its own", value=name)
        return self._node(value, {**active, **scope}, graph, is_read=name == _STATUS)

    def _named(self, node: JsonObject, *, is_read: bool) -> Iterator[_Named]:
        id_ = node["id"]
        self._check_text(id_)
        if not isinstance(id_, str) or not is_url(id_):
            raise BrokenRuleError("an id is not an absolute URL", value=id_)
        if node.keys() != {"id"} or is_read:
            yield _Named(id_, is_read)

    def _check_type(self, kind: str, active: Scope) -> None:
        self._check_text(kind)
        if kind in TERM_URLS:
            raise BrokenRuleError("a type is a URL that has a term", value=kind)
        if not (self._terms.every or kind in active or is_url(kind)):
            raise BrokenRuleError("no context defines a type", value=kind)

    def _check_member(self, name: str, local: Scope) -> None:
        if name.startswith("@") or ":" in name or any(each in name for each in _NO_CHARACTERS):
            raise BrokenRuleError("a member is no term", value=name)
        if not (self._terms.every or name in local):
            raise BrokenRuleError("no context defines a member", value=name)
        if local.get(name, {}) is None and name != _EMBEDDED:
            raise BrokenRuleError("a value is JSON of its own", value=name)

    def _check_text(self, text: Json) -> None:
        if not isinstance(text, str) or any(each in text for each in _NO_CHARACTERS):
            raise BrokenRuleError("a text is none, or has no characters in it", value=text)
        prefix, colon, _ = text.partition(":")
        if colon and prefix in self._own:
            raise BrokenRuleError(
                "a text begins with a term, and may be short for a URL", value=text
            )


def _types(node: JsonObject) -> Iterator[str]:
    if "type" not in node:
        return
    value = node["type"]
    for kind in value if isinstance(value, list) else [value]:
        if not isinstance(kind, str):
            raise BrokenRuleError("a type is no text", value=kind)
        yield kind


def _own_terms(context: Json) -> Iterator[str]:
    """The terms that the document itself defines with ``context``, checked."""
    if isinstance(context, str):
        if context not in DOCUMENTS:
            raise BrokenRuleError("a context is not known here", value=context)
        return
    if not isinstance(context, dict):
        raise BrokenRuleError("an entry of @context is neither a URL nor an object")
    for name, definition in context.items():
        if name == "@protected" and isinstance(definition, bool):
            continue
        if name == "@vocab":
            _check_vocabulary(definition)
            continue
        if name.startswith("@") or ":" in name:
            raise BrokenRuleError("a context does more than name terms", value=name)
        _check_definition(name, definition)
        yield name


def _check_definition(name: str, definition: Json) -> None:
    terms: Mapping[str, Json] = definition if isinstance(definition, dict) else {"@id": definition}
    url, type_ = terms.get("@id"), terms.get("@type", "@id")
    if not _DEFINITION.issuperset(terms) or not is_url(url):
        raise BrokenRuleError("a context gives a term more than a URL", value=name)
    if type_ != "@id" and not is_url(type_):
        raise BrokenRuleError("a context gives a term a type that is no URL", value=name)
    if url in TERM_URLS:
        raise BrokenRuleError("a context gives a URL that has a term another one", value=name)


def _check_vocabulary(url: Json) -> None:
    if not isinstance(url, str) or not is_url(url):
        raise BrokenRuleError("@vocab in @context is not a URL")
    if any(each.startswith(url) for each in TERM_URLS):
        raise BrokenRuleError("@vocab in @context gives URLs that have terms others", value=url)


def _check_language_value(name: str, value: JsonObject) -> None:
    language = value.get("@language", "en")
    if (
        not _TEXT.issuperset(value)
        or not isinstance(value["@value"], str)
        or not isinstance(language, str)
        or not LANGUAGE_TAG.fullmatch(language)
    ):
        raise BrokenRuleError("a text has more than a language", value=name)


def _check_said_once(graph: list[_Named]) -> None:
    ids = [named.id for named in graph]
    for named in graph:
        if named.is_read and ids.count(named.id) > 1:
            raise BrokenRuleError("two objects are about one thing", value=named.id)
