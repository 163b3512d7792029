from pathlib import Path

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from issuer.store import inserted, open_store, settings, status_indexes, status_lists, used_nonces


def test_a_row_that_a_constraint_keeps_out_leaves_the_transaction_alive(tmp_path: Path) -> None:
    engine = open_store(tmp_path / "issuer.sqlite")
    row = insert(used_nonces).values(digest=b"d" * 32, expires=1)
    with engine.begin() as connection:
        assert inserted(connection, row)
        assert not inserted(connection, row)
        assert inserted(connection, insert(settings).values(name="after", value=b""))
    with engine.begin() as connection:
        assert connection.execute(select(settings.c.name)).scalars().all() == ["after"]
        assert not inserted(connection, row)
    engine.dispose()


def test_an_index_belongs_to_a_device(tmp_path: Path) -> None:
    engine = open_store(tmp_path / "issuer.sqlite")
    with engine.begin() as connection:
        connection.execute(
            insert(status_lists).values(name="revocation-1", purpose="revocation", url="u")
        )
    stray = insert(status_indexes).values(list="revocation-1", position=1, did="did:keyborn:none")
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(stray)
    engine.dispose()
