"""OpenID4VP, both roles, and the bodies of the VC-API."""

import json
from collections.abc import Mapping
from typing import Any, Final

import formats
from actors import ISSUER, NOW
from fuzz.envelopes import KEY, NAMES, token_of
from fuzz.target import SEPARATOR, Target, check_refusal, holds, joined, same, text_of, utf8_of

from did.errors import Invalid, KeybornError, Refused
from did.jcs import canonicalize
from did.openid4vp.client_id import client_id_of
from did.openid4vp.dcql import Query, parse_query
from did.openid4vp.formats import candidate, from_entry
from did.openid4vp.link import FetchMethod, RequestLink, parse_link
from did.openid4vp.request import (
    AuthorizationRequest,
    ResponseMode,
    SignedRequest,
    open_request,
    read_request,
    sign_request,
)
from did.openid4vp.response import (
    ErrorResponse,
    VpResponse,
    parse_form,
    parse_response,
)
from did.openid4vp.selection import check_satisfied, select
from did.strict_json import parse_object
from did.vc.formats import Format, read_credential
from did.vc.vc_api import (
    parse_issue,
    parse_status,
    parse_verify_credential,
    parse_verify_presentation,
)

_REFUSED: Final = (Invalid, Refused)
_QUERY: Final[dict[str, Any]] = {
    "credentials": [
        {
            "id": "a",
            "format": "ldp_vc",
            "multiple": True,
            "meta": {"type_values": [["VerifiableCredential"]]},
            "claims": [
                {"id": "m", "path": ["credentialSubject", "model"], "values": ["Lamp 3", 1, True]},
                {"id": "r", "path": ["credentialSubject", "roles", None]},
                {"id": "x", "path": ["type", 1]},
            ],
            "claim_sets": [["m", "r"], ["x"]],
        },
        {"id": "b", "format": "dc+sd-jwt", "meta": {"vct_values": ["v"]}},
        {
            "id": "c",
            "format": "jwt_vc_json",
            "meta": {},
            "trusted_authorities": [{"type": "aki", "values": ["x"]}],
        },
    ],
    "credential_sets": [{"options": [["b"], ["a"]]}, {"options": [["c"]], "required": False}],
}
_HELD: Final = tuple(
    candidate(format_.value, read_credential(formats.credential(format_))) for format_ in Format
)
_QUERY_WORDS: Final = tuple(
    f'"{name}":'.encode()
    for name in (
        *("credentials", "credential_sets", "claims", "claim_sets", "path", "values", "meta"),
        *("type_values", "options", "required", "multiple", "trusted_authorities", "id", "format"),
    )
)
_REQUEST_WORDS: Final = tuple(
    f'"{name}":'.encode()
    for name in (
        *("aud", "client_id", "response_type", "response_mode", "response_uri", "nonce", "state"),
        *("dcql_query", "client_metadata", "jwks", "keys", "vp_formats_supported", "scope"),
        *("wallet_nonce", "iat", "nbf", "exp", "encrypted_response_enc_values_supported"),
    )
)


def _request(mode: ResponseMode) -> AuthorizationRequest:
    return AuthorizationRequest(
        client_id=client_id_of(ISSUER.short),
        response_uri="https://verifier.example/answer",
        mode=mode,
        nonce="nonce",
        query=parse_query(_QUERY),
        state="state",
        formats={"ldp_vc": {"proof_type_values": ["DataIntegrityProof"]}},
        encryption=KEY.public_jwk() if mode is ResponseMode.DIRECT_POST_JWT else None,
        wallet_nonce="wallet",
        issued=NOW,
        expires=NOW,
    )


def _link_law(_: bytes, link: RequestLink) -> None:
    same(parse_link(link.to_uri()), link, "a link is read as written")


def _signed_law(_: bytes, signed: SignedRequest) -> None:
    same(signed.method.did, signed.client_id.did(), "who asks has signed")
    _refusing(signed.jws.verify, ISSUER.key.public_key())
    _refusing(read_request, signed.jws.payload)


def _request_law(_: bytes, request: AuthorizationRequest) -> None:
    again = read_request(request.to_json())
    # A request that does not say which formats it takes is written as one that takes none.
    same(again.query, request.query, "a query is read as written")
    same((again.nonce, again.state), (request.nonce, request.state), "a request is read as written")
    holds(request.response_uri.startswith(("https://", "http://")), "an answer goes nowhere")
    holds(
        request.mode is not ResponseMode.DIRECT_POST_JWT or request.encryption is not None,
        "an answer is to be encrypted to nobody",
    )


def _query_law(_: bytes, query: Query) -> None:
    same(parse_query(query.document), query, "a query is read as written")
    for optional in (False, True):
        try:
            picks = select(query, _HELD, optional=optional)
        except Refused as error:
            check_refusal(error)
            continue
        shown = {pick.query.id: [match.candidate for match in pick.matches] for pick in picks}
        check_satisfied(query, shown)


def _response_law(_: bytes, response: VpResponse | ErrorResponse) -> None:
    same(parse_response(response.to_json()), response, "an answer is read as written")
    same(parse_form(response.to_form()), response, "an answer is read from its form")
    if isinstance(response, VpResponse):
        for entries in response.vp_token.values():
            for entry in entries:
                for format_ in Format:
                    _refusing(from_entry, entry, format_.value)


def _refusing(call: Any, *args: Any) -> None:
    try:
        call(*args)
    except _REFUSED as error:
        check_refusal(error)


def _read_body(data: bytes) -> object:
    """A body of the VC-API, as whichever of the four it can be."""
    last: KeybornError | None = None
    for parse in (parse_issue, parse_verify_credential, parse_verify_presentation, parse_status):
        try:
            return parse(data)
        except Invalid as error:
            last = error
    assert last is not None
    raise last


def _bodies() -> Mapping[str, bytes]:
    credential = formats.unsecured()
    status = {"type": "BitstringStatusListEntry", "statusPurpose": "revocation"}
    bodies: dict[str, Any] = {
        "issue": {"credential": credential, "options": {"format": "ldp_vc", "credentialId": "c"}},
        "verify": {
            "verifiableCredential": json.loads(formats.credential(Format.LDP_VC)),
            "options": {"checks": ["proof"], "returnCredential": True},
        },
        "presentation": {
            "verifiablePresentation": json.loads(formats.presentation(Format.LDP_VC)),
            "options": {"challenge": "c", "domain": ["d"]},
        },
        "status": {"credentialId": "c", "credentialStatus": status, "status": False},
    }
    return {name: canonicalize(body) for name, body in bodies.items()}


def _links() -> Mapping[str, bytes]:
    links = {
        "by reference": RequestLink("c", "https://v.example/r", method=FetchMethod.POST),
        "by value": RequestLink("decentralized_identifier:did:web:v.example", None, "a.b.c"),
    }
    return {name: link.to_uri().encode() for name, link in links.items()}


def _responses() -> Mapping[str, bytes]:
    responses = {
        "presentations": VpResponse({"a": ({"x": 1}, "a.b.c"), "b": ("A",)}, "state"),
        "error": ErrorResponse("access_denied", "no", "state"),
    }
    return {name: canonicalize(response.to_json()) for name, response in responses.items()}


def _signed_parts() -> bytes:
    header = {"alg": "EdDSA", "typ": "oauth-authz-req+jwt", "kid": ISSUER.method.text}
    payload = _request(ResponseMode.DIRECT_POST).to_json()
    return joined(canonicalize(header), canonicalize(payload))


TARGETS: Final = {
    "request-link": Target(
        lambda data: parse_link(utf8_of(data)),
        _link_law,
        _links,
        refusals=_REFUSED,
        words=(b"openid4vp://?", b"&client_id=", b"&request_uri=", b"&request=", b"%3A%2F%2F"),
    ),
    "request-object": Target(
        lambda data: open_request(text_of(data)),
        _signed_law,
        lambda: {
            "signed": sign_request(
                _request(ResponseMode.DIRECT_POST), ISSUER.key, method=ISSUER.method
            ).encode()
        },
        refusals=_REFUSED,
    ),
    "request-object-parts": Target(
        lambda data: open_request(token_of(data)),
        _signed_law,
        lambda: {"whole": _signed_parts()},
        refusals=_REFUSED,
        words=(*NAMES, *_REQUEST_WORDS, SEPARATOR),
    ),
    "authorization-request": Target(
        lambda data: read_request(parse_object(data)),
        _request_law,
        lambda: {mode.value: canonicalize(_request(mode).to_json()) for mode in ResponseMode},
        refusals=_REFUSED,
        words=(*_REQUEST_WORDS, *_QUERY_WORDS),
    ),
    "dcql-query": Target(
        lambda data: parse_query(parse_object(data)),
        _query_law,
        lambda: {"whole": canonicalize(_QUERY)},
        words=_QUERY_WORDS,
    ),
    "vp-response": Target(
        lambda data: parse_response(parse_object(data)),
        _response_law,
        _responses,
        words=(b'"vp_token":', b'"error":', b'"error_description":', b'"state":'),
    ),
    "vc-api": Target(
        _read_body,
        lambda *_: None,
        _bodies,
        words=(b'"options":', b'"credential":', b'"credentialStatus":', b'"checks":', b'"format":'),
    ),
}
