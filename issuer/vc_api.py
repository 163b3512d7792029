"""The VC-API of the issuer: it signs what it is given (W3C CCG VC API 0.3, section 3.2).

=====  ====================  =======================================================
POST   /credentials/issue    ``{"credential": ..., "options": {...}}``: 201
=====  ====================  =======================================================

Whoever may call this speaks with the issuer's voice: it is behind the administration token, except
in a conformance test. What enrolment alone gives, it does not sign. Errors are problem details: 400
for whatever is wrong with what was sent.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final

import orjson
from fastapi import APIRouter, Depends, Response
from sqlalchemy import Engine

from did.errors import Conflict, Invalid, KeybornError, Refused
from did.identifier import Did
from did.jcs import Json, JsonObject
from did.strict_json import parse_object
from did.timestamps import format_time
from did.vc.contexts import DATA_INTEGRITY
from did.vc.credential import CONFIGURATION, PROVISIONING
from did.vc.data_model import check_credential, is_version_1
from did.vc.data_urls import wrap
from did.vc.enveloping import CREDENTIAL
from did.vc.formats import secure_credential
from did.vc.securing import Format
from did.vc.status_list import ENTRY_TYPE, StatusEntry
from did.vc.vc_api import IssueRequest, parse_issue
from did.vc.vc_problems import vc_problem
from issuer.identity import SigningIdentity, confirm
from issuer.metadata import base_path
from keyborn.http import JsonBytes, answer
from keyborn.tokens import bearer

_OURS: Final = (PROVISIONING, CONFIGURATION)


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialSigner:
    """What it takes to issue over the VC-API.

    Attributes:
        url: The issuer's, below which its status lists are.
        engine: Its store.
        identity: Its DID and key.
        clock: The time, aware.
    """

    url: str
    engine: Engine
    identity: SigningIdentity
    clock: Callable[[], datetime]

    def issue(self, request: IssueRequest) -> JsonObject:
        """The credential, secured: with a proof in it, or enveloped.

        Raises:
            Invalid: ``invalid_credential``, ``undefined_terms`` and the like.
            Refused: ``reserved_type``.
            Unavailable, Undecided: As ``SigningIdentity.signing``.
        """
        at = self.clock().replace(microsecond=0)
        assertion = self.identity.signing()
        document = _prepared(request, assertion.did, at)
        with self.engine.begin() as connection:
            confirm(connection, assertion)
        secured = secure_credential(
            document, assertion.signer, issuer=assertion.did, created=at, format=request.format
        )
        if request.format is Format.LDP_VC:
            return parse_object(secured)
        return wrap(secured, request.format, CREDENTIAL)


def router(signer: CredentialSigner, *, token: str | None) -> APIRouter:
    """The routes.

    Args:
        signer: What issues.
        token: What callers present (RFC 6750); None only in a conformance test on this machine.
    """
    routes = APIRouter(
        prefix=base_path(signer.url),
        dependencies=[] if token is None else [Depends(bearer(token))],
    )

    @routes.post("/credentials/issue")
    def issue(body: JsonBytes) -> Response:
        try:
            issued = signer.issue(parse_issue(body))
        except KeybornError as error:
            return _failure(error)
        return Response(
            orjson.dumps({"verifiableCredential": issued}),
            HTTPStatus.CREATED,
            media_type="application/json",
        )

    return routes


def _prepared(request: IssueRequest, issuer: Did, at: datetime) -> JsonObject:
    """The credential, checked, and in this issuer's name whatever name it came with."""
    document = dict(request.credential)
    if is_version_1(document):
        document.setdefault("issuanceDate", format_time(at))
        contexts = document["@context"]
        assert isinstance(contexts, list)
        if request.format is Format.LDP_VC and DATA_INTEGRITY not in contexts:
            document["@context"] = [*contexts, DATA_INTEGRITY]
    undefined = check_credential(document).undefined(document)
    if undefined:
        raise Invalid(
            "undefined_terms",
            "the credential has a member that none of its contexts defines",
            value=undefined[0],
            hint="add a context that says what it means; undefined-terms/v2 names any",
        )
    if "proof" in document:
        raise Invalid("invalid_proof", "the credential is secured already")
    _check_types(document)
    for entry in _list(document.get("credentialStatus", [])):
        if isinstance(entry, dict) and entry.get("type") == ENTRY_TYPE:
            StatusEntry.from_json(entry)
    given = document["issuer"]
    name = issuer.canonical.text
    document["issuer"] = {**given, "id": name} if isinstance(given, dict) else name
    return document


def _check_types(document: JsonObject) -> None:
    for name in _list(document["type"]):
        if name in _OURS:
            raise Refused(
                "reserved_type",
                "credentials of this type come out of enrolment alone",
                value=name,
                hint="make a claim for the device: keyborn issuer claim create",
            )


def _list(value: Json) -> Sequence[Json]:
    return value if isinstance(value, list) else [value]


def _failure(error: KeybornError) -> Response:
    """400 for whatever is wrong with what was sent; else as everywhere."""
    wrong = isinstance(error, Invalid | Refused | Conflict)
    problem = vc_problem(error)
    return answer(
        error,
        HTTPStatus.BAD_REQUEST if wrong else None,
        type=problem["type"],
        title=problem["title"],
        errors=[problem],
        problemDetails=[problem],
    )
