"""What an operator decides of the devices that took a claim which needs approval.

A decision is final: what was approved is undone by revoking the device, and whom a claim was
denied to needs another. Of several that come at once the first decides, in one transaction, and who
wanted it the other way is told so.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Engine, update

from did.errors import Conflict
from issuer import claims
from issuer.claim import Claim, Holder
from issuer.errors import NotFound
from issuer.store import holders
from keyborn.faults import FaultPoint

_BEFORE_COMMIT: Final = FaultPoint("issuer.decision.before_commit")
_AFTER_COMMIT: Final = FaultPoint("issuer.decision.after_commit")


def decide(
    engine: Engine, id_: str, dids: Sequence[str] | None, *, approve: bool, at: datetime
) -> Claim:
    """Approve or deny devices that took the claim ``id_``; to repeat it changes nothing.

    Args:
        engine: The issuer's store.
        id_: The claim's.
        dids: Which of them, canonical; None for all that are waiting.
        approve: Or else deny.
        at: Now.

    Raises:
        NotFound: ``claim_not_found``; ``holder_not_found``: one of ``dids`` did not take it.
        Conflict: ``approval_not_needed``; ``claim_not_taken``: there is nobody to decide on yet;
            ``claim_cancelled``; ``already_decided``: the other way, of one of ``dids``, or of any
            where nobody is waiting any more.
    """
    verdict = "approved" if approve else "denied"
    with engine.begin() as connection:
        claim = claims.known(connection, id_)
        chosen = _chosen(claim, dids)
        for holder in chosen:
            if holder.standing() not in ("waiting", verdict):
                raise Conflict(
                    "already_decided",
                    f"the device was {holder.standing()} already, and that is final",
                    value=holder.did,
                    hint="to undo an approval, revoke the device; a denied one needs a new claim",
                )
        if claim.cancelled is not None and (
            not chosen or any(each.standing() == "waiting" for each in chosen)
        ):
            raise Conflict(
                "claim_cancelled",
                "the claim was withdrawn, and is decided by that",
                value=id_,
                hint="make a new claim",
            )
        if not chosen:
            raise Conflict(
                "claim_not_taken",
                "no device has taken the claim yet, so there is none to decide on",
                value=id_,
                hint="wait until one has: keyborn issuer claim show",
            )
        for holder in chosen:
            if holder.standing() == "waiting":
                connection.execute(
                    update(holders)
                    .where(holders.c.claim == id_, holders.c.place == holder.place)
                    .values({verdict: int(at.timestamp())})
                )
        decided = claims.known(connection, id_)
        granted = claims.granted(connection, [id_])[id_]
        if decided.completed is None and claims.is_complete(decided, granted):
            claims.mark_completed(connection, {id_: at})
            decided = claims.known(connection, id_)
        _BEFORE_COMMIT.reached()
    _AFTER_COMMIT.reached()
    return decided


def _chosen(claim: Claim, dids: Sequence[str] | None) -> list[Holder]:
    if not claim.terms.approval:
        raise Conflict(
            "approval_not_needed",
            "the claim needs no approval",
            value=claim.id,
            hint="to stop a device, suspend or revoke it; to stop the claim, cancel it",
        )
    if dids is None:
        # Where nobody is left to decide on, all are looked at: who was decided the other way
        # meanwhile is not passed over in silence.
        waiting = [holder for holder in claim.holders if holder.standing() == "waiting"]
        return waiting or list(claim.holders)
    by_did = {holder.did: holder for holder in claim.holders}
    for did in dids:
        if did not in by_did:
            raise NotFound(
                "holder_not_found",
                "no such device took the claim",
                value=did,
                hint="see who did: keyborn issuer claim show",
            )
    return [by_did[did] for did in dict.fromkeys(dids)]
