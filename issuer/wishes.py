"""What one credential request asks for, once possession of its DIDs is proven."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from did.configurations import CredentialConfiguration
from did.identifier import KeybornDid
from did.nonce import Nonce
from issuer.possession import Possession


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for.

    Attributes:
        claim: The id that the access token is for.
        configuration: Which credential.
        dids: For whom: canonical, each once, in the order in which their proofs came.
        nonces: What is used up with it; the proofs of one request may share one.
        transaction: Of a request that was deferred, which is answered with this; else None.
        at: Now.
    """

    claim: str
    configuration: CredentialConfiguration
    dids: tuple[KeybornDid, ...]
    nonces: tuple[Nonce, ...]
    transaction: str | None
    at: datetime

    @classmethod
    def proven(
        cls,
        claim: str,
        configuration: CredentialConfiguration,
        possessions: Sequence[Possession],
        *,
        at: datetime,
    ) -> Self:
        """That of a request whose proofs were checked; several of one DID count once."""
        return cls(
            claim,
            configuration,
            tuple(dict.fromkeys(each.did.canonical for each in possessions)),
            tuple(dict.fromkeys(each.nonce for each in possessions)),
            None,
            at,
        )

    @property
    def digests(self) -> tuple[bytes, ...]:
        """What is stored of its nonces, 32 bytes each."""
        return tuple(hashlib.sha256(nonce.text.encode()).digest() for nonce in self.nonces)
