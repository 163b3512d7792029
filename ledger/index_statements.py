"""The statements of replay and resolution, as text, which the driver prepares once."""

from typing import Final

# The creates of an entry are two strings, which SQLite takes apart: a million rows, and no object
# for any. That is done aside, since a statement that calls functions may fail halfway, so that it
# copies each page before it writes to it; and there are nearly as many pages as there are rows.
CREATE_ASIDE: Final = (
    "CREATE TEMP TABLE IF NOT EXISTS creates"
    " (position INTEGER PRIMARY KEY, id BLOB, key BLOB, next BLOB)"
)
UNPACK_CREATES: Final = (
    "WITH RECURSIVE places(place) AS"
    " (VALUES (0) UNION ALL SELECT place + 1 FROM places WHERE place + 1 < ?1)"
    " INSERT INTO creates SELECT ?2 + place, substr(?3, 32 * place + 1, 32),"
    " substr(?4, 64 * place + 1, 32), substr(?4, 64 * place + 33, 32) FROM places"
)
INSERT_CREATES: Final = (
    "INSERT OR IGNORE INTO versions (position, id, number, key, next)"
    " SELECT position, id, 0, key, next FROM creates ORDER BY position"
)
CLEAR_CREATES: Final = "DELETE FROM creates"
INSERT_UPDATES: Final = (
    "INSERT INTO versions (position, id, number, operation, key, next) VALUES (?, ?, ?, ?, ?, ?)"
)
SELECT_NEWEST: Final = (
    "WITH wanted(id) AS (VALUES {places})"
    " SELECT v.id, v.number, coalesce(v.operation, v.id), v.key, v.next FROM wanted w"
    " JOIN versions v ON v.id = w.id"
    " AND v.number = (SELECT max(number) FROM versions x WHERE x.id = w.id)"
)
SELECT_HEADS: Final = "SELECT finality, sequence, head, time, evidence FROM heads"
SELECT_HEAD_AT: Final = "SELECT head FROM entries WHERE sequence = ?"
SELECT_ALARM: Final = "SELECT min(number) FROM findings WHERE alarm"
SELECT_HISTORIES: Final = (
    "WITH wanted(id) AS (VALUES {places})"
    " SELECT v.id, v.number, coalesce(v.operation, v.id), v.key, v.next,"
    " e.sequence, e.block_number, e.block_time FROM wanted w JOIN versions v ON v.id = w.id"
    " JOIN entries e ON e.sequence = v.position / ? ORDER BY v.number"
)
