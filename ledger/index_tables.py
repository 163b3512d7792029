"""The tables of an index, and the values that their rows are."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, MetaData, String, Table

from did.identifier import GENESIS_BYTES
from did.limits import LIMITS
from did.resolution import Finality
from ledger.log import Head

# More operations than a batch has room for: its creates take 64 bytes each, its updates more.
PLACES: Final = LIMITS.batch // GENESIS_BYTES

METADATA: Final = MetaData()
LOG: Final = Table("log", METADATA, Column("id", LargeBinary, primary_key=True))
ENTRIES: Final = Table(
    "entries",
    METADATA,
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("head", LargeBinary, nullable=False),
    Column("block_number", Integer, nullable=False),
    Column("block_time", Integer, nullable=False),
)
# Rows in the order of the log, so that a replay appends and a roll-back cuts off the end.
VERSIONS: Final = Table(
    "versions",
    METADATA,
    Column("position", Integer, primary_key=True, autoincrement=False),  # sequence * PLACES + place
    Column("id", LargeBinary, nullable=False),
    Column("number", Integer, nullable=False),
    Column("operation", LargeBinary),  # null for a creation, whose hash is the id
    Column("key", LargeBinary),
    Column("next", LargeBinary),
    Index("versions_by_id", "id", "number", unique=True),
)
HEADS: Final = Table(
    "heads",
    METADATA,
    Column("finality", String, primary_key=True),
    Column("sequence", Integer, nullable=False),
    Column("head", LargeBinary, nullable=False),
    Column("time", Integer, nullable=False),
    Column("evidence", LargeBinary, nullable=False),
)
FINDINGS: Final = Table(
    "findings",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("code", String, nullable=False),
    Column("alarm", Boolean, nullable=False),
    *(
        Column(f"{side}_{name}", kind, nullable=False)
        for side in ("seen", "shown")
        for name, kind in (
            ("finality", String),
            ("sequence", Integer),
            ("head", LargeBinary),
            ("time", Integer),
            ("evidence", LargeBinary),
        )
    ),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """Two verified heads that contradict each other.

    Attributes:
        code: ``ledger_rollback``, ``ledger_fork`` or ``ledger_heads_contradict``.
        seen: What was verified and believed before.
        shown: What was verified now, and cannot stand beside it.
        alarm: Whether the reader stops until an operator has dealt with it.
    """

    code: str
    seen: Head
    shown: Head
    alarm: bool


def head_of(row: Any, prefix: str = "") -> Head:  # noqa: ANN401 - a row's columns are not typed
    """The head in the columns of ``row`` whose names begin with ``prefix``."""
    return Head(
        sequence=getattr(row, f"{prefix}sequence"),
        head=getattr(row, f"{prefix}head"),
        time=getattr(row, f"{prefix}time"),
        finality=Finality(getattr(row, f"{prefix}finality")),
        evidence=getattr(row, f"{prefix}evidence"),
    )


def finding_of(row: Any) -> Finding:  # noqa: ANN401 - as above
    """The finding in a row of ``FINDINGS``."""
    return Finding(row.code, head_of(row, "seen_"), head_of(row, "shown_"), row.alarm)


def row_of(head: Head, prefix: str = "") -> dict[str, object]:
    """The columns of ``head``, their names beginning with ``prefix``."""
    columns = {
        "finality": head.finality.value,
        "sequence": head.sequence,
        "head": head.head,
        "time": head.time,
        "evidence": head.evidence,
    }
    return {f"{prefix}{name}": value for name, value in columns.items()}
