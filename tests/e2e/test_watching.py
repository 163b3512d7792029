"""Services that are watched from outside, while what they need stops and comes back."""

import json
import re
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from actors import actor
from click.testing import CliRunner
from databases import binaries, postgresql
from issuing import issuing
from lives import BIRTH, Life, World, world_in
from mortal import Service, run
from pages import DOCS

from did.openid4vci import PRE_AUTHORIZED, PROVISIONING_CONFIGURATION
from did.possession import sign_possession
from issuer.watch import readiness
from keyborn import clock
from keyborn.cli import cli
from keyborn.polling import poll
from keyborn.readiness import KEPT_SECONDS

pytestmark = pytest.mark.e2e

PARTS = {
    "ledger": {"store", "log", "registrar"},
    "issuer": {"store", "log", "signing_key"},
    "verifier": {"store", "log", "requests"},
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world_in(tmp_path_factory.mktemp("world")) as made:
        yield made


def failing(service: Service) -> dict[str, str]:
    """The parts that fail, with their codes."""
    answer = httpx.get(f"{service.url}/ready", timeout=20)
    if answer.status_code == 200:
        return {}
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.json()["code"] == "not_ready"
    return {each["part"]: each["code"] for each in answer.json()["parts"]}


def await_ready(service: Service) -> None:
    assert poll(lambda: None if failing(service) else True, 20) is not None


def metrics(service: Service) -> str:
    answer = httpx.get(f"{service.url}/metrics")
    assert answer.status_code == 200, answer.text
    return answer.text


@pytest.mark.parametrize("name", PARTS)
def test_each_service_is_alive_and_ready(world: World, name: str) -> None:
    service = world.service(name)
    await_ready(service)
    assert httpx.get(f"{service.url}/health").json()["status"] == "ok"
    assert httpx.get(f"{service.url}/ready").json()["parts"].keys() == PARTS[name]


def test_without_its_ledger_nobody_is_ready_and_all_are_alive(world: World) -> None:
    for service in (world.issuer, world.verifier):
        await_ready(service)
    world.ledger.stop()
    try:
        time.sleep(KEPT_SECONDS)
        assert failing(world.verifier) == {"log": "ledger_unreachable"}
        down = "ledger_unreachable"
        assert failing(world.issuer) == {"log": down, "signing_key": down}
        for service in (world.issuer, world.verifier):
            assert httpx.get(f"{service.url}/health").status_code == 200
        assert 'keyborn_ready{part="log"} 0.0' in metrics(world.verifier)
    finally:
        world.ledger.start()
    for service in (world.issuer, world.verifier):
        await_ready(service)


def test_a_ledger_that_hangs_makes_nobody_hang(world: World) -> None:
    await_ready(world.verifier)
    with world.ledger.paused():
        time.sleep(KEPT_SECONDS)
        began = time.monotonic()
        assert failing(world.verifier) == {"log": "part_timeout"}
        assert time.monotonic() - began < 10
    await_ready(world.verifier)


def test_a_store_that_was_replaced_is_noticed(world: World) -> None:
    path = world.folder / "verifier" / "verifier.db"
    await_ready(world.verifier)
    aside = path.with_suffix(".aside")
    path.rename(aside)
    shutil.copy(aside, path)
    try:
        time.sleep(KEPT_SECONDS)
        assert failing(world.verifier) == {"store": "store_replaced"}
        assert "keyborn_verifier_status_lists" not in metrics(world.verifier)
    finally:
        aside.rename(path)
    await_ready(world.verifier)


def test_the_page_lists_each_metric_and_no_other(world: World, tmp_path: Path) -> None:
    Life(world, tmp_path).go_through(*BIRTH)
    for service in (world.ledger, world.issuer, world.verifier):
        httpx.get(f"{service.url}/nowhere", headers={"x": "y" * 17_000})
    served = {
        name
        for service in (world.ledger, world.issuer, world.verifier)
        for name in re.findall(r"^# TYPE (\S+)", metrics(service), re.MULTILINE)
    }
    page = (DOCS / "how-to" / "watch-the-services.md").read_text()
    reference = (DOCS / "reference" / "http-apis.md").read_text()
    listed = set(re.findall(r"^\| `(keyborn_\w+)", page, re.MULTILINE))
    of_registrar = set(re.findall(r"^\| `(keyborn_\w+)", reference, re.MULTILINE))
    assert listed | of_registrar == served
    assert not listed & of_registrar


def test_what_was_done_is_counted(world: World, tmp_path: Path) -> None:
    def value(service: Service, name: str) -> float:
        found = re.search(rf"^{re.escape(name)} (\S+)$", metrics(service), re.MULTILINE)
        return float(found[1]) if found else 0.0

    accepted = 'keyborn_verifier_presentations_total{code="",outcome="accepted"}'
    before = value(world.verifier, accepted)
    life = Life(world, tmp_path)
    life.go_through(*BIRTH)
    assert value(world.verifier, accepted) == before + 1
    posted = 'keyborn_http_requests_total{method="POST",route="/v1/presentations",status="2xx"}'
    assert value(world.verifier, posted) >= 1  # past the framework, and counted
    assert value(world.verifier, "keyborn_verifier_challenges_total") >= 1
    head = value(world.verifier, "keyborn_verifier_log_head_timestamp_seconds")
    assert abs(head - time.time()) < 60
    answer = httpx.post(f"{world.verifier.url}/v1/presentations", content=b"{}")
    code = answer.json()["code"]
    invalid = f'keyborn_verifier_presentations_total{{code="{code}",outcome="invalid"}}'
    assert value(world.verifier, invalid) == 1
    time.sleep(5)  # what the store is asked for is kept so long
    assert value(world.issuer, "keyborn_issuer_grants_total") >= 2
    assert value(world.issuer, 'keyborn_issuer_devices{standing="provisioned"}') >= 1


def test_an_enrolment_under_way_is_answered_before_the_end(world: World) -> None:
    await_ready(world.issuer)
    made = run("issuer", "claim", "create", *world.admin, "--model", "m", "--owner", "o").data
    code = re.findall(r"code%22%3A%22([^%]+)", made["offer"])[0]
    form = {"grant_type": PRE_AUTHORIZED, "pre-authorized_code": code}
    token = httpx.post(f"{world.issuer.url}/token", data=form).json()["access_token"]
    device, url = actor("under way"), world.issuer.url
    nonce = httpx.post(f"{url}/nonce").json()["c_nonce"]
    proof = sign_possession(device.did, device.key, audience=url, nonce=nonce, issued=clock.now())
    body = {
        "credential_configuration_id": PROVISIONING_CONFIGURATION,
        "proofs": {"jwt": [proof]},
    }
    headers = {"authorization": f"Bearer {token}"}
    answers: list[httpx.Response] = []

    def ask() -> None:
        answers.append(httpx.post(f"{url}/credential", json=body, headers=headers, timeout=30))

    with closing(sqlite3.connect(world.folder / "issuer" / "issuer.sqlite")) as store:
        store.isolation_level = None
        store.execute("BEGIN IMMEDIATE")  # so that the request is under way for as long
        asking = threading.Thread(target=ask)
        asking.start()
        assert poll(lambda: _under_way(world.issuer) > 1 or None, 20)
        stopping = threading.Thread(target=world.issuer.stop)
        stopping.start()
        assert poll(lambda: _refuses(world.issuer) or None, 20)
        assert not answers
        store.execute("ROLLBACK")
    asking.join(20)
    stopping.join(20)
    assert not stopping.is_alive()
    world.issuer.start()
    assert [answer.status_code for answer in answers] == [200], answers[0].text
    await_ready(world.issuer)


def _under_way(service: Service) -> float:
    found = re.search(r"^keyborn_http_requests_under_way (\S+)$", metrics(service), re.MULTILINE)
    assert found is not None
    return float(found[1])


def _refuses(service: Service) -> bool:
    try:
        httpx.get(f"{service.url}/ready")
    except httpx.TransportError:
        return True
    return False


def test_postgresql_that_stops_and_comes_back(tmp_path: Path) -> None:
    if binaries() is None:
        pytest.skip("PostgreSQL is not installed")
    with postgresql() as server, issuing(tmp_path, location=server.made()) as world:
        ready = readiness(world.issuer)

        def codes() -> dict[str, Any]:
            return {name: error.code for name, error in ready.look().failing}

        assert codes() == {}
        server.stop("immediate")
        time.sleep(KEPT_SECONDS)
        assert codes()["store"] == "store_unreachable"
        server.start()
        assert poll(lambda: None if codes() else True, 20)


def test_the_doctor_finds_nothing_wrong_with_what_works(world: World, tmp_path: Path) -> None:
    life = Life(world, tmp_path)
    life.go_through(*BIRTH)
    for service in (world.ledger, world.issuer, world.verifier):
        await_ready(service)
    words: list[str | Path] = ["--network", world.network_file]
    words += ["--trust", world.folder / "trust.toml", "--dir", life.directory]
    for name in PARTS:
        words += ["--dir", world.folder / name, "--service", world.service(name).url]
    done = run("doctor", *words)
    assert [each for each in done.data["checks"] if each["verdict"] != "ok"] == []
    assert done.exit_code == 0
    subjects = {each["subject"] for each in done.data["checks"]}
    assert subjects >= {"python", "packages", "log", str(world.folder / "issuer" / "issuer.sqlite")}
    assert subjects >= {f"{world.issuer.url} ready", f"{world.verifier.url} clock"}


def test_the_doctor_names_what_is_down(world: World) -> None:
    await_ready(world.verifier)
    world.ledger.stop()
    try:
        time.sleep(KEPT_SECONDS)
        ready, gone = world.verifier.url, world.ledger.url
        done = CliRunner().invoke(cli, ["doctor", "--service", ready, "--service", gone, "--json"])
    finally:
        world.ledger.start()
    assert done.exit_code == 1
    found = {each["subject"]: each for each in json.loads(done.stdout)["checks"]}
    assert found[f"{ready} ready"]["code"] == "not_ready"
    assert "log (ledger_unreachable)" in found[f"{ready} ready"]["message"]
    assert found[ready]["verdict"] == "ok"
    assert (found[gone]["verdict"], found[gone]["code"]) == ("unknown", "unreachable")
