"""A fleet among services that all misbehave: it comes through, and nothing is there twice."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from lives import World, world_in
from mortal import run

from did.identifier import parse_keyborn
from keyborn.cli import cli
from ledger.operations import Create

pytestmark = pytest.mark.e2e

DEVICES = 6
RUNS = 60  # of the fleet, each of which takes up what the one before it left
TROUBLE = "delay=0.2:0.05,drop-answers=0.15,seed=11"
NONCES = f"refuse-nonces=0.3,{TROUBLE}"


@pytest.fixture
def troubled(tmp_path: Path) -> Iterator[World]:
    """Services that came up in peace, and were started again in trouble."""
    with world_in(tmp_path) as world:
        for name, how in (("ledger", TROUBLE), ("issuer", NONCES), ("verifier", NONCES)):
            service = world.service(name)
            service.stop()
            service._words = (*service._words, "--chaos", how)
            service.start()
        yield world


def until_done(*words: str | Path) -> Any:
    """What a command prints, given again until it succeeds."""
    for _ in range(RUNS):
        done = run(*words)
        if done.exit_code == 0:
            return done.data
    raise AssertionError(done)


def run_fleet(*words: str | Path) -> set[str]:
    """Which of its devices came to the end in one run: all steps, the presentation last."""
    result = CliRunner().invoke(cli, [*map(str, words), "--json"])
    if not result.stdout:  # it did not even begin: the log was not to be read
        assert result.exit_code in (1, 3), result.output
        return set()
    report = json.loads(result.stdout)
    failed = {each["device"] for each in report["failures"]}
    assert result.exit_code == bool(failed)
    return {f"{number:06}" for number in range(1, DEVICES + 1)} - failed


def claims(world: World) -> Path:
    """As many offers as there are devices, made in spite of it all."""
    offers = world.folder / "offers.txt"
    texts = []
    for number in range(DEVICES):
        made = until_done(
            *("issuer", "claim", "create", *world.admin, "--model", f"m-{number}"),
            *("--owner", "Acme"),
        )
        texts.append(made["offer"])
    offers.write_text("\n".join(texts) + "\n")
    return offers


def test_a_fleet_comes_through(troubled: World) -> None:
    world, fleet = troubled, troubled.folder / "fleet"
    words = (
        *("fleet", "run", "--dir", fleet, "--count", str(DEVICES), "--workers", "3"),
        *("--offers", claims(world), "--network", world.network_file),
        *("--issuer", world.issuer.url, "--verifier", world.verifier.url),
    )
    admitted: set[str] = set()
    for _ in range(RUNS):
        admitted |= run_fleet(*words)
        if len(admitted) == DEVICES:
            break
    assert len(admitted) == DEVICES
    for service in (world.ledger, world.issuer, world.verifier):
        service.stop()
        said = "".join(service._said)
        assert "CHAOS IS ON" in said
        assert "is dropped" in said
        assert ("a good nonce is refused" in said) == (service is not world.ledger)
    check_that_nothing_is_there_twice(world)


def check_that_nothing_is_there_twice(world: World) -> None:
    """One device, one credential of each kind, and on the log one creation, of each."""
    dids = [did for (did,) in world.issuer_rows("SELECT did FROM devices")]
    assert len(dids) == DEVICES
    granted = world.issuer_rows("SELECT did, configuration FROM grants")
    assert len(granted) == len(set(granted)) == DEVICES
    indexes = world.issuer_rows("SELECT list, position FROM status_indexes")
    assert len(indexes) == len(set(indexes)) == 2 * DEVICES
    world.ledger._words = world.ledger._words[:-2]
    world.ledger.start()
    for did in dids:
        (created,) = world.operations(parse_keyborn(did))
        assert isinstance(created, Create)
