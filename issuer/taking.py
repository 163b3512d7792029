"""Taking places of a claim: each DID has one, and each place is taken once.

The store's constraints hold that; what is decided here is which place, and what is said where
there is none. Pure.
"""

from collections.abc import Sequence
from datetime import datetime

from did.errors import Refused
from did.identifier import KeybornDid
from issuer import tokens
from issuer.claim import Claim, Holder

_STEP = "claim"


def take(claim: Claim, dids: Sequence[KeybornDid], *, at: datetime) -> list[Holder]:
    """The places of ``claim`` that those of ``dids`` take who have none.

    Args:
        claim: As it stands.
        dids: Canonical, each once.
        at: Now.

    Raises:
        Refused: ``claim_bound`` (it names others), ``claim_used`` (its places are taken),
            ``claim_too_small`` (there are fewer left), ``claim_expired``.
    """
    taken = {holder.did for holder in claim.holders}
    new = [did for did in dids if did.text not in taken]
    if not new:
        return []
    named = [did.id for did in claim.terms.dids]
    if named and any(did.id not in named for did in new):
        raise denied(
            "claim_bound",
            "the claim was made for another DID"
            if len(named) == 1
            else "the claim was made for other DIDs",
        )
    left = claim.terms.devices - len(taken)
    if not left:
        raise denied(
            "claim_used",
            "another DID took the claim"
            if claim.terms.devices == 1
            else f"other DIDs took all {claim.terms.devices} places of the claim",
        )
    if len(new) > left:
        raise denied(
            "claim_too_small", f"{len(new)} DIDs ask for what {left} of them can have at most"
        )
    if at >= claim.expires + tokens.LIFETIME:  # whoever redeemed it in time has not come too late
        raise denied("claim_expired", "the claim has expired")
    places = (
        [named.index(did.id) for did in new] if named else range(len(taken), len(taken) + len(new))
    )
    return [
        Holder(place, did.text, at, approved=None, denied=None)
        for place, did in zip(places, new, strict=True)
    ]


def denied(code: str, message: str) -> Refused:
    """The refusal of a claim."""
    return Refused(code, message, step=_STEP, hint="ask the operator for a new claim")
