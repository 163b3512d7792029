from pathlib import Path

import pytest
from actors import DEVICE
from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError

from issuer.store import (
    devices,
    open_store,
    settings,
    status_indexes,
    status_lists,
    used_nonces,
)
from keyborn.storage import insert_once

DEVICE_ROW = {
    "did": DEVICE.short.text,
    "model": "m",
    "owner": "o",
    "roles": b"[]",
    "known": 0,
}


def test_a_row_that_a_constraint_keeps_out_leaves_the_transaction_alive(tmp_path: Path) -> None:
    engine = open_store(tmp_path / "issuer.sqlite")
    row = {"digest": b"d" * 32, "expires": 1}
    with engine.begin() as connection:
        assert insert_once(connection, used_nonces, row)
        assert not insert_once(connection, used_nonces, row)
        assert insert_once(connection, settings, {"name": "after", "value": b""})
    with engine.begin() as connection:
        assert connection.execute(select(settings.c.name)).scalars().all() == ["after"]
        assert not insert_once(connection, used_nonces, row)
    engine.dispose()


def test_an_index_belongs_to_a_device_or_a_credential(tmp_path: Path) -> None:
    engine = open_store(tmp_path / "issuer.sqlite")
    with engine.begin() as connection:
        connection.execute(
            insert(status_lists).values(
                name="revocation-1", purpose="revocation", base="b", url="u"
            )
        )
    place = insert(status_indexes).values(list="revocation-1", position=1)
    both = {"did": DEVICE.short.text, "credential": "urn:uuid:1"}
    with engine.begin() as connection:
        connection.execute(insert(devices).values(DEVICE_ROW))
    for held_by in ({"did": "did:keyborn:none"}, {}, both):
        with pytest.raises(IntegrityError), engine.begin() as connection:
            connection.execute(place.values(**held_by))
    for held_by in ({"did": DEVICE.short.text}, {"credential": "urn:uuid:1"}):
        with engine.begin() as connection:
            connection.execute(delete(status_indexes))
            connection.execute(place.values(**held_by))
    engine.dispose()
