"""The VC-API of the verifier: proofs only, never a session (W3C CCG VC API 0.3, section 3.3).

=====  ======================  =====================================================
POST   /credentials/verify     ``{"verifiableCredential": ..., "options": {...}}``
POST   /presentations/verify   ``{"verifiablePresentation": ..., "options": {...}}``
=====  ======================  =====================================================

200 with ``verified`` true; or 400 with problem details, ``verified`` false and why in
``problemDetails``; or 503 where it could not be found out.
"""

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus

import orjson
from fastapi import APIRouter, Depends, Request, Response

from did.errors import Invalid, KeybornError, Refused
from did.vc.proof_set import Expected
from did.vc.vc_api import VerifyRequest, parse_verify_credential, parse_verify_presentation
from did.vc.vc_problems import vc_problem
from keyborn.described import answers, in_json
from keyborn.http import RawBody, answer, require_json
from keyborn.tokens import bearer
from verifier import descriptions
from verifier.proofs_only import ProofVerifier, Verified


def router(proofs: ProofVerifier, *, token: str | None, now: Callable[[], datetime]) -> APIRouter:
    """The routes.

    Args:
        proofs: What verifies.
        token: What callers present (RFC 6750); None only in a conformance test on this machine.
        now: Read once for each request.
    """
    routes = APIRouter(
        dependencies=[] if token is None else [Depends(bearer(token, of="vc-api.token"))]
    )

    @routes.post(
        "/credentials/verify",
        **answers(
            {200: in_json(descriptions.verified("credential"))},
            takes=descriptions.proofs("verifiableCredential"),
        ),
    )
    def verify_credential(request: Request, body: RawBody) -> Response:
        read, verify = _reader(request, parse_verify_credential), proofs.credential
        return _answer(body, read, verify, "credential", now())

    @routes.post(
        "/presentations/verify",
        **answers(
            {200: in_json(descriptions.verified("presentation"))},
            takes=descriptions.proofs("verifiablePresentation"),
        ),
    )
    def verify_presentation(request: Request, body: RawBody) -> Response:
        read, verify = _reader(request, parse_verify_presentation), proofs.presentation
        return _answer(body, read, verify, "presentation", now())

    return routes


def _reader(
    request: Request, parse: Callable[[bytes], VerifyRequest]
) -> Callable[[bytes], VerifyRequest]:
    """``parse``, of what ``request`` says is JSON: else it is refused in the VC-API's form too."""

    def read(body: bytes) -> VerifyRequest:
        require_json(request)
        return parse(body)

    return read


def _answer(
    body: bytes,
    parse: Callable[[bytes], VerifyRequest],
    verify: Callable[..., Verified],
    name: str,
    at: datetime,
) -> Response:
    try:
        asked = parse(body)
        expected = Expected(asked.purpose, at, asked.challenge, asked.domains)
        found = verify(asked.document, expected, with_status=asked.with_status)
    except KeybornError as error:
        return _failure(error)
    result = {
        "verified": True,
        "checks": list(found.checks),
        "warnings": [vc_problem(warning) for warning in found.warnings],
        "errors": [],
        "problemDetails": [],
    }
    if asked.return_document:
        result[name] = found.document
    return Response(orjson.dumps(result), media_type="application/json")


def _failure(error: KeybornError) -> Response:
    """400 for whatever is wrong with what was sent; else as everywhere."""
    status = HTTPStatus.BAD_REQUEST if isinstance(error, Invalid | Refused) else None
    problem = vc_problem(error)
    return answer(
        error,
        status,
        type=problem["type"],
        title=problem["title"],
        verified=False,
        errors=[problem],
        problemDetails=[problem],
    )
