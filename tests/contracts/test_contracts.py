"""The contract's tests in Solidity, run by forge; what they reach, and what appending costs."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from forge import GAS, differences, find_forge, measured_gas, run_forge, uncovered

SOURCE = "ledger/contracts/DidLog.sol"
SUITES = {"DidLogTest", "DidLogInvariants", "DidLogGas"}

REPORT = """TN:
SF:other.sol
DA:1,0
end_of_record
TN:
SF:log.sol
DA:26,5
FN:26,Log.append
FNDA:5,Log.append
BRDA:26,0,0,5
end_of_record
"""


@pytest.fixture(scope="module")
def _forge() -> None:
    if find_forge() is None:
        pytest.skip("forge is not installed: run `npm ci`")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("forge")


@pytest.fixture(scope="module")
def tested(_forge: None, folder: Path) -> subprocess.CompletedProcess[str]:
    return run_forge(folder, "test")


@pytest.mark.npm
@pytest.mark.ethereum
def test_the_tests_in_solidity_pass(tested: subprocess.CompletedProcess[str]) -> None:
    assert tested.returncode == 0, tested.stdout + tested.stderr
    suites = re.findall(r"^Ran (\d+) tests? for \S+:(\w+)$", tested.stdout, re.MULTILINE)
    assert {name for _, name in suites} == SUITES
    assert f" {sum(int(n) for n, _ in suites)} tests passed, 0 failed, 0 skipped" in tested.stdout


@pytest.mark.npm
@pytest.mark.ethereum
@pytest.mark.usefixtures("tested")
def test_appending_costs_what_it_did(folder: Path) -> None:
    changed = differences(json.loads(GAS.read_text()), measured_gas(folder))
    assert not changed, "if that is meant, `make contract-gas` writes it down"


@pytest.mark.npm
@pytest.mark.ethereum
@pytest.mark.usefixtures("_forge")
def test_every_line_and_branch_of_the_contract_is_reached(folder: Path) -> None:
    report = folder / "lcov.info"
    arguments = ("--report", "lcov", "--report-file", str(report), "--match-contract", "DidLogTest")
    run = run_forge(folder / "coverage", "coverage", *arguments, fuzz_runs="8")
    assert run.returncode == 0, run.stdout + run.stderr
    assert uncovered(report.read_text(), SOURCE) == []


@pytest.mark.npm
@pytest.mark.usefixtures("_forge")
@pytest.mark.parametrize("arguments", [("fmt", "--check"), ("lint",)])
def test_the_sources_are_in_order(arguments: tuple[str, ...], folder: Path) -> None:
    run = run_forge(folder / "order", *arguments)
    assert run.returncode == 0, run.stdout + run.stderr


def test_what_is_not_reached_is_named() -> None:
    assert uncovered(REPORT, "log.sol") == []
    assert uncovered(REPORT.replace("DA:26,5", "DA:26,0"), "log.sol") == ["line 26"]
    assert uncovered(REPORT.replace("FNDA:5", "FNDA:0"), "log.sol") == ["function Log.append"]
    for taken in ("0", "-"):
        report = REPORT.replace("26,0,0,5", f"26,0,1,{taken}")
        assert uncovered(report, "log.sol") == ["branch 1 of line 26"]


@pytest.mark.parametrize("report", ["", REPORT.replace("DA:26,5\n", ""), REPORT + REPORT])
def test_a_report_without_the_contract_is_noticed(report: str) -> None:
    with pytest.raises(LookupError):
        uncovered(report, "log.sol")


def test_gas_that_changed_is_named() -> None:
    was = {"same": 1, "grew": 1, "shrank": 2, "gone": 1}
    assert differences(was, {"same": 1, "grew": 2, "shrank": 1, "new": 1}) == [
        "gone: 1 -> not measured",
        "grew: 1 -> 2",
        "new: not measured -> 1",
        "shrank: 2 -> 1",
    ]
    assert differences(was, was) == []
