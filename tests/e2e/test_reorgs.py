"""Reorganisations under a running registrar and a running reader; the short version.

``make torture-reorgs`` is the long one: every depth from 1 to 12, with 500 operations in flight.
"""

import random
from collections.abc import Callable, Iterator

import pytest
from actors import actor
from mortal import run
from operations import Life
from reorgs import FINAL, Stage, break_finality, open_index, stage, storm

from did.errors import KeybornError, Unavailable
from did.keys import SigningKey
from did.resolution import Finality, authenticating_version
from keyborn.polling import poll
from ledger.ethereum.anvil import find_anvil
from ledger.reader import LogReader
from ledger.registrar.messages import State

pytestmark = [pytest.mark.e2e, pytest.mark.ethereum, pytest.mark.npm]

DEPTHS = (1, 7)
OPERATIONS = 24


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    try:
        find_anvil()
    except Unavailable as missing:
        pytest.skip(f"{missing.message}: {missing.hint}")
    with stage(tmp_path_factory.mktemp("chain"), batch_size=6) as made:
        yield made


@pytest.mark.parametrize("depth", DEPTHS)
def test_nothing_is_lost_and_nothing_twice(running: Stage, depth: int) -> None:
    seed = random.randrange(10**9)
    print(f"seed {seed}")
    print(storm(running, depth, OPERATIONS, random.Random(seed)))


def standing(reader: LogReader, life: Life, key: SigningKey) -> str | int:
    """What the log says of ``key`` now: the version's number, or the refusal's code."""
    try:
        return authenticating_version(
            reader.resolve(life.actor.short),
            key.public_key(),
            finality=Finality.FINALIZED,
            step="test",
        ).number
    except KeybornError as error:
        return error.code


def wait(condition: Callable[[], bool]) -> None:
    assert poll(lambda: condition() or None, 60)


def test_a_rotation_in_a_block_that_is_reorganised_away(running: Stage) -> None:
    chain, registrar = running.chain, running.registrar
    life = Life(actor(f"rotated {random.random()}"), running.network.log_id)
    with chain.beating():
        created = running.submit([life.create()])
        running.until_all_are(created, State.ON_LOG, State.FINALIZED)
    chain.mine(FINAL + 1)
    old = life.key
    with open_index(running) as reader:  # the very index that the follower writes

        def seen() -> tuple[str | int, str | int]:
            return standing(reader, life, old), standing(reader, life, life.key)

        assert seen() == (0, 0)
        rotated = running.submit([life.rotate()])
        wait(lambda: chain.waiting() > 0)
        assert seen() == (0, "unknown_verification_method")
        chain.mine()
        assert seen() == ("key_suspect", "not_final")
        with registrar.paused():
            assert chain.reorg(1)
            assert seen() == (0, "unknown_verification_method")
        wait(lambda: chain.waiting() > 0)  # put back by the registrar
        chain.mine()
        assert seen() == ("key_suspect", "not_final")
        chain.mine(FINAL)
        assert seen() == ("key_superseded", 1)
    running.until_all_are(rotated, State.FINALIZED)


def test_what_breaks_finality_stops_the_reader(running: Stage) -> None:
    running.follower.until_final(running.entries())
    break_finality(running)
    running.follower.until(lambda said: said[-1]["event"] == "alarm")
    alarm = running.follower.events[-1]
    assert alarm["code"] == "ledger_fork"
    assert alarm["seen"]["finality"] == alarm["shown"]["finality"] == "finalized"
    assert alarm["seen"]["head"] != alarm["shown"]["head"]
    assert len(alarm["seen"]["evidence"]) == len(alarm["shown"]["evidence"]) == 64
    code, said = running.follower.end(None)
    assert code == 1
    assert "ledger_fork" in said
    # And it stays stopped, for whoever reads this index, until the evidence is dealt with.
    again = run(*running.words, "--once")
    assert (again.exit_code, again.error) == (1, "ledger_fork")
    did = actor("anybody").short.text
    network = ("--network", running.folder / "network.toml")
    stopped = run("resolve", did, *network, "--index", running.index)
    assert (stopped.exit_code, stopped.error) == (1, "ledger_fork")
    # Begun anew, an index is of what the ledger shows now.
    anew = run("resolve", did, *network, "--index", running.folder / "new.sqlite")
    assert (anew.exit_code, anew.error) == (1, "not_registered")
