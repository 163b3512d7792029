"""Who asks: client identifiers and their prefixes (OpenID4VP 1.0, section 5.9)."""

from dataclasses import dataclass
from enum import StrEnum

from did.errors import Refused
from did.identifier import Did, parse_did


class Prefix(StrEnum):
    """Client identifier prefixes (section 5.9.3)."""

    REDIRECT_URI = "redirect_uri"
    FEDERATION = "openid_federation"
    DID = "decentralized_identifier"
    ATTESTATION = "verifier_attestation"
    X509_SAN_DNS = "x509_san_dns"
    X509_HASH = "x509_hash"
    ORIGIN = "origin"


@dataclass(frozen=True, slots=True)
class ClientId:
    """Who asks.

    Attributes:
        prefix: How ``name`` is to be read; None for a client that is known beforehand.
        name: What follows the prefix.
    """

    prefix: Prefix | None
    name: str

    @property
    def text(self) -> str:
        """As it travels, prefix included."""
        return self.name if self.prefix is None else f"{self.prefix.value}:{self.name}"

    def did(self) -> Did:
        """The DID that asks.

        Raises:
            Refused: ``client_id_prefix_not_supported``: it is named in another way.
            Invalid: As ``did.identifier.parse_did``.
        """
        if self.prefix is not Prefix.DID:
            raise Refused(
                "client_id_prefix_not_supported",
                f"who asks is not named with {Prefix.DID.value}, so nothing proves who it is",
                value=self.text,
                hint=f"have the verifier ask as {Prefix.DID.value}:did:...",
            )
        return parse_did(self.name)


def parse_client_id(text: str) -> ClientId:
    """The client id that ``text`` is (sections 5.9.1 and 5.9.2).

    What stands before the first colon is a prefix if it is one of those that there are.
    """
    before, colon, after = text.partition(":")
    if colon and before in list(Prefix):
        return ClientId(Prefix(before), after)
    return ClientId(None, text)


def parse_pin(text: str) -> Did:
    """The DID of a verifier that somebody names, with the prefix of its client id or without.

    Raises:
        KeybornError: As ``did.identifier.parse_did``.
    """
    return parse_did(text.removeprefix(f"{Prefix.DID.value}:"))


def client_id_of(did: Did) -> ClientId:
    """The client id of a verifier that is known by ``did``."""
    return ClientId(Prefix.DID, did.text)
