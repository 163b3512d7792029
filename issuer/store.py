"""What the issuer keeps: tables, and what must be single-use as constraints on them.

Times are whole seconds since 1970 (UTC) unless a column says otherwise. Codes and nonces are kept
as SHA-256 digests alone. JSON columns hold canonical JSON (RFC 8785) as bytes.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    Engine,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

from keyborn.storage import Integer64, StoreKind
from keyborn.storage import open_store as open_kind

metadata: Final = MetaData()

settings: Final = Table(
    "settings",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

claims: Final = Table(
    "claims",
    metadata,
    Column("number", Integer64, primary_key=True),  # the order of listing
    Column("id", String, nullable=False, unique=True),
    Column("code_hash", LargeBinary, nullable=False, unique=True),
    Column("devices", Integer64, nullable=False),  # how many may take it
    Column("dids", LargeBinary),  # which, if the claim names them: each has its place in the list
    Column("approval", Boolean, nullable=False),  # whether an operator must approve each device
    Column("tx_code_hash", LargeBinary),
    Column("tx_failures", Integer64, nullable=False, default=0),
    Column("created", Integer64, nullable=False),
    Column("expires", Integer64, nullable=False),
    Column("cancelled", Integer64),
    Column("completed", Integer64),  # when the last credential on offer was granted
    Column("model", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("roles", LargeBinary, nullable=False),
    Column("tags", LargeBinary, nullable=False),
    Column("configuration", LargeBinary),  # network secrets; None if none are on offer
    sqlite_autoincrement=True,
)

# Whoever inserts here first has a place of the claim. A place is taken once, and a DID takes one.
# Places are counted from 0, up to the claim's ``devices``.
holders: Final = Table(
    "claim_holders",
    metadata,
    Column("claim", ForeignKey(claims.c.id), primary_key=True),
    Column("place", Integer64, primary_key=True),
    Column("did", String, nullable=False),
    Column("taken", Integer64, nullable=False),
    Column("approved", Integer64),  # when an operator did, where the claim needs that
    Column("denied", Integer64),
    UniqueConstraint("claim", "did"),
)

# One credential of each configuration for a DID of a claim, as it was issued: a repeat gives the
# same bytes, which are what the configuration's format has: JSON, a JWT, CBOR.
grants: Final = Table(
    "grants",
    metadata,
    Column("claim", ForeignKey(claims.c.id), primary_key=True),
    Column("did", String, primary_key=True, index=True),
    Column("configuration", String, primary_key=True),
    Column("credential", LargeBinary, nullable=False),
    Column("valid_from", Integer64, nullable=False, index=True),
    Column("granted", Integer64, nullable=False),
)

# What was asked for while it awaits approval. To ask for the same again gives the same transaction.
transactions: Final = Table(
    "transactions",
    metadata,
    Column("id", String, primary_key=True),  # as the device has it
    Column("claim", ForeignKey(claims.c.id), nullable=False),
    Column("configuration", String, nullable=False),
    Column("dids", LargeBinary, nullable=False),  # whose proofs were shown, in their order
    Column("created", Integer64, nullable=False),
    Column("collected", Integer64),  # when its credentials were handed out: it is over then
    UniqueConstraint("claim", "configuration", "dids"),
)

# An answer that had credentials in it, by the notification id that it had.
answers: Final = Table(
    "answers",
    metadata,
    Column("notification", String, primary_key=True),
    Column("claim", ForeignKey(claims.c.id), nullable=False, index=True),
    Column("configuration", String, nullable=False),
    Column("dids", LargeBinary, nullable=False),
)

# What wallets said of an answer. To say it again changes nothing.
notifications: Final = Table(
    "notifications",
    metadata,
    Column("number", Integer64, primary_key=True),  # the order of listing
    Column("notification", ForeignKey(answers.c.notification), nullable=False),
    Column("event", String, nullable=False),
    Column("description", String),
    Column("received", Integer64, nullable=False),
    UniqueConstraint("notification", "event"),
    sqlite_autoincrement=True,
)

used_nonces: Final = Table(
    "used_nonces",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("expires", Integer64, nullable=False, index=True),
)

devices: Final = Table(
    "devices",
    metadata,
    Column("number", Integer64, primary_key=True),  # the order of listing
    Column("did", String, nullable=False, unique=True),  # canonical form
    Column("model", String, nullable=False, index=True),
    Column("owner", String, nullable=False),
    Column("roles", LargeBinary, nullable=False),
    Column("known", Integer64, nullable=False),  # when the inventory first heard of it
    Column("provisioned", Integer64),  # when it was first granted its provisioning credential
    Column("suspended", Integer64),
    Column("revoked", Integer64),
    Column("message", String),  # what verifiers are told of it; None if nothing was set
    sqlite_autoincrement=True,
)

device_tags: Final = Table(
    "device_tags",
    metadata,
    Column("did", ForeignKey(devices.c.did), primary_key=True),
    Column("name", String, primary_key=True),
    Column("value", String, nullable=False),
    Index("device_tags_by_value", "name", "value"),
)

status_lists: Final = Table(
    "status_lists",
    metadata,
    Column("name", String, primary_key=True),
    Column("purpose", String, nullable=False),
    Column("base", String, nullable=False),  # where the issuer's lists were when it was begun
    Column("url", String, nullable=False, unique=True),  # as entries name it, for good
    Column("messages", LargeBinary, nullable=False, default=b"[]"),  # what its values mean; JSON
    Column("allocated", Integer64, nullable=False, default=0),
    Column("changes", Integer64, nullable=False, default=0),  # one more with each change of values
    # The newest publication: ``changes`` that it shows, the key that signed it (multibase), its ttl
    # in milliseconds, its validFrom and its validUntil in microseconds since 1970.
    Column("published_changes", Integer64),
    Column("published_key", String),
    Column("published_ttl", Integer64),
    Column("valid_from", Integer64),
    Column("valid_until", Integer64),
    Index("status_lists_open", "purpose", "base", "allocated"),
)

# A publication as it is served, in each media type that was asked for.
status_publications: Final = Table(
    "status_publications",
    metadata,
    Column("list", ForeignKey(status_lists.c.name), primary_key=True),
    Column("media_type", String, primary_key=True),
    Column("valid_from", Integer64, nullable=False),  # of the publication
    Column("content", LargeBinary, nullable=False),
)

# An index is given out once: to a credential of a device, or to one that stands for itself.
status_indexes: Final = Table(
    "status_indexes",
    metadata,
    Column("list", ForeignKey(status_lists.c.name), primary_key=True),
    Column("position", Integer64, primary_key=True),
    Column("did", ForeignKey(devices.c.did), index=True),
    Column("credential", String, index=True),
    Column("value", Integer64, nullable=False, default=0),
    CheckConstraint("(did IS NULL) <> (credential IS NULL)", name="one_holder"),
)
# What a publication reads: all that is set, and nothing else.
Index(
    "status_indexes_set",
    status_indexes.c.list,
    status_indexes.c.position,
    status_indexes.c.value,
    sqlite_where=status_indexes.c.value != 0,
    postgresql_where=status_indexes.c.value != 0,
)


def _renew(connection: Connection, at: datetime) -> Mapping[str, object]:
    from issuer.restoring import renew  # noqa: PLC0415 - it needs the tables above

    return renew(connection, at)


KIND: Final = StoreKind("issuer", metadata, "issuer.migrations", former=2, renew=_renew)


def open_store(location: str | Path) -> Engine:
    """The issuer's store at ``location``, a path or URL; as ``keyborn.storage.open_store``."""
    return open_kind(location, KIND)
