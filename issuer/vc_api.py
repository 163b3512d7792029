"""The VC-API of the issuer: it signs what it is given (W3C CCG VC API 0.3, section 3.2).

=====  ====================  ===========================================================
POST   /credentials/issue    ``{"credential": ..., "options": {...}}``: 201
POST   /credentials/status   ``{"credentialId": ..., "credentialStatus": {...}}``: 200
=====  ====================  ===========================================================

Whoever may call this speaks with the issuer's voice: it is behind the administration token, except
in a conformance test. What enrolment alone gives, it does not sign. Errors are problem details: 400
for whatever is wrong with what was sent.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final

import orjson
from fastapi import APIRouter, Depends, Response
from sqlalchemy import Connection, Engine

from did.errors import Conflict, Invalid, KeybornError, Refused
from did.identifier import Did
from did.jcs import Json, JsonObject
from did.next_steps import REISSUE
from did.strict_json import parse_object
from did.timestamps import format_time
from did.vc.contexts import DATA_INTEGRITY
from did.vc.credential import CONFIGURATION, PROVISIONING
from did.vc.data_model import check_credential_terms, is_version_1
from did.vc.data_urls import wrap
from did.vc.enveloping import CREDENTIAL
from did.vc.formats import secure_credential
from did.vc.securing import Format
from did.vc.status_list import CREDENTIAL_TYPE, ENTRY_TYPE, LIST_VOCABULARY, StatusEntry
from did.vc.vc_api import IssueRequest, StatusRequest, parse_issue, parse_status
from did.vc.vc_problems import vc_problem
from issuer import descriptions
from issuer.errors import NotFound
from issuer.identity import SigningIdentity, confirm
from issuer.metadata import base_path
from issuer.status_indexes import allocate_one, set_credential
from issuer.status_terms import StatusTerms
from keyborn.described import answers, in_json
from keyborn.http import JsonBytes, answer
from keyborn.storage import perform
from keyborn.tokens import bearer

# What only another part of the issuer signs, with the next thing to do for who wants one.
_ELSEWHERE: Final[Mapping[str, tuple[str, str]]] = {
    **dict.fromkeys(
        (PROVISIONING, CONFIGURATION),
        (
            "credentials of this type come out of enrolment alone",
            "make a claim for the device: keyborn issuer claim create",
        ),
    ),
    **dict.fromkeys(
        (CREDENTIAL_TYPE, LIST_VOCABULARY + CREDENTIAL_TYPE),
        (
            "a status list says what the issuer has recorded, nothing else",
            "set a status at POST /credentials/status; lists are below /v1/status",
        ),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialSigner:
    """What it takes to issue over the VC-API.

    Attributes:
        url: The issuer's, below which its status lists are.
        engine: Its store.
        identity: Its DID and key.
        statuses: How it keeps status lists.
        clock: The time, aware.
    """

    url: str
    engine: Engine
    identity: SigningIdentity
    statuses: StatusTerms
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
        if request.purposes:
            document.setdefault("id", f"urn:uuid:{uuid.uuid4()}")
        id_ = str(document.get("id"))

        def work(connection: Connection) -> list[JsonObject]:
            confirm(connection, assertion)
            return self._take_entries(connection, id_, request)

        if entries := perform(self.engine, work):
            _add_statuses(document, entries)
        secured = secure_credential(
            document, assertion.signer, issuer=assertion.did, created=at, format=request.format
        )
        if request.format is Format.LDP_VC:
            return parse_object(secured)
        return wrap(secured, request.format, CREDENTIAL)

    def set_status(self, request: StatusRequest) -> None:
        """Set or unset a status of a credential that was issued with one.

        Raises:
            NotFound: ``unknown_credential``.
        """
        with self.engine.begin() as connection:
            found = set_credential(
                connection, request.credential_id, request.purpose, int(request.value)
            )
        if not found:
            raise NotFound(
                "unknown_credential",
                f"no credential with this id was issued here with a status for {request.purpose}",
                value=request.credential_id,
                hint="name it by its id, or by the credentialId that it was issued with",
            )

    def _take_entries(
        self, connection: Connection, id_: str, request: IssueRequest
    ) -> list[JsonObject]:
        return [
            allocate_one(
                connection,
                purpose,
                credential=request.credential_id or id_,
                url=self.url,
                full=self.statuses.full,
            ).to_json()
            for purpose in request.purposes
        ]


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

    @routes.post(
        "/credentials/issue",
        **answers({201: in_json(descriptions.ISSUED)}, takes=descriptions.ISSUE_REQUEST),
    )
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

    @routes.post(
        "/credentials/status",
        **answers({200: in_json(descriptions.NOTHING)}, 404, takes=descriptions.STATUS_REQUEST),
    )
    def set_status(body: JsonBytes) -> Response:
        try:
            signer.set_status(parse_status(body))
        except KeybornError as error:
            return _failure(error)
        return Response(b"{}", media_type="application/json")

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
    check_credential_terms(document)
    if "proof" in document:
        raise Invalid("invalid_proof", "the credential is secured already")
    _check_types(document)
    for entry in _list(document.get("credentialStatus", [])):
        if isinstance(entry, dict) and ENTRY_TYPE in _list(entry.get("type")):
            StatusEntry.from_json(entry)
    given = document["issuer"]
    name = issuer.canonical.text
    document["issuer"] = {**given, "id": name} if isinstance(given, dict) else name
    return document


def _add_statuses(document: JsonObject, entries: Sequence[JsonObject]) -> None:
    given = _list(document.get("credentialStatus", []))
    document["credentialStatus"] = (
        entries[0] if not given and len(entries) == 1 else [*given, *entries]
    )


def _check_types(document: JsonObject) -> None:
    for name in _list(document["type"]):
        found = _ELSEWHERE.get(str(name))
        if found is not None:
            raise Refused("reserved_type", found[0], value=name, hint=found[1])


def _list(value: Json) -> Sequence[Json]:
    return value if isinstance(value, list) else [value]


def _failure(error: KeybornError) -> Response:
    """400 for whatever is wrong with what was sent; else as everywhere."""
    if error.hint == REISSUE:  # meant for who was given a credential; here is who writes one
        error.hint = "correct what is to be signed, as the message says; nothing was signed"
    status = HTTPStatus.BAD_REQUEST if isinstance(error, Invalid | Refused | Conflict) else None
    problem = vc_problem(error)
    return answer(
        error,
        HTTPStatus.NOT_FOUND if isinstance(error, NotFound) else status,
        type=problem["type"],
        title=problem["title"],
        errors=[problem],
        problemDetails=[problem],
    )
