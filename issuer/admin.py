"""The administration API, under ``/v1/admin`` and behind a bearer token.

Bodies are strict JSON with no unknown fields; errors are problem details (RFC 9457). Lists come in
pages: ``next`` is the ``cursor`` of the following one, and null on the last.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Final, cast

import orjson
from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from did.errors import Invalid, Undecided
from did.identifier import KeybornDid, parse_keyborn
from did.jcs import MAX_INTEGER, Json, JsonObject
from did.resolution import Registration
from issuer import claims, descriptions, inventory, notifications
from issuer.approvals import decide
from issuer.device import Device
from issuer.fleet_api import add_fleet
from issuer.metadata import base_path
from issuer.service import Issuer
from issuer.terms import LIFETIME, MAX_DEVICES, MAX_LIFETIME, Terms
from keyborn.described import answers, in_json
from keyborn.http import StrictRoute
from keyborn.tokens import bearer

PAGE: Final = 100
MAX_PAGE: Final = 500
MAX_CLAIMS: Final = 500

_PATTERN: Final = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$"  # and not blank
_Text = Annotated[str, Field(min_length=1, max_length=128, pattern=_PATTERN)]
_Cursor = Annotated[int, Query(ge=0, le=MAX_INTEGER)]
_Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]


class ClaimBody(BaseModel):
    """One claim to make; ``issuer.terms.Terms`` says what the fields mean."""

    model_config = ConfigDict(strict=True, extra="forbid")

    model: _Text
    owner: _Text
    roles: Annotated[list[_Text], Field(max_length=32)] = []
    tags: Annotated[dict[_Text, _Text], Field(max_length=32)] = {}
    configuration: Annotated[dict[str, JsonValue] | None, Field(repr=False)] = None
    did: str | None = None
    dids: Annotated[list[str], Field(max_length=MAX_DEVICES)] = []
    devices: Annotated[int, Field(ge=1, le=MAX_DEVICES)] = 1
    approval: bool = False
    tx_code: bool = False
    expires_in: Annotated[int, Field(ge=1, le=int(MAX_LIFETIME.total_seconds()))] = int(
        LIFETIME.total_seconds()
    )

    def terms(self) -> Terms:
        """The claim's terms; raises ``Invalid``."""
        named = self.dids if self.did is None else [self.did, *self.dids]
        return Terms(
            model=self.model,
            owner=self.owner,
            roles=tuple(self.roles),
            tags=self.tags,
            configuration=cast("JsonObject | None", self.configuration),
            dids=tuple(map(_did, named)),
            devices=self.devices,
            approval=self.approval,
            tx_code=self.tx_code,
            lifetime=timedelta(seconds=self.expires_in),
        )


class ClaimsBody(BaseModel):
    """Claims to make: all of them, or none."""

    model_config = ConfigDict(strict=True, extra="forbid")

    claims: Annotated[list[ClaimBody], Field(min_length=1, max_length=MAX_CLAIMS)]


class DecisionBody(BaseModel):
    """Whom to approve or deny: ``dids``, or all that are waiting."""

    model_config = ConfigDict(strict=True, extra="forbid")

    dids: Annotated[list[str], Field(min_length=1, max_length=MAX_DEVICES)] | None = None


class MessageBody(BaseModel):
    """What verifiers are to be told of a device."""

    model_config = ConfigDict(strict=True, extra="forbid")

    message: _Text


class RotationBody(BaseModel):
    """A rotation of the issuer's key; nothing happens if ``replacing`` is no longer in use."""

    model_config = ConfigDict(strict=True, extra="forbid")

    replacing: str | None = None


def router(issuer: Issuer, token: str) -> APIRouter:
    """The administration routes, for whoever presents ``token``."""
    routes = APIRouter(
        prefix=f"{base_path(issuer.url)}/v1/admin",
        dependencies=[Depends(bearer(token))],
        route_class=StrictRoute,
    )
    _add_claims(routes, issuer)
    _add_devices(routes, issuer)
    add_fleet(routes, issuer)

    @routes.get("/issuer", **answers({200: in_json(descriptions.IDENTITY)}))
    def show_issuer() -> Response:
        return _json(_identity(issuer))

    @routes.post("/rotate", **answers({200: in_json(descriptions.IDENTITY)}, 403, 409))
    def rotate(body: RotationBody) -> Response:
        issuer.identity.rotate(replacing=body.replacing)
        return _json(_identity(issuer))

    return routes


def _add_claims(routes: APIRouter, issuer: Issuer) -> None:
    @routes.post("/claims", **answers({201: in_json(descriptions.NEW_CLAIMS)}, 409))
    def create_claims(body: ClaimsBody) -> Response:
        made = claims.create(
            issuer.engine,
            [claim.terms() for claim in body.claims],
            url=issuer.url,
            key=issuer.keys.offer,
            at=issuer.clock(),
        )
        return _json({"claims": [claim.to_json() for claim in made]}, HTTPStatus.CREATED)

    @routes.get("/claims", **answers({200: in_json(descriptions.CLAIMS)}))
    def list_claims(cursor: _Cursor = 0, limit: _Limit = PAGE) -> Response:
        at = issuer.clock()
        page, following = claims.page(issuer.engine, after=cursor, limit=limit)
        return _json({"claims": [claim.to_json(at) for claim in page], "next": following})

    @routes.get("/claims/{claim}", **answers({200: in_json(descriptions.ONE_CLAIM)}))
    def show_claim(claim: str) -> Response:
        shown = claims.show(issuer.engine, claim).to_json(issuer.clock())
        said: list[Json] = [*notifications.received(issuer.engine, claim)]
        return _json({**shown, "notifications": said})

    @routes.post("/claims/{claim}/cancel", **answers({200: in_json(descriptions.CLAIM)}, 409))
    def cancel_claim(claim: str) -> Response:
        at = issuer.clock()
        return _json(claims.cancel(issuer.engine, claim, at=at).to_json(at))

    @routes.post("/claims/{claim}/approve", **answers({200: in_json(descriptions.CLAIM)}, 409))
    def approve_claim(claim: str, body: DecisionBody) -> Response:
        return _decide(issuer, claim, body, approve=True)

    @routes.post("/claims/{claim}/deny", **answers({200: in_json(descriptions.CLAIM)}, 409))
    def deny_claim(claim: str, body: DecisionBody) -> Response:
        return _decide(issuer, claim, body, approve=False)


def _decide(issuer: Issuer, claim: str, body: DecisionBody, *, approve: bool) -> Response:
    at = issuer.clock()
    dids = None if body.dids is None else [_did(did).text for did in body.dids]
    return _json(decide(issuer.engine, claim, dids, approve=approve, at=at).to_json(at))


def _add_devices(routes: APIRouter, issuer: Issuer) -> None:
    @routes.get("/devices", **answers({200: in_json(descriptions.DEVICES)}))
    def list_devices(
        cursor: _Cursor = 0,
        limit: _Limit = PAGE,
        model: Annotated[str | None, Query(max_length=128)] = None,
        tag: Annotated[list[str] | None, Query(max_length=8)] = None,
    ) -> Response:
        tags = dict(_tag(text) for text in tag or ())
        page, following = inventory.page(
            issuer.engine, after=cursor, limit=limit, model=model, tags=tags
        )
        return _json({"devices": _with_log(issuer, page), "next": following})

    @routes.get("/devices/{did}", **answers({200: in_json(descriptions.DEVICE)}))
    def show_device(did: str) -> Response:
        return _one(issuer, inventory.show(issuer.engine, _did(did)))

    @routes.post("/devices/{did}/suspend", **answers({200: in_json(descriptions.DEVICE)}, 409))
    def suspend(did: str) -> Response:
        return _one(issuer, inventory.suspend(issuer.engine, _did(did), at=issuer.clock())[0])

    @routes.post("/devices/{did}/reinstate", **answers({200: in_json(descriptions.DEVICE)}, 409))
    def reinstate(did: str) -> Response:
        return _one(issuer, inventory.reinstate(issuer.engine, _did(did))[0])

    @routes.post("/devices/{did}/revoke", **answers({200: in_json(descriptions.DEVICE)}))
    def revoke(did: str) -> Response:
        return _one(issuer, inventory.revoke(issuer.engine, _did(did), at=issuer.clock())[0])

    @routes.post("/devices/{did}/tell", **answers({200: in_json(descriptions.DEVICE)}, 409))
    def tell(did: str, body: MessageBody) -> Response:
        return _one(issuer, inventory.tell(issuer.engine, _did(did), message=body.message)[0])


def _with_log(issuer: Issuer, page: Sequence[Device]) -> list[JsonObject]:
    """Devices with what the log says of them: one look at the ledger for all.

    If the ledger cannot be read, or is not believed, the inventory still can: what the log would
    say is null.
    """
    try:
        issuer.log.sync()
        states = {device.did.id: issuer.log.state(device.did.id) for device in page}
    except (Undecided, Invalid):
        return [device.to_json(registered=None, deactivated=None) for device in page]
    shown = []
    for device in page:
        state = states[device.did.id]
        deactivated = state is not None and state.key is None
        shown.append(device.to_json(registered=state is not None, deactivated=deactivated))
    return shown


def _one(issuer: Issuer, device: Device) -> Response:
    return _json(_with_log(issuer, [device])[0])


def _identity(issuer: Issuer) -> JsonObject:
    """The issuer's DID and its state on the log; the key is null while the log has none."""
    about: JsonObject = {
        "url": issuer.url,
        "did": issuer.identity.did.text,
        "log_id": issuer.log_id.hex(),
        "rotating": issuer.identity.rotating(),
        "status_ttl": int(issuer.statuses.ttl.total_seconds()),
        "status_lifetime": int(issuer.statuses.ends_after.total_seconds()),
        "status_messages": list(issuer.statuses.messages),
    }
    try:
        resolution = issuer.identity.resolution()
    except (Undecided, Invalid):
        return {**about, "registered": None, "key": None, "version_id": None}
    if resolution.registration is not Registration.YES:
        return {**about, "registered": False, "key": None, "version_id": None}
    newest = resolution.versions[-1]
    key = issuer.identity.key.multibase
    return {**about, "registered": True, "key": key, "version_id": newest.id}


def _did(text: str) -> KeybornDid:
    return parse_keyborn(text).canonical


def _tag(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not name or not separator:
        raise Invalid(
            "invalid_tag",
            "a tag is written name=value",
            value=text,
            hint="write it so, as in hall=3",
        )
    return name, value


def _json(value: Mapping[str, object], status: int = HTTPStatus.OK) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")
