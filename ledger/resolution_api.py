"""``/1.0/identifiers/{did}``: the HTTP(S) binding of W3C DID Resolution 1.0, section 12.1.

GET, and POST with the options as a JSON object. What follows ``identifiers/`` is a DID, which is
resolved, or a DID URL, which is dereferenced. It may be percent-encoded, and has to be where it has
a ``#``, or where there are options beside a query of its own; the query of the request is otherwise
taken for both: parameters of the DID URL (``service`` and its like) and options.

``Accept`` chooses the form (``ledger.resolving.negotiation``), of errors too
(``ledger.resolving.errors``). A DID that is deactivated is answered with 410.

It is a convenience and the Universal Resolver's driver interface: who depends on an answer asks a
reader of its own.
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, unquote_to_bytes

from fastapi import APIRouter, Request, Response

from did.dereference import SERVICE_PARAMETERS
from did.did_url import Parts, take_apart
from did.errors import Invalid, KeybornError
from did.jcs import Json
from did.strict_json import parse_object
from keyborn.described import answers as answering
from keyborn.http import RawBody
from keyborn.problem import retry_after
from ledger import descriptions
from ledger.resolving import answers
from ledger.resolving.answers import Answer
from ledger.resolving.methods import MethodResolver
from ledger.resolving.negotiation import FOR_DID_URLS, FOR_DIDS, Representation, Shape, negotiate
from ledger.resolving.options import Options, parse_options
from ledger.resolving.resolve import dereference_parts, resolve_text, with_version

_PREFIX: Final = "/1.0/identifiers/"
_MOST_PARAMETERS: Final = 32
# Of a DID that is put into the path as it is, what a URL has another use for is escaped: the # / ?
# & = of a DID URL, and a % itself; the rest, the %3A of a did:web's port above all, is its own.
_ESCAPED = re.compile(rb"%(?:2[356Ff]|3[DdFf])")

_Pairs = list[tuple[str, Json]]

_ANSWERS: Final = {
    200: descriptions.RESOLVED,
    303: {},
    410: descriptions.RESOLVED,
    **dict.fromkeys((400, 404, 406, 500, 501, 503), descriptions.FAILED),
}


def routes(resolver: MethodResolver) -> APIRouter:
    """The endpoint, answered by ``resolver``."""
    router = APIRouter(tags=["resolution"])

    # A path, so that what is no DID because of a slash is told so too.
    @router.get(
        f"{_PREFIX}{{did:path}}",
        **answering(_ANSWERS, parameters=descriptions.RESOLUTION_PARAMETERS),
    )
    def resolve(request: Request) -> Response:
        """Resolve a DID, or dereference a DID URL."""
        return _answered(request, b"", resolver)

    @router.post(
        f"{_PREFIX}{{did:path}}",
        **answering(
            _ANSWERS,
            takes=descriptions.RESOLUTION_OPTIONS,
            body_needed=False,
            parameters=descriptions.RESOLUTION_PARAMETERS,
        ),
    )
    def resolve_with_options(request: Request, body: RawBody) -> Response:
        """The same, with the options in the body."""
        return _answered(request, body, resolver)

    return router


def _answered(request: Request, body: bytes, resolver: MethodResolver) -> Response:
    accept = ",".join(request.headers.getlist("accept"))
    form, of_did_url = FOR_DIDS[0], False
    try:
        text, (own, pairs) = _identifier(request), _query(request)
        of_did_url = bool(own) or any(mark in text for mark in "/?#")
        form = _of_errors(accept, FOR_DID_URLS if of_did_url else FOR_DIDS)
        options = parse_options([*pairs, *_members(body)])
        accept = accept if options.accept is None else options.accept
        if not of_did_url:
            form = negotiate(accept, FOR_DIDS)
            return _sent(answers.resolution(resolve_text(text, options, resolver), form))
        form, alone = _negotiated(accept)
        if alone:
            of_did_url = False
            return _sent(_resolved_alone(_parts(text, own), options, form, resolver))
        resource, resolved = dereference_parts(
            _parts(text, own), options, resolver, uris=form.shape is Shape.URLS
        )
        return _sent(answers.dereferencing(resource, resolved, form))
    except KeybornError as error:
        answer = answers.failure(error, form, of_did_url=of_did_url)
        return _sent(answer, after=retry_after(error, answer.status))


def _of_errors(accept: str, served: tuple[Representation, ...]) -> Representation:
    """The form of what is wrong before a representation could be agreed on."""
    try:
        return negotiate(accept, served)
    except Invalid:
        return served[0]


def _negotiated(accept: str) -> tuple[Representation, bool]:
    """The representation for a DID URL, and whether all that is accepted is of a DID."""
    try:
        return negotiate(accept, FOR_DID_URLS), False
    except Invalid:
        return negotiate(accept, FOR_DIDS[:1]), True


def _resolved_alone(
    parts: Parts, options: Options, form: Representation, resolver: MethodResolver
) -> Answer:
    """The answer to a DID URL whose parameters are but options of resolution."""
    options, rest = with_version(parts, options)
    if not rest.is_did:
        raise Invalid(
            "invalid_did",
            "a DID URL is dereferenced, not resolved",
            hint="accept application/did-url-dereferencing, or name the DID alone",
        )
    return answers.resolution(resolve_text(rest.did, options, resolver), form)


def _identifier(request: Request) -> str:
    """What follows ``identifiers/``: percent-encoded as a whole, or only where it has to be.

    Of the path as it was sent: decoding it twice, or where it is not encoded, makes another DID.
    """
    _, _, sent = request.scope["raw_path"].partition(_PREFIX.encode())
    whole = not sent.startswith(b"did:")
    plain = unquote_to_bytes(sent) if whole else _ESCAPED.sub(_unescaped, sent)
    try:
        return plain.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Invalid("invalid_did", "what is to be resolved is not UTF-8") from error


def _unescaped(match: re.Match[bytes]) -> bytes:
    return unquote_to_bytes(match[0])


def _query(request: Request) -> tuple[Mapping[str, str], _Pairs]:
    """The request's query: parameters that belong to the DID URL, and options."""
    try:
        given = parse_qsl(
            request.scope["query_string"].decode("utf-8"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_PARAMETERS,
        )
    except ValueError as error:
        raise Invalid("invalid_options", f"the query cannot be read: {error}") from error
    own = [(name, value) for name, value in given if name in SERVICE_PARAMETERS]
    if len(dict(own)) < len(own):
        raise Invalid("invalid_did_url", "the DID URL has a parameter twice")
    return dict(own), [pair for pair in given if pair[0] not in SERVICE_PARAMETERS]


def _members(body: bytes) -> _Pairs:
    if not body.strip():
        return []
    try:
        return list(parse_object(body).items())
    except Invalid as error:
        raise Invalid(
            "invalid_options", f"the options are not understood: {error.message}"
        ) from error


def _parts(text: str, own: Mapping[str, str]) -> Parts:
    parts = take_apart(text)
    if own.keys() & parts.parameters.keys():
        raise Invalid("invalid_did_url", "the DID URL has a parameter twice", value=text)
    return Parts(parts.did, parts.path, {**parts.parameters, **own}, parts.fragment)


def _sent(answer: Answer, *, after: int | None = None) -> Response:
    headers = {} if after is None else {"retry-after": str(after)}
    if answer.location is not None:
        headers["location"] = answer.location
    return Response(answer.body, answer.status, headers, media_type=answer.media_type)
