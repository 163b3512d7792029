"""The credentials that can be asked for, each in each format.

OpenID4VCI 1.0 calls them credential configurations. One is named by its kind, followed by the
format unless that is ``ldp_vc``: ``device-provisioning``, ``device-provisioning-vc-jwt``.
``vc+jwt`` and ``vc+cose`` are format identifiers of our own; as appendix A recommends, each is the
name of a media type.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from did.openid4vci import CONFIGURATION_CONFIGURATION, PROVISIONING_CONFIGURATION
from did.vc.credential import CONFIGURATION, PROVISIONING
from did.vc.securing import Format

# By kind, whose name is that of its configuration in ``ldp_vc``: the credential's type.
TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {PROVISIONING_CONFIGURATION: PROVISIONING, CONFIGURATION_CONFIGURATION: CONFIGURATION}
)


@dataclass(frozen=True, slots=True)
class CredentialConfiguration:
    """One kind of credential in one format.

    Attributes:
        kind: ``device-provisioning`` or ``device-configuration``.
        format: How it is secured and encoded.
    """

    kind: str
    format: Format

    @property
    def id(self) -> str:
        """The credential configuration id."""
        if self.format is Format.LDP_VC:
            return self.kind
        return f"{self.kind}-{self.format.replace('+', '-').replace('_', '-')}"

    @property
    def type(self) -> str:
        """The credential's type, beside ``VerifiableCredential``."""
        return TYPES[self.kind]


def in_each_format(kind: str) -> tuple[CredentialConfiguration, ...]:
    """The configurations of ``kind``, the standard format first."""
    return tuple(CredentialConfiguration(kind, format_) for format_ in Format)


CONFIGURATIONS: Final[Mapping[str, CredentialConfiguration]] = MappingProxyType(
    {each.id: each for kind in TYPES for each in in_each_format(kind)}
)
