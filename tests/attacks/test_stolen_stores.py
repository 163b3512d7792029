"""Somebody has a store: what the threat model says that it is good for, and what it is not.

Each *can* is done here too, so that what it rests on is really in the store.
"""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from actors import DEVICE, STRANGER
from gatehouse import AUDIENCE, Gatehouse
from issuing import SECRETS, TERMS, World, issuing
from operations import Life, batch, create
from outcomes import invalid, refused, undecided
from registrar_support import Site, rotation
from worlds import embedded_world

from did.errors import KeybornError
from did.jose import EncryptionKey, encrypt_jwe
from did.multibase import base64url_encode, multibase_encode
from did.resolution import Registration
from did.vc.status_list import SUSPENSION
from issuer import tokens
from issuer.claims import tx_code_hash
from issuer.keys import load_keys
from issuer.store import open_store as open_issuer_store
from ledger.chain import next_head
from ledger.embedded.store import EmbeddedLedger
from ledger.identity_store import read_key
from ledger.index import Index
from ledger.reader import LogReader
from verifier.challenges import ChallengeBook
from verifier.decision import Check
from verifier.store import open_store


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with issuing(tmp_path) as world:
        yield world


def read(path: Path) -> bytes:
    """All that stands in a database's files."""
    return b"".join(file.read_bytes() for file in sorted(path.parent.glob(f"{path.name}*")))


@contextmanager
def altering(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path)) as connection, connection:
        yield connection


def spellings(secret: bytes) -> dict[str, bytes]:
    return {
        "raw": secret,
        "hex": secret.hex().encode(),
        "base64url": base64url_encode(secret).encode(),
        "multibase": multibase_encode(secret).encode(),
        "as a private Multikey": multibase_encode(b"\x80\x26" + secret).encode(),
    }


def test_who_reads_the_issuers_database(world: World) -> None:
    terms = replace(TERMS, configuration=SECRETS, tx_code=True)
    open_, bound = world.claim(terms), world.claim(replace(TERMS, dids=(DEVICE.short,)))
    issued = world.enrol(DEVICE)
    store = read(world.directory / "issuer.sqlite")

    # Secrets of claims, and who got what.
    assert b"correct horse" in store
    assert issued.to_bytes() in store
    # Access tokens, and with them what is not taken and not bound.
    with closing(sqlite3.connect(world.directory / "issuer.sqlite")) as database:
        ((key,),) = database.execute("SELECT value FROM settings WHERE name = 'token_mac_key'")
        ((tx_hash,),) = database.execute(
            "SELECT tx_code_hash FROM claims WHERE id = ?", (open_.id,)
        )
    answer = world.ask(tokens.mint(key, bound.id, at=world.clock()), world.proof(STRANGER))
    assert "[claim_bound]" in answer.json()["error_description"]
    taken = world.ask(tokens.mint(key, open_.id, at=world.clock()), world.proof(STRANGER))
    assert taken.status_code == 200
    # A transaction code: its hash tells which of a million guesses is right.
    guesses = (f"{(int(open_.tx_code or 0) + n) % 10**6:06}" for n in range(-500, 500))
    found = [guess for guess in guesses if tx_code_hash(open_.id, guess) == tx_hash]
    assert found == [open_.tx_code]

    # No code, and no key that signs.
    for claim in (open_, bound):
        assert claim.offer.code.encode() not in store
    keys = list((world.directory / "identity" / "keys").iterdir())
    assert len(keys) == 2
    for file in keys:
        found = spellings(read_key(file).seed).items()
        assert [name for name, text in found if text in store] == []


def test_who_alters_the_issuers_database(world: World) -> None:
    """A claim is open again, for whoever has its code; whoever has it not is no further."""
    claim = world.claim()
    assert world.ask(world.token(claim), world.proof(DEVICE)).status_code == 200
    with altering(world.directory / "issuer.sqlite") as database:
        database.execute("DELETE FROM grants")
        database.execute("DELETE FROM claim_holders")
    assert world.ask(world.token(claim), world.proof(STRANGER)).status_code == 200
    other = world.claim()
    forged = replace(other, offer=replace(other.offer, code="A" * len(other.offer.code)))
    assert world.redeem(forged).json()["error"] == "invalid_grant"


def test_a_recorded_request_is_read_with_the_issuers_database(world: World) -> None:
    """The encryption key is kept: what was sent to it before can be read by who has it later."""
    recorded = encrypt_jwe(b"a request", world.issuer.keys.encryption.public_jwk())
    engine = open_issuer_store(world.directory / "issuer.sqlite")
    stolen = load_keys(engine).encryption
    engine.dispose()
    assert stolen.decrypt(recorded) == b"a request"
    with invalid("invalid_jwe"):
        EncryptionKey(bytes(range(32)), stolen.kid).decrypt(recorded)


def test_who_reads_the_verifiers_database(house: Gatehouse) -> None:
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    verifier = house.verifier()
    with closing(open_store(house.directory / "verifier")) as stolen:
        challenge = ChallengeBook(store=stolen, audience=AUDIENCE).issue(at=house.now)

    for key in (STRANGER.key, DEVICE.next_key):
        forged = house.present(device, credential, challenge=challenge, key=key)
        with invalid("unknown_verification_method", Check.HOLDER):
            verifier.admit(forged, at=house.now)
    # It is taken for the verifier's own, and so is the device's answer to it.
    verifier.admit(house.present(device, credential, challenge=challenge), at=house.now)


def test_who_alters_the_verifiers_database(house: Gatehouse) -> None:
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    house.policy = replace(house.policy, max_status_age=timedelta(minutes=1))
    verifier = house.verifier()
    answer = house.present(device, credential, challenge=verifier.challenge(at=house.now))
    verifier.admit(answer, at=house.now)
    file = house.directory / "verifier" / "verifier.db"
    with refused("challenge_used"):
        verifier.admit(answer, at=house.now)

    # A used challenge counts again, within its life.
    with altering(file) as database:
        database.execute("DELETE FROM used_challenges")
    verifier.admit(answer, at=house.now)
    # A suspension is hidden, until the list is fetched again.
    clear = dict(house.statuses.served)
    house.wait(90)
    house.issuer.set(SUSPENSION)
    with refused("suspended", Check.STATUS):
        house.admit(device, credential)
    with altering(file) as database:
        database.execute("UPDATE status_lists SET bits = zeroblob(length(bits))")
    house.admit(device, credential)
    house.wait(90)
    with refused("suspended", Check.STATUS):
        house.admit(device, credential)
    # A version that was seen is forgotten, so that an older one is taken.
    house.wait(90)
    house.statuses.served = clear
    with undecided("status_rolled_back", Check.STATUS):
        house.admit(device, credential)
    with altering(file) as database:
        database.execute("DELETE FROM status_lists")
    house.admit(device, credential)

    # What it does not give: the answer after its end, and anybody else's answer.
    with altering(file) as database:
        database.execute("DELETE FROM used_challenges")
    with refused("challenge_expired"):
        verifier.admit(answer, at=house.now)
    challenge = verifier.challenge(at=house.now)
    with invalid("unknown_verification_method", Check.HOLDER):
        verifier.admit(
            house.present(device, credential, challenge=challenge, key=STRANGER.key), at=house.now
        )


def test_who_alters_a_readers_index(tmp_path: Path) -> None:
    with embedded_world(tmp_path) as world:
        device = Life(DEVICE, world.ledger.log_id)
        world.append(device.create())
        world.settle()
        (honest,) = world.resolve(DEVICE.short).versions
        assert honest.key == DEVICE.key.public_key().raw

        with altering(tmp_path / "index.sqlite") as database:
            database.execute("UPDATE versions SET key = ?", (STRANGER.key.public_key().raw,))
        (deceived,) = world.resolve(DEVICE.short).versions
        assert deceived.key == STRANGER.key.public_key().raw, "its own reader believes it"

        with LogReader(world.ledger, Index.temporary(world.ledger.log_id)) as other:
            assert other.resolve(DEVICE.short).versions == (honest,), "and nobody else does"


def test_who_has_the_admin_token(world: World) -> None:
    """Claims can be made and devices stopped; what was handed out before is not told again."""
    claim = world.claim(replace(TERMS, configuration=SECRETS, tx_code=True))
    token = world.token(claim)
    proof, reply_to = world.proof(DEVICE), EncryptionKey(bytes(range(32)), "k")
    assert world.ask_sealed(token, proof, reply_to=reply_to).status_code == 200

    pages = ["/claims", f"/claims/{claim.id}", "/devices", f"/devices/{DEVICE.short.text}"]
    for page in pages:
        answer = world.admin.get(page)
        assert answer.status_code == 200
        for secret in (claim.offer.code, claim.tx_code, "correct horse"):
            assert str(secret) not in answer.text

    body = {"claims": [{"model": "m", "owner": "o"}]}
    assert world.admin.post("/claims", json=body).status_code == 201


def test_who_alters_a_registrars_outbox(tmp_path: Path) -> None:
    with closing_site(tmp_path) as site:
        rotated = rotation(DEVICE, site.ledger.log_id, to=STRANGER.key.public_key())
        thiefs = replace(rotated, next=hashlib.sha256(STRANGER.next_key.public_key().raw).digest())
        for operation in (create(DEVICE), rotated):
            site.registrar.submit(operation)
        with altering(tmp_path / "outbox.sqlite") as database:
            altered = database.execute(
                "UPDATE operations SET content = ? WHERE prev IS NOT NULL",
                (batch(thiefs),),
            ).rowcount
        assert altered == 1
        site.restart()
        for _ in range(4):
            with suppress(KeybornError):
                site.registrar.round()
            site.ledger.mine()
        site.reader.sync()
        # Delayed, or on the log without an effect: the device's DID is as it was.
        assert len(site.reader.resolve(DEVICE.short).versions) == 1

        # The twin: what the device signed has its effect, also by another way.
        site.append(rotated)
        site.ledger.mine(3)
        assert len(site.reader.resolve(DEVICE.short).versions) == 2


@contextmanager
def closing_site(directory: Path) -> Iterator[Site]:
    site = Site(directory)
    try:
        yield site
    finally:
        site.stop()


def test_who_alters_the_embedded_ledgers_file(tmp_path: Path) -> None:
    """The service that has the head key signs what the file says: to whoever saw nothing else."""
    file, index = tmp_path / "ledger" / "log.sqlite", tmp_path / "index.sqlite"
    with EmbeddedLedger(tmp_path / "ledger") as ledger:
        ledger.submit(ledger.prepare(batch(create(DEVICE))))
        with Index.open(index, ledger.log_id) as seen, LogReader(ledger, seen) as reader:
            assert len(reader.resolve(DEVICE.short).versions) == 1
        (entry,) = ledger.entries(1, 1)
        log_id = ledger.log_id

    forged = replace(entry, batch=batch(create(STRANGER)))
    with altering(file) as database:
        database.execute("UPDATE entries SET batch = ?", (forged.batch,))
    with EmbeddedLedger(tmp_path / "ledger") as ledger, Index.temporary(log_id) as new:
        with LogReader(ledger, new) as reader, pytest.raises(KeybornError) as raised:
            reader.sync()
        assert raised.value.code == "ledger_entry_altered"

    with altering(file) as database:
        database.execute("UPDATE entries SET head = ?", (next_head(log_id, forged),))
    with EmbeddedLedger(tmp_path / "ledger") as ledger:
        with Index.temporary(log_id) as new, LogReader(ledger, new) as reader:
            assert len(reader.resolve(STRANGER.short).versions) == 1
            assert reader.resolve(DEVICE.short).registration is Registration.NO
        with Index.open(index, log_id) as seen, LogReader(ledger, seen) as reader:
            with pytest.raises(KeybornError) as raised:
                reader.sync()
            assert raised.value.code == "ledger_fork"
