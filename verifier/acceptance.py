"""Whose credentials a proof verifier takes: those of the trust root, or, unsafely, anybody's."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from did.errors import Refused
from did.identifier import Did
from did.keys import PublicKey
from did.timestamps import format_time
from verifier.trust_root import TrustedIssuer, TrustRoot

_ANY_CREDENTIAL: Final = "VerifiableCredential"


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a credential whose signatures hold says of its origin.

    Attributes:
        issuer: In canonical form.
        types: All of them.
        signed: Its ``validFrom``, or ``issuanceDate``; None if it has neither.
        key: The issuer's, that signed.
    """

    issuer: Did
    types: Sequence[str]
    signed: datetime | None
    key: PublicKey


class IssuerAcceptance(Protocol):
    """Decides on issuers."""

    def accept(self, claimed: Claimed) -> TrustedIssuer | None:
        """The issuer, as far as the trust root knows it.

        Raises:
            Refused: Its credential is not taken.
        """
        ...


@dataclass(frozen=True, slots=True)
class TrustedIssuersAlone:
    """Takes what the trust root believes: issuer, all types, time, and no compromised key."""

    trust_root: TrustRoot

    def accept(self, claimed: Claimed) -> TrustedIssuer:
        """As ``IssuerAcceptance``; ``untrusted_issuer`` and the like."""
        issuer = self.trust_root.issuer(claimed.issuer)
        for name in claimed.types:
            if name != _ANY_CREDENTIAL and name not in issuer.types:
                raise Refused(
                    "untrusted_type",
                    "the trust root does not trust the issuer for this type of credential",
                    value=name,
                    hint="if it is to be believed, add the type to the issuer's types",
                )
        if claimed.key in issuer.compromised_keys:
            raise Refused(
                "issuer_key_compromised",
                "the trust root marks the key that signed the credential as compromised",
                value=claimed.key.multibase,
                hint="have the issuer issue the credential anew, with its current key",
            )
        signed = claimed.signed
        if (issuer.since is not None and (signed is None or signed < issuer.since)) or (
            issuer.until is not None and (signed is None or signed >= issuer.until)
        ):
            raise Refused(
                "untrusted_time",
                "the trust root does not trust the issuer for the time of the credential",
                value=None if signed is None else format_time(signed),
                hint="see from and until of the issuer in the trust root",
            )
        return issuer


@dataclass(frozen=True, slots=True)
class UnsafeAcceptAnyIssuer:
    """Takes anybody's credentials, which proves nothing to anybody: for conformance tests alone."""

    trust_root: TrustRoot

    def accept(self, claimed: Claimed) -> TrustedIssuer | None:
        """The issuer if the trust root has it, so that its status lists are looked at."""
        known = (each for each in self.trust_root.issuers if each.did == claimed.issuer)
        return next(known, None)
