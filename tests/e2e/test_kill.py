"""kill -9 on everything, before and after each point at which something becomes durable.

For each fault point of the code there is at least one case: the process that passes it kills itself
there, is started again if it is a service, and the very step is repeated. Then the device's life
goes on, and at its end there is one device, one credential of each kind, one effective operation
for each thing done, counted in the stores and on the log.
"""

import ast
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import pytest
from lives import AGAIN, BIRTH, LIFE, Life, World, operations_on, world_in, write_trust
from mortal import Service, run, run_until_killed

from did.identifier import parse_keyborn
from ledger.embedded.store import EmbeddedLedger
from ledger.network import load_network
from ledger.operations import Create, encode_batch, Batch

pytestmark = pytest.mark.e2e

PROJECT: Final = Path(__file__).parents[2]
PACKAGES: Final = ("did", "keyborn", "ledger", "issuer", "verifier", "devices", "demo")

STOPPED: Final = (
    *LIFE,
    *("suspend", "present suspended", "reinstate", "present again"),
    *("revoke", "present revoked"),
)
ENDED: Final = (*LIFE, "deactivate", "present deactivated")
REPLACED: Final = (*LIFE, "claim again", "enroll again", "present again")
REISSUED: Final = (
    *(*BIRTH, "rotate issuer", "present again", "rotate issuer again"),
    *("claim again", "enroll again", "present again"),
)


@dataclass(frozen=True)
class Case:
    """Who is killed, in which step of which story, and where."""

    who: str
    step: str
    point: str
    story: tuple[str, ...] = LIFE
    elsewhere: bool = False  # the next key is kept off the device

    def __str__(self) -> str:
        where = "-elsewhere" if self.elsewhere else ""
        return f"{self.who}-{self.step.replace(' ', '-')}{where}-{self.point}"


def around(point: str, *places: str) -> tuple[str, ...]:
    """Before and after ``places`` of a procedure; its commit, if none is named."""
    places = places or ("commit",)
    return tuple(f"{point}.{when}_{place}" for place in places for when in ("before", "after"))


def cases(
    who: str,
    step: str,
    *points: str,
    story: tuple[str, ...] = LIFE,
    elsewhere: bool = False,
) -> list[Case]:
    return [Case(who, step, point, story, elsewhere) for point in points]


UPDATE: Final = ("store", "submit", "promote", "clear")
CREDENTIAL: Final = (
    *around("device.enroll", "store"),
    "device.enroll.after_recorded",
)

DEVICE: Final = [
    *cases("device", "init", *around("controller.create", "store"), "device.init.after_identity"),
    *cases(
        "device",
        "init",
        "controller.create.after_note",
        "controller.create.after_next_out",
        *around("controller.create", "store"),
        elsewhere=True,
    ),
    *cases(
        "device",
        "enroll",
        *around("device.network", "store"),
        *around("ledger.index", "begin"),
        *around("device.enroll", "claim_stored", "token_stored"),
        *around("ledger.sync"),
        *CREDENTIAL,
        *(f"{point}:2" for point in CREDENTIAL),  # the second credential
    ),
    *cases("device", "enroll again", "device.enroll.after_former_kept", story=REPLACED),
    *cases("device", "register", *around("controller.register", "submit")),
    *cases("device", "present", *around("device.present", "deliver")),
    *cases("device", "rotate", *around("controller.rotate", *UPDATE)),
    *cases("device", "rotate", *around("controller.rotate", *UPDATE), elsewhere=True),
    *cases("device", "deactivate", *around("controller.deactivate", *UPDATE), story=ENDED),
]

APPENDING: Final = (
    *around("registrar.accept"),
    *around("registrar.prepare"),
    *("registrar.submit.before", "registrar.submit.after"),
    *around("ledger.embedded", "append"),
    *around("registrar.follow"),
)

LEDGER: Final = [
    *cases("ledger", "register", *APPENDING, *around("ledger.sync")),
    *cases("ledger", "rotate", *APPENDING),
]

ISSUER: Final = [
    *cases("issuer", "claim", *around("issuer.claim")),
    *cases("issuer", "enroll", *around("issuer.grant"), *around("ledger.sync")),
    *cases("issuer", "enroll", *(f"{point}:2" for point in around("issuer.grant"))),
    *cases("issuer", "suspend", *around("issuer.revoke"), story=STOPPED),
    *cases("issuer", "present suspended", *around("issuer.status"), story=STOPPED),
    *cases("issuer", "reinstate", *around("issuer.revoke"), story=STOPPED),
    *cases("issuer", "revoke", *around("issuer.revoke"), story=STOPPED),
    *cases(
        "issuer",
        "rotate issuer",
        *around("issuer.rotate", "begin"),
        *around("controller.rotate", *UPDATE),
        *around("issuer.settle"),
        story=REISSUED,
    ),
]

VERIFIER: Final = [
    *cases("verifier", "present", *around("verifier.challenge")),
    *cases("verifier", "present", *around("verifier.status"), *around("ledger.sync")),
]

# In the order in which a first start passes them; each start is killed at the next one.
FIRST_START: Final = {
    "ledger": (
        "ledger.embedded.after_key",
        *around("ledger.embedded", "begin"),
        *around("ledger.index", "begin"),
    ),
    "issuer": (
        *around("ledger.index", "begin"),
        *around("controller.create", "store"),
        *around("issuer.keys"),
        *around("ledger.sync"),
        *around("controller.register", "submit"),
        *around("issuer.settle"),
        *around("keyborn.token", "store"),
    ),
    "verifier": (
        *around("ledger.index", "begin"),
        *around("verifier.key"),
    ),
}

TX_CODE: Final = around("issuer.tx_code")
CANCEL: Final = around("issuer.cancel")
MARK: Final = around("registrar.mark")
ANSWER: Final = around("verifier.challenge")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world_in(tmp_path_factory.mktemp("world")) as made:
        yield made


def test_every_fault_point_of_the_code_is_tried() -> None:
    named = {case.point.partition(":")[0] for case in (*DEVICE, *LEDGER, *ISSUER, *VERIFIER)}
    named.update(*FIRST_START.values(), TX_CODE, CANCEL, MARK, ANSWER)
    assert named == set(declared())


def declared() -> Iterator[str]:
    """The name of each ``FaultPoint`` that the packages make; it is written out, to be found."""
    for package in PACKAGES:
        for path in sorted((PROJECT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("FaultPoint"):
                    (name,) = node.args
                    assert isinstance(name, ast.Constant), f"{path}: {ast.unparse(node)}"
                    yield str(name.value)


@pytest.mark.parametrize("case", DEVICE, ids=str)
def test_a_device_is_killed(world: World, tmp_path: Path, case: Case) -> None:
    life = Life(world, tmp_path, elsewhere=case.elsewhere)
    at = case.story.index(case.step)
    life.go_through(*case.story[:at])
    printed = run_until_killed(*life.words(case.step), at=case.point)
    if case.point == "controller.rotate.after_clear":
        life.note(case.step, json.loads(printed))  # it had said so: to repeat it is to rotate again
    else:
        life.finish(case.step)
    life.go_through(*case.story[at + 1 :])
    life.assert_everything_once()


@pytest.mark.parametrize("case", [*LEDGER, *ISSUER, *VERIFIER], ids=str)
def test_a_service_is_killed(world: World, tmp_path: Path, case: Case) -> None:
    life = Life(world, tmp_path, bound=case.step == "claim")
    at = case.story.index(case.step)
    life.go_through(*case.story[:at])
    life.prepare(case.step)
    service = world.service(case.who)
    service.arm(case.point)
    # Whoever waits for an answer does not get one; the device may see its operation all the same.
    attempt = life.attempt(case.step)
    assert attempt.exit_code in ((0, 3) if case.who == "ledger" else (3,)), attempt
    service.assert_killed(case.point)
    service.start()
    if attempt.exit_code:
        life.finish(case.step)
    else:
        life.note(case.step, attempt.data)
    life.go_through(*case.story[at + 1 :])
    life.assert_everything_once()
