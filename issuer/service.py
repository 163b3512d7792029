"""What every part of the issuer needs, built once by whoever starts it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from urllib.parse import urlsplit

from sqlalchemy import Engine

from did.errors import Invalid
from did.identifier import KeybornDid
from did.resolution import Resolution, Resolver
from issuer.deferral import INTERVAL
from issuer.identity import Identity
from issuer.keys import Keys
from issuer.status_terms import StatusTerms
from keyborn.chaos import Chaos
from keyborn.clock import now
from keyborn.storage import Eras
from ledger.state import DidState


class DeviceLog(Resolver, Protocol):
    """The log on which devices are registered; ``ledger.reader.LogReader`` is one."""

    def sync(self) -> object:
        """Bring what is known up to date; raises ``Undecided`` if that cannot be done."""
        ...

    def resolve_all(self, dids: Sequence[KeybornDid]) -> list[Resolution]:
        """What it says of each of ``dids``, as of one moment from now on; raises as ``resolve``."""
        ...

    def state(self, id_: bytes) -> DidState | None:
        """The newest state of the DID with this 32-byte id, as of the last sync."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """One issuer.

    Attributes:
        url: The credential issuer identifier (OpenID4VCI 1.0, section 12.2.1).
        engine: Its store.
        keys: Its keys, save the one that signs.
        eras: Of the nonces that it gives out.
        identity: Its DID and the key that signs.
        log: Where devices are registered.
        log_id: That log's id, 32 bytes.
        statuses: How it keeps status lists.
        approval_interval: Seconds after which a device that awaits approval may ask again.
        clock: The time, aware.
        chaos: What goes wrong on purpose; None for nothing.
    """

    url: str
    engine: Engine
    keys: Keys
    eras: Eras
    identity: Identity
    log: DeviceLog
    log_id: bytes
    statuses: StatusTerms = field(default_factory=StatusTerms)
    approval_interval: int = INTERVAL
    clock: Callable[[], datetime] = now
    chaos: Chaos | None = None

    def __post_init__(self) -> None:
        check_url(self.url)


def check_url(url: str) -> None:
    """Return if ``url`` can be a credential issuer identifier.

    Raises:
        Invalid: ``invalid_issuer_url``.
    """
    parts = urlsplit(url)
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or parts.query
        or parts.fragment
        or "@" in parts.netloc
        or url.endswith(("/", "?", "#"))
        or not url.isascii()
    ):
        raise Invalid(
            "invalid_issuer_url",
            "an issuer is named by a URL with a host, without user, query, fragment or final slash",
            value=url,
            hint="such as https://issuer.example",
        )
