"""``/v1/admin/fleet``: one change to many devices, in one transaction: to all of them, or to none.

However many devices it is, each status list that it concerns is published anew once.
"""

from collections.abc import Sequence
from typing import Annotated, Final

import orjson
from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from did.identifier import KeybornDid, parse_keyborn
from issuer import descriptions, inventory
from issuer.device import Device
from issuer.service import Issuer
from keyborn.described import answers, in_json

MAX_FLEET: Final = 2_000  # DIDs, which fit into a request


class FleetBody(BaseModel):
    """The devices to change."""

    model_config = ConfigDict(strict=True, extra="forbid")

    dids: Annotated[list[str], Field(min_length=1, max_length=MAX_FLEET)]

    def parsed(self) -> list[KeybornDid]:
        """Their DIDs; raises ``Invalid``."""
        return [parse_keyborn(text).canonical for text in self.dids]


class FleetMessageBody(FleetBody):
    """What verifiers are to be told of devices."""

    message: Annotated[str, Field(min_length=1, max_length=128)]


def add_fleet(routes: APIRouter, issuer: Issuer) -> None:
    """Add the routes to those of the administration API."""

    @routes.post(
        "/fleet/suspend", **answers({200: in_json(descriptions.DEVICES_CHANGED)}, 404, 409)
    )
    def suspend(body: FleetBody) -> Response:
        return _count(inventory.suspend(issuer.engine, *body.parsed(), at=issuer.clock()))

    @routes.post(
        "/fleet/reinstate", **answers({200: in_json(descriptions.DEVICES_CHANGED)}, 404, 409)
    )
    def reinstate(body: FleetBody) -> Response:
        return _count(inventory.reinstate(issuer.engine, *body.parsed()))

    @routes.post("/fleet/revoke", **answers({200: in_json(descriptions.DEVICES_CHANGED)}, 404))
    def revoke(body: FleetBody) -> Response:
        return _count(inventory.revoke(issuer.engine, *body.parsed(), at=issuer.clock()))

    @routes.post("/fleet/tell", **answers({200: in_json(descriptions.DEVICES_CHANGED)}, 404, 409))
    def tell(body: FleetMessageBody) -> Response:
        return _count(inventory.tell(issuer.engine, *body.parsed(), message=body.message))


def _count(changed: Sequence[Device]) -> Response:
    return Response(orjson.dumps({"devices": len(changed)}), media_type="application/json")
