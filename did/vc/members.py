"""What the members of credentials and presentations must look like, each by itself.

By the sections of Verifiable Credentials Data Model 2.0 that are named; raises ``BrokenRuleError``.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from did.errors import Invalid
from did.jcs import Json, JsonObject
from did.timestamps import parse_time
from did.vc.contexts import BrokenRuleError, Terms, is_url
from did.vc.digests import is_digest

# BCP 47, well-formed: subtags of up to eight letters and digits, the first of letters alone.
LANGUAGE_TAG: Final = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*", re.ASCII)
_LANGUAGE_VALUE: Final = frozenset({"@value", "@language", "@direction"})
_DIRECTIONS: Final = ("ltr", "rtl")


def require_type(document: JsonObject, needed: str, terms: Terms) -> None:
    """Section 4.5: one of the types is ``needed``."""
    types = document.get("type")
    values = [types] if isinstance(types, str) else types
    if not isinstance(values, list) or needed not in values:
        raise BrokenRuleError(f"type does not hold {needed}", value=types)
    for value in values:
        if not isinstance(value, str) or not value or not terms.names(value):
            raise BrokenRuleError("a type is neither a URL nor a term of @context", value=value)


_Check = Callable[[str, Json, Terms], None]


def _check_id(name: str, value: Json, _terms: Terms) -> None:
    if not is_url(value):
        raise BrokenRuleError(f"{name} is not a URL", value=value)


def _check_time(name: str, value: Json, _terms: Terms) -> None:
    _time(name, value)


def _time(name: str, value: Json) -> datetime:
    try:
        return parse_time(value)
    except Invalid as error:
        raise BrokenRuleError(f"{name}: {error.message}", value=value) from error


def check_order(document: JsonObject, first: str, last: str) -> None:
    """Section 4.9: the time ``last`` is not before the time ``first``."""
    start, end = document[first], document[last]
    if _is_plain(start) and _is_plain(end):  # as texts: their members have been checked
        in_order = str(start) <= str(end)
    else:
        in_order = _time(first, start) <= _time(last, end)
    if not in_order:
        raise BrokenRuleError(f"{last} is before {first}", value=end)


def _is_plain(time: Json) -> bool:
    """Whether a time is in the form whose order is that of text: whole seconds, UTC."""
    return isinstance(time, str) and len(time) == len("2026-01-31T12:00:00Z") and time[-1] == "Z"


def _check_party(name: str, value: Json, terms: Terms) -> None:
    """A URL, or an object whose ``id`` is one (sections 4.7 and 4.13)."""
    if isinstance(value, dict):
        _check_id(f"{name}.id", value.get("id"), terms)
        for text in ("name", "description"):
            if text in value:
                check_language(f"{name}.{text}", value[text], terms)
    else:
        _check_id(name, value, terms)


def _check_subjects(name: str, value: Json, terms: Terms) -> None:
    for subject in objects(name, value):
        if not subject:
            raise BrokenRuleError(f"{_one(name)} makes no claim")
        if "id" in subject:
            _check_id(f"{name}.id", subject["id"], terms)


def check_language(name: str, value: Json, _terms: Terms) -> None:
    """A string, a language value object, or a list of these (sections 4.6 and 11.1)."""
    if isinstance(value, str):
        return
    values = value if isinstance(value, list) else [value]
    if not values:
        raise BrokenRuleError(f"{name} is an empty list")
    for each in values:
        if isinstance(each, str):
            continue
        if not isinstance(each, dict) or not isinstance(each.get("@value"), str):
            raise BrokenRuleError(f"{name} is neither a string nor a language value object")
        if not _LANGUAGE_VALUE.issuperset(each):
            raise BrokenRuleError(f"{name} has more than @value, @language and @direction")
        language = each.get("@language", "en")
        if not isinstance(language, str) or not LANGUAGE_TAG.fullmatch(language):
            raise BrokenRuleError(f"@language in {name} is not a language tag", value=language)
        if each.get("@direction", "ltr") not in _DIRECTIONS:
            raise BrokenRuleError(
                f"@direction in {name} is not ltr or rtl", value=each.get("@direction")
            )


def _check_typed(name: str, value: Json, terms: Terms) -> None:
    """One or more objects, each with a ``type``; an ``id``, where there is one, is a URL."""
    for each in objects(name, value):
        kinds = each.get("type")
        listed = kinds if isinstance(kinds, list) else [kinds]
        if "type" not in each or not listed:
            raise BrokenRuleError(f"{_one(name)} has no type")
        for kind in listed:
            if not isinstance(kind, str) or not kind or not terms.names(kind):
                raise BrokenRuleError(
                    f"the type of {_one(name)} is neither a URL nor a term of @context",
                    value=kind,
                )
        if "id" in each:
            _check_id(f"{name}.id", each["id"], terms)
        for text in ("name", "description"):
            if text in each:
                check_language(f"{name}.{text}", each[text], terms)


def _check_identified(name: str, value: Json, terms: Terms) -> None:
    """As ``_check_typed``, where each must have an ``id``."""
    _check_typed(name, value, terms)
    for each in objects(name, value):
        _check_id(f"{name}.id", each.get("id"), terms)


def _check_resources(name: str, value: Json, terms: Terms) -> None:
    """Section 5.3: each has an ``id`` of its own, and a digest."""
    seen: set[str] = set()
    for each in objects(name, value):
        url = each.get("id")
        _check_id(f"{name}.id", url, terms)
        assert isinstance(url, str)
        if url in seen:
            raise BrokenRuleError(f"{name} has an id twice", value=url)
        seen.add(url)
        if not (each.get("digestSRI") or each.get("digestMultibase")):
            raise BrokenRuleError(
                f"{_one(name)} has neither digestSRI nor digestMultibase", value=url
            )
        if "mediaType" in each and not isinstance(each["mediaType"], str):
            raise BrokenRuleError(f"{_one(name)} has a mediaType that is no string", value=url)
        for form in ("digestSRI", "digestMultibase"):
            for digest in _texts(each.get(form, []), f"{name}.{form}"):
                if not is_digest(form, digest, url):
                    raise BrokenRuleError(
                        f"{name}.{form} is no digest, or not of that resource", value=digest
                    )


def _one(name: str) -> str:
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"


def _texts(value: Json, name: str) -> list[str]:
    values = value if isinstance(value, list) else [value]
    texts = [each for each in values if isinstance(each, str)]
    if len(texts) != len(values):
        raise BrokenRuleError(f"{name} is not a string", value=value)
    return texts


def objects(name: str, value: Json) -> list[JsonObject]:
    """``value`` as a list of objects: one, or several."""
    if isinstance(value, dict):
        return [value]
    if not isinstance(value, list) or not value or not all(type(each) is dict for each in value):
        raise BrokenRuleError(f"{name} is not an object, or a list of objects")
    return value


OF_CREDENTIALS: Final[Mapping[str, _Check]] = {
    "id": _check_id,
    "name": check_language,
    "description": check_language,
    "issuer": _check_party,
    "credentialSubject": _check_subjects,
    "validFrom": _check_time,
    "validUntil": _check_time,
    "credentialStatus": _check_typed,
    "credentialSchema": _check_identified,
    "relatedResource": _check_resources,
    "refreshService": _check_typed,
    "termsOfUse": _check_typed,
    "evidence": _check_typed,
    "confidenceMethod": _check_typed,
    "renderMethod": _check_typed,
}

OF_PRESENTATIONS: Final[Mapping[str, _Check]] = {
    "id": _check_id,
    "holder": _check_party,
    "termsOfUse": _check_typed,
}

# 1.1 asks for an id here too (sections 4.9, 5.4 and 5.5 there), and has no relatedResource.
OF_CREDENTIALS_1: Final[Mapping[str, _Check]] = {
    "id": _check_id,
    "issuer": _check_party,
    "credentialSubject": _check_subjects,
    "issuanceDate": _check_time,
    "expirationDate": _check_time,
    "credentialStatus": _check_identified,
    "credentialSchema": _check_identified,
    "refreshService": _check_identified,
    "termsOfUse": _check_typed,
    "evidence": _check_typed,
}
