"""What a claim is and how it stands; pure values, and how the store's rows become them."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Row

from did.identifier import parse_keyborn
from did.jcs import Json, JsonObject
from did.openid4vci import Offer, OfferReference
from did.timestamps import format_time
from issuer.terms import Terms


@dataclass(frozen=True, slots=True)
class NewClaim:
    """A claim as it was made: the only time that its codes are shown."""

    id: str
    offer: Offer = field(repr=False)
    reference: OfferReference = field(repr=False)
    tx_code: str | None = field(repr=False)
    expires: datetime

    def to_json(self) -> JsonObject:
        """For the operator: the offer is the URI for the device, by value and by reference."""
        value: JsonObject = {
            "id": self.id,
            "offer": self.offer.to_uri(),
            "offer_by_reference": self.reference.to_uri(),
            "expires": format_time(self.expires),
        }
        if self.tx_code is not None:
            value["tx_code"] = self.tx_code
        return value


@dataclass(frozen=True, slots=True)
class Holder:
    """A DID that took a place of a claim.

    Attributes:
        place: Counted from 0.
        did: In canonical form.
        taken: When it did.
        approved: When an operator approved it, where the claim needs that.
        denied: When an operator denied it, for good.
    """

    place: int
    did: str
    taken: datetime
    approved: datetime | None
    denied: datetime | None

    def standing(self) -> str:
        """``approved``, ``denied`` or ``waiting``: of interest where the claim needs approval."""
        if self.denied is not None:
            return "denied"
        return "waiting" if self.approved is None else "approved"


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim as it stands.

    Attributes:
        id: 32 hexadecimal digits.
        terms: What it gives.
        created: When it was made.
        expires: When it can no longer be redeemed, unless it was before.
        cancelled: When an operator withdrew it.
        completed: When each of its devices had been granted a credential of each kind on offer.
        holders: The DIDs that took places of it, by place.
    """

    id: str
    terms: Terms
    created: datetime
    expires: datetime
    cancelled: datetime | None
    completed: datetime | None
    holders: tuple[Holder, ...]

    def with_holders(self, holders: tuple[Holder, ...]) -> "Claim":
        """The same claim, taken by these."""
        return replace(self, holders=holders)

    def state(self, at: datetime) -> str:
        """How it stands.

        ``open`` (places are left), ``taken``, ``waiting`` (for an operator's approval), ``denied``
        (to all), ``completed``, ``expired`` or ``cancelled``.
        """
        if self.cancelled is not None:
            return "cancelled"
        if self.completed is not None:
            return "completed"
        full = len(self.holders) == self.terms.devices
        if self.terms.approval:
            standings = {holder.standing() for holder in self.holders}
            if "waiting" in standings:
                return "waiting"
            if full and standings == {"denied"}:
                return "denied"
        if at >= self.expires:
            # Who took it in time and was approved is still to be served (``issuer.redemption``).
            return "taken" if self.terms.approval and self.holders else "expired"
        return "taken" if full else "open"

    def to_json(self, at: datetime) -> JsonObject:
        """For the operator: no code (it is not known here) and no secret."""
        terms = self.terms
        dids: list[Json] = [did.text for did in terms.dids]
        holders: list[Json] = [_holder_json(holder, terms) for holder in self.holders]
        return {
            "id": self.id,
            "state": self.state(at),
            "model": terms.model,
            "owner": terms.owner,
            "roles": list(terms.roles),
            "tags": dict(terms.tags),
            "configurations": list(terms.configurations()),
            "devices": terms.devices,
            "dids": dids,
            "holders": holders,
            "approval_needed": terms.approval,
            "tx_code_needed": terms.tx_code,
            "created": format_time(self.created),
            "expires": format_time(self.expires),
        }


def claim_from_row(row: Row[Any], held: tuple[Holder, ...]) -> Claim:
    """The claim of a row of ``issuer.store.claims``, and those who took it."""
    configuration = row.configuration
    terms = Terms(
        model=row.model,
        owner=row.owner,
        roles=tuple(orjson.loads(row.roles)),
        tags=orjson.loads(row.tags),
        configuration=None if configuration is None else orjson.loads(configuration),
        dids=() if row.dids is None else tuple(map(parse_keyborn, orjson.loads(row.dids))),
        devices=row.devices,
        approval=row.approval,
        tx_code=row.tx_code_hash is not None,
        lifetime=timedelta(seconds=row.expires - row.created),
    )
    return Claim(
        id=row.id,
        terms=terms,
        created=datetime.fromtimestamp(row.created, UTC),
        expires=datetime.fromtimestamp(row.expires, UTC),
        cancelled=_time(row.cancelled),
        completed=_time(row.completed),
        holders=held,
    )


def holder_from_row(row: Row[Any]) -> Holder:
    """The holder of a row of ``issuer.store.holders``."""
    return Holder(
        row.place,
        row.did,
        datetime.fromtimestamp(row.taken, UTC),
        _time(row.approved),
        _time(row.denied),
    )


def _holder_json(holder: Holder, terms: Terms) -> JsonObject:
    shown: JsonObject = {"did": holder.did, "taken": format_time(holder.taken)}
    if terms.approval:
        shown["standing"] = holder.standing()
    return shown


def _time(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
