"""One device and all that it does: born, enrolled, registered, presenting, rotating, ending.

Each method is one step of a device's life. A step may be repeated; one that was interrupted is
taken up where it was. ``run`` does whatever is missing next.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from devices.connections import Connections
from devices.progress import Progress
from devices.store import Store
from did.challenge import Challenge
from did.errors import Conflict, Unavailable, Undecided
from did.identifier import KeybornDid
from did.jcs import JsonObject
from did.resolution import RETRY_UNTIL_FINAL, Finality, Registration, Resolution
from did.vc.formats import Format, credential_in
from keyborn import clock
from keyborn.faults import FaultPoint
from keyborn.polling import poll
from ledger.controller import Controller
from ledger.landing import Effect
from ledger.log import Receipt
from ledger.operations import Create

if TYPE_CHECKING:
    from devices.ledger_access import LedgerAccess
    from devices.obtaining import Patience
    from devices.presenting import Presented
    from did.openid4vci import Offer, OfferReference
    from ledger.network import Network

_PATIENCE: Final = 120.0  # seconds until what is on the log must be final

_BORN: Final = FaultPoint("device.init.after_identity")
_SIGNED: Final = FaultPoint("device.present.before_deliver")
_DELIVERED: Final = FaultPoint("device.present.after_deliver")


@dataclass(frozen=True, slots=True)
class OnLog:
    """Where a DID stands on the log, and what the registrar says of the operation behind it."""

    resolution: Resolution
    receipt: Receipt | None

    def to_json(self) -> JsonObject:
        """As data: the DID's metadata and, on Ethereum, transaction and gas."""
        value: JsonObject = {
            "did": self.resolution.did.canonical.text,
            **self.resolution.metadata(),
        }
        if self.receipt is not None and self.receipt.transaction is not None:
            value["transaction"] = self.receipt.transaction
            value["gas"] = self.receipt.gas
        return value


class Agent:
    """What acts for the device in ``store``."""

    def __init__(
        self,
        store: Store,
        connections: Connections,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self.store = store
        self.controller = Controller.open(store.identity)
        self.connections: Final = connections
        self.now: Final = now

    @classmethod
    def born(
        cls, directory: Path, connections: Connections, *, next_out: Path | None = None
    ) -> Self:
        """The device in ``directory``, which is given its keys and its DID if it has none.

        Args:
            directory: Of the store.
            connections: Of the agent.
            next_out: Where the next key goes, to be kept off the device.
        """
        store = Store.prepare(directory)
        with store.exclusive():
            Controller.create(store.identity, next_out=next_out)
            _BORN.reached()
        return cls(store, connections)

    @property
    def did(self) -> KeybornDid:
        """The device's DID, long form."""
        return self.controller.did

    def network(self, named: "Network | None" = None) -> "Network":
        """The network ``named``, remembered from now on; or the one remembered.

        Raises:
            Conflict: ``other_network``.
            Unavailable: ``network_unknown``.
        """
        if named is not None:
            self.store.remember_network(named)
            return named
        known = self.store.network()
        if known is None:
            raise Unavailable(
                "network_unknown",
                "this device has not been told which log it uses",
                hint="name it once: --network FILE (who runs the ledger hands the file out)",
            )
        return known

    def enroll(
        self,
        offer: "Offer | OfferReference | None",
        ledger: "LedgerAccess",
        *,
        tx_code: str | None = None,
        issuer: str | None = None,
        format_: "Format | None" = None,
        patience: "Patience | None" = None,
    ) -> Progress:
        """Get and keep the credentials of a claim.

        Args:
            offer: The claim, perhaps by reference; None goes on with the one that was begun.
            ledger: To verify the issuer on.
            tx_code: As ``devices.enrolment.begin``, like the following.
            issuer: See there.
            format_: See there.
            patience: With an operator who has to approve the device; none by default.

        Raises:
            Undecided: ``approval_pending``.
            Unavailable: ``no_claim``, and as the steps do.
            KeybornError: as ``devices.enrolment``.
        """
        from devices.enrolment import Enrolment, begin  # noqa: PLC0415 - once in a device's life

        if offer is not None:
            claim = self._fetched(offer, issuer)
            progress = begin(self.store, claim, tx_code=tx_code, issuer=issuer, format_=format_)
        else:
            known = self.store.progress()
            if known is None:
                raise Unavailable(
                    "no_claim",
                    "no enrolment has been begun",
                    step="offer",
                    hint="ask the operator for a claim, and enrol with its offer",
                )
            progress = known
        if progress.settled:
            return progress
        enrolment = Enrolment(
            self.store,
            did=self.did,
            signer=self.controller.signer,
            log_id=ledger.network.log_id,
            resolver=ledger.reader,
            clock=self.now,
            patience=patience,
        )
        return enrolment.finish(progress, self.connections.to(progress.issuer))

    def _fetched(self, offer: "Offer | OfferReference", issuer: str | None) -> "Offer":
        from devices.offers import check_reference, fetch_offer  # noqa: PLC0415 - as enrolment
        from did.openid4vci import OfferReference  # noqa: PLC0415 - as enrolment

        if not isinstance(offer, OfferReference):
            return offer
        check_reference(offer, issuer=issuer)
        return fetch_offer(offer, self.connections.to(offer.url.partition("?")[0]))

    def announce(self, ledger: "LedgerAccess") -> None:
        """Hand the DID's create to the registrar, without waiting for the log."""
        assert self.did.genesis is not None  # a controller's DID is in its long form
        ledger.registrar.submit(Create(self.did.genesis))

    def is_registered(self, ledger: "LedgerAccess") -> bool:
        """Whether the log has the DID, settled or not."""
        return ledger.reader.resolve(self.did).registration is Registration.YES

    def register(self, ledger: "LedgerAccess") -> OnLog:
        """Put the DID on the log; when it is final there, what the log says of it.

        Raises:
            Undecided: ``not_on_log_yet`` or ``not_final``: on its way; do it again later.
            KeybornError: as ``ledger.controller.Controller``.
        """
        return self._settled(self.controller.register(ledger.registrar, ledger.reader), ledger)

    def rotate(
        self,
        ledger: "LedgerAccess",
        *,
        next_key: Path | None = None,
        tell: Callable[[OnLog], None] | None = None,
    ) -> OnLog:
        """Make the next key the current one; as ``register``.

        Args:
            ledger: Where.
            next_key: The next key's file, if it is kept off the device.
            tell: Given what is returned. Until it has been, and the rotation is final, to rotate
                again is to go on with this rotation.
        """
        told: list[OnLog] = []

        def report(effect: Effect) -> None:
            told.append(self._settled(effect, ledger))
            if tell is not None:
                tell(told[0])

        self.controller.rotate(ledger.registrar, ledger.reader, next_key=next_key, report=report)
        return told[0]

    def deactivate(self, ledger: "LedgerAccess", *, next_key: Path | None = None) -> OnLog:
        """End the DID, for good; as ``rotate``."""
        effect = self.controller.deactivate(ledger.registrar, ledger.reader, next_key=next_key)
        return self._settled(effect, ledger)

    def resume(self, ledger: "LedgerAccess") -> OnLog:
        """Finish the rotation or the deactivation that was begun; as ``rotate``."""
        try:
            return self.rotate(ledger)
        except Conflict as error:
            if error.code != "deactivation_pending":
                raise
        return self.deactivate(ledger)

    def _settled(self, effect: Effect, ledger: "LedgerAccess") -> OnLog:
        """Wait until what was done is final: until then verifiers do not decide."""

        def final() -> Resolution | None:
            resolution = ledger.reader.resolve(self.did.canonical)
            newest = resolution.versions[-1] if resolution.versions else None
            settled = newest is not None and newest.finality is Finality.FINALIZED
            return resolution if settled else None

        resolution = poll(final, _PATIENCE)
        if resolution is None:
            raise Undecided(
                "not_final",
                "the operation is on the log, which has not made it final yet",
                step="wait for finality",
                hint="do the same again later",
                retry_after=RETRY_UNTIL_FINAL,
            )
        return OnLog(resolution, effect.receipt)

    def credential(self) -> JsonObject:
        """What the device presents; raises ``Unavailable`` (``not_enrolled``)."""
        document = self.store.credential("provisioning")
        if document is None:
            raise Unavailable(
                "not_enrolled",
                "this device has no credential to present",
                step="present",
                hint="enrol it: keyborn device enroll OFFER",
            )
        return document

    def configuration(self) -> JsonObject:
        """What the issuer configured: endpoints, network secrets; as the operator's claim had it.

        Raises:
            Unavailable: ``not_configured``.
        """
        document = self.store.credential("configuration")
        subject = {} if document is None else credential_in(document).subject
        value = subject.get("configuration")
        if not isinstance(value, dict):
            raise Unavailable(
                "not_configured",
                "this device has not been given a configuration",
                hint="enrol it with a claim that has one",
            )
        return value

    def answer(
        self,
        challenge: Challenge,
        credential: JsonObject | None = None,
        *,
        format: Format | None = None,  # noqa: A002 - the field's name
    ) -> "Presented":
        """The presentation that answers ``challenge``: of ``credential``, or of the stored one.

        It is in ``format``; by default, in that of the credential.
        """
        from devices.presenting import answer  # noqa: PLC0415 - slow to import

        return answer(
            challenge,
            credential or self.credential(),
            self.controller.signer,
            did=self.did,
            at=self.now(),
            format=format,
        )

    def present(
        self,
        verifier: str,
        *,
        audience: str | None = None,
        credential: JsonObject | None = None,
        format: Format | None = None,  # noqa: A002 - the field's name
    ) -> JsonObject:
        """Be asked by ``verifier`` (a URL), answer, and return what it decided.

        Args:
            verifier: Where the verifier is reached.
            audience: What it calls itself, if not that URL.
            credential: To present instead of the stored one.
            format: Of the presentation; by default, that of the credential.

        Raises:
            Refused: as ``devices.presenting``.
            Undecided: as ``devices.presenting``.
        """
        from devices.presenting import ask, deliver  # noqa: PLC0415 - slow to import

        http = self.connections.to(verifier)
        challenge = ask(http, self.did, audience=audience or verifier)
        presentation = self.answer(challenge, credential, format=format)
        _SIGNED.reached()
        decided = deliver(http, presentation)
        _DELIVERED.reached()
        return decided

    def prove(self, *, audience: str, nonce: str) -> str:
        """A possession proof (OpenID4VCI 1.0, appendix F.1), for enrolling by other means."""
        from did.possession import sign_possession  # noqa: PLC0415 - as enrolment

        return sign_possession(
            self.did,
            self.controller.signer,
            audience=audience,
            nonce=nonce,
            issued=self.now(),
        )
