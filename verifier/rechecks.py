"""A device that was admitted, judged again: is it still what it was admitted as, and still wanted?

Of the steps of ``verifier.verifier``, these are taken anew, by the trust root and the freshness
rules of any decision: 3 (the key that signed is still the current one), 6 for each credential, its
signature included, and 7. The others are about the presentation, which was made for one moment.

So a device that is revoked, suspended or deactivated, that has rotated its key, or whose issuer is
trusted no more, is refused; one that was suspended and is reinstated is in again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from did.errors import KeybornError
from did.identifier import KeybornDid
from did.keys import PublicKey
from did.resolution import NotAtHandError, Resolver
from did.vc.credential import Credential
from did.vc.formats import Format, read_credential
from verifier.conclusion import AuthenticatedDevice, check_key, conclude
from verifier.decision import Check, Trail
from verifier.inquiry import Inquiry, at_hand
from verifier.statuses import Statuses
from verifier.trust_root import TrustRoot


@dataclass(frozen=True, slots=True)
class Shown:
    """What an admitted device has shown, as far as it can be judged again.

    Attributes:
        did: Its DID, in short form.
        key: The key that it signed with.
        credentials: Each as it was secured, with its format.
    """

    did: KeybornDid
    key: PublicKey
    credentials: tuple[tuple[bytes, Format], ...]


def shown_by(device: AuthenticatedDevice) -> Shown:
    """What ``device`` has shown."""
    credentials = tuple((each.to_bytes(), each.format) for each in device.credentials)
    return Shown(device.did, device.key, credentials)


class Rechecks:
    """Judges again, by one trust root, over one log.

    Raises from its methods as ``Verifier``: ``Invalid``, ``Refused`` or ``Undecided``.
    """

    def __init__(self, *, trust_root: TrustRoot, resolver: Resolver, statuses: Statuses) -> None:
        self._root = trust_root
        self._digest = trust_root.digest
        self._resolver = resolver
        self._statuses = statuses

    def check(self, shown: Shown, *, at: datetime) -> AuthenticatedDevice:
        """The device, if it would be admitted at this moment; ``at`` is the clock, read once."""
        return self._check(shown, Inquiry(self._root, self._resolver, at), self._statuses)

    def check_all(
        self, shown: Sequence[Shown], *, at: datetime
    ) -> list[AuthenticatedDevice | KeybornError | None]:
        """As ``check``, for many at once: the log is brought up to date once for all of them.

        Returns:
            Of each, in their order: the device, or the error that ``check`` would raise; None
            where something would have to be fetched, for which ``check`` waits.
        """
        resolver = at_hand(self._resolver, [each.did for each in shown])
        statuses = self._statuses.at_hand()
        outcomes: list[AuthenticatedDevice | KeybornError | None] = []
        for each in shown:
            try:
                outcomes.append(self._check(each, Inquiry(self._root, resolver, at), statuses))
            except KeybornError as error:
                outcomes.append(error)
            except NotAtHandError:
                outcomes.append(None)
        return outcomes

    def _check(self, shown: Shown, inquiry: Inquiry, statuses: Statuses) -> AuthenticatedDevice:
        trail = Trail()
        with trail.step(Check.FORMAT) as found:
            credentials = _read(shown)
            found.facts["credentials"] = len(credentials)
        with trail.step(Check.HOLDER) as found:
            check_key(shown.did, shown.key, inquiry, found)
        return conclude(
            [credentials],
            holder=(shown.did, shown.key),
            inquiry=inquiry,
            statuses=statuses,
            trail=trail,
            digest=self._digest,
        )


def _read(shown: Shown) -> tuple[Credential, ...]:
    return tuple(read_credential(data, format_) for data, format_ in shown.credentials)
