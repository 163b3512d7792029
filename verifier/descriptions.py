"""What the verifier's routes take and answer, for its description (``keyborn.described``)."""

from typing import Final

from did.openid4vp.request import REQUEST_TYPE
from did.vc.enveloping import PRESENTATION
from did.vc.formats import Format, media_type
from keyborn.described import (
    COUNT,
    HASH,
    OBJECT,
    TEXT,
    TIME,
    Content,
    Schema,
    in_form,
    in_json,
    listed,
    one_of,
    record,
)
from verifier.openid4vp.requests import Status

_BYTES: Final[Schema] = {"type": "string", "format": "binary"}

CHALLENGE: Final[Schema] = record(
    {"challenge": TEXT, "domain": TEXT, "expires": TIME}, {"did": TEXT}
)
HEALTH: Final[Schema] = record({"status": {"const": "ok"}, "audience": TEXT, "logId": HASH})
PRESENTATIONS: Final[Content] = {
    **in_json(OBJECT),
    media_type(Format.LDP_VC, PRESENTATION): OBJECT,
    media_type(Format.VC_JWT, PRESENTATION): TEXT,
    media_type(Format.VC_COSE, PRESENTATION): _BYTES,
    media_type(Format.JWT_VC_JSON, PRESENTATION): TEXT,
}
_DEVICE: Final[Schema] = record(
    {
        "did": TEXT,
        "key": TEXT,
        "issuer": TEXT,
        "model": TEXT,
        "owner": TEXT,
        "roles": listed(TEXT),
    }
)
_STEP: Final[Schema] = record(
    {"step": TEXT, "outcome": {"const": "held"}, "evidence": OBJECT},
    {"credential": COUNT, "age": COUNT},
)
_DECISION: Final[Schema] = record(
    {
        "outcome": {"const": "accepted"},
        "at": TIME,
        "trustRoot": HASH,
        "logId": HASH,
        "steps": listed(_STEP),
    }
)
ADMITTED: Final[Schema] = record({"device": _DEVICE, "decision": _DECISION})
SESSION: Final[Schema] = record(
    {"device": _DEVICE, "decision": _DECISION, "token": TEXT, "expires": TIME}
)

ASKED: Final[Schema] = record(
    {
        "id": TEXT,
        "secret": TEXT,
        "request": TEXT,
        "client_id": TEXT,
        "request_uri": TEXT,
        "expires": TIME,
    }
)
OUTCOME: Final[Schema] = record(
    {"id": TEXT, "status": one_of(*Status)},
    {
        "device": _DEVICE,
        "decision": _DECISION,
        "credentials": OBJECT,
        "problem": OBJECT,
        "error": TEXT,
        "error_description": TEXT,
    },
)
REQUEST_OBJECT: Final[Content] = {REQUEST_TYPE: TEXT}
WALLET: Final[Content] = in_form((), "wallet_nonce", "wallet_metadata")
ANSWER: Final[Content] = in_form((), "vp_token", "state", "response", "error", "error_description")
TAKEN: Final[Schema] = record({}, {"redirect_uri": TEXT})


def proofs(member: str) -> Content:
    """What verifying proofs takes: what has them, as ``member``."""
    return in_json(
        {
            "type": "object",
            "properties": {member: OBJECT, "options": OBJECT},
            "required": [member],
        }
    )


def verified(document: str) -> Schema:
    """What is answered where proofs hold; ``document`` where it was asked for."""
    return record(
        {
            "verified": {"const": True},
            "checks": listed(TEXT),
            "warnings": listed(OBJECT),
            "errors": listed(OBJECT),
            "problemDetails": listed(OBJECT),
        },
        {document: OBJECT},
    )
