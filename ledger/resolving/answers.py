"""Answers of resolving and dereferencing, in each form that can be asked for.

The current specification's results have ``didDocument``, ``didResolutionMetadata`` and
``didDocumentMetadata`` (section 9), or ``content``, ``dereferencingMetadata`` and
``contentMetadata`` (section 10). What is ``content`` there is ``contentStream`` in the text around
it, so both are given. The older form has an ``@context``, and answers a DID URL that is asked for
with the profile of resolution as the test suite of did:key reads it: in ``didDocument``, with
``didDereferencingMetadata``. Its errors have an empty document.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import orjson

from did.dereference import Resource
from did.errors import KeybornError
from did.jcs import Json, JsonObject
from ledger.resolving import errors
from ledger.resolving.negotiation import (
    DEREFERENCING,
    DOCUMENT,
    OLDER_DEREFERENCING,
    OLDER_DOCUMENT,
    OLDER_RESULT,
    RESULT,
    Representation,
    Shape,
)
from ledger.resolving.resolve import Resolved

_CONTEXT: Final = "https://w3id.org/did-resolution/v1"


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer.

    Attributes:
        status: Its status.
        media_type: Its ``Content-Type``; None for one without a body.
        body: Its body.
        location: Where it redirects to.
    """

    status: HTTPStatus
    media_type: str | None
    body: bytes
    location: str | None = None


def resolution(resolved: Resolved, form: Representation) -> Answer:
    """The answer to a DID."""
    status = HTTPStatus.GONE if resolved.deactivated else HTTPStatus.OK
    if form.shape is Shape.CONTENT:
        return _answer(status, form.media_type, resolved.document)
    # As 4.4, step 5.2; the older specification does not say.
    gone = resolved.deactivated and not form.older
    document = None if gone else resolved.document
    if form.shape is Shape.DEREFERENCING:
        body = _dereferencing(document, _content_type(form), resolved.metadata)
    else:
        body = {
            "didDocument": document,
            "didResolutionMetadata": _content_type(form),
            "didDocumentMetadata": resolved.metadata,
        }
    return _answer(status, form.media_type, _with_context(body, form))


def dereferencing(resource: Resource, resolved: Resolved, form: Representation) -> Answer:
    """The answer to a DID URL."""
    if form.shape is Shape.URLS and resource.urls:
        return Answer(HTTPStatus.SEE_OTHER, None, b"", resource.urls[0])
    status = HTTPStatus.GONE if resolved.deactivated else HTTPStatus.OK
    whole = resource.whole or resolved.deactivated
    content, metadata = resource.content, resolved.metadata if whole else {}
    if form.shape in (Shape.CONTENT, Shape.URLS):
        return _answer(status, form.media_type, content or resolved.document)
    if form.shape is Shape.DEREFERENCING:
        body = _dereferencing(content, _content_type(form), metadata)
    else:
        body = {
            "didDocument": content,
            "didDereferencingMetadata": _content_type(form),
            "didDocumentMetadata": metadata,
        }
    return _answer(status, form.media_type, _with_context(body, form))


def failure(error: KeybornError, form: Representation, *, of_did_url: bool) -> Answer:
    """The answer that states ``error``, of resolving or of dereferencing."""
    _, status = errors.named(error)
    said: JsonObject = errors.plain(error) if form.older else {"error": errors.problem(error)}
    dereferenced = form.shape is Shape.DEREFERENCING or (of_did_url and not form.older)
    media_type = _media_type_of_errors(form, dereferenced=dereferenced or of_did_url)
    if media_type in (DEREFERENCING, OLDER_DEREFERENCING):
        body = _dereferencing(None, said, {})
    else:
        name = "didDereferencingMetadata" if of_did_url else "didResolutionMetadata"
        nothing: Json = {} if form.older else None
        body = {"didDocument": nothing, name: said, "didDocumentMetadata": {}}
    return _answer(status, media_type, _with_context(body, form))


def _media_type_of_errors(form: Representation, *, dereferenced: bool) -> str:
    """Of the result that would state it: errors are never sent as documents."""
    if form.shape is Shape.RESOLUTION:
        return form.media_type
    if form.older:
        return OLDER_DEREFERENCING if dereferenced else OLDER_RESULT
    return DEREFERENCING if dereferenced else RESULT


def _dereferencing(content: Json, metadata: JsonObject, of_content: JsonObject) -> JsonObject:
    return {
        "content": content,
        "contentStream": content,
        "dereferencingMetadata": metadata,
        "contentMetadata": of_content,
    }


def _content_type(form: Representation) -> JsonObject:
    return {"contentType": OLDER_DOCUMENT if form.older else DOCUMENT}


def _with_context(body: JsonObject, form: Representation) -> JsonObject:
    return {"@context": _CONTEXT, **body} if form.older else body


def _answer(status: HTTPStatus, media_type: str, body: JsonObject) -> Answer:
    return Answer(status, media_type, orjson.dumps(body))
