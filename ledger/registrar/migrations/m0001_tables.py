"""The tables as they were when there were no migrations yet."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_INTEGER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "submissions",
        sa.Column("id", _INTEGER, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("since", _INTEGER, nullable=False),
        sa.Column("sequence", _INTEGER),
        sa.Column("block_number", _INTEGER),
        sa.Column("block_time", _INTEGER),
        sa.Column("transaction", sa.String()),
        sa.Column("gas", _INTEGER),
        sa.Column("gas_price", _INTEGER),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_submissions_state", "submissions", ["state"])
    op.create_table(
        "attempts",
        sa.Column("id", _INTEGER, nullable=False),
        sa.Column("submission", _INTEGER, nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["submission"], ["submissions.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_attempts_submission", "attempts", ["submission"])
    op.create_table(
        "operations",
        sa.Column("id", _INTEGER, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("did", sa.LargeBinary(), nullable=False),
        sa.Column("prev", sa.LargeBinary()),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("accepted", _INTEGER, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("submission", _INTEGER),
        sa.ForeignKeyConstraint(["submission"], ["submissions.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("hash"),
        sqlite_autoincrement=True,
    )
    op.create_index("operations_by_did", "operations", ["did", "state"])
    op.create_index("operations_by_state", "operations", ["state", "id"])
    op.create_index("operations_by_submission", "operations", ["submission"])
