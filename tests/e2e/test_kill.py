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
from typing import Any, Final

import httpx
import pytest
from lives import BIRTH, LIFE, SECRETS, Life, World, world_in
from mortal import Service, run, run_until_killed

from did.identifier import parse_keyborn
from did.openid4vci import CONFIGURATION_CONFIGURATION, PROVISIONING_CONFIGURATION
from ledger.embedded.store import EmbeddedLedger
from ledger.network import load_network
from ledger.operations import Batch, Create, encode_batch

pytestmark = pytest.mark.e2e

PROJECT: Final = Path(__file__).parents[2]
PACKAGES: Final = ("did", "keyborn", "ledger", "issuer", "verifier", "devices", "demo")

STOPPED: Final = (
    *LIFE,
    *("suspend", "present suspended", "reinstate", "present again"),
    *("revoke", "present revoked"),
)
RUN: Final = ("claim", "run", "rotate", "present again")
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
    *cases(
        "device",
        "rotate",
        *around("controller.rotate", "store"),
        *("controller.rotate.after_promote", "controller.rotate.before_clear"),
        elsewhere=True,
    ),
    *cases("device", "deactivate", *around("controller.deactivate", *UPDATE), story=ENDED),
    *cases(
        "device",
        "run",
        *("device.init.after_identity", "device.enroll.after_token_stored"),
        *("controller.register.after_submit", "device.present.after_deliver"),
        story=RUN,
    ),
    # In the middle of a write: what it leaves beside its file, which may be a key, goes too.
    *cases("device", "init", *around("keyborn.file", "rename")),
    *cases("device", "init", "keyborn.file.after_rename:2", elsewhere=True),
    *cases("device", "enroll", "keyborn.file.before_rename", "keyborn.database.before_link"),
    *cases("device", "enroll", "keyborn.file.before_rename:4"),
    *cases("device", "rotate", "keyborn.file.after_rename:3"),
    *cases("device", "rotate", "keyborn.file.before_rename", elsewhere=True),
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
        "keyborn.file.before_rename",  # the key's
        "ledger.embedded.after_key",
        "keyborn.database.before_link",
        *around("ledger.embedded", "begin"),
        *around("ledger.index", "begin"),
    ),
    "issuer": (
        *around("ledger.index", "begin"),
        "keyborn.file.before_rename",
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
COPY: Final = ("keyborn.copy.before_commit", "keyborn.database.before_link")
ANSWER: Final = around("verifier.challenge")
REQUEST: Final = around("verifier.request")
SESSION: Final = around("verifier.session")
SESSION_END: Final = around("verifier.session_end")
DECISION: Final = around("issuer.decision")
NOTIFICATION: Final = around("issuer.notification")
DEFERRAL: Final = (*around("device.enroll", "deferral_stored"), "device.enroll.after_notified")


# Only on a chain is a submission ever replaced, so it is there that its fault points are tried.
ON_A_CHAIN: Final = "tests/ledger/ethereum/test_registrar.py"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world_in(tmp_path_factory.mktemp("world")) as made:
        yield made


def test_every_fault_point_of_the_code_is_tried() -> None:
    named = {case.point.partition(":")[0] for case in (*DEVICE, *LEDGER, *ISSUER, *VERIFIER)}
    named.update(*FIRST_START.values(), TX_CODE, CANCEL, MARK, COPY, ANSWER, REQUEST)
    named.update(DECISION, NOTIFICATION, DEFERRAL, SESSION, SESSION_END)
    there = (PROJECT / ON_A_CHAIN).read_text()
    assert all(f'"{point}"' in there for point in around("registrar.replace"))
    named.update(around("registrar.replace"))
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


@pytest.mark.parametrize("who", FIRST_START)
def test_a_first_start_is_killed_again_and_again(tmp_path: Path, world: World, who: str) -> None:
    """At one point after the other, in one directory; what it is at last, it is for good."""
    network, trust = world.network_file, world.folder / "trust.toml"
    options = {
        "ledger": ("--network-out", tmp_path / "network.toml"),
        "issuer": ("--network", network),
        "verifier": ("--trust", trust),
    }
    words = (who, "serve", "--dir", tmp_path / who, *options[who])
    with Service(*words, faults=tmp_path / "faults") as service:
        for point in FIRST_START[who]:
            service.start_until_killed(point)
        service.start()
        left = [path for path in (tmp_path / who).rglob(".*") if who != "verifier"]
        assert not left  # a verifier shares its directory with others, and leaves theirs alone
        {"ledger": _ledger_works, "issuer": _issuer_works, "verifier": _verifier_works}[who](
            world, tmp_path, service
        )


def _ledger_works(_: World, folder: Path, service: Service) -> None:
    """It is one ledger: the log that was begun is the log that is served, on which all goes on."""
    network = folder / "network.toml"
    first = load_network(network)
    device = ("--dir", folder / "device")
    did = run("device", "init", *device).data["did"]
    registered = run("device", "register", *device, "--network", network)
    assert registered.exit_code == 0, registered
    service.stop()
    service.start()
    assert load_network(network) == first
    resolved = run("resolve", did, "--network", network).data["didDocumentMetadata"]
    assert resolved["versionId"].startswith("0-")


def _issuer_works(world: World, folder: Path, service: Service) -> None:
    """It has one DID, registered once, and its token opens it; a device gets its credentials."""
    about = run("issuer", "info", "--dir", folder / "issuer").data
    assert about["registered"] is True
    assert about["version_id"].startswith("0-")
    assert len(world.operations(parse_keyborn(about["did"]))) == 1
    issued_by = World(
        folder=_beside(world, folder), ledger=world.ledger, issuer=service, verifier=world.verifier
    )
    life = Life(issued_by, folder)
    life.go_through("init", "claim", "enroll", "register")
    life.assert_everything_once()


def _beside(world: World, folder: Path) -> Path:
    (folder / "network.toml").write_bytes(world.network_file.read_bytes())
    return folder


def _verifier_works(world: World, folder: Path, service: Service) -> None:
    life = Life(world, folder)
    life.go_through(*BIRTH)
    admitted = run("device", "present", "--dir", life.directory, "--verifier", service.url)
    assert admitted.data["device"]["did"] == life.did


@pytest.mark.parametrize("point", ANSWER)
def test_an_answer_counts_once_however_the_verifier_dies(
    world: World, tmp_path: Path, point: str
) -> None:
    """The very bytes are sent again: they count if they did not before, and then never again."""
    life = Life(world, tmp_path)
    life.go_through(*BIRTH)
    challenge, file = tmp_path / "challenge", tmp_path / "answer"
    asked = httpx.post(f"{world.verifier.url}/v1/challenges", json={})
    challenge.write_bytes(asked.content)
    made = run(
        *("device", "present", "--dir", life.directory),
        *("--challenge", challenge, "--out", file),
    )
    assert made.exit_code == 0, made
    before = world.challenges_used()
    world.verifier.arm(point)
    with pytest.raises(httpx.RemoteProtocolError):
        _send(world, file)
    world.verifier.assert_killed(point)
    world.verifier.start()
    committed = point.endswith("after_commit")
    assert world.challenges_used() == before + committed
    assert _send(world, file) == ("challenge_used" if committed else None)
    assert _send(world, file) == "challenge_used"
    assert world.challenges_used() == before + 1
    life.go_through("present again")
    assert world.challenges_used() == before + 2


@pytest.mark.parametrize("point", SESSION)
def test_a_session_is_open_or_not_however_the_verifier_dies(
    world: World, tmp_path: Path, point: str
) -> None:
    """Nobody heard of the one that was being opened; the device presents anew, and others stay."""
    life = Life(world, tmp_path)
    life.go_through(*BIRTH)
    url = world.verifier.url
    before = _opened(world, _answered(world, life)).json()["token"]
    assert _auth(url, before) == 204
    answer = _answered(world, life)
    world.verifier.arm(point)
    with pytest.raises(httpx.RemoteProtocolError):
        _opened(world, answer)
    world.verifier.assert_killed(point)
    world.verifier.start()
    again = _opened(world, answer)
    assert again.json()["code"] == "challenge_used"
    assert _auth(url, before) == 204
    after = _opened(world, _answered(world, life)).json()["token"]
    assert _auth(url, after) == 204
    opened = world.verifier_rows("sessions.db", "SELECT * FROM sessions WHERE did = ?", life.did)
    assert len(opened) == 2 + point.endswith("after_commit")
    life.go_through("revoke")
    assert (_auth(url, before), _auth(url, after)) == (403, 403)


@pytest.mark.parametrize("point", SESSION_END)
def test_a_session_is_closed_or_not_however_the_verifier_dies(
    world: World, tmp_path: Path, point: str
) -> None:
    life = Life(world, tmp_path)
    life.go_through(*BIRTH)
    url = world.verifier.url
    token = _opened(world, _answered(world, life)).json()["token"]
    bearer = {"authorization": f"Bearer {token}"}
    world.verifier.arm(point)
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.delete(f"{url}/v1/sessions", headers=bearer)
    world.verifier.assert_killed(point)
    world.verifier.start()
    committed = point.endswith("after_commit")
    assert _auth(url, token) == (401 if committed else 204)
    again = httpx.delete(f"{url}/v1/sessions", headers=bearer)
    assert again.status_code == (401 if committed else 204)
    assert _auth(url, token) == 401


def _answered(world: World, life: Life) -> bytes:
    """A presentation of the device, for a fresh challenge."""
    challenge, file = life.directory.parent / "challenge", life.directory.parent / "shown"
    challenge.write_bytes(httpx.post(f"{world.verifier.url}/v1/challenges", json={}).content)
    file.unlink(missing_ok=True)
    words = ("--dir", life.directory, "--challenge", challenge, "--out", file)
    made = run("device", "present", *words)
    assert made.exit_code == 0, made
    return file.read_bytes()


def _opened(world: World, answer: bytes) -> httpx.Response:
    return httpx.post(f"{world.verifier.url}/v1/sessions", content=answer)


def _auth(url: str, token: str) -> int:
    return httpx.get(f"{url}/auth", headers={"authorization": f"Bearer {token}"}).status_code


@pytest.mark.parametrize(
    ("point", "looks"),
    [(point, point != "verifier.challenge.after_commit") for point in (*ANSWER, *REQUEST)],
)
def test_a_request_has_an_outcome_however_the_verifier_dies(
    world: World, tmp_path: Path, point: str, *, looks: bool
) -> None:
    """Two databases: one says that the nonce is used, and then the other what came of it."""
    life = Life(world, tmp_path)
    life.go_through(*BIRTH)
    asked = _asked(world)
    answer = ("device", "answer", "--dir", life.directory, asked["request"])
    world.verifier.arm(point)
    assert run(*answer).exit_code == 3
    world.verifier.assert_killed(point)
    world.verifier.start()
    unused = point == "verifier.challenge.before_commit"
    if looks:
        at_first = _outcome(world, asked)["status"]
        done = {"verifier.request.after_commit": "accepted"}.get(point, "undecided")
        assert at_first == ("pending" if unused else done)
    again = run(*answer)
    assert again.error == (None if unused else "request_ended")
    found = _outcome(world, asked)
    if point in ("verifier.challenge.before_commit", "verifier.request.after_commit"):
        assert found["status"] == "accepted"
        assert found["device"]["did"] == life.did
    else:
        assert found["status"] == "undecided"
        assert found["problem"]["code"] == "answer_interrupted"
    assert run(*answer).error == "request_ended"
    fresh = _asked(world)
    assert run(*answer[:-1], fresh["request"]).exit_code == 0
    assert _outcome(world, fresh)["status"] == "accepted"


def _asked(world: World) -> Any:
    token = (world.folder / "verifier" / "openid4vp.token").read_text().strip()
    made = httpx.post(
        f"{world.verifier.url}/v1/openid4vp/requests",
        json={},
        headers={"authorization": f"Bearer {token}"},
    )
    assert made.status_code == 201, made.text
    return made.json()


def _outcome(world: World, asked: Any) -> Any:
    looked = httpx.get(
        f"{world.verifier.url}/v1/openid4vp/requests/{asked['id']}",
        headers={"authorization": f"Bearer {asked['secret']}"},
    )
    assert looked.status_code == 200, looked.text
    return looked.json()


def _send(world: World, answer: Path) -> str | None:
    """Send a kept answer; the code of the refusal, if it is refused."""
    sent = httpx.post(
        f"{world.verifier.url}/v1/presentations",
        content=answer.read_bytes(),
        headers={"content-type": "application/json"},
    )
    return None if sent.is_success else str(sent.json()["code"])


@pytest.mark.parametrize("point", TX_CODE)
def test_a_guess_is_counted_or_not_answered(world: World, tmp_path: Path, point: str) -> None:
    made = run(
        *("issuer", "claim", "create", *world.admin, "--tx-code"),
        *("--model", "thermo-2", "--owner", "plant-7"),
    ).data
    wrong = f"{(int(made['tx_code']) + 1) % 1_000_000:06}"
    device = tmp_path / "device"
    assert run("device", "init", "--dir", device).exit_code == 0
    enroll = ("device", "enroll", made["offer"], "--dir", device, "--network", world.network_file)
    world.issuer.arm(point)
    assert run(*enroll, "--tx-code", wrong).exit_code == 3
    world.issuer.assert_killed(point)
    world.issuer.start()
    ((failures,),) = world.issuer_rows("SELECT tx_failures FROM claims WHERE id = ?", made["id"])
    assert failures == (1 if point.endswith("after_commit") else 0)
    assert run(*enroll, "--tx-code", wrong).error == "wrong_tx_code"
    assert run(*enroll, "--tx-code", made["tx_code"]).exit_code == 0


@pytest.mark.parametrize("point", CANCEL)
def test_a_claim_is_cancelled_once(world: World, point: str) -> None:
    made = run(
        *("issuer", "claim", "create", *world.admin, "--model", "thermo-2", "--owner", "plant-7")
    ).data
    cancel = ("issuer", "claim", "cancel", made["id"], *world.admin)
    world.issuer.arm(point)
    assert run(*cancel).exit_code == 3
    world.issuer.assert_killed(point)
    world.issuer.start()
    show = ("issuer", "claim", "show", made["id"], *world.admin)
    assert run(*show).data["state"] == ("cancelled" if point.endswith("after_commit") else "open")
    assert run(*cancel).data["state"] == "cancelled"
    assert run(*cancel).data["state"] == "cancelled"


@pytest.mark.parametrize("point", COPY)
def test_a_copy_of_a_store_is_killed(world: World, tmp_path: Path, point: str) -> None:
    """It is there whole or not at all; another is made in its place."""
    target = tmp_path / "copy.sqlite"
    copy = ("store", "copy", world.folder / "issuer" / "issuer.sqlite", target)
    run_until_killed(*copy, at=point)
    assert not target.exists()
    assert run(*copy).exit_code == 0
    assert run(*copy).error == "store_exists"


@pytest.mark.parametrize("point", MARK)
def test_what_another_put_on_the_log_is_noted(world: World, tmp_path: Path, point: str) -> None:
    """An operation that the registrar has taken, and finds on the log when it is to send it."""
    life = Life(world, tmp_path)
    life.go_through("init", "claim", "enroll")
    world.ledger.arm("registrar.accept.after_commit")
    assert life.attempt("register").exit_code == 3
    world.ledger.assert_killed("registrar.accept.after_commit")
    shown = run("device", "show", "--dir", life.directory).data
    genesis = parse_keyborn(shown["longForm"]).genesis
    assert genesis is not None
    with EmbeddedLedger(world.folder / "ledger" / "log") as log:
        log.submit(log.prepare(encode_batch(Batch(creates=(Create(genesis),)))))
    world.ledger.start_until_killed(point)
    world.ledger.start()
    life.go_through("register", "present", "rotate", "present again")
    life.assert_everything_once()


def test_who_waits_for_approval_and_who_decides_are_killed(world: World, tmp_path: Path) -> None:
    """One enrolment, from asking over approval to being told of it, killed at each step of the way.

    Whatever was killed is repeated, and in the end all there is, is there once.
    """
    secrets, device = tmp_path / "configuration.json", tmp_path / "device"
    secrets.write_text(json.dumps(SECRETS))
    made = run(
        *("issuer", "claim", "create", *world.admin, "--approval", "--configuration", secrets),
        *("--model", "thermo-2", "--owner", "plant-7"),
    ).data
    claim = (made["id"], *world.admin)
    enroll = ("device", "enroll", "--dir", device)
    assert run("device", "init", "--dir", device).exit_code == 0
    network = ("--network", world.network_file)
    before_stored, after_stored, after_notified = DEFERRAL
    run_until_killed(*enroll, made["offer"], *network, at=before_stored)
    run_until_killed(*enroll, at=after_stored)  # it asks anew, and is told to wait for the same
    assert run(*enroll, "--wait", "0").error == "approval_pending"

    for point in DECISION:
        world.issuer.arm(point)
        assert run("issuer", "claim", "approve", *claim).exit_code == 3
        world.issuer.assert_killed(point)
        world.issuer.start()
        state = run("issuer", "claim", "show", *claim).data["state"]
        assert state == ("taken" if point.endswith("after_commit") else "waiting")
    assert run("issuer", "claim", "approve", *claim).data["state"] == "taken"

    before_noted, after_noted = NOTIFICATION
    world.issuer.arm(before_noted)  # of the first credential: it is kept, and the second is missing
    assert run(*enroll).exit_code == 3
    world.issuer.assert_killed(before_noted)
    world.issuer.start()
    run_until_killed(*enroll, at=after_notified)  # it was said, and is said again
    world.issuer.arm(f"{after_noted}:2")  # of the second: the enrolment is complete all the same
    assert run(*enroll).data["enrolment"]["complete"] is True
    world.issuer.assert_killed(after_noted)
    world.issuer.start()
    assert run(*enroll).exit_code == 0

    shown = run("issuer", "claim", "show", *claim).data
    assert shown["state"] == "completed"
    assert len(shown["holders"]) == 1
    said = [(each["event"], each["configuration"]) for each in shown["notifications"]]
    both = (PROVISIONING_CONFIGURATION, CONFIGURATION_CONFIGURATION)
    assert said == [("credential_accepted", name) for name in both]
    for table in ("grants", "transactions", "answers"):
        rows = world.issuer_rows(f"SELECT configuration FROM {table} WHERE claim = ?", made["id"])
        assert {name for (name,) in rows} >= {PROVISIONING_CONFIGURATION}
        assert len(rows) == len(set(rows))
    progress = json.loads((device / "enrolment.json").read_text())
    assert (progress["code"], progress["token"], progress["unsaid"]) == (None, None, [])
    assert run("device", "configuration", "--dir", device).data == SECRETS


def test_an_enrolment_that_was_killed_needs_its_offer_no_more(world: World, tmp_path: Path) -> None:
    life = Life(world, tmp_path)
    life.go_through("init", "claim")
    run_until_killed(*life.words("enroll"), at="device.enroll.before_token_stored")
    resumed = run("device", "enroll", "--dir", life.directory)
    assert resumed.data["enrolment"]["complete"] is True
