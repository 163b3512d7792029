"""The test vectors of ``did:keyborn``, made from fixed seeds (``docs/did-method.md``, section 7).

``python tests/keyborn_vectors.py`` writes them to ``tests/vectors/keyborn``; a test compares.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any, Final

from actors import actor
from operations import Life, spare
from vector_batches import valid_batches, void_batches
from vector_logs import ignored, lives
from vector_parts import ALPHA, LOG, TIME
from vector_signatures import signatures

from did.document import document
from did.identifier import Genesis, KeybornDid
from did.keys import SigningKey
from did.resolution import Finality
from ledger.embedded.heads import Statement
from ledger.operations import (
    Create,
    Operation,
    operation_hash,
    rotation_message,
)

FOLDER: Final = Path(__file__).parent / "vectors" / "keyborn"


def files() -> dict[str, Any]:
    """Every file of vectors: name and content."""
    return {
        "births.json": {"births": [birth(name) for name in ("alpha", "beta", "gamma")]},
        "batches.json": {"valid": valid_batches(), "void": void_batches()},
        "operations.json": {"operations": operations()},
        "heads.json": heads(),
        "logs.json": {"logs": [log.to_json() for log in (*lives(), *ignored(), *signatures())]},
    }


def text(content: Any) -> str:
    return json.dumps(content, indent=1) + "\n"


def birth(name: str) -> Any:
    born = actor(name)
    key, next_key = born.key.public_key(), born.next_key.public_key()
    genesis = Genesis.of(key, next_key)
    did = KeybornDid.born(genesis)
    return {
        "seed": born.key.seed.hex(),
        "nextSeed": born.next_key.seed.hex(),
        "publicKey": key.raw.hex(),
        "nextPublicKey": next_key.raw.hex(),
        "commitment": genesis.next.hex(),
        "genesis": genesis.to_bytes().hex(),
        "id": did.id.hex(),
        "did": did.canonical.text,
        "longForm": did.text,
        "document": document(did.canonical, key),
        "deactivatedDocument": document(did.canonical, None),
    }


def operations() -> list[Any]:
    life = Life(ALPHA, LOG)
    first = life.create()
    made = [operation("create", first, prev=None, signer=None)]
    for name, act in (
        ("first rotation", life.rotate),
        ("second rotation", life.rotate),
        ("deactivation", life.deactivate),
    ):
        before = life.current
        made.append(
            operation(name, act(), prev=before.operation, signer=spare(ALPHA, before.number))
        )
    return made


def operation(name: str, done: Operation, *, prev: bytes | None, signer: SigningKey | None) -> Any:
    hashed = operation_hash(done, log_id=LOG, prev=prev).hex()
    if isinstance(done, Create):
        return {"name": name, "genesis": done.genesis.to_bytes().hex(), "hash": hashed}
    assert prev is not None
    assert signer is not None
    return {
        "name": name,
        "logId": LOG.hex(),
        "id": done.id.hex(),
        "prev": prev.hex(),
        "reveal": done.reveal.hex(),
        "next": None if done.next is None else done.next.hex(),
        "message": rotation_message(LOG, done.id, prev, done.reveal, done.next).hex(),
        "hash": hashed,
        "seed": signer.seed.hex(),
        "sig": done.signature.hex(),
    }


def heads() -> Any:
    key = actor("head key").key
    made = []
    for finality, sequence in zip(Finality, (3, 2, 0), strict=True):
        head = LOG if sequence == 0 else hashlib.sha256(bytes([sequence])).digest()
        statement = Statement(LOG, finality, sequence, head, TIME + sequence)
        made.append(
            {
                "finality": finality.value,
                "sequence": sequence,
                "head": head.hex(),
                "time": statement.time,
                "statement": statement.to_bytes().hex(),
                "evidence": statement.sign(key).hex(),
            }
        )
    return {"logId": LOG.hex(), "headKey": key.public_key().raw.hex(), "heads": made}


def main() -> None:
    for name, made in files().items():
        (FOLDER / name).write_text(text(made))
        sys.stdout.write(f"{FOLDER / name}\n")


if __name__ == "__main__":
    main()
