"""What the issuer's routes take and answer, for its description (``keyborn.described``)."""

from typing import Final

from did.openid4vci import PRE_AUTHORIZED
from did.vc.formats import Format, media_type
from issuer.oauth import JWT
from keyborn.described import (
    COUNT,
    FLAG,
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
    or_null,
    record,
    texts_by_name,
)
from keyborn.oauth import JSON

ISSUER_METADATA: Final[Schema] = {
    "type": "object",
    "required": ["credential_issuer", "credential_endpoint", "credential_configurations_supported"],
}
SERVER_METADATA: Final[Schema] = {
    "type": "object",
    "required": ["issuer", "token_endpoint", "grant_types_supported"],
}
OFFER: Final[Schema] = record(
    {
        "credential_issuer": TEXT,
        "credential_configuration_ids": listed(TEXT),
        "grants": record(
            {PRE_AUTHORIZED: record({"pre-authorized_code": TEXT}, {"tx_code": OBJECT})}
        ),
    }
)
TOKEN_REQUEST: Final[Content] = in_form(
    ("grant_type", "pre-authorized_code"), "tx_code", "authorization_details"
)
TOKEN: Final[Schema] = record(
    {"access_token": TEXT, "token_type": {"const": "Bearer"}, "expires_in": COUNT},
    {"authorization_details": listed(OBJECT)},
)
NONCE: Final[Schema] = record({"c_nonce": TEXT})

_ENCRYPTION: Final[Schema] = {
    "type": "object",
    "properties": {"jwk": OBJECT, "enc": TEXT},
    "required": ["jwk", "enc"],
}
# In the clear, or as a JWE.
CREDENTIAL_REQUEST: Final[Content] = {
    JSON: {
        "type": "object",
        "properties": {
            "credential_configuration_id": TEXT,
            "credential_identifier": TEXT,
            "proofs": {
                "type": "object",
                "properties": {"jwt": listed(TEXT), "di_vp": listed(OBJECT)},
            },
            "credential_response_encryption": _ENCRYPTION,
        },
        "required": ["proofs"],
    },
    JWT: TEXT,
}
DEFERRED_REQUEST: Final[Content] = {
    JSON: {
        "type": "object",
        "properties": {"transaction_id": TEXT, "credential_response_encryption": _ENCRYPTION},
        "required": ["transaction_id"],
    },
    JWT: TEXT,
}
CREDENTIALS: Final[Content] = {
    JSON: record(
        {"credentials": listed(record({"credential": {"type": ["object", "string"]}}))},
        {"notification_id": TEXT},
    ),
    JWT: TEXT,
}
DEFERRED: Final[Content] = {JSON: record({"transaction_id": TEXT, "interval": COUNT}), JWT: TEXT}
NOTIFICATION: Final[Content] = in_json(
    {
        "type": "object",
        "properties": {
            "notification_id": TEXT,
            "event": one_of("credential_accepted", "credential_failure", "credential_deleted"),
            "event_description": TEXT,
        },
        "required": ["notification_id", "event"],
    }
)

STATUS_LIST: Final[Content] = {
    media_type(Format.LDP_VC): OBJECT,
    JSON: OBJECT,
    "application/ld+json": OBJECT,
    media_type(Format.VC_JWT): TEXT,
    media_type(Format.VC_COSE): {"type": "string", "format": "binary"},
}

NEW_CLAIMS: Final[Schema] = record(
    {
        "claims": listed(
            record(
                {"id": TEXT, "offer": TEXT, "offer_by_reference": TEXT, "expires": TIME},
                {"tx_code": TEXT},
            )
        )
    }
)
_STANDING: Final = one_of("approved", "denied", "waiting")
_CLAIM: Final = {
    "id": TEXT,
    "state": one_of("open", "taken", "waiting", "denied", "completed", "expired", "cancelled"),
    "model": TEXT,
    "owner": TEXT,
    "roles": listed(TEXT),
    "tags": texts_by_name(),
    "configurations": listed(TEXT),
    "devices": COUNT,
    "dids": listed(TEXT),
    "holders": listed(record({"did": TEXT, "taken": TIME}, {"standing": _STANDING})),
    "approval_needed": FLAG,
    "tx_code_needed": FLAG,
    "created": TIME,
    "expires": TIME,
}
_NOTIFIED: Final = record(
    {
        "event": TEXT,
        "description": or_null(TEXT),
        "configuration": TEXT,
        "dids": listed(TEXT),
        "received": TIME,
    }
)
CLAIM: Final[Schema] = record(_CLAIM)
CLAIMS: Final[Schema] = record({"claims": listed(CLAIM), "next": or_null(COUNT)})
ONE_CLAIM: Final[Schema] = record({**_CLAIM, "notifications": listed(_NOTIFIED)})
DEVICE: Final[Schema] = record(
    {
        "did": TEXT,
        "model": TEXT,
        "owner": TEXT,
        "roles": listed(TEXT),
        "tags": texts_by_name(),
        "provisioned": FLAG,
        "registered": or_null(FLAG),
        "active": or_null(FLAG),
        "suspended": FLAG,
        "revoked": FLAG,
        "deactivated": or_null(FLAG),
        "message": or_null(TEXT),
        "provisioned_at": or_null(TIME),
        "suspended_at": or_null(TIME),
        "revoked_at": or_null(TIME),
    }
)
DEVICES: Final[Schema] = record({"devices": listed(DEVICE), "next": or_null(COUNT)})
DEVICES_CHANGED: Final[Schema] = record({"devices": COUNT})
IDENTITY: Final[Schema] = record(
    {
        "url": TEXT,
        "did": TEXT,
        "log_id": HASH,
        "rotating": FLAG,
        "status_ttl": COUNT,
        "status_lifetime": COUNT,
        "status_messages": listed(TEXT),
        "registered": or_null(FLAG),
        "key": or_null(TEXT),
        "version_id": or_null(TEXT),
    }
)

ISSUE_REQUEST: Final[Content] = in_json(
    {
        "type": "object",
        "properties": {"credential": OBJECT, "options": OBJECT},
        "required": ["credential"],
    }
)
ISSUED: Final[Schema] = record({"verifiableCredential": OBJECT})
STATUS_REQUEST: Final[Content] = in_json(
    {
        "type": "object",
        "properties": {"credentialId": TEXT, "credentialStatus": OBJECT, "status": FLAG},
        "required": ["credentialId", "credentialStatus"],
    }
)
HEALTH: Final[Schema] = record({"status": {"const": "ok"}})
NOTHING: Final[Schema] = record({})
