"""Credentials and presentations of the same actors, in each format."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from actors import DEVICE, ISSUER, LOG_ID, NOW, Actor

from did.jcs import JsonObject
from did.vc.credential import CREDENTIALS_CONTEXT_1, PROVISIONING, build_credential
from did.vc.formats import Format, secure_credential, secure_presentation
from did.vc.status_list import REVOCATION, StatusEntry

AUDIENCE: Final = "https://verifier.example"
NONCE: Final = "bm9uY2UtbnVtYmVyLW9uZQ"
ENDS: Final = NOW + timedelta(minutes=5)
V2: Final = (Format.LDP_VC, Format.VC_JWT, Format.VC_COSE)


def unsecured(format_: Format = Format.LDP_VC, **changes: Any) -> JsonObject:
    """A credential for the device, of the data model that ``format_`` carries."""
    document = build_credential(
        PROVISIONING,
        issuer=ISSUER.did,
        subject={
            "id": DEVICE.short.text,
            "logId": LOG_ID.hex(),
            "model": "Lamp 3",
            "roles": ["light"],
        },
        valid_from=NOW,
        valid_until=NOW + timedelta(days=365),
        statuses=[StatusEntry(REVOCATION, 7, "https://issuer.example/v1/status/1")],
        url="urn:uuid:7a8b9c0d-0000-4000-8000-000000000001",
    )
    return {**(as_v1(document) if format_ is Format.JWT_VC_JSON else document), **changes}


def as_v1(document: JsonObject) -> JsonObject:
    """``document``, of VC 2.0, as one of VC 1.1."""
    names = {"validFrom": "issuanceDate", "validUntil": "expirationDate"}
    renamed = {names.get(name, name): value for name, value in document.items()}
    context = document["@context"]
    assert isinstance(context, list)
    return {**renamed, "@context": [CREDENTIALS_CONTEXT_1, *context[1:]]}


def credential(format_: Format, *, by: Actor = ISSUER, **changes: Any) -> bytes:
    """A secured credential for the device."""
    document = unsecured(format_, **changes)
    return secure_credential(document, by.key, issuer=by.did, created=NOW, format=format_)


def presentation(
    format_: Format,
    credentials: Sequence[tuple[bytes, Format]] | None = None,
    *,
    by: Actor = DEVICE,
    **changes: Any,
) -> bytes:
    """A presentation by the device; of one credential in the same format by default."""
    given: dict[str, Any] = {
        "holder": by.did,
        "challenge": NONCE,
        "audience": AUDIENCE,
        "created": NOW,
        "expires": ENDS,
        **changes,
    }
    held = [(credential(format_), format_)] if credentials is None else credentials
    return secure_presentation(held, by.key, format=format_, **given)


def at(time: datetime) -> int:
    """Seconds since the epoch, as a token has them."""
    return int(time.timestamp())
