"""What a claim gives: the facts that the issuer will state of each device that takes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Final

from did.configurations import in_each_format
from did.errors import Invalid
from did.identifier import KeybornDid
from did.jcs import JsonObject, canonicalize
from did.openid4vci import CONFIGURATION_CONFIGURATION, PROVISIONING_CONFIGURATION
from did.strict_json import parse

LIFETIME: Final = timedelta(days=1)
MAX_LIFETIME: Final = timedelta(days=366)
MAX_DEVICES: Final = 500
MAX_CONFIGURATION: Final = 65_536  # bytes of canonical JSON
MAX_CONFIGURATION_DEPTH: Final = 8  # it is nested into a credential, and that into an answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a claim gives, and to whom.

    Attributes:
        model: The device's model.
        owner: Who it belongs to.
        roles: What it may do there.
        tags: For the operator's own use; in no credential.
        configuration: How the device connects, with its secrets; None if none is on offer.
        dids: The DIDs that may take the claim, if they are known beforehand; each once.
        devices: How many devices may take it, the first ones to come; as many as ``dids``, if any.
        approval: Whether an operator must approve each device that comes.
        tx_code: Whether a transaction code is needed beside the offer.
        lifetime: How long the claim can be redeemed.

    Raises:
        Invalid: ``invalid_claim``.
    """

    model: str
    owner: str
    roles: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    configuration: JsonObject | None = field(default=None, repr=False)
    dids: tuple[KeybornDid, ...] = ()
    devices: int = 1
    approval: bool = False
    tx_code: bool = False
    lifetime: timedelta = LIFETIME

    def __post_init__(self) -> None:
        named = len(self.dids)
        if len({did.id for did in self.dids}) != named or named > MAX_DEVICES:
            raise Invalid(
                "invalid_claim",
                f"a claim names up to {MAX_DEVICES} DIDs, each once",
                hint="make several claims",
            )
        if named and self.devices == 1:
            object.__setattr__(self, "devices", named)
        if not 1 <= self.devices <= MAX_DEVICES or self.devices != (named or self.devices):
            raise Invalid(
                "invalid_claim",
                f"a claim is for 1 to {MAX_DEVICES} devices: those that it names, if it names any",
                hint="name the DIDs, or say how many devices there are",
            )
        if not timedelta(0) < self.lifetime <= MAX_LIFETIME:
            raise Invalid(
                "invalid_claim",
                f"a claim lives for up to {MAX_LIFETIME.days} days, and not less",
                hint="choose a number of seconds within that",
            )
        if self.configuration is not None:
            data = canonicalize(self.configuration)
            try:
                parse(data, max_bytes=MAX_CONFIGURATION, max_depth=MAX_CONFIGURATION_DEPTH)
            except Invalid as error:
                raise Invalid(
                    "invalid_claim",
                    f"the configuration: {error.message}",
                    hint="use a smaller object of texts, small integers, lists and objects",
                ) from error

    def kinds(self) -> tuple[str, ...]:
        """The kinds of credential on offer, each of which can be had in each format."""
        if self.configuration is None:
            return (PROVISIONING_CONFIGURATION,)
        return (PROVISIONING_CONFIGURATION, CONFIGURATION_CONFIGURATION)

    def configurations(self) -> tuple[str, ...]:
        """The credential configuration ids on offer: those of the standard format first."""
        return _configurations(self.kinds())


@cache  # of the few kinds that there are
def _configurations(kinds: tuple[str, ...]) -> tuple[str, ...]:
    offered = [in_each_format(kind) for kind in kinds]
    return tuple(each.id for row in zip(*offered, strict=True) for each in row)
