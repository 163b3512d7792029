"""The rules of the data model: what credentials and presentations must look like.

Verifiable Credentials Data Model 2.0, sections 4, 5 and 11.1, for documents whose first context is
that of 2.0; and those of 1.1, sections 4 and 5, for documents with the context of 1.1. Only form is
judged here: proofs, and who the issuer is, are others' business. Nothing is fetched.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from did.errors import Invalid
from did.jcs import Json, JsonObject
from did.limits import LIMITS
from did.timestamps import parse_time
from did.vc.contexts import V1, V2, Terms, is_url, read_contexts
from did.vc.digests import is_digest

CREDENTIAL: Final = "VerifiableCredential"
PRESENTATION: Final = "VerifiablePresentation"
ENVELOPED_CREDENTIAL: Final = "EnvelopedVerifiableCredential"
ENVELOPED_PRESENTATION: Final = "EnvelopedVerifiablePresentation"

_CREDENTIAL_CODE: Final = "invalid_credential"
_PRESENTATION_CODE: Final = "invalid_presentation"

# BCP 47, well-formed: subtags of up to eight letters and digits, the first of letters alone.
_LANGUAGE: Final = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*", re.ASCII)
_LANGUAGE_VALUE: Final = frozenset({"@value", "@language", "@direction"})
_DIRECTIONS: Final = ("ltr", "rtl")


def check_credential(document: Json) -> Terms:
    """The terms of the credential ``document``, which is well formed; its proof is not looked at.

    Raises:
        Invalid: ``invalid_credential`` with the rule that is broken.
    """
    code = _CREDENTIAL_CODE
    if not isinstance(document, dict):
        raise Invalid(code, "a credential is not a JSON object")
    if is_version_1(document):
        return _check_credential_1(document)
    terms = read_contexts(document, V2, code)
    check_types(document, CREDENTIAL, code, terms)
    if "issuer" not in document or "credentialSubject" not in document:
        missing = "credentialSubject" if "issuer" in document else "issuer"
        raise Invalid(code, f"a credential has no {missing}")
    for name, value in document.items():
        check = _MEMBERS.get(name)
        if check is not None:
            check(name, value, code, terms)
    if "validFrom" in document and "validUntil" in document:
        _check_order(document, "validFrom", "validUntil", code)
    return terms


def check_presentation(document: Json) -> None:
    """Return if ``document`` is a well-formed presentation; proofs are not looked at.

    Its credentials are checked with it: embedded ones as ``check_credential`` does, enveloped ones
    as ``check_envelope`` does.

    Raises:
        Invalid: ``invalid_presentation`` or ``invalid_credential`` with the rule that is broken.
    """
    code = _PRESENTATION_CODE
    if not isinstance(document, dict):
        raise Invalid(code, "a presentation is not a JSON object")
    terms = read_contexts(document, V1 if is_version_1(document) else V2, code)
    if is_version_1(document):
        terms = _OPEN
    check_types(document, PRESENTATION, code, terms)
    if "id" in document:
        _check_id("id", document["id"], code, terms)
    if "holder" in document:
        _check_party("holder", document["holder"], code, terms)
    if "termsOfUse" in document:
        _check_typed("termsOfUse", document["termsOfUse"], code, terms)
    for credential in credentials_of(document):
        if is_envelope(credential):
            check_envelope(credential, ENVELOPED_CREDENTIAL)
        else:
            check_credential(credential)


def credentials_of(presentation: JsonObject) -> list[JsonObject]:
    """The ``verifiableCredential`` objects of a presentation: none, one, or a list (section 4.13).

    Raises:
        Invalid: ``invalid_presentation``: one of them is not an object; or there are too many.
    """
    value = presentation.get("verifiableCredential", [])
    listed = value if isinstance(value, list) else [value]
    if len(listed) > LIMITS.credentials_in_presentation:
        raise Invalid(
            _PRESENTATION_CODE,
            f"a presentation holds more than {LIMITS.credentials_in_presentation} credentials",
        )
    found: list[JsonObject] = []
    for credential in listed:
        if not isinstance(credential, dict):
            raise Invalid(
                _PRESENTATION_CODE, "a verifiableCredential is not an object", value=credential
            )
        found.append(credential)
    return found


def is_envelope(document: JsonObject) -> bool:
    """Whether ``document`` says that it envelops a credential or a presentation."""
    kind = document.get("type")
    kinds = kind if isinstance(kind, list) else [kind]
    return ENVELOPED_CREDENTIAL in kinds or ENVELOPED_PRESENTATION in kinds


def check_envelope(document: Json, kind: str) -> str:
    """The ``data:`` URL of an enveloped credential or presentation (sections 4.13.1 and 4.13.2).

    Args:
        document: The object.
        kind: ``EnvelopedVerifiableCredential`` or ``EnvelopedVerifiablePresentation``.

    Raises:
        Invalid: ``invalid_credential`` or ``invalid_presentation``.
    """
    code = _CREDENTIAL_CODE if kind == ENVELOPED_CREDENTIAL else _PRESENTATION_CODE
    if not isinstance(document, dict):
        raise Invalid(code, f"an {kind} is not a JSON object")
    contexts = document.get("@context")
    if V2 not in (contexts if isinstance(contexts, list) else [contexts]):
        raise Invalid(code, f"the @context of an {kind} does not hold {V2}", value=contexts)
    if document.get("type") not in (kind, [kind]):
        raise Invalid(code, f"the type is not {kind}", value=document.get("type"))
    url = document.get("id")
    if not isinstance(url, str) or not url.startswith("data:") or "," not in url:
        raise Invalid(code, f"the id of an {kind} is not a data: URL", value=url)
    return url


def check_types(document: JsonObject, needed: str, code: str, terms: Terms) -> tuple[str, ...]:
    """The ``type`` values, ``needed`` among them (section 4.5); raises ``Invalid`` (``code``)."""
    types = document.get("type")
    values = [types] if isinstance(types, str) else types
    if not isinstance(values, list) or needed not in values:
        raise Invalid(code, f"type does not hold {needed}", value=types)
    for value in values:
        if not isinstance(value, str) or not value or not terms.names(value):
            raise Invalid(code, "a type is neither a URL nor a term of @context", value=value)
    return tuple(values)


def is_version_1(document: JsonObject) -> bool:
    """Whether ``document`` begins with the context of the data model 1.1."""
    contexts = document.get("@context")
    return type(contexts) is list and bool(contexts) and contexts[0] == V1


_Check = Callable[[str, Json, str, Terms], None]
_OPEN: Final = Terms(frozenset(), every=True)


def _check_id(name: str, value: Json, code: str, _terms: Terms) -> None:
    if not is_url(value):
        raise Invalid(code, f"{name} is not a URL", value=value)


def _check_time(name: str, value: Json, code: str, _terms: Terms) -> None:
    _time(name, value, code)


def _time(name: str, value: Json, code: str) -> datetime:
    try:
        return parse_time(value)
    except Invalid as error:
        raise Invalid(code, f"{name}: {error.message}", value=value) from error


def _check_order(document: JsonObject, first: str, last: str, code: str) -> None:
    if _time(last, document[last], code) < _time(first, document[first], code):
        raise Invalid(code, f"{last} is before {first}", value=document[last])


def _check_party(name: str, value: Json, code: str, terms: Terms) -> None:
    """A URL, or an object whose ``id`` is one (sections 4.7 and 4.13)."""
    if isinstance(value, dict):
        _check_id(f"{name}.id", value.get("id"), code, terms)
        for text in ("name", "description"):
            if text in value:
                _check_language(f"{name}.{text}", value[text], code, terms)
    else:
        _check_id(name, value, code, terms)


def _check_subjects(name: str, value: Json, code: str, terms: Terms) -> None:
    for subject in _objects(name, value, code):
        if not subject:
            raise Invalid(code, f"a {name} makes no claim")
        if "id" in subject:
            _check_id(f"{name}.id", subject["id"], code, terms)


def _check_language(name: str, value: Json, code: str, _terms: Terms) -> None:
    """A string, a language value object, or a list of these (sections 4.6 and 11.1)."""
    if isinstance(value, str):
        return
    values = value if isinstance(value, list) else [value]
    if not values:
        raise Invalid(code, f"{name} is an empty list")
    for each in values:
        if isinstance(each, str):
            continue
        if not isinstance(each, dict) or not isinstance(each.get("@value"), str):
            raise Invalid(code, f"{name} is neither a string nor a language value object")
        if not _LANGUAGE_VALUE.issuperset(each):
            raise Invalid(code, f"{name} has more than @value, @language and @direction")
        language = each.get("@language", "en")
        if not isinstance(language, str) or not _LANGUAGE.fullmatch(language):
            raise Invalid(code, f"@language in {name} is not a language tag", value=language)
        if each.get("@direction", "ltr") not in _DIRECTIONS:
            raise Invalid(
                code, f"@direction in {name} is not ltr or rtl", value=each.get("@direction")
            )


def _check_typed(name: str, value: Json, code: str, terms: Terms) -> None:
    """One or more objects, each with a ``type``; an ``id``, where there is one, is a URL."""
    for each in _objects(name, value, code):
        kinds = each.get("type")
        listed = kinds if isinstance(kinds, list) else [kinds]
        if not listed:
            raise Invalid(code, f"a {name} has no type")
        for kind in listed:
            if not isinstance(kind, str) or not kind or not terms.names(kind):
                raise Invalid(
                    code,
                    f"the type of a {name} is neither a URL nor a term of @context",
                    value=kind,
                )
        if "id" in each:
            _check_id(f"{name}.id", each["id"], code, terms)
        for text in ("name", "description"):
            if text in each:
                _check_language(f"{name}.{text}", each[text], code, terms)


def _check_identified(name: str, value: Json, code: str, terms: Terms) -> None:
    """As ``_check_typed``, where each must have an ``id``."""
    _check_typed(name, value, code, terms)
    for each in _objects(name, value, code):
        _check_id(f"{name}.id", each.get("id"), code, terms)


def _check_resources(name: str, value: Json, code: str, terms: Terms) -> None:
    """Section 5.3: each has an ``id`` of its own, and a digest."""
    seen: set[str] = set()
    for each in _objects(name, value, code):
        url = each.get("id")
        _check_id(f"{name}.id", url, code, terms)
        assert isinstance(url, str)
        if url in seen:
            raise Invalid(code, f"{name} has an id twice", value=url)
        seen.add(url)
        if not (each.get("digestSRI") or each.get("digestMultibase")):
            raise Invalid(code, f"a {name} has neither digestSRI nor digestMultibase", value=url)
        if "mediaType" in each and not isinstance(each["mediaType"], str):
            raise Invalid(code, f"a {name} has a mediaType that is no string", value=url)
        for form in ("digestSRI", "digestMultibase"):
            for digest in _texts(each.get(form, []), f"{name}.{form}", code):
                if not is_digest(form, digest, url):
                    raise Invalid(
                        code, f"{name}.{form} is no digest, or not of that resource", value=digest
                    )


def _texts(value: Json, name: str, code: str) -> list[str]:
    values = value if isinstance(value, list) else [value]
    texts = [each for each in values if isinstance(each, str)]
    if len(texts) != len(values):
        raise Invalid(code, f"{name} is not a string", value=value)
    return texts


def _objects(name: str, value: Json, code: str) -> list[JsonObject]:
    """``value`` as a list of objects: one, or several."""
    values = value if isinstance(value, list) else [value]
    objects = [each for each in values if isinstance(each, dict)]
    if not objects or len(objects) != len(values):
        raise Invalid(code, f"{name} is not an object, or a list of objects")
    return objects


_MEMBERS: Final[Mapping[str, _Check]] = {
    "id": _check_id,
    "name": _check_language,
    "description": _check_language,
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

# 1.1 asks for an id here too (sections 4.9, 5.4 and 5.5 there), and has no relatedResource.
_MEMBERS_1: Final[Mapping[str, _Check]] = {
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


def _check_credential_1(document: JsonObject) -> Terms:
    code = _CREDENTIAL_CODE
    read_contexts(document, V1, code)
    check_types(document, CREDENTIAL, code, _OPEN)
    for name in ("issuer", "issuanceDate", "credentialSubject"):
        if name not in document:
            raise Invalid(code, f"a credential has no {name}")
    for name, value in document.items():
        check = _MEMBERS_1.get(name)
        if check is not None:
            check(name, value, code, _OPEN)
    if "expirationDate" in document:
        _check_order(document, "issuanceDate", "expirationDate", code)
    return _OPEN
