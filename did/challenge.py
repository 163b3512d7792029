"""What a verifier asks a device with, before the device presents."""

from dataclasses import dataclass
from datetime import datetime

from did.errors import Invalid
from did.identifier import Did, parse_did
from did.jcs import JsonObject
from did.limits import LIMITS
from did.timestamps import format_time, parse_time


@dataclass(frozen=True, slots=True)
class Challenge:
    """One question of one verifier, to be answered once.

    Attributes:
        nonce: Goes into the presentation's proof as ``challenge``.
        audience: The verifier's name, a URL; goes in as ``domain``.
        expires: When it ends.
        did: The one DID that may answer it, if it was made for one.
    """

    nonce: str
    audience: str
    expires: datetime
    did: Did | None = None

    def to_json(self) -> JsonObject:
        """As it travels from verifier to device."""
        value: JsonObject = {
            "challenge": self.nonce,
            "domain": self.audience,
            "expires": format_time(self.expires),
        }
        if self.did is not None:
            value["did"] = self.did.text
        return value

    @classmethod
    def from_json(cls, value: JsonObject) -> "Challenge":
        """Read a challenge; raises ``Invalid`` (``invalid_challenge``)."""
        nonce, audience, did = value.get("challenge"), value.get("domain"), value.get("did")
        if not isinstance(nonce, str) or not isinstance(audience, str):
            raise Invalid("invalid_challenge", "a challenge lacks its nonce or its domain")
        if not 0 < len(nonce) <= LIMITS.challenge or not audience:
            raise Invalid("invalid_challenge", "a challenge's nonce or domain is empty or too long")
        if not isinstance(did, str | None) or (did is None and "did" in value):
            raise Invalid("invalid_challenge", "a challenge's did is not a string")
        try:
            expires = parse_time(value.get("expires"))
            who = parse_did(did) if did is not None else None
        except Invalid as error:
            raise Invalid(
                "invalid_challenge", f"a challenge is malformed: {error.message}"
            ) from error
        return cls(nonce, audience, expires, who)
