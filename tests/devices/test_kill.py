"""kill -9 on the device at every point that matters, and then the same command again."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from onboarding import Services

from devices import agent, enrolment
from did.identifier import parse_keyborn
from keyborn.cli import cli
from keyborn.faults import FaultPoint
from ledger.network import open_reader

pytestmark = pytest.mark.e2e

# Passed twice, once for each credential.
TWICE = ("before_store", "after_store", "after_recorded")


def _points() -> list[str]:
    """Every fault point of the packages, so that a new one is tested or fails."""
    names = [
        point._name
        for module in (agent, enrolment)
        for point in vars(module).values()
        if isinstance(point, FaultPoint)
    ]
    assert len(names) == 9
    return names + [f"{name}:2" for name in names if name.rpartition(".")[2] in TWICE]


def _killed(*words: str | Path, at: str) -> None:
    """Run a command in a process of its own, which kills itself at a fault point."""
    ended = subprocess.run(
        [sys.executable, "-m", "keyborn", *map(str, words)],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "KEYBORN_FAULTS": at},
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr


def _repeated(*words: str | Path) -> Any:
    done = CliRunner().invoke(cli, [str(word) for word in words])
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("point", _points())
def test_a_device_that_was_killed_goes_on_and_has_everything_once(
    world: Services, tmp_path: Path, point: str
) -> None:
    store = tmp_path / "device"
    command = [
        *("device", "run", world.offer(), "--dir", store, "--network", world.network_file),
        *("--verifier", world.verifier_url, "--json"),
    ]
    _killed(*command, at=point)
    before = sorted(path.name for path in (store / "credentials").glob("*.json"))
    kept = [(store / "credentials" / name).read_bytes() for name in before]

    done = _repeated(*command)
    did = done["did"]
    assert done["admitted"]["device"]["did"] == did
    assert done["enrolment"]["complete"] is True
    assert [(store / "credentials" / name).read_bytes() for name in before] == kept
    assert not (store / "credentials" / "replaced").exists()
    assert not list(store.rglob(".*.*.*"))

    stored = [json.loads(path.read_bytes()) for path in (store / "credentials").glob("*.json")]
    assert sorted(each["id"] for each in stored) == sorted(
        each["id"] for each in world.granted(did)
    )
    assert [each["did"] for each in _devices(world)].count(did) == 1
    known = world.inventory(did)
    assert (known["provisioned"], known["registered"], known["active"]) == (True, True, True)
    with open_reader(world.network) as reader:
        assert len(reader.resolve(parse_keyborn(did)).versions) == 1


def test_an_interrupted_enrolment_needs_its_offer_no_more(world: Services, tmp_path: Path) -> None:
    store = tmp_path / "device"
    _repeated("device", "init", "--dir", store, "--json")
    enroll = ("device", "enroll", "--dir", store, "--json")
    first = [*enroll, world.offer(), "--network", world.network_file]
    _killed(*first, at="device.enroll.before_token_stored")
    assert _repeated(*enroll)["enrolment"]["complete"] is True


def _devices(world: Services) -> list[dict[str, Any]]:
    answer = world.admin.get("/devices", params={"limit": 500})
    assert answer.is_success, answer.text
    found: list[dict[str, Any]] = answer.json()["devices"]
    return found
