"""What was acknowledged stands, and once: in a store of the issuer, on the log, at a verifier."""

import hashlib
from pathlib import Path
from typing import Final

import httpx
import orjson
from sqlalchemy import Engine, select
from torture.devices import TIMEOUT, Acknowledged, credential_in, show

from did.identifier import parse_keyborn
from did.resolution import Registration
from issuer import store as tables
from issuer.store import KIND
from keyborn.storage import open_store, reading
from ledger.network import load_network, open_reader

_REFUSALS: Final = frozenset({"challenge_used", "challenge_expired", "unknown_challenge"})


def check_challenges(verifier: str, told: Acknowledged) -> None:
    """No presentation that was accepted is accepted again at this URL."""
    with httpx.Client(timeout=TIMEOUT) as http:
        for shown in list(told.accepted):
            answer = show(http, verifier, shown)
            assert answer.status_code in {400, 403}, answer.text
            assert orjson.loads(answer.content)["code"] in _REFUSALS, answer.text


def check_log(network: Path, folder: Path, told: Acknowledged) -> None:
    """Each device is registered, for who reads the log from its beginning."""
    with open_reader(load_network(network), folder / "fresh.db") as reader:
        dids = [parse_keyborn(did) for did in told.registered]
        for resolution in reader.resolve_all(dids):
            assert resolution.registration is Registration.YES, resolution.did.text
            assert len(resolution.versions) == 1


def check_store(location: str | Path, told: Acknowledged) -> int:
    """What was answered is what is kept, nothing is there twice; how many grants there are.

    Args:
        location: The store of the issuer, a path or a PostgreSQL URL.
        told: What was answered.
    """
    engine = open_store(location, KIND)
    try:
        return _check_store(engine, told)
    finally:
        engine.dispose()


def _check_store(engine: Engine, told: Acknowledged) -> int:
    grants, claims, indexes = tables.grants, tables.claims, tables.status_indexes
    query = select(grants.c.did, claims.c.code_hash, grants.c.credential)
    joined = query.join(claims, claims.c.id == grants.c.claim)
    with reading(engine) as connection:
        if engine.dialect.name == "sqlite":
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalars().all() == ["ok"]
            assert not connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        kept: dict[str, list[tuple[bytes, bytes]]] = {}
        for row in connection.execute(joined):
            kept.setdefault(row.did, []).append((bytes(row.code_hash), bytes(row.credential)))
        positions = connection.execute(select(indexes.c.list, indexes.c.position)).all()
    assert len(set(positions)) == len(positions), "an entry of a status list was given twice"
    codes = [code for granted in kept.values() for code, _ in granted]
    assert len(set(codes)) == len(codes), "a claim was taken twice"
    for did, (code, answer) in told.credentials.items():
        ((digest, credential),) = kept[did]
        assert digest == hashlib.sha256(code.encode()).digest()
        again = orjson.dumps(orjson.loads(credential), option=orjson.OPT_SORT_KEYS)
        assert again == credential_in(answer), "another was acknowledged"
    return len(codes)
