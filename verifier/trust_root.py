"""Whom a verifier believes: one log, issuers, and what it asks of both. Pure values.

``verifier.trust_file`` reads them from the file, where each field is explained.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from did.errors import Invalid, Refused
from did.identifier import Did
from did.jcs import JsonObject, canonicalize
from did.keys import PublicKey
from did.resolution import Finality
from did.timestamps import format_time
from did.vc.credential import PROVISIONING
from did.web_identifier import WebDid
from ledger.network import Network

DEFAULT_TYPES: Final = (PROVISIONING,)

# What may follow a status prefix: plain path segments, nothing that a server or a proxy resolves.
_BELOW = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class TrustedIssuer:
    """An issuer that the verifier believes, and for what.

    Attributes:
        did: Who, in canonical form.
        types: The credential types that it may issue, at least one.
        status: URL prefixes, each ending with a slash, below which its status lists are fetched.
        status_issuers: Others that may sign its status lists.
        since: Its credentials count if their ``validFrom`` is not before this.
        until: Its credentials count if their ``validFrom`` is before this.
        compromised_keys: Keys of it, or of ``status_issuers``, that others may hold: what they
            signed counts no more.
    """

    did: Did
    types: tuple[str, ...]
    status: tuple[str, ...]
    since: datetime | None = None
    until: datetime | None = None
    compromised_keys: tuple[PublicKey, ...] = ()
    status_issuers: tuple[Did, ...] = ()

    def status_prefix(self, url: str) -> str | None:
        """The prefix that ``url`` lies below; None where this issuer's lists do not belong."""
        for prefix in self.status:
            if url.startswith(prefix) and _BELOW.fullmatch(url, len(prefix)):
                return prefix
        return None

    def to_table(self) -> dict[str, Any]:
        """Its TOML table."""
        table: dict[str, Any] = {
            "did": self.did.text,
            "types": list(self.types),
            "status": list(self.status),
            "status_issuers": [did.text for did in self.status_issuers],
            "compromised_keys": [key.multibase for key in self.compromised_keys],
        }
        if self.since is not None:
            table["from"] = self.since
        if self.until is not None:
            table["until"] = self.until
        return table


@dataclass(frozen=True, slots=True)
class Policy:
    """What the verifier asks beyond proofs.

    Attributes:
        finality: How settled the log's entries must be.
        max_ledger_age: How old the newest verified head of the log may be.
        max_status_age: How long ago a status list, or the document of a did:web issuer, may have
            been fetched; zero: for this decision.
        clock_skew: How far clocks may be apart.
        models: Accepted device models; empty: any.
        roles: Roles that a device must have, all of them; empty: none.
        refused_messages: What an issuer's status lists may not say of it; empty: anything.
    """

    finality: Finality = Finality.FINALIZED
    max_ledger_age: timedelta = timedelta(seconds=300)
    max_status_age: timedelta = timedelta(seconds=300)
    clock_skew: timedelta = timedelta(seconds=60)
    models: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    refused_messages: tuple[str, ...] = ()

    def to_table(self) -> dict[str, Any]:
        """Its TOML table."""
        table: dict[str, Any] = {
            "finality": self.finality.value,
            "max_ledger_age": int(self.max_ledger_age.total_seconds()),
            "max_status_age": int(self.max_status_age.total_seconds()),
            "clock_skew": int(self.clock_skew.total_seconds()),
        }
        if self.models:
            table["models"] = list(self.models)
        if self.roles:
            table["roles"] = list(self.roles)
        if self.refused_messages:
            table["refused_messages"] = list(self.refused_messages)
        return table


@dataclass(frozen=True, slots=True)
class TrustRoot:
    """Whom a verifier believes: exactly one log, and at least one issuer, each once.

    Raises:
        Invalid: ``invalid_trust_root``: no issuers, or one twice.
    """

    network: Network
    issuers: tuple[TrustedIssuer, ...]
    policy: Policy = Policy()

    def __post_init__(self) -> None:
        if not self.issuers:
            raise Invalid(
                "invalid_trust_root", "a trust root names no issuers", hint="name at least one"
            )
        if len({issuer.did for issuer in self.issuers}) != len(self.issuers):
            raise Invalid(
                "invalid_trust_root",
                "a trust root names an issuer twice",
                hint="put all that is said of it into one table",
            )

    @property
    def log_id(self) -> bytes:
        """The pinned log, 32 bytes."""
        return self.network.log_id

    @property
    def digest(self) -> str:
        """SHA-256 over what it says, in hex: names it in decision records."""
        said: JsonObject = {
            "log": self.network.to_table(),
            "issuers": [_json(issuer.to_table()) for issuer in self.issuers],
            "policy": self.policy.to_table(),
        }
        return hashlib.sha256(canonicalize(said)).hexdigest()

    def may_fetch(self, did: Did) -> bool:
        """Whether the document of a did:web may be fetched: it is named as issuer, or for lists."""
        return any(did in (issuer.did, *issuer.status_issuers) for issuer in self.issuers)

    @property
    def names_hosts(self) -> bool:
        """Whether a did:web is named at all."""
        named = (did for issuer in self.issuers for did in (issuer.did, *issuer.status_issuers))
        return any(isinstance(did, WebDid) for did in named)

    def issuer(self, did: Did) -> TrustedIssuer:
        """The entry of ``did``.

        Raises:
            Refused: ``untrusted_issuer``.
        """
        for issuer in self.issuers:
            if issuer.did == did:
                return issuer
        raise Refused(
            "untrusted_issuer",
            "the issuer is not on the trust root",
            value=did.text,
            hint="if it is to be believed, add it to the trust root as [[issuers]]",
        )


def _json(table: dict[str, Any]) -> JsonObject:
    """``table`` with its times as text."""
    return {
        name: format_time(value) if isinstance(value, datetime) else value
        for name, value in table.items()
    }
