"""How far an enrolment has come: what a device keeps of it, to go on after any interruption."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

_NO_TOKEN: Final[Mapping[str, object]] = MappingProxyType(
    {"token": None, "token_expires": None, "identifiers": None}
)


class Awaited(BaseModel):
    """A credential that the issuer deferred.

    Attributes:
        configuration: What was asked for.
        transaction: What to come back with.
        not_before: When, at the earliest.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    configuration: str
    transaction: str = Field(repr=False)
    not_before: AwareDatetime


class Progress(BaseModel):
    """How far the enrolment with one claim has come.

    Attributes:
        issuer: The credential issuer identifier.
        claim: SHA-256 of issuer and code, hex: recognises the claim when its code is erased.
        configurations: What was offered and is wanted.
        code: The pre-authorized code; erased when all is received.
        tx_code: As ``code``.
        token: The access token; erased when all is received, and the issuer was told of it.
        token_expires: When ``token`` ends.
        identifiers: The credential identifiers that came with ``token``, by configuration.
        issuer_did: The DID that signed the first credential; the others must be signed by it too.
        received: The configurations whose credentials are stored.
        awaited: What the issuer deferred.
        unsaid: The notification ids of answers that were stored, and not told to the issuer yet.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    issuer: str
    claim: str
    configurations: tuple[str, ...]
    code: str | None = Field(default=None, repr=False)
    tx_code: str | None = Field(default=None, repr=False)
    token: str | None = Field(default=None, repr=False)
    token_expires: AwareDatetime | None = None
    identifiers: dict[str, str] | None = None
    issuer_did: str | None = None
    received: tuple[str, ...] = ()
    awaited: tuple[Awaited, ...] = ()
    unsaid: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _can_go_on(self) -> Self:
        if self.missing and self.code is None:
            raise ValueError("something is missing, and the code with which to get it is gone")
        return self

    @property
    def missing(self) -> tuple[str, ...]:
        """What is still to be received."""
        return tuple(name for name in self.configurations if name not in self.received)

    @property
    def complete(self) -> bool:
        """Whether everything is received."""
        return not self.missing

    @property
    def settled(self) -> bool:
        """Whether nothing is left to do: all is received, and the issuer was told."""
        return self.complete and not self.unsaid

    def awaiting(self, configuration: str) -> Awaited | None:
        """What is awaited of ``configuration``."""
        return next((each for each in self.awaited if each.configuration == configuration), None)

    def with_awaited(self, awaited: Awaited) -> "Progress":
        """One that the issuer deferred, or deferred again."""
        others = self._others(awaited.configuration)
        return self.model_copy(update={"awaited": (*others, awaited)})

    def without_awaited(self, configuration: str) -> "Progress":
        """One that is not to be waited for any longer."""
        return self.model_copy(update={"awaited": self._others(configuration)})

    def with_token(
        self, token: str, expires: datetime | None, identifiers: Mapping[str, str] | None = None
    ) -> "Progress":
        """The access token obtained."""
        named = None if identifiers is None else dict(identifiers)
        return self.model_copy(
            update={"token": token, "token_expires": expires, "identifiers": named}
        )

    def with_received(
        self, configuration: str, issuer_did: str, notification: str | None = None
    ) -> "Progress":
        """One more credential stored; with the last, all that is secret is erased.

        The access token stays until the issuer was told: it opens nothing any more.
        """
        received = (*(name for name in self.received if name != configuration), configuration)
        update: dict[str, object] = {
            "received": received,
            "issuer_did": issuer_did,
            "awaited": self._others(configuration),
            "unsaid": self.unsaid if notification is None else (*self.unsaid, notification),
        }
        if set(received) >= set(self.configurations):
            update |= {"code": None, "tx_code": None}
            if not update["unsaid"]:
                update |= _NO_TOKEN
        return self.model_copy(update=update)

    def with_said(self, notification: str) -> "Progress":
        """The issuer was told of an answer, or is not to be told any more."""
        unsaid = tuple(each for each in self.unsaid if each != notification)
        over: dict[str, object] = {} if unsaid or not self.complete else dict(_NO_TOKEN)
        return self.model_copy(update={"unsaid": unsaid, **over})

    def _others(self, configuration: str) -> tuple[Awaited, ...]:
        return tuple(each for each in self.awaited if each.configuration != configuration)


def claim_digest(issuer: str, code: str) -> str:
    """What a claim is recognised by without its code: SHA-256, hex."""
    return hashlib.sha256(f"{issuer}\n{code}".encode()).hexdigest()
