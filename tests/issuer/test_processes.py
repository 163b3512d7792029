"""Two processes on one PostgreSQL: what happens once happens once, however many try at once."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest
from actors import NOW, Actor
from databases import Server
from dying import start
from issuing import World, issuing
from sqlalchemy import select

from did.configurations import CONFIGURATIONS
from did.errors import KeybornError, Refused, Unavailable
from did.keys import SigningKey
from did.nonce import Nonce
from did.openid4vci import PROVISIONING_CONFIGURATION
from did.possession import JWT
from issuer.grants import grant
from issuer.identity import Identity
from issuer.possession import check_possession
from issuer.serving import running
from issuer.status_terms import StatusTerms
from issuer.store import grants, status_indexes
from keyborn.polling import poll
from keyborn.storage import reading
from ledger.controller import Controller
from ledger.embedded.heads import EmbeddedPin
from ledger.network import Network
from verifier.challenges import LIFETIME
from verifier.store import open_store as open_verifier_store

THREADS: Final = 8  # in each of two processes


@pytest.fixture
def url(server: Server) -> str:
    return server.made()


@pytest.fixture
def world(tmp_path: Path, url: str) -> Iterator[World]:
    with issuing(tmp_path, location=url) as world:
        yield world


def at_once(works: list[Callable[[], object]]) -> list[str]:
    """What each says when all begin together: what it returns, or its error's code."""
    ready = threading.Barrier(len(works))
    said: list[str] = []

    def run(work: Callable[[], object]) -> None:
        ready.wait()
        try:
            said.append(str(work()))
        except KeybornError as error:
            said.append(error.code)

    threads = [threading.Thread(target=run, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return said


def ask(world: World, claim: str, proof: str, at: datetime = NOW) -> str:
    proven = check_possession(
        proof,
        JWT,
        issuer=world.issuer.url,
        nonce_key=world.issuer.keys.nonce,
        resolver=world.reader,
        at=at,
    )
    configuration = CONFIGURATIONS[PROVISIONING_CONFIGURATION]
    grant(world.issuer, claim=claim, configuration=configuration, possessions=[proven], at=at)
    return "granted"


def wait_for(path: Path) -> None:
    assert poll(lambda: path.exists() or None, 30)


def other(directory: str, url: str, wishes: str) -> None:
    """What the second process does: the same, with the wishes that it is given."""
    folder = Path(directory)
    with issuing(folder, location=url) as world:
        works = [lambda each=each: ask(world, *each) for each in json.loads(wishes)]
        (folder / "ready").touch()
        wait_for(folder / "go")
        (folder / "said").write_text(json.dumps(at_once(works)))


def both(world: World, url: str, wishes: list[tuple[str, str]]) -> Counter[str]:
    """What came of all wishes, half of them in this process and half in another."""
    folder = world.directory
    theirs = json.dumps(wishes[THREADS:])
    script = "import sys; from test_processes import other; other(*sys.argv[1:])"
    process = start(
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); {script}",
        folder,
        url,
        theirs,
    )
    wait_for(folder / "ready")
    (folder / "go").touch()
    said = at_once([lambda each=each: ask(world, *each) for each in wishes[:THREADS]])
    assert process.wait(60) == 0
    return Counter(said + json.loads((folder / "said").read_text()))


def actor() -> Actor:
    return Actor(SigningKey.generate(), SigningKey.generate())


def test_one_nonce(world: World, url: str) -> None:
    wish = (world.claim().id, world.proof(actor()))
    assert both(world, url, [wish] * 2 * THREADS) == {"granted": 1, "nonce_used": 15}


def test_one_place_of_a_claim(world: World, url: str) -> None:
    claim = world.claim().id
    wishes = [(claim, world.proof(actor())) for _ in range(2 * THREADS)]
    assert both(world, url, wishes) == {"granted": 1, "claim_used": 15}


def test_as_many_devices_as_there_are_claims(world: World, url: str) -> None:
    """The twin: each has its own, and gets it, with status indexes that nobody else has."""
    wishes = [(world.claim().id, world.proof(actor())) for _ in range(2 * THREADS)]
    assert both(world, url, wishes) == {"granted": 16}
    with reading(world.issuer.engine) as connection:
        assert len(connection.execute(select(grants)).all()) == 16
        query = select(status_indexes.c.list, status_indexes.c.position, status_indexes.c.did)
        rows = connection.execute(query).all()
    assert len(rows) == 32
    assert set(Counter(row.did for row in rows).values()) == {2}


def test_one_challenge(tmp_path: Path, url: str) -> None:
    stores = [open_verifier_store(tmp_path / name, url) for name in ("a", "b")]
    assert stores[0].challenge_key() == stores[1].challenge_key()
    use = (b"d" * 32, Nonce("n", NOW))
    works = [
        lambda store=store: store.use_all([use], at=NOW, lifetime=LIFETIME)[0].value
        for store in stores * THREADS
    ]
    assert Counter(at_once(works)) == {"first": 1, "repeated": 15}
    for store in stores:
        store.close()


def test_a_rotation_is_seen_by_all(world: World) -> None:
    second = _second(world)
    before = world.issuer.identity.signing()
    assert second.signing() == before
    world.clock.ticking = True
    world.issuer.identity.rotate()
    after = second.signing()
    assert after.signer.public_key() == world.issuer.identity.key != before.signer.public_key()
    second.rotate()
    assert world.issuer.identity.signing().signer.public_key() == second.key


def test_while_one_rotates_no_other_does(world: World) -> None:
    second = _second(world)
    world.issuer.identity._begin(None)
    with world.issuer.identity._alone(patience=0), pytest.raises(Unavailable) as caught:
        second.signing()
    assert caught.value.code == "rotation_pending"
    world.clock.ticking = True
    second.rotate()
    assert world.issuer.identity.signing().signer.public_key() == second.key
    resolution = world.reader.resolve(second.did)
    assert len(resolution.versions) == 2  # once


def test_another_issuers_database_is_refused(world: World, tmp_path: Path) -> None:
    controller = Controller.create(tmp_path / "another")
    relay: Any = world.issuer.identity._registrar
    stranger = Identity(world.issuer.engine, controller, registrar=relay, reader=world.reader)
    with pytest.raises(Refused, match="store_of_another_issuer"):
        stranger.start()


def test_processes_that_are_one_issuer_have_one_url(tmp_path: Path, url: str) -> None:
    network = Network(EmbeddedPin(bytes(32), SigningKey.generate().public_key()), "http://x")
    with (
        pytest.raises(KeybornError, match="issuer_url_missing"),
        running(network, tmp_path, url=None, statuses=StatusTerms(), store=url),
    ):
        pass  # pragma: no cover


def _second(world: World) -> Identity:
    """The same issuer's identity, as another process has it."""
    identity = world.issuer.identity
    controller = Controller.open(world.directory / "identity")
    relay: Any = identity._registrar
    return Identity(world.issuer.engine, controller, registrar=relay, reader=world.reader)
