"""What the ledger service's routes take and answer, for its description (``keyborn.described``)."""

from typing import Final

from did.dereference import SERVICE_PARAMETERS
from did.resolution import Finality
from keyborn.described import (
    COUNT,
    FLAG,
    HASH,
    OBJECT,
    TEXT,
    TIME,
    Content,
    Schema,
    listed,
    one_of,
    or_null,
    parameter,
    record,
)
from keyborn.oauth import JSON
from ledger.registrar.messages import OperationType, State
from ledger.resolving import negotiation, options

_RECEIPT: Final[Schema] = record(
    {"sequence": COUNT, "blockNumber": COUNT, "blockTime": TIME, "finality": one_of(*Finality)},
    {"transaction": TEXT, "gas": COUNT, "gasPrice": COUNT},
)
OPERATION: Final[Schema] = record(
    {"operation": HASH, "type": one_of(*OperationType), "did": TEXT, "state": one_of(*State)},
    {"accepted": TIME, "receipt": _RECEIPT},
)
HEALTH: Final[Schema] = record({"status": {"const": "ok"}})

_HEAD: Final[Schema] = record({"sequence": COUNT, "head": HASH, "time": COUNT, "signature": TEXT})
HEADS: Final[Schema] = record({"logId": HASH, **dict.fromkeys(Finality, _HEAD)})
ENTRIES: Final[Schema] = record(
    {
        "entries": listed(
            record(
                {
                    "sequence": COUNT,
                    "kind": COUNT,
                    "batch": TEXT,
                    "blockNumber": COUNT,
                    "blockTime": COUNT,
                }
            )
        )
    }
)

_OLDER: Final = {"@context": TEXT}
_RESULT: Final[Schema] = record(
    {"didDocument": or_null(OBJECT), "didDocumentMetadata": OBJECT},
    {**_OLDER, "didResolutionMetadata": OBJECT, "didDereferencingMetadata": OBJECT},
)
_DEREFERENCED: Final[Schema] = record(
    {
        "content": or_null(OBJECT),
        "contentStream": or_null(OBJECT),
        "dereferencingMetadata": OBJECT,
        "contentMetadata": OBJECT,
    },
    _OLDER,
)
# The older media types differ by their profile alone, which an OpenAPI description does not see.
FAILED: Final[Content] = {
    negotiation.RESULT: _RESULT,
    negotiation.DEREFERENCING: _DEREFERENCED,
    "application/ld+json": {"anyOf": [_RESULT, _DEREFERENCED]},
    JSON: _RESULT,
}
RESOLVED: Final[Content] = {
    **FAILED,
    JSON: OBJECT,
    negotiation.DOCUMENT: OBJECT,
    negotiation.OLDER_DOCUMENT: OBJECT,
    "application/did+json": OBJECT,
    "text/uri-list": OBJECT,
}
RESOLUTION_OPTIONS: Final[Content] = {
    JSON: {
        "type": "object",
        "properties": {
            **dict.fromkeys(options.TEXTS, TEXT),
            **dict.fromkeys(options.FLAGS, FLAG),
            "defaultContext": listed(TEXT),
        },
        "additionalProperties": False,
    }
}
DID: Final = parameter("path", "did")
RESOLUTION_PARAMETERS: Final = (
    DID,
    *(parameter("query", name) for name in (*options.TEXTS, *SERVICE_PARAMETERS)),
    *(parameter("query", name, one_of("true", "false")) for name in options.FLAGS),
    parameter("query", "defaultContext", listed(TEXT)),
)
