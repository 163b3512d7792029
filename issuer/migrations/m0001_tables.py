"""The tables as they were when there were no migrations yet."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_INTEGER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "claims",
        sa.Column("number", _INTEGER, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("devices", _INTEGER, nullable=False),
        sa.Column("dids", sa.LargeBinary()),
        sa.Column("approval", sa.Boolean(), nullable=False),
        sa.Column("tx_code_hash", sa.LargeBinary()),
        sa.Column("tx_failures", _INTEGER, nullable=False),
        sa.Column("created", _INTEGER, nullable=False),
        sa.Column("expires", _INTEGER, nullable=False),
        sa.Column("cancelled", _INTEGER),
        sa.Column("completed", _INTEGER),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("roles", sa.LargeBinary(), nullable=False),
        sa.Column("tags", sa.LargeBinary(), nullable=False),
        sa.Column("configuration", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("code_hash"),
        sa.UniqueConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "devices",
        sa.Column("number", _INTEGER, nullable=False),
        sa.Column("did", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("roles", sa.LargeBinary(), nullable=False),
        sa.Column("known", _INTEGER, nullable=False),
        sa.Column("provisioned", _INTEGER),
        sa.Column("suspended", _INTEGER),
        sa.Column("revoked", _INTEGER),
        sa.Column("message", sa.String()),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("did"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_devices_model", "devices", ["model"])
    op.create_table(
        "settings",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "status_lists",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("base", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("messages", sa.LargeBinary(), nullable=False),
        sa.Column("allocated", _INTEGER, nullable=False),
        sa.Column("changes", _INTEGER, nullable=False),
        sa.Column("published_changes", _INTEGER),
        sa.Column("published_key", sa.String()),
        sa.Column("published_ttl", _INTEGER),
        sa.Column("valid_from", _INTEGER),
        sa.Column("valid_until", _INTEGER),
        sa.PrimaryKeyConstraint("name"),
        sa.UniqueConstraint("url"),
    )
    op.create_index("status_lists_open", "status_lists", ["purpose", "base", "allocated"])
    op.create_table(
        "used_nonces",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("expires", _INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("ix_used_nonces_expires", "used_nonces", ["expires"])
    op.create_table(
        "answers",
        sa.Column("notification", sa.String(), nullable=False),
        sa.Column("claim", sa.String(), nullable=False),
        sa.Column("configuration", sa.String(), nullable=False),
        sa.Column("dids", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["claim"], ["claims.id"]),
        sa.PrimaryKeyConstraint("notification"),
    )
    op.create_index("ix_answers_claim", "answers", ["claim"])
    op.create_table(
        "claim_holders",
        sa.Column("claim", sa.String(), nullable=False),
        sa.Column("place", _INTEGER, nullable=False),
        sa.Column("did", sa.String(), nullable=False),
        sa.Column("taken", _INTEGER, nullable=False),
        sa.Column("approved", _INTEGER),
        sa.Column("denied", _INTEGER),
        sa.ForeignKeyConstraint(["claim"], ["claims.id"]),
        sa.PrimaryKeyConstraint("claim", "place"),
        sa.UniqueConstraint("claim", "did"),
    )
    op.create_table(
        "device_tags",
        sa.Column("did", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["did"], ["devices.did"]),
        sa.PrimaryKeyConstraint("did", "name"),
    )
    op.create_index("device_tags_by_value", "device_tags", ["name", "value"])
    op.create_table(
        "grants",
        sa.Column("claim", sa.String(), nullable=False),
        sa.Column("did", sa.String(), nullable=False),
        sa.Column("configuration", sa.String(), nullable=False),
        sa.Column("credential", sa.LargeBinary(), nullable=False),
        sa.Column("valid_from", _INTEGER, nullable=False),
        sa.Column("granted", _INTEGER, nullable=False),
        sa.ForeignKeyConstraint(["claim"], ["claims.id"]),
        sa.PrimaryKeyConstraint("claim", "did", "configuration"),
    )
    op.create_index("ix_grants_did", "grants", ["did"])
    op.create_index("ix_grants_valid_from", "grants", ["valid_from"])
    op.create_table(
        "status_indexes",
        sa.Column("list", sa.String(), nullable=False),
        sa.Column("position", _INTEGER, nullable=False),
        sa.Column("did", sa.String()),
        sa.Column("credential", sa.String()),
        sa.Column("value", _INTEGER, nullable=False),
        sa.CheckConstraint("(did IS NULL) <> (credential IS NULL)", name="one_holder"),
        sa.ForeignKeyConstraint(["did"], ["devices.did"]),
        sa.ForeignKeyConstraint(["list"], ["status_lists.name"]),
        sa.PrimaryKeyConstraint("list", "position"),
    )
    op.create_index("ix_status_indexes_credential", "status_indexes", ["credential"])
    op.create_index("ix_status_indexes_did", "status_indexes", ["did"])
    op.create_index(
        "status_indexes_set",
        "status_indexes",
        ["list", "position", "value"],
        sqlite_where=sa.text("value != 0"),
        postgresql_where=sa.text("value != 0"),
    )
    op.create_table(
        "status_publications",
        sa.Column("list", sa.String(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("valid_from", _INTEGER, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["list"], ["status_lists.name"]),
        sa.PrimaryKeyConstraint("list", "media_type"),
    )
    op.create_table(
        "transactions",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("claim", sa.String(), nullable=False),
        sa.Column("configuration", sa.String(), nullable=False),
        sa.Column("dids", sa.LargeBinary(), nullable=False),
        sa.Column("created", _INTEGER, nullable=False),
        sa.Column("collected", _INTEGER),
        sa.ForeignKeyConstraint(["claim"], ["claims.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("claim", "configuration", "dids"),
    )
    op.create_table(
        "notifications",
        sa.Column("number", _INTEGER, nullable=False),
        sa.Column("notification", sa.String(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("description", sa.String()),
        sa.Column("received", _INTEGER, nullable=False),
        sa.ForeignKeyConstraint(["notification"], ["answers.notification"]),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("notification", "event"),
        sqlite_autoincrement=True,
    )
