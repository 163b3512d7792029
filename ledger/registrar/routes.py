"""The registrar over HTTP.

::

    POST /v1/operations           202, the operation is kept; or where a repeat of one stands
    GET  /v1/operations/{hash}    200; 404 if it is not known
"""

from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from did.errors import Refused
from keyborn import http, oauth
from keyborn.described import answers, in_json
from ledger import descriptions
from ledger.registrar.messages import Relay, operation_from_json, parse_hash


class CreateBody(BaseModel):
    """A create: the 64 bytes of the genesis, multibase base58btc."""

    model_config = ConfigDict(strict=True, extra="forbid")

    type: Literal["create"]
    genesis: str


class UpdateBody(BaseModel):
    """A rotation, or with ``next`` null a deactivation; all but ``did`` multibase base58btc."""

    model_config = ConfigDict(strict=True, extra="forbid")

    type: Literal["update"]
    did: str
    reveal: str
    next: str | None
    signature: str


OperationBody = Annotated[CreateBody | UpdateBody, Field(discriminator="type")]


def routes(registrar: Relay) -> APIRouter:
    """The routes of ``registrar``."""
    router = APIRouter(prefix="/v1/operations", route_class=http.StrictRoute, tags=["registrar"])

    @router.post("", **answers({202: in_json(descriptions.OPERATION)}, 403, 409))
    def submit(operation: OperationBody) -> Response:
        """Take an operation, durably, to put it on the log."""
        given = operation_from_json(operation.model_dump())
        return oauth.answer(registrar.submit(given).to_json(), HTTPStatus.ACCEPTED)

    @router.get("/{hash_}", **answers({200: in_json(descriptions.OPERATION)}))
    def status(hash_: str) -> Response:
        """Where an operation stands."""
        operation = parse_hash(hash_)
        try:
            return oauth.answer(registrar.status(operation).to_json())
        except Refused as error:
            return http.answer(error, HTTPStatus.NOT_FOUND)

    return router
