"""Whether each term that a credential uses is defined, at every depth (VC Data Model 2.0, 5.2).

Data Integrity, section 2.4.3, and JSON-LD's own processing want that what no context defines is an
error. It is decided as a JSON-LD processor does (JSON-LD 1.1 API, section 5.1), for the contexts
that are known here and those that stand in the document; where another context could define
anything, nothing is an error. ``name`` and ``description``, which 2.0 defines for every object, are
held to their form (sections 4.6 and 11.1) here too.
"""

from collections.abc import Iterator
from typing import Final

from did.jcs import Json, JsonObject
from did.vc.contexts import V2, BrokenRuleError, Terms, is_url
from did.vc.members import check_language
from did.vc.published_contexts import Scope

_TEXTS: Final = ("name", "description")
_NO_TERMS: Final[Scope] = {}


class UndefinedTermError(BrokenRuleError):
    """A term that no context defines; ``value`` is its path."""


def check_terms(document: JsonObject, terms: Terms) -> None:
    """Return if each member and each type of ``document`` has a meaning, its proof left out.

    Args:
        document: A credential whose form has been checked.
        terms: Of its contexts.

    Raises:
        UndefinedTermError: With the first that has none.
        BrokenRuleError: A ``name`` or ``description`` that is no text.
    """
    # Who signed is asked of the proof elsewhere; of VC 1.1, its terms are often in no context.
    content = {name: value for name, value in document.items() if name != "proof"}
    _Check(terms).node(content, terms.scope, "")


class _Check:
    """The walk through one document."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._texts = _TEXTS if terms.base == V2 else ()

    def node(self, node: JsonObject, active: Scope, path: str) -> None:
        """Check ``node``, for which ``active`` is defined before its types are looked at."""
        local = active
        for kind in sorted(_types(node)):
            if not self._names(kind, active):
                raise UndefinedTermError("no context defines a type", value=kind)
            local = {**local, **(active.get(kind) or {})}
        for name, value in node.items():
            place = f"{path}{name}"
            if name.startswith("@"):
                scope: Scope | None = None if name in ("@context", "@value") else _NO_TERMS
            elif not self._names(name, local):
                raise UndefinedTermError("no context defines a member", value=place)
            else:
                scope = local.get(name, _NO_TERMS)
            if not self._terms.deep or scope is None:
                continue
            if path and name in self._texts:
                check_language(place, value, self._terms)
            inner = {**active, **scope} if scope else active
            for each in _nodes(value):
                if "@context" not in each:  # else it says itself what is defined in it
                    self.node(each, inner, f"{place}.")

    def _names(self, term: str, defined: Scope) -> bool:
        return self._terms.every or term in defined or is_url(term)


def _types(node: JsonObject) -> Iterator[str]:
    for name in ("type", "@type"):
        value = node.get(name)
        for kind in value if isinstance(value, list) else [value]:
            if isinstance(kind, str):
                yield kind


def _nodes(value: Json) -> Iterator[JsonObject]:
    """The objects that are ``value``, or in it as a list."""
    if isinstance(value, dict):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _nodes(each)
