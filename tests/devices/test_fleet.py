"""A fleet, with a real ledger, issuer and verifier."""

import json
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from onboarding import Paid, Services

from devices.agent import Agent
from devices.connections import Connections
from devices.fleet import STEPS, Fleet, Plan
from devices.inputs import Claim
from devices.ledger_access import LedgerAccess
from devices.measures import Report
from did.errors import Invalid
from did.openid4vci import parse_offer
from keyborn.cli import cli


class Tally:
    """Counts what it is told."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, int]] = []
        self.advanced: Counter[str] = Counter()
        self._lock = threading.Lock()

    def begin(self, step: str, total: int) -> None:
        self.begun.append((step, total))

    def advance(self, step: str) -> None:
        with self._lock:
            self.advanced[step] += 1


def _claims(world: Services, count: int, **terms: Any) -> list[Claim]:
    made = world.claims(count, **terms)
    return [Claim(parse_offer(each["offer"]), each.get("tx_code")) for each in made]


Send = Callable[..., tuple[Report, Tally]]


@pytest.fixture
def send(tmp_path: Path, world: Services, ledger: LedgerAccess) -> Send:
    """Runs the fleet of this test with some claims."""

    def send(
        claims: Sequence[Claim], count: int = 3, verifier: str = world.verifier_url
    ) -> tuple[Report, Tally]:
        plan = Plan(tmp_path / "fleet", count, claims, verifier, workers=2)
        tally = Tally()
        with Connections() as connections:
            return Fleet(plan, ledger, connections, tally).run(), tally

    return send


def test_a_fleet_is_onboarded(send: Send, world: Services, tmp_path: Path) -> None:
    report, tally = send(_claims(world, 3))
    assert not report.failures
    assert tally.begun == [(step, 3) for step in STEPS]
    assert tally.advanced == dict.fromkeys(STEPS, 3)
    data = report.to_json()
    assert (data["devices"], data["accepted"], data["failed"]) == (3, 3, 0)
    assert data["gas"] is None
    steps: Any = data["steps"]
    for step in STEPS:
        assert (steps[step]["done"], steps[step]["resumed"], steps[step]["failed"]) == (3, 0, 0)
        spread = steps[step]["latencyMs"]
        assert 0 < spread["p50"] <= spread["p90"] <= spread["p99"]
    assert sorted(path.name for path in (tmp_path / "fleet" / "devices").iterdir()) == [
        "000001",
        "000002",
        "000003",
    ]


def test_a_fleet_goes_on_where_it_was(send: Send, world: Services) -> None:
    claims = _claims(world, 3)
    send(claims[:1], 1)
    report, _ = send(claims)
    assert not report.failures
    assert [report.steps[step].resumed for step in STEPS] == [1, 1, 1, 1, 0]
    again, _ = send([])  # nobody needs a claim any more
    assert [again.steps[step].resumed for step in STEPS] == [3, 3, 3, 3, 0]
    assert len(again.steps["presented"].latencies) == 3


def test_each_failure_is_counted_with_its_code(send: Send, world: Services) -> None:
    good, other, used = (*_claims(world, 2), *_claims(world, 1))
    report, tally = send([good, used, used, other], 4)
    (failure,) = report.failures
    assert (failure.step, failure.at, failure.code) == ("enrolled", "credential", "claim_used")
    assert failure.device in ("000002", "000003")
    data = report.to_json()
    assert (data["accepted"], data["failed"]) == (3, 1)
    assert data["failureCodes"] == [{"step": "enrolled", "code": "claim_used", "count": 1}]
    assert tally.begun[-1] == ("presented", 3)
    repaired, _ = send([good, *_claims(world, 2), other], 4)
    assert not repaired.failures


def test_a_store_of_the_fleet_that_is_damaged_fails_alone(
    send: Send, world: Services, tmp_path: Path
) -> None:
    claims = _claims(world, 3)
    send(claims)
    devices = tmp_path / "fleet" / "devices"
    (devices / "000001" / "enrolment.json").write_text("{")
    (devices / "000002").chmod(0o755)
    shutil.rmtree(devices / "000003" / "identity")
    (devices / "000003" / "identity").write_text("in the way")
    report, _ = send(claims)
    assert [(f.device, f.code) for f in report.failures] == [
        ("000001", "store_corrupt"),
        ("000002", "store_readable_by_others"),
        ("000003", "store_not_a_directory"),
    ]


def test_a_device_that_has_no_claim_is_noticed_before_anything_is_done(
    send: Send, world: Services, tmp_path: Path
) -> None:
    with pytest.raises(Invalid) as caught:
        send(_claims(world, 1), 3)
    assert caught.value.code == "too_few_offers"
    assert not (tmp_path / "fleet").exists()


def test_gas_is_reported_where_there_is_any(
    world: Services, ledger: LedgerAccess, tmp_path: Path
) -> None:
    plan = Plan(tmp_path / "fleet", 2, _claims(world, 2), world.verifier_url, workers=2)
    paid = replace(ledger, registrar=Paid(ledger.registrar))
    with Connections() as connections:
        report = Fleet(plan, paid, connections, Tally()).run()
    assert report.to_json()["gas"] == {
        "total": Paid.GAS,
        "transactions": 1,
        "devices": 2,
        "perDevice": Paid.GAS / 2,
    }


def test_a_failure_of_the_system_is_one_too(send: Send, world: Services, tmp_path: Path) -> None:
    (tmp_path / "fleet").mkdir()
    (tmp_path / "fleet" / "devices").write_text("in the way")
    report, tally = send(_claims(world, 3))
    assert {(f.step, f.code) for f in report.failures} == {("born", "enotdir")}
    assert tally.begun[-1] == ("presented", 0)


def test_an_interrupt_stops_the_fleet(
    send: Send, world: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> Agent:
        raise KeyboardInterrupt

    claims = _claims(world, 3)
    with monkeypatch.context() as patch:
        patch.setattr(Agent, "born", interrupted)
        with pytest.raises(KeyboardInterrupt):
            send(claims)
    report, _ = send(claims)
    assert not report.failures


def _run(world: Services, folder: Path, offers: Path, count: int, *more: str) -> Result:
    words = [
        *("fleet", "run", "--count", str(count), "--dir", str(folder / "fleet")),
        *("--network", str(world.network_file), "--offers", str(offers)),
        *("--verifier", world.verifier_url, "--workers", "2", *more),
    ]
    return CliRunner().invoke(cli, words)


@pytest.mark.parametrize("form", ["printed", "lines", "json lines"])
def test_the_command_takes_claims_as_the_issuer_prints_them(
    world: Services, tmp_path: Path, form: str
) -> None:
    made = world.claims(2, tx_code=form != "lines")
    offers = tmp_path / "offers"
    offers.write_text(
        {
            "printed": json.dumps({"claims": made}, indent=2),
            "lines": "\n".join(str(each["offer"]) for each in made) + "\n\n",
            "json lines": "\n".join(json.dumps(each) for each in made),
        }[form]
    )
    result = _run(world, tmp_path, offers, 2, "--json")
    assert result.exit_code == 0, result.output
    data = json.loads(result.stdout)
    assert data["accepted"] == 2
    assert "presented" in result.stderr


def test_the_command_fails_where_a_device_failed(world: Services, tmp_path: Path) -> None:
    (claim,) = world.claims(1)
    (tmp_path / "offers").write_text(f"{claim['offer']}\n" * 2)
    result = _run(world, tmp_path, tmp_path / "offers", 2)
    assert result.exit_code == 1
    assert "1 failed to be enrolled: claim_used" in result.stdout
    assert "1 of 2 devices accepted" in result.stdout


@pytest.mark.parametrize(
    "content",
    [
        "garbage",
        "[7]",
        '{"offer": "x"}',
        "openid-credential-offer://",
        "[" * 300 + "]" * 300,  # read by orjson, and not written by it
    ],
)
def test_the_command_refuses_a_file_that_holds_no_claims(
    world: Services, tmp_path: Path, content: str
) -> None:
    (tmp_path / "offers").write_text(content)
    result = _run(world, tmp_path, tmp_path / "offers", 1, "--json")
    assert result.exit_code == 1
    error = json.loads(result.stderr.splitlines()[-1])["error"]
    assert error["code"] == "invalid_offers"
    assert error["message"].startswith("claim 1 of the file: ")


def test_a_file_of_claims_has_a_limit(
    world: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devices.inputs._MAX_CLAIMS", 1_000)
    (tmp_path / "offers").write_text("x" * 1_001)
    result = _run(world, tmp_path, tmp_path / "offers", 1, "--json")
    assert json.loads(result.stderr.splitlines()[-1])["error"]["code"] == "invalid_offers"
