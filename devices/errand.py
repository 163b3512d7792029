"""From wherever a device is to being admitted: whatever is missing, in order."""

from collections.abc import Callable
from dataclasses import dataclass, field

from devices.agent import Agent
from devices.ledger_access import LedgerAccess
from devices.obtaining import Patience
from did.jcs import JsonObject
from did.openid4vci import Offer, OfferReference
from did.vc.securing import Format


@dataclass(frozen=True, slots=True)
class Errand:
    """What a device is sent for; what is None is left out.

    Attributes:
        offer: The claim; needed once, until its enrolment has begun.
        tx_code: Its transaction code, where it has one.
        issuer: The issuer that a person named.
        verifier: URL of the verifier to be admitted by.
        audience: What that calls itself, if not its URL.
        format_: The format to take the credentials in.
        patience: With an operator who has to approve the device.
    """

    offer: Offer | OfferReference | None = None
    tx_code: str | None = field(default=None, repr=False)
    issuer: str | None = None
    verifier: str | None = None
    audience: str | None = None
    format_: Format | None = None
    patience: Patience | None = None


def carry_out(
    agent: Agent, ledger: LedgerAccess, errand: Errand, tell: Callable[[str], None]
) -> JsonObject | None:
    """Do what is missing: finish an update that was begun, enrol, register, present.

    Args:
        agent: The device's.
        ledger: Where it is registered.
        errand: What it is sent for.
        tell: Called with the name of each step that is about to be taken.

    Returns:
        What the verifier decided, if there was one to go to.

    Raises:
        KeybornError: The step that failed; to run it again goes on from there.
    """
    if agent.controller.pending:
        tell("finish the update that was begun")
        agent.resume(ledger)
    progress = agent.store.progress()
    if errand.offer is not None or (progress is not None and not progress.settled):
        tell("enroll")
        agent.enroll(
            errand.offer,
            ledger,
            tx_code=errand.tx_code,
            issuer=errand.issuer,
            format_=errand.format_,
            patience=errand.patience,
        )
    if not agent.is_registered(ledger):
        tell("register")
    agent.register(ledger)
    if errand.verifier is None:
        return None
    tell("present")
    return agent.present(errand.verifier, audience=errand.audience)
